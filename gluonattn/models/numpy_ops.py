"""The MLP score as an operator in numpy, for the CPU: a few units at a time, so (B, T, T, units) is never held.

MXNet calls it by name (`F.Custom`) and hands over its own memory, so nothing
is copied. A symbol that was exported with it would need this module to load;
so a model has it only after `compute_in_numpy`, which prediction with MXNet on
the CPU calls, and training on long texts. On short ones MXNet's own operators
are faster: this one holds Python (docs/performance.md).
"""

from __future__ import annotations

import numpy as np

from ..runtime import memory_of, mx

_BLOCK = 1 << 16  # numbers that are computed at once: a few of these stay in the cache
_LARGEST = 40.0  # exp(2x) of larger values leaves float32


def compute_in_numpy(model) -> None:
    """Let a model's MLP cells use this operator; call it before `hybridize`.

    Parameters
    ----------
    model : mxnet.gluon.Block
        On the CPU.
    """
    from .fast_cells import FastMLPAttentionCell

    if isinstance(model, FastMLPAttentionCell):
        model.in_numpy = True
    for child in model._children.values():
        compute_in_numpy(child)


def additive_scores(query: np.ndarray, key: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Scores v tanh(query + key), a few units at a time.

    As in the numpy engine: tanh(q + k) = 1 - 2 / (1 + exp(2q) exp(2k)) needs
    exponentials of the tokens only.

    Parameters
    ----------
    query : numpy.ndarray, float32, shape (B, Tq, U)
    key : numpy.ndarray, float32, shape (B, Tk, U)
    v : numpy.ndarray, float32, shape (U,)

    Returns
    -------
    numpy.ndarray, float32, shape (B, Tq, Tk)
    """
    scores = np.full((query.shape[1], key.shape[1], query.shape[0]), v.sum(), np.float32)  # (Tq, Tk, B)
    for units, shares in _shares(query, key):
        np.multiply(shares, -2 * v[units, None, None, None], out=shares)
        for share in shares:
            scores += share
    return scores.transpose(2, 0, 1)


def additive_gradients(query, key, v, gradient) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of `additive_scores` with respect to its arguments, for `gradient` (B, Tq, Tk).

    Computes the hyperbolic tangents once more instead of keeping them.
    """
    gradient = np.ascontiguousarray(gradient.transpose(1, 2, 0))  # (Tq, Tk, B)
    by_query = np.empty((query.shape[2], query.shape[1], query.shape[0]), np.float32)
    by_key = np.empty((key.shape[2], key.shape[1], key.shape[0]), np.float32)
    by_v = np.empty_like(v)
    ones = np.ones((1, query.shape[1]), np.float32)
    rest = np.empty(0, np.float32)
    for units, shares in _shares(query, key):
        flat = shares.reshape(len(shares), -1)
        by_v[units] = flat @ gradient.ravel()
        if len(rest) < flat.size:
            rest = np.empty(flat.size, np.float32)
        other = rest[: flat.size].reshape(shares.shape)
        np.subtract(1, shares, out=other)
        shares *= other
        shares *= gradient  # tanh' = 1 - tanh^2 = 4 share (1 - share)
        by_key[units] = (ones @ shares.reshape(len(shares), len(gradient), -1)).reshape(by_key[units].shape)
        np.add.reduce(shares, axis=2, out=by_query[units])
    factor = 4 * v[:, None, None]
    by_query *= factor
    by_key *= factor
    return by_query.transpose(2, 1, 0), by_key.transpose(2, 1, 0), gradient.sum() - 2 * by_v


def _shares(query, key):
    """Yield (units, (1 - tanh(q + k)) / 2) for a few units at a time, shape (units, Tq, Tk, B)."""
    query, key = (np.ascontiguousarray(x.transpose(2, 1, 0)) for x in (query, key))  # (U, T, B)
    large = max(np.abs(query).max(), np.abs(key).max()) > _LARGEST
    if not large:
        query, key = np.exp(2 * query), np.exp(2 * key)
    number, queries, batch = query.shape
    step = max(1, _BLOCK // (queries * key.shape[1] * batch))
    memory = np.empty((min(step, number), queries, key.shape[1], batch), np.float32)
    for start in range(0, number, step):
        units = slice(start, start + step)
        shares = memory[: len(query[units])]
        with np.errstate(over="ignore", under="ignore"):  # an infinite product is a tanh of 1
            if large:
                np.tanh(np.add(query[units, :, None], key[units, None], out=shares), out=shares)
                np.subtract(1, shares, out=shares)
                shares *= 0.5
            else:
                np.multiply(query[units, :, None], key[units, None], out=shares)
                shares += 1
                np.reciprocal(shares, out=shares)
        yield units, shares


class _Score(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        query, key, v = map(_own, in_data)
        _put(out_data[0], req[0], additive_scores(query, key, v[:, 0]))

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        query, key, v = map(_own, in_data)
        found = additive_gradients(query, key, v[:, 0], _own(out_grad[0]))
        for array, how, values in zip(in_grad, req, found):
            _put(array, how, values.reshape(array.shape))


@mx.operator.register("gluonattn_mlp_score")
class _ScoreKind(mx.operator.CustomOpProp):
    """query (B, Tq, U), key (B, Tk, U), v (U, 1) -> (B, Tq, Tk)."""

    def __init__(self):
        super().__init__(need_top_grad=True)

    def list_arguments(self):
        return ["query", "key", "v"]

    def infer_shape(self, in_shape):
        query, key, _ = in_shape
        return in_shape, [[query[0], query[1], key[1]]], []

    def declare_backward_dependency(self, out_grad, in_data, out_data):
        return [*out_grad, *in_data]

    def create_operator(self, *_):
        return _Score()


def _own(array) -> np.ndarray:
    return memory_of(array, wait=False)


def _put(target, how: str, values: np.ndarray) -> None:
    """What MXNet wants done with a result: nothing, or written, or added."""
    if how == "add":
        _own(target)[...] += values
    elif how != "null":
        _own(target)[...] = values
