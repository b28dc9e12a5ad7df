"""Scores and the shares that a softmax makes of them, as they are met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .calls import NOWHERE
from .origins import Origin
from .positions import Node


@dataclass(eq=False)
class Scores:
    """What a softmax is taken of: a product of queries and keys, scaled, with something added.

    Attributes
    ----------
    rows, columns : Origin
        The sequences of both.
    queries, keys : tensor or None
        As they were multiplied, the keys not transposed; None where they are not kept.
    scale : float
    bias : tensor or None
    cap : float or None
        The scores went through cap * tanh(score / cap).
    followed : bool
        All that was done to the product is in scale, bias and cap.
    highest : tensor or None
        Of each row, where something was subtracted from whole rows since.
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
    """A softmax: its result, and how its elements were made.

    Attributes
    ----------
    weights : tensor
    node : Node
    axis : int
        Of the softmax.
    scores : Scores or None
        None where one position alone makes each score.
    columns : Origin
        Of what was scored, where `scores` is None.
    values : tensor or None
        What is mixed by it.
    how : str
    taken : bool
        It was told of.
    born : str or None
        Path of the module that computed it.
    changed : bool
        Something was done to its elements since (a mask that is multiplied).
    nowhere : bool tensor or None
        True at rows whose mask hides every key; None where there is no such row.
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
    """True at rows of scores whose highest is as low as a mask makes it; None where there is no such row.

    Whatever hides a key lowers its score. Half of what a mask subtracts at least, for the score itself may be positive.

    Parameters
    ----------
    highest : tensor
        The highest score of each row.
    """
    lost = highest <= NOWHERE / 2
    return lost if lost.any() else None
