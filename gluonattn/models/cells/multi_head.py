"""Scaled dot products in several projections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import OptionError
from ..backend import Array, Backend
from .base import DotProductCell, width


class MultiHead(DotProductCell):
    """Vaswani et al., Attention Is All You Need, NIPS 2017; without an output projection, as in GluonNLP."""

    name = "multi-head"
    formula = "scaled dot per head"
    source = "Vaswani et al. 2017"

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ...runtime import nlp
        from ..fast_cells import FastDotProductAttentionCell

        if hidden_size % num_heads:
            raise OptionError(
                f"num_heads must divide the attention width: {hidden_size} is not a multiple of {num_heads}."
            )
        return nlp.model.MultiHeadAttentionCell(
            FastDotProductAttentionCell(scaled=True, dropout=dropout),
            query_units=hidden_size, key_units=hidden_size, value_units=hidden_size, num_heads=num_heads,
        )

    def parameters(self, model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        size = width(model)
        return {f"proj_{part}.{name}": shape for part in ("query", "key", "value")
                for name, shape in (("weight", (size, size)), ("bias", (size,)))}

    def heads(self, num_heads: int) -> int:
        return num_heads

    def queries_and_keys(self, F: Backend, model: Mapping[str, Any], states: Array) -> tuple[Array, Array]:
        queries, keys = self._project(F, model, states, "query"), self._project(F, model, states, "key")
        return queries / (width(model) / model["num_heads"]) ** 0.5, keys

    def values(self, F: Backend, model: Mapping[str, Any], states: Array) -> Array:
        return self._project(F, model, states, "value")

    def _project(self, F: Backend, model: Mapping[str, Any], states: Array, part: str) -> Array:
        projected = F.linear(states, f"attention.proj_{part}.weight", f"attention.proj_{part}.bias")
        return F.split_heads(projected, model["num_heads"])


CELL = MultiHead()
