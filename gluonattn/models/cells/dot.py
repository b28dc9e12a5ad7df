"""Dot products of the states themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .base import DotProductCell


class Dot(DotProductCell):
    """Luong et al., Effective Approaches to Attention-based Neural Machine Translation, EMNLP 2015."""

    name = "dot"
    formula = "q^T k"
    source = "Luong et al. 2015"

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ..fast_cells import FastDotProductAttentionCell

        return FastDotProductAttentionCell(scaled=False, dropout=dropout)

    def queries_and_keys(self, F: Backend, model: Mapping[str, Any], states: Array) -> tuple[Array, Array]:
        states = F.expand(states, 1)
        return states, states


CELL = Dot()
