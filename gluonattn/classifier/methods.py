"""The interface of an attribution method, and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from numpy.typing import NDArray


class Attribution(NamedTuple):
    """The result of a method for one text.

    Attributes
    ----------
    scores : numpy.ndarray, float64, shape (tokens,)
    notes : dict
        The method's own remarks, as JSON values.
    """

    scores: NDArray[Any]
    notes: dict[str, Any]


@dataclass(frozen=True)
class Method:
    """An entry of the table of methods.

    Attributes
    ----------
    run : callable
        ``run(batch, targets)`` returns an `Attribution` for each text.
    sign : str
        The meaning of a score's sign, in words.
    signed : bool
        Whether scores can be negative.
    scale : float or None
        The largest number that its arithmetic subtracts, see `gluonattn.metrics.tie_close`; None is the largest score.
    name : str
        Its name, if it is in a file ``NAME_method.py``; see docs/adding/attribution-method.md.
    """

    run: Callable[[Any, Sequence[int]], list[Attribution]]
    sign: str
    signed: bool = field(default=True)
    scale: float | None = None
    name: str = ""
