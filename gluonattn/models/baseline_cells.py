"""The two baselines of every comparison of attention cells."""

from __future__ import annotations

from typing import Any

from ..runtime import nlp
from .backend import Array


class UniformAttentionCell(nlp.model.attention_cell.AttentionCell):
    """Weight 1/n on each of the n unmasked keys."""

    def _compute_weight(self, F: Any, query: Array, key: Array, mask: Array | None = None) -> Array:
        if mask is None:
            mask = F.ones_like(F.batch_dot(query, key, transpose_b=True))
        count = F.sum(mask, axis=-1, keepdims=True)  # (B, Tq, 1)
        return F.broadcast_div(mask, F.broadcast_maximum(count, F.ones_like(count)))


class NoAttentionCell(nlp.model.attention_cell.AttentionCell):
    """Each token attends only to itself, so the context is the value.

    For self-attention only: queries and keys must be the same tokens.
    """

    def _compute_weight(self, F: Any, query: Array, key: Array, mask: Array | None = None) -> Array:
        scores = F.zeros_like(F.batch_dot(query, key, transpose_b=True))  # (B, T, T)
        # Position numbers along both axes, which are equal on the diagonal.
        rows = F.contrib.arange_like(scores, axis=1)  # (T,)
        columns = F.contrib.arange_like(scores, axis=2)  # (T,)
        identity = F.broadcast_equal(F.expand_dims(rows, 1), F.expand_dims(columns, 0))  # (T, T)
        weights = F.broadcast_add(scores, F.expand_dims(identity, 0))
        return weights if mask is None else weights * mask
