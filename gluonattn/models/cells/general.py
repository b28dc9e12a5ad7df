"""Dot products of projected queries with keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .base import DotProductCell, width


class General(DotProductCell):
    """Luong et al., Effective Approaches to Attention-based Neural Machine Translation, EMNLP 2015."""

    name = "general"
    formula = "q^T W k"
    source = "Luong et al. 2015"

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ..fast_cells import FastDotProductAttentionCell

        return FastDotProductAttentionCell(units=hidden_size, luong_style=True, scaled=False, use_bias=False,
                                           dropout=dropout)

    def parameters(self, model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        return {"_proj_query.weight": (width(model), width(model))}

    def queries_and_keys(self, F: Backend, model: Mapping[str, Any], states: Array) -> tuple[Array, Array]:
        return F.expand(F.linear(states, "attention._proj_query.weight"), 1), F.expand(states, 1)


CELL = General()
