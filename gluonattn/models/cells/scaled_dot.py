"""Dot products divided by the square root of their width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .base import DotProductCell, width


class ScaledDot(DotProductCell):
    """Vaswani et al., Attention Is All You Need, NIPS 2017."""

    name = "scaled-dot"
    formula = "q^T k / sqrt(d)"
    source = "Vaswani et al. 2017"

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ..fast_cells import FastDotProductAttentionCell

        return FastDotProductAttentionCell(scaled=True, dropout=dropout)

    def queries_and_keys(self, F: Backend, model: Mapping[str, Any], states: Array) -> tuple[Array, Array]:
        states = F.expand(states, 1)
        return states / width(model) ** 0.5, states


CELL = ScaledDot()
