"""The MLP score in numpy, and its gradients: one query at a time, so (B, Tq, Tk, units) is never held.

Texts stand last: at one place of every text the same operation is done, on
memory in one piece. What is computed at once stays in the processor's cache,
which makes it several times as fast as whole arrays (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_BLOCK = 1 << 18  # numbers that are computed at once; more units than fit wait for the next round


def additive_scores(query: np.ndarray, key: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Scores v tanh(query + key) (Bahdanau et al. 2015), in the precision of the query.

    Parameters
    ----------
    query : numpy.ndarray, float, shape (B, Tq, U)
    key : numpy.ndarray, float, shape (B, Tk, U)
    v : numpy.ndarray, float, shape (U,)

    Returns
    -------
    numpy.ndarray, float, shape (B, Tq, Tk)
    """
    batch, queries, keys = len(query), query.shape[1], key.shape[1]
    scores = np.zeros((queries, keys * batch), query.dtype)
    for units, number, tanh in _tanh(query, key):
        scores[number] += v[units] @ tanh.reshape(len(tanh), -1)
    return scores.reshape(queries, keys, batch).transpose(2, 0, 1)


def additive_gradients(query, key, v, gradient) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of `additive_scores` with respect to its arguments.

    Computes the hyperbolic tangents once more instead of keeping them.

    Parameters
    ----------
    query, key, v
        As for `additive_scores`.
    gradient : numpy.ndarray, float, shape (B, Tq, Tk)
        With respect to the scores.

    Returns
    -------
    by_query, by_key, by_v : numpy.ndarray, float
        Of the shapes of `query`, `key` and `v`.
    """
    gradient = np.ascontiguousarray(gradient.transpose(1, 2, 0))  # (Tq, Tk, B)
    by_query = np.empty((query.shape[1], query.shape[2], len(query)), query.dtype)
    by_key = np.zeros((key.shape[2], key.shape[1], len(key)), query.dtype)
    by_v = np.zeros_like(v)
    for units, number, tanh in _tanh(query, key):
        own = gradient[number]
        by_v[units] += tanh.reshape(len(tanh), -1) @ own.ravel()
        np.multiply(tanh, tanh, out=tanh)  # tanh' = 1 - tanh^2; the 1 is added below, to sums
        tanh *= own
        np.add.reduce(tanh, axis=1, out=by_query[number, units])
        by_key[units] += tanh
    by_query = (gradient.sum(axis=1)[:, None] - by_query) * v[:, None]
    by_key = (gradient.sum(axis=0) - by_key) * v[:, None, None]
    return by_query.transpose(2, 0, 1), by_key.transpose(2, 1, 0), by_v


def _tanh(query, key) -> Iterator[tuple[slice, int, np.ndarray]]:
    """Yield units, number of a query and tanh(q + k), shape (units, Tk, B); its memory is used again."""
    query = np.ascontiguousarray(query.transpose(1, 2, 0))  # (Tq, U, B)
    key = np.ascontiguousarray(key.transpose(2, 1, 0))  # (U, Tk, B)
    step = max(1, min(len(key), _BLOCK // key[0].size))
    memory = np.empty((step, *key.shape[1:]), query.dtype)
    for start in range(0, len(key), step):
        units = slice(start, start + step)
        own = key[units]
        tanh = memory[: len(own)]
        for number, one in enumerate(query):
            np.add(one[units, None], own, out=tanh)
            np.tanh(tanh, out=tanh)
            yield units, number, tanh
