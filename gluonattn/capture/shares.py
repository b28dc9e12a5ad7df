"""Scores, and the shares that a softmax makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .calls import NOWHERE
from .origins import Origin
from .positions import Node


@dataclass(eq=False)
class Scores:
    """The input of a softmax: a scaled product of queries and keys, plus a bias.

    Attributes
    ----------
    rows, columns : Origin
        The sequences of both.
    queries, keys : tensor or None
        The factors, the keys not transposed; None if they are not kept.
    scale : float
    bias : tensor or None
    cap : float or None
        Scores became cap * tanh(score / cap).
    followed : bool
        Whether scale, bias and cap describe all operations on the product.
    highest : tensor or None
        The highest score of each row, if something was subtracted from whole rows since.
    """

    rows: Origin
    columns: Origin
    queries: Any = None
    keys: Any = None
    scale: float = 1.0
    bias: Any = None
    cap: float | None = None
    followed: bool = True
    highest: Any = None


@dataclass(eq=False)
class Shares:
    """The result of a softmax, and the origin of its elements.

    Attributes
    ----------
    weights : tensor
    node : Node
    axis : int
        Of the softmax.
    scores : Scores or None
        None if each score comes from one position alone.
    columns : Origin
        Origin of the input, if `scores` is None.
    values : tensor or None
        The values that it mixes.
    how : str
    taken : bool
        Whether it was reported.
    born : str or None
        Path of the module that computed it.
    changed : bool
        Whether its elements were changed since (by a multiplied mask).
    nowhere : bool tensor or None
        True at rows whose mask hides every key; None if there is no such row.
    """

    weights: Any
    node: Node
    axis: int
    scores: Scores | None
    columns: Origin
    values: Any = None
    how: str = "softmax"
    taken: bool = False
    born: str | None = None
    changed: bool = False
    nowhere: Any = None


def rows_without_keys(highest: Any) -> Any:
    """True at rows of scores whose maximum is as low as masked scores; None if there is no such row.

    Every mask lowers scores. The threshold is half of what a mask subtracts, because the score itself may be positive.

    Parameters
    ----------
    highest : tensor
        The highest score of each row.
    """
    lost = highest <= NOWHERE / 2
    return lost if lost.any() else None
