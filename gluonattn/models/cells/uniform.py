"""Equal weights for all keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .base import Cell


class Uniform(Cell):
    """A baseline for attention: the mean of all states."""

    name = "uniform"
    formula = "0 for every key (weights 1/T)"
    source = "baseline"
    baseline = True

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ..baseline_cells import UniformAttentionCell

        return UniformAttentionCell()

    def weights(self, F: Backend, model: Mapping[str, Any], states: Array, pairs: Array) -> Array:
        return pairs / F.at_least(F.sum(pairs), 1)


CELL = Uniform()
