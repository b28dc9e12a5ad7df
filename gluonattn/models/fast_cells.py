"""Faster versions of GluonNLP's attention cells and Gluon's layer normalisation, with less memory. Values and gradients are
equal to 1e-5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime import mx, nlp
from .backend import Array


class _LeanMasking:
    """Masking with fewer (B, Tq, Tk) matrices: it adds to the scores, and sets only rows without a key to 0."""

    _compute_score: Callable[..., Array]  # of the cell that uses this mixin
    _dropout_layer: Callable[[Array], Array]

    def _compute_weight(self, F: Any, query: Array, key: Array, mask: Array | None = None) -> Array:
        weights = F.softmax(self._compute_score(F, query, key, mask), axis=-1)
        if mask is not None:  # in other rows masked weights are 0 already: exp(-1e18)
            weights = self._without_keys(F, weights, mask)
        return self._dropout_layer(weights)

    def _without_keys(self, F: Any, weights: Any, mask: Array | None) -> Array:
        return F.broadcast_mul(weights, F.max(mask, axis=-1, keepdims=True))


class FastMLPAttentionCell(_LeanMasking, nlp.model.MLPAttentionCell):
    """`gluonnlp.model.MLPAttentionCell`.

    The sum of every query with every key is written as two products with ones
    instead of a broadcast. MXNet's gradient of a broadcast sums over a middle
    axis, which took as long as the rest of the cell (docs/performance.md).

    Attributes
    ----------
    in_numpy : bool, default False
        Compute the score with `numpy_ops`, a few queries at a time, so that
        (B, Tq, Tk, units) is never held. For the CPU; not for export.
    """

    in_numpy = False

    def _compute_score(self, F: Any, query: Array, key: Array, mask: Array | None = None) -> Array:
        query, key = self._query_mid_layer(query), self._key_mid_layer(key)  # (B, T, units)
        if self.in_numpy:
            v = self._attention_score(F.eye(self._units))  # (units, 1), normalised if the cell is
            score = F.Custom(query, key, v, op_type="gluonattn_mlp_score")
        else:
            score = self._score_by_products(F, query, key)
        return _mask_scores(F, score, mask)

    def _without_keys(self, F: Any, weights: Any, mask: Array | None) -> Array:
        return weights * mask  # one matrix more in training, but MXNet's gradient of the other form takes ten times as long

    def _score_by_products(self, F: Any, query: Array, key: Array) -> Array:
        ones = F.ones_like(F.batch_dot(query, key, transpose_b=True))  # (B, Tq, Tk)
        first = F.slice_axis(ones, axis=2, begin=0, end=1)  # (B, Tq, 1)
        keys = F.batch_dot(first, F.reshape(key, shape=(0, 1, -1)))  # (B, Tq, Tk * units)
        keys = F.reshape(keys, shape=(0, 0, -4, -1, self._units))  # (B, Tq, Tk, units)
        column = F.expand_dims(F.reshape(ones, shape=(-3, 0)), axis=2)  # (B * Tq, Tk, 1)
        row = F.expand_dims(F.reshape(query, shape=(-3, 0)), axis=1)  # (B * Tq, 1, units)
        queries = F.reshape_like(F.batch_dot(column, row), keys)  # (B, Tq, Tk, units)
        return F.reshape(self._attention_score(self._act(queries + keys)), shape=(0, 0, 0))


class FastDotProductAttentionCell(_LeanMasking, nlp.model.DotProductAttentionCell):
    """`gluonnlp.model.DotProductAttentionCell`, with fewer matrices of all pairs in training."""

    def _compute_score(self, F: Any, query: Array, key: Array, mask: Array | None = None) -> Array:
        return _mask_scores(F, super()._compute_score(F, query, key), mask)


class FastLayerNorm(mx.gluon.nn.LayerNorm):
    """`mxnet.gluon.nn.LayerNorm`, whose gradient took half as long as all matrix products of a Transformer.

    Attributes
    ----------
    in_numpy : bool, default False
        Compute with `numpy_ops`. For the CPU; not for export.
    """

    in_numpy = False

    def hybrid_forward(self, F: Any, data: Any, gamma: Any, beta: Any) -> Any:
        if not self.in_numpy:
            return super().hybrid_forward(F, data, gamma, beta)
        return F.Custom(data, gamma, beta, op_type="gluonattn_normalise", epsilon=str(self._epsilon))


def use_fast_layer_norm(block: Any) -> None:
    """Replace every layer normalisation inside a block by a `FastLayerNorm` with the same parameters.

    Parameters
    ----------
    block : mxnet.gluon.Block
        Not hybridized yet.
    """
    for child in block._children.values():
        if type(child) is mx.gluon.nn.LayerNorm:
            child.__class__ = FastLayerNorm
        use_fast_layer_norm(child)


def _mask_scores(F: Any, score: Any, mask: Array | None) -> Array:
    """Lower masked scores so that softmax gives 0. GluonNLP's `where` would keep a matrix for each branch."""
    return score if mask is None else score + (mask - 1) * 1e18
