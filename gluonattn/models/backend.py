"""The operations a back end must have: what a forward pass is written in.

A classifier's forward pass (`gluonattn.classifier.engines.forward`) and the scores of the attention cells are written once,
over an object `F` that has these operations. `NumpyClassifier`, `GradientClassifier`, `TorchClassifier` and
`OnnxGraph` (`gluonattn/classifier/engines/`) are such objects. A new engine is a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Union

Array = Any  # a back end's own values; they add, subtract, multiply and divide as numpy's arrays do
Number = Union[int, float]


class Backend(Protocol):
    """Operations on a back end's own arrays; weights are known by their names in the checkpoint.

    Shapes: B texts, T tokens, E or C the width of a vector, U units.
    """

    def weight(self, name: str) -> Array:
        """A parameter."""

    def embed(self, name: str, ids: Array) -> Array:
        """Rows of the table `name`: (..., ) int32 -> (..., E)."""

    def bag(self, name: str, numbers: Array) -> Array:
        """Sum of the rows of a table whose row 0 is zeros: (..., K) int32 -> (..., E)."""

    def count(self, numbers: Array) -> Array:
        """How many of the last axis are above 0: (..., K) int32 -> (..., 1)."""

    def linear(self, inputs: Array, weight: str, bias: str | None = None) -> Array:
        """``inputs W^T + b`` by the names of W (out, in) and b (out,): (..., in) -> (..., out)."""

    def mask(self, ids: Array, valid_length: Array | None) -> Array:
        """1 at tokens, 0 at padding: (B, T), (B,) -> (B, T); all 1 without lengths."""

    def recurrent(self, inputs: Array, valid_length: Array | None, prefixes: tuple[str, str]) -> Array:
        """States of a Bi-GRU whose parameters' names begin with `prefixes`: (B, T, E) -> (B, T, 2H)."""

    def additive(self, query: Array, key: Array, v: Array) -> Array:
        """Scores v tanh(query + key): (B, T, U), (B, T, U), (1, U) -> (B, T, T)."""

    def softmax(self, scores: Array, mask: Array) -> Array:
        """Over the last axis where `mask` (B, 1, T, T) is 1, elsewhere 0: (B, heads, T, T) -> the same."""

    def hide(self, scores: Array, mask: Array) -> Array:
        """Scores, -1e18 where `mask` is 0: (B, heads, T, T), (B, 1, T, T) -> (B, heads, T, T)."""

    def greatest(self, values: Array) -> Array:
        """Maximum over the last axis: (..., K) -> (..., 1)."""

    def largest(self, values: Array, mask: Array) -> Array:
        """Maximum over valid positions: (B, T, C), (B, T) -> (B, C)."""

    def identity(self, values: Array) -> Array:
        """1 on the diagonal: (B, T, ...) -> (T, T)."""

    def split_heads(self, values: Array, heads: int) -> Array:
        """(B, T, C) -> (B, heads, T, C / heads)."""

    def merge_heads(self, values: Array) -> Array:
        """(B, heads, T, D) -> (B, T, heads * D)."""

    def matmul(self, first: Array, second: Array) -> Array:
        """Product of the last two axes."""

    def swap(self, values: Array) -> Array:
        """The last two axes change places."""

    def expand(self, values: Array, axis: int) -> Array:
        """A new axis of length 1."""

    def flatten(self, values: Array) -> Array:
        """(B, ...) -> (B, the rest)."""

    def concat(self, parts: Sequence[Array]) -> Array:
        """Side by side, along the last axis."""

    def sum(self, values: Array) -> Array:
        """Over the last axis: (..., K) -> (..., 1)."""

    def sqrt(self, values: Array) -> Array:
        """Square root of each value."""

    def at_least(self, values: Array, least: Number) -> Array:
        """The larger of each value and a number."""

    def dropout(self, values: Array, rate: float) -> Array:
        """Some values 0, in training only."""
