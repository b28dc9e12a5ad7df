"""The cell `general` with 1.5-entmax, so that weights can be exactly 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array, Backend
from .general import General

_STEPS = 12  # Newton steps; for 4,096 equal scores, the tenth is exact in float32


def entmax15(F: Any, scores: Array) -> Array:
    """The 1.5-entmax over the last axis: max(0, z/2 - t)^2, with t such that a row sums to 1.

    Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models, ACL 2019. The sum falls with t and is convex, so
    Newton's steps from the left end, t = max(z)/2 - 1, never pass the root. At the root, a step has the derivative of
    t itself, so differentiation through the steps gives the derivative of the result.

    Parameters
    ----------
    F : Backend
    scores : shape (..., K)

    Returns
    -------
    shape (..., K)
    """
    halves = (scores - F.greatest(scores)) * 0.5
    t = F.greatest(halves) - 1.0
    for _ in range(_STEPS):
        surplus = F.at_least(halves - t, 0)
        t = t + (F.sum(surplus * surplus) - 1.0) / (F.sum(surplus) * 2.0)
    surplus = F.at_least(halves - t, 0)
    return surplus * surplus


class GeneralEntmax(General):
    """Dot products of projected queries with keys, with 1.5-entmax instead of softmax, so that few keys get weight."""

    name = "general-entmax"
    formula = "q^T W k, with 1.5-entmax for the softmax"
    source = "Peters et al. 2019"

    def block(self, *, hidden_size: int, units: int, num_heads: int, dropout: float) -> Any:
        from ..fast_cells import FastDotProductAttentionCell

        class EntmaxCell(FastDotProductAttentionCell):
            def _compute_weight(self, F: Any, query: Array, key: Array, mask: Array | None = None) -> Array:
                weights = _entmax15_in_mxnet(F, self._compute_score(F, query, key, mask))
                return self._dropout_layer(weights if mask is None else weights * mask)

        return EntmaxCell(units=hidden_size, luong_style=True, scaled=False, use_bias=False, dropout=dropout)

    def weights(self, F: Backend, model: Mapping[str, Any], states: Array, pairs: Array) -> Array:
        return entmax15(F, F.hide(self.scores(F, model, states), pairs)) * pairs


def _entmax15_in_mxnet(F: Any, scores: Array) -> Array:
    """`entmax15` in MXNet, where symbols need explicit broadcasts. Only the last step is differentiated."""
    halves = 0.5 * F.broadcast_sub(scores, F.max(scores, axis=-1, keepdims=True))
    fixed = F.BlockGrad(halves)
    t = F.max(fixed, axis=-1, keepdims=True) - 1
    for step in range(_STEPS):
        surplus = F.relu(F.broadcast_sub(halves if step == _STEPS - 1 else fixed, t))
        t = t + (F.sum(surplus * surplus, axis=-1, keepdims=True) - 1) / (2 * F.sum(surplus, axis=-1, keepdims=True))
    surplus = F.relu(F.broadcast_sub(halves, t))
    return surplus * surplus


CELL = GeneralEntmax()
