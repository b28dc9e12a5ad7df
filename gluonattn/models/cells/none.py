"""No attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .base import Cell


class NoAttention(Cell):
    """A baseline for attention: each token attends only to itself, and only pooling mixes tokens."""

    name = "none"
    formula = "each token sees itself only"
    source = "baseline: pooling alone"
    baseline = True

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ..baseline_cells import NoAttentionCell

        return NoAttentionCell()

    def weights(self, F: Backend, model: Mapping[str, Any], states: Array, pairs: Array) -> Array:
        return F.identity(states) * pairs


CELL = NoAttention()
