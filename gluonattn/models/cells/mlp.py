"""Additive attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .base import Cell, width


class MLP(Cell):
    """One hidden layer for each pair (Bahdanau et al., Neural Machine Translation by Jointly Learning to Align and
    Translate, ICLR 2015)."""

    name = "mlp"
    formula = "v^T tanh(W[q;k])"
    source = "Bahdanau et al. 2015"
    normalized = False

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ...runtime import mx
        from ..fast_cells import FastMLPAttentionCell

        # GluonNLP shares one default tanh block between all instances.
        tanh = mx.gluon.nn.Activation("tanh")
        return FastMLPAttentionCell(units, act=tanh, normalized=self.normalized, dropout=dropout)

    def parameters(self, model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        units = model["units"]
        return {"_query_mid_layer.weight": (units, width(model)), "_query_mid_layer.bias": (units,),
                "_key_mid_layer.weight": (units, width(model)), **self.v_parameters(units)}

    def v_parameters(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"_attention_score.weight": (1, units)}

    def v(self, F: Backend) -> Array:
        """The weights of the hidden units, (1, U)."""
        return F.weight("attention._attention_score.weight")

    def scores(self, F: Backend, model: Mapping[str, Any], states: Array) -> Array:
        query = F.linear(states, "attention._query_mid_layer.weight", "attention._query_mid_layer.bias")
        key = F.linear(states, "attention._key_mid_layer.weight")
        return F.expand(F.additive(query, key, self.v(F)), 1)


CELL = MLP()
