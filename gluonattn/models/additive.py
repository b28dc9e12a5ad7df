"""The MLP score in numpy, and its gradients: a few queries at a time, so that (B, Tq, Tk, units) is never held.

Texts are the last axis, so one position of all texts is contiguous in memory.
Each block stays in the processor's cache, so this is several times as fast
as whole arrays (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 18  # numbers that are computed at once; more units take another round
_SMALL = 1 << 17  # below it several queries are computed together, because Python's overhead was half of a long text's time


def additive_scores(query: NDArray[Any], key: NDArray[Any], v: NDArray[Any]) -> NDArray[Any]:
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
    for units, rows, tanh in _tanh(query, key):
        scores[rows] += (v[units] @ tanh.reshape(len(tanh), -1)).reshape(tanh.shape[1], -1)
    return scores.reshape(queries, keys, batch).transpose(2, 0, 1)


def additive_gradients(query: Any, key: Any, v: Any,
                       gradient: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Gradients of `additive_scores` with respect to its arguments.

    It computes the hyperbolic tangents again instead of keeping them.

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
    for units, rows, tanh in _tanh(query, key):
        slope = gradient[rows]
        by_v[units] += tanh.reshape(len(tanh), -1) @ slope.ravel()
        np.multiply(tanh, tanh, out=tanh)  # tanh' = 1 - tanh^2; the 1 is added below, to sums
        tanh *= slope
        by_query[rows, units] = np.add.reduce(tanh, axis=2).swapaxes(0, 1)
        by_key[units] += tanh[:, 0] if tanh.shape[1] == 1 else np.add.reduce(tanh, axis=1)
    by_query = (gradient.sum(axis=1)[:, None] - by_query) * v[:, None]
    by_key = (gradient.sum(axis=0) - by_key) * v[:, None, None]
    return by_query.transpose(2, 0, 1), by_key.transpose(2, 1, 0), by_v


def _tanh(query: Any, key: Any) -> Iterator[tuple[slice, slice, NDArray[Any]]]:
    """Yield units, queries and tanh(q + k), shape (units, queries, Tk, B); its memory is used again."""
    query = np.ascontiguousarray(query.transpose(2, 1, 0))[:, :, None]  # (U, Tq, 1, B)
    key = np.ascontiguousarray(key.transpose(2, 1, 0))[:, None]  # (U, 1, Tk, B)
    step = max(1, min(len(key), _BLOCK // key[0].size))
    queries_at_once = max(1, min(query.shape[1], _SMALL // (step * key[0].size)))
    memory = np.empty((step, queries_at_once, *key.shape[2:]), query.dtype)
    for start in range(0, len(key), step):
        units = slice(start, start + step)
        for first in range(0, query.shape[1], queries_at_once):
            rows = slice(first, first + queries_at_once)
            some = query[units, rows]
            tanh = memory[: len(some), : some.shape[1]]
            if not tanh.flags.c_contiguous:  # the last queries, or units
                tanh = np.empty(tanh.shape, tanh.dtype)
            np.add(some, key[units], out=tanh)
            np.tanh(tanh, out=tanh)
            yield units, rows, tanh
