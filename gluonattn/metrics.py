"""Pure functions on attention weights. They need only numpy. Weights are arrays, not records."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Relative resolution of float32 arithmetic: a chain of operations may lose 16 units in the last place. The shipped
# model's probabilities lose up to 3.
RESOLUTION = 16 * float(np.finfo(np.float32).eps)


def tie_close(values: NDArray[Any], scale: float | None = None, resolution: float = RESOLUTION) -> NDArray[Any]:
    """Make values equal that float32 arithmetic cannot distinguish, so that ranks do not depend on noise.

    Neighbours in order of size count as one value if they differ by at most `resolution` times the numbers they were
    computed from. They are replaced by their mean, so the sum stays the same.

    Parameters
    ----------
    values : numpy.ndarray
        Any shape. NaN and infinity are not changed.
    scale : float or None
        The largest number in the arithmetic that gave the values: 1 for differences of probabilities, however small.
        None takes the largest of the values. 0 compares each value only with its neighbours: for the weights of a
        softmax, whose error is relative.
    resolution : float, default `RESOLUTION`
        Relative resolution. Models compute in float32, whatever the type of `values`.

    Returns
    -------
    numpy.ndarray, float64, of the same shape
    """
    values = np.asarray(values, dtype=np.float64)
    order = np.argsort(values, axis=None, kind="stable")
    ranked = values.ravel()[order]
    sizes = np.where(np.isfinite(ranked), np.abs(ranked), 0)
    sizes = np.maximum(sizes, sizes.max(initial=0) if scale is None else scale)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        apart = ~(np.diff(ranked) <= resolution * np.maximum(sizes[1:], sizes[:-1]))
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(ranked)), bool), apart]))
    sizes_of = np.diff(np.append(starts, len(ranked)))
    means = np.add.reduceat(ranked, starts) / sizes_of if len(starts) else ranked
    exact = ranked[starts] == ranked[starts + sizes_of - 1]  # the mean of equal values may differ in the last place
    tied = np.empty(len(ranked))
    tied[order] = np.repeat(np.where(exact, ranked[starts], means), sizes_of)
    return tied.reshape(values.shape)


def received(weights: NDArray[Any]) -> NDArray[Any]:
    """Mean attention each key receives over the queries.

    Parameters
    ----------
    weights : numpy.ndarray, shape (..., queries, keys)

    Returns
    -------
    numpy.ndarray, shape (..., keys)
        Sums to 1 over keys when the rows do.
    """
    result: NDArray[Any] = np.asarray(weights).mean(axis=-2)
    return result


def strongest_pairs(weights: NDArray[Any], n: int, *, diagonal: bool = False) -> list[tuple[int, int, float]]:
    """The `n` largest weights of one matrix, strongest first.

    Parameters
    ----------
    weights : numpy.ndarray, shape (queries, keys)
    n : int
    diagonal : bool, default False
        Whether weights from a token to itself count.

    Returns
    -------
    list of (query index, key index, weight)
        Ties keep reading order. Weights of a float32 array that float32 arithmetic cannot distinguish are ties; those
        of a float64 array are compared exactly.
    """
    scores = np.array(weights, dtype=np.float64)
    resolution = 0 if np.asarray(weights).dtype == np.float64 else RESOLUTION
    if not diagonal and scores.shape[0] == scores.shape[1]:
        np.fill_diagonal(scores, -1.0)
    order = np.argsort(-tie_close(scores, 0, resolution), axis=None, kind="stable")[:n]
    pairs = (np.unravel_index(i, scores.shape) for i in order)
    return [(int(q), int(k), float(scores[q, k])) for q, k in pairs if scores[q, k] >= 0]


def entropy(weights: NDArray[Any], *, relative: bool = False) -> NDArray[Any]:
    """Shannon entropy of each row, in nats.

    Parameters
    ----------
    weights : numpy.ndarray, shape (..., queries, keys)
    relative : bool, default False
        Divide by ln(keys), so that 1 means uniform (0 where there is one key).

    Returns
    -------
    numpy.ndarray, shape (..., queries)
    """
    p = np.asarray(weights, dtype=np.float64)
    terms = np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0)
    h = -terms.sum(-1)
    if not relative:
        result: NDArray[Any] = h
        return result
    keys = p.shape[-1]
    result = h / np.log(keys) if keys > 1 else np.zeros_like(h)
    return result


def jensen_shannon(p: NDArray[Any], q: NDArray[Any]) -> NDArray[Any]:
    """Jensen-Shannon divergence between the rows of two arrays, in nats (at most ln 2).

    Lin, Divergence measures based on the Shannon entropy, 1991.

    Parameters
    ----------
    p, q : numpy.ndarray, shape (..., keys)

    Returns
    -------
    numpy.ndarray, shape (...)
    """
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    result: NDArray[Any] = np.maximum(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, 0.0)
    return result


def mean_distance(weights: NDArray[Any], own_keys: NDArray[Any]) -> NDArray[Any]:
    """Mean distance of each row's attention from the query's own place: the sum over keys of weight x distance.

    Parameters
    ----------
    weights : numpy.ndarray, shape (..., queries, keys)
    own_keys : numpy.ndarray of bool, shape (queries, keys)
        The keys that are a query's own place: the diagonal in self-attention, the letters that a sound is made of in
        cross-attention. Each row needs at least one.

    Returns
    -------
    numpy.ndarray, shape (..., queries)
        In tokens. The distance of a key is the one to the nearest own key.
    """
    result: NDArray[Any] = (np.asarray(weights, dtype=np.float64) * np.abs(offsets(own_keys))).sum(-1)
    return result


def offsets(own_keys: NDArray[Any]) -> NDArray[Any]:
    """Offset of each key from the query's nearest own key: -1 is the key before it. Shape (queries, keys)."""
    positions = np.arange(own_keys.shape[1])
    distances = np.where(own_keys[:, None, :], positions[:, None] - positions, own_keys.shape[1])  # (Q, K, own keys)
    nearest = np.abs(distances).argmin(-1)
    result: NDArray[Any] = positions - nearest
    return result


def top_k_overlap(p: NDArray[Any], q: NDArray[Any], k: int) -> float:
    """Fraction of the `k` largest entries of `p` that are also among those of `q`; ties (`tie_close`) keep their order.

    Parameters
    ----------
    p, q : numpy.ndarray, shape (keys,)
    k : int
        At most the number of keys is used.
    """
    k = min(k, len(p))
    top = [set(np.argsort(-tie_close(x, 0), kind="stable")[:k].tolist()) for x in (p, q)]
    return len(top[0] & top[1]) / k


def rollout(weights: NDArray[Any]) -> NDArray[Any]:
    """Attention rollout: attention to input tokens through all layers.

    A~ = rownorm(mean over heads + I), R_l = A~_l R_(l-1). Abnar and Zuidema,
    Quantifying Attention Flow in Transformers, ACL 2020.

    Parameters
    ----------
    weights : numpy.ndarray, shape (layers, heads, tokens, tokens)

    Returns
    -------
    numpy.ndarray, float64, shape (tokens, tokens)
        Rows sum to 1.
    """
    result: NDArray[Any] = rollouts(weights)[-1]
    return result


def rollouts(weights: NDArray[Any]) -> NDArray[Any]:
    """`rollout` after each layer, shape (layers, tokens, tokens)."""
    steps = np.asarray(weights, dtype=np.float64).mean(axis=1) + np.eye(weights.shape[-1])
    products = [np.eye(weights.shape[-1])]
    for step in steps:
        products.append(step / step.sum(-1, keepdims=True) @ products[-1])
    return np.stack(products[1:])


def value_weighted(weights: NDArray[Any], values: NDArray[Any], output: NDArray[Any] | None = None) -> NDArray[Any]:
    """The norm of each key's contribution: ||alpha_ij f(x_j)||, f(x) = (x W_V + b_V) W_O.

    Kobayashi et al., Attention is Not Only a Weight, EMNLP 2020. A key with a large weight and a small
    value contributes little.

    Parameters
    ----------
    weights : numpy.ndarray, shape (layers, heads, queries, keys)
    values : numpy.ndarray, shape (layers, heads, keys, head_dim)
    output : numpy.ndarray, shape (layers, width, heads * head_dim), or None
        Output projections, as torch and MXNet store them. With them, heads are summed before the norm.

    Returns
    -------
    numpy.ndarray, float64
        The norm for each head, shape (layers, heads, queries, keys). With `output` the norm of their sum,
        shape (layers, 1, queries, keys).
    """
    weights, values = np.asarray(weights, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if output is None:
        result: NDArray[Any] = weights * np.linalg.norm(values, axis=-1)[:, :, None, :]
        return result
    layers, heads, queries, keys = weights.shape
    parts = np.asarray(output, dtype=np.float64).reshape(layers, -1, heads, values.shape[-1])
    transformed = np.einsum("lhkd,lwhd->lhkw", values, parts)  # f(x_j) of each head
    norms = np.empty((layers, 1, queries, keys))
    for layer in range(layers):  # one at a time: (queries, keys, width) is large
        norms[layer, 0] = np.linalg.norm(np.einsum("hqk,hkw->qkw", weights[layer], transformed[layer]), axis=-1)
    return norms
