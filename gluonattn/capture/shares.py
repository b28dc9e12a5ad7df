"""Scores and the shares that a softmax makes of them, as they are met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """

    rows: Origin
    columns: Origin
    queries: Any = None
    keys: Any = None
    scale: float = 1.0
    bias: Any = None
    cap: float | None = None
    followed: bool = True


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
