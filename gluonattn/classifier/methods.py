"""The interface of an attribution method, and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from numpy.typing import NDArray


class Attribution(NamedTuple):
    """What a method says.

    Attributes
    ----------
    scores : numpy.ndarray, float64, shape (tokens,)
    notes : dict
        What the method reports of itself, as JSON values.
    """

    scores: NDArray[Any]
    notes: dict[str, Any]


@dataclass(frozen=True)
class Method:
    """What a name in the table of methods means.

    Attributes
    ----------
    run : callable
        ``run(batch, targets)``: an `Attribution` for each text.
    sign : str
        What the sign of a score says.
    signed : bool
        Whether scores can be negative.
    scale : float or None
        The largest number its arithmetic subtracts, see `gluonattn.metrics.tie_close`; None: the scores themselves.
    name : str
        Its name, of a method in a file of its own, ``NAME_method.py``; see docs/adding/attribution-method.md.
    """

    run: Callable[[Any, Sequence[int]], list[Attribution]]
    sign: str
    signed: bool = field(default=True)
    scale: float | None = None
    name: str = ""
