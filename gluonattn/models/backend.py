"""The operations that a back end must have. Forward passes are written in these.

A classifier's forward pass (`gluonattn.classifier.engines.forward`) and the scores of the attention cells are written once,
for an object `F` that has these operations. `NumpyClassifier`, `GradientClassifier`, `TorchClassifier` and
`OnnxGraph` (`gluonattn/classifier/engines/`) are such objects. Each new engine adds one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Union

Array = Any  # a back end's own values, with the arithmetic operators of numpy's arrays
Number = Union[int, float]


class Backend(Protocol):
    """Operations on a back end's own arrays. Weights are given by their names in the checkpoint.

    Shapes: B texts, T tokens, E or C the width of a vector, U units.
    """

    def weight(self, name: str) -> Array:
        """A parameter."""

    def embed(self, name: str, ids: Array) -> Array:
        """Rows of a table: (...,) int32 -> (..., E).

        Parameters
        ----------
        name : str
            Name of the table among the parameters.
        ids : array, int32, any shape
        """

    def bag(self, name: str, numbers: Array) -> Array:
        """Sum of the rows of a table whose row 0 is zeros: (..., K) int32 -> (..., E).

        Parameters
        ----------
        name : str
            Name of the table among the parameters.
        numbers : array, int32, shape (..., K)
        """

    def count(self, numbers: Array) -> Array:
        """Number of values above 0 in the last axis: (..., K) int32 -> (..., 1)."""

    def linear(self, inputs: Array, weight: str, bias: str | None = None) -> Array:
        """``inputs W^T + b``: (..., in) -> (..., out).

        Parameters
        ----------
        inputs : array, shape (..., in)
        weight : str
            Name of W, shape (out, in).
        bias : str or None
            Name of b, shape (out,).
        """

    def mask(self, ids: Array, valid_length: Array | None) -> Array:
        """1 at tokens, 0 at padding: -> (B, T).

        Parameters
        ----------
        ids : array, int32, shape (B, T)
        valid_length : array, shape (B,), or None
            Without lengths, the mask is 1 everywhere.
        """

    def recurrent(self, inputs: Array, valid_length: Array | None, prefixes: tuple[str, str]) -> Array:
        """States of a Bi-GRU: (B, T, E) -> (B, T, 2H).

        Parameters
        ----------
        inputs : array, shape (B, T, E)
        valid_length : array, shape (B,), or None
        prefixes : tuple of str
            Prefixes of its parameters' names, forward and backward.
        """

    def additive(self, query: Array, key: Array, v: Array) -> Array:
        """Scores v tanh(query + key): -> (B, T, T).

        Parameters
        ----------
        query, key : array, shape (B, T, U)
        v : array, shape (1, U)
        """

    def softmax(self, scores: Array, mask: Array) -> Array:
        """Softmax over the last axis where `mask` is 1, elsewhere 0: (B, heads, T, T) -> the same.

        Parameters
        ----------
        scores : array, shape (B, heads, T, T)
        mask : array, shape (B, 1, T, T)
            1 at tokens, 0 at padding.
        """

    def hide(self, scores: Array, mask: Array) -> Array:
        """Scores where `mask` is 1, elsewhere -1e18: (B, heads, T, T) -> the same.

        Parameters
        ----------
        scores : array, shape (B, heads, T, T)
        mask : array, shape (B, 1, T, T)
            1 at tokens, 0 at padding.
        """

    def greatest(self, values: Array) -> Array:
        """Maximum over the last axis: (..., K) -> (..., 1)."""

    def largest(self, values: Array, mask: Array) -> Array:
        """Maximum over valid positions: -> (B, C).

        Parameters
        ----------
        values : array, shape (B, T, C)
        mask : array, shape (B, T)
            1 at tokens, 0 at padding.
        """

    def identity(self, values: Array) -> Array:
        """1 on the diagonal: (B, T, ...) -> (T, T)."""

    def split_heads(self, values: Array, heads: int) -> Array:
        """(B, T, C) -> (B, heads, T, C / heads).

        Parameters
        ----------
        values : array, shape (B, T, C)
        heads : int
        """

    def merge_heads(self, values: Array) -> Array:
        """(B, heads, T, D) -> (B, T, heads * D)."""

    def matmul(self, first: Array, second: Array) -> Array:
        """Product of the last two axes.

        Parameters
        ----------
        first, second : array
            Equal shapes except for the last two axes, (..., M, K) and (..., K, N).
        """

    def swap(self, values: Array) -> Array:
        """Swap the last two axes."""

    def expand(self, values: Array, axis: int) -> Array:
        """Insert an axis of length 1.

        Parameters
        ----------
        values : array
        axis : int
            Position of the new axis.
        """

    def flatten(self, values: Array) -> Array:
        """(B, ...) -> (B, the rest)."""

    def concat(self, parts: Sequence[Array]) -> Array:
        """Concatenate along the last axis."""

    def sum(self, values: Array) -> Array:
        """Sum over the last axis: (..., K) -> (..., 1)."""

    def sqrt(self, values: Array) -> Array:
        """Square root of each value."""

    def at_least(self, values: Array, least: Number) -> Array:
        """The larger of each value and a number.

        Parameters
        ----------
        values : array
        least : int or float
        """

    def dropout(self, values: Array, rate: float) -> Array:
        """Dropout, which acts only in training.

        Parameters
        ----------
        values : array
        rate : float
            Probability of a 0.
        """
