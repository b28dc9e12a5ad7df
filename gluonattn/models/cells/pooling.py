"""Attention pooling: one weight for each token, the same for every query. A decision is then a sum over tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .base import Cell, width


class Pooling(Cell):
    """One hidden layer for each token (Yang et al., Hierarchical Attention Networks, NAACL 2016).

    All rows of weights are equal, so all contexts are equal, and their mean and maximum are one vector. The logits are the
    head's bias plus a sum over tokens of the weight times the head's output for the state. These addends are ``read_at`` of
    an account (`gluonattn.classifier.account`), and no rule is needed to divide them.
    """

    name = "pooling"
    formula = "v^T tanh(W k), whoever looks"
    source = "Yang et al. 2016"
    by_query = False

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ...runtime import mx, nlp

        class PoolingCell(nlp.model.attention_cell.AttentionCell):
            def __init__(self, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                with self.name_scope():
                    self._key_mid_layer = mx.gluon.nn.Dense(units, flatten=False)
                    self._attention_score = mx.gluon.nn.Dense(1, use_bias=False, flatten=False)
                    self._dropout_layer = mx.gluon.nn.Dropout(dropout)

            def _compute_weight(self, F: Any, query: Array, key: Array, mask: Array | None = None) -> Array:
                score = self._attention_score(F.tanh(self._key_mid_layer(key)))  # (B, Tk, 1)
                anyone = F.ones_like(F.slice_axis(query, axis=2, begin=0, end=1))  # (B, Tq, 1)
                score = F.batch_dot(anyone, score, transpose_b=True)  # (B, Tq, Tk)
                if mask is None:
                    return self._dropout_layer(F.softmax(score))
                return self._dropout_layer(F.softmax(score + (mask - 1) * 1e18) * mask)

        return PoolingCell()

    def parameters(self, model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        units = model["units"]
        return {"_key_mid_layer.weight": (units, width(model)), "_key_mid_layer.bias": (units,),
                "_attention_score.weight": (1, units)}

    def scores(self, F: Backend, model: Mapping[str, Any], states: Array) -> Array:
        key = F.linear(states, "attention._key_mid_layer.weight", "attention._key_mid_layer.bias")
        return F.expand(F.additive(key * 0.0, key, F.weight("attention._attention_score.weight")), 1)


CELL = Pooling()
