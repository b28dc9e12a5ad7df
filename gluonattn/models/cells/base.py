"""The interface of an attention cell: its formula, its Gluon block for training, and its forward pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend


class Cell(ABC):
    """One attention cell.

    Attributes
    ----------
    name : str
    formula : str
        Score of a query q and a key k, before the softmax over keys.
    source : str
        Paper of the formula.
    baseline : bool
        Whether it has no parameters and is a baseline for other cells.
    by_query : bool
        Whether weights depend on the query. Otherwise all rows are equal.

    Notes
    -----
    `model` is the entry of that name in a checkpoint's config.json: "hidden_size" of each GRU direction, "units",
    "num_heads". Names of parameters are those of `block`, without "attention.".
    """

    name: str
    formula: str
    source: str
    baseline = False
    by_query = True

    @abstractmethod
    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        """Make the Gluon block that is trained.

        Parameters
        ----------
        hidden_size : int
            Width of queries and keys.
        units, num_heads : int
        dropout : float
            On the weights.

        Returns
        -------
        gluonnlp.model.AttentionCell
        """

    def parameters(self, model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of the block."""
        return {}

    def heads(self, num_heads: int) -> int:
        """Number of matrices of weights, for a model with `num_heads`."""
        return 1

    def scores(self, F: Backend, model: Mapping[str, Any], states: Array) -> Array:
        """Scores before the softmax: -> (B, heads, T, T).

        Parameters
        ----------
        F : Backend
        model : mapping
            Keyword arguments of the model.
        states : array, shape (B, T, C)
            Both queries and keys.
        """
        raise NotImplementedError(f"the cell {self.name!r} must define scores, or weights")

    def weights(self, F: Backend, model: Mapping[str, Any], states: Array, pairs: Array) -> Array:
        """Attention weights: -> (B, heads, T, T).

        Parameters
        ----------
        F : Backend
        model : mapping
            Keyword arguments of the model.
        states : array, shape (B, T, C)
            Both queries and keys.
        pairs : array, shape (B, 1, T, T)
            1 where query and key are tokens, 0 at padding.
        """
        return F.softmax(self.scores(F, model, states), pairs)

    def values(self, F: Backend, model: Mapping[str, Any], states: Array) -> Array:
        """The values that the weights mix: -> (B, heads, T, C / heads).

        Parameters
        ----------
        F : Backend
        model : mapping
            Keyword arguments of the model.
        states : array, shape (B, T, C)
        """
        return F.expand(states, 1)


class DotProductCell(Cell):
    """A cell whose scores are dot products. Its queries and keys can be drawn as points."""

    @abstractmethod
    def queries_and_keys(self, F: Backend, model: Mapping[str, Any], states: Array) -> tuple[Array, Array]:
        """Queries and keys, each (B, heads, T, D). The scores are their dot products, so any scale is in the queries.

        Parameters
        ----------
        F : Backend
        model : mapping
            Keyword arguments of the model.
        states : array, shape (B, T, C)
        """

    def scores(self, F: Backend, model: Mapping[str, Any], states: Array) -> Array:
        queries, keys = self.queries_and_keys(F, model, states)
        return F.matmul(queries, F.swap(keys))


def width(model: Mapping[str, Any]) -> int:
    """Width C of the states: both GRU directions."""
    return 2 * int(model["hidden_size"])
