"""The cosine of two states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .base import DotProductCell


class Cosine(DotProductCell):
    """Graves et al., Neural Turing Machines, 2014."""

    name = "cosine"
    formula = "q^T k / (||q|| ||k||)"
    source = "Graves et al. 2014"

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ..fast_cells import FastDotProductAttentionCell

        return FastDotProductAttentionCell(scaled=False, normalized=True, dropout=dropout)

    def queries_and_keys(self, F: Backend, model: Mapping[str, Any], states: Array) -> tuple[Array, Array]:
        unit = F.expand(states / (F.sqrt(F.sum(states * states)) + 1e-6), 1)
        return unit, unit


CELL = Cosine()
