"""Queries and keys of a head in one space, so that near means a large dot product (AttentionViz).

Yeh et al., AttentionViz: A Global View of Transformer Attention, 2023. Dot products are no distances, and
queries and keys of one head often lie far apart. Two changes that attention does not notice bring
them together: keys are moved (k' = k - mean(K) + mean(Q): every score of a row changes by the same q.a, so
the softmax stays), and queries and keys are scaled against each other (q / c, k' c: dot products stay).
c is the one whose distances go best with the dot products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DependencyError, OptionError, RecordError, choose
from ..record import AttentionRecord

SCALES = (0.2, 0.4, 0.8, 1.0, 1.25, 2.5, 5.0)
PERCENTILE = 0.5  # of the distances; the nearest pairs are what a map can show
_FEWEST_PAIRS = 200  # small samples take a higher percentile, so that a correlation means something
_MOST = 400  # tokens that the correlation is taken over; it has their square of pairs


@dataclass(frozen=True)
class JointHead:
    """One head's queries and keys in their joint space.

    Attributes
    ----------
    layer, head : int
    queries, keys : numpy.ndarray, float32, shape (tokens, head_dim)
        Moved and scaled; of all records, one after the other.
    scale : float
        The c of q / c and k' c.
    before, after : float
        Weighted correlation of dot product against distance; -1 is best.
    """

    layer: int
    head: int
    queries: np.ndarray
    keys: np.ndarray
    scale: float
    before: float
    after: float


def translated(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Keys moved so that their mean is the queries' mean; shapes (tokens, head_dim)."""
    return keys - keys.mean(0) + queries.mean(0)


def correlation(queries: np.ndarray, keys: np.ndarray, *, percentile: float = PERCENTILE) -> float:
    """Weighted correlation of dot products against distances, over the nearest pairs of query and key.

    Distances d_i below their percentile d count, with weight (d - d_i)^2.

    Parameters
    ----------
    queries, keys : shape (tokens, head_dim)
    percentile : float, default 0.5
        Of all pairs' distances. Samples of few pairs take a higher one, that keeps 200.

    Returns
    -------
    float
        NaN where the nearest pairs all have one distance or dot product.
    """
    return _correlations(queries, keys, percentile)(1.0)


def _correlations(queries: np.ndarray, keys: np.ndarray, percentile: float) -> Callable[[float], float]:
    """The correlation as a function of c, for q / c and k c."""
    queries, keys = queries.astype(np.float64), keys.astype(np.float64)
    dots = (queries @ keys.T).ravel()
    own, theirs = (queries**2).sum(1)[:, None], (keys**2).sum(1)
    share = min(1.0, max(percentile / 100, _FEWEST_PAIRS / dots.size))
    place = min(dots.size - 1, int(share * dots.size))

    def at(c: float) -> float:
        squares = np.maximum((own / c**2 + theirs * c**2).ravel() - 2 * dots, 0)
        limit = np.partition(squares, place)[place]
        near = squares < limit
        x, y = dots[near], np.sqrt(squares[near])
        w = (np.sqrt(limit) - y) ** 2
        if not w.sum() > 0:
            return float("nan")
        x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
        spread = (w * x * x).sum() * (w * y * y).sum()
        return float((w * x * y).sum() / np.sqrt(spread)) if spread > 0 else float("nan")

    return at


def best_scale(queries: np.ndarray, keys: np.ndarray, *, percentile: float = PERCENTILE) -> tuple[float, float]:
    """The c whose correlation is nearest -1, of `SCALES` and then finer around the best; and that correlation."""

    at = _correlations(queries, keys, percentile)

    def tried(c: float) -> float:
        found = at(c)
        return found if np.isfinite(found) else 1.0

    results = {c: tried(c) for c in SCALES}
    for step in (1.3, 1.1):
        best = min(results, key=lambda c: results[c])
        results.update({c: tried(c) for c in (best / step, best * step)})
    best = min(results, key=lambda c: results[c])
    return best, results[best]


def joint_heads(
    records: Sequence[AttentionRecord], *, layer: int | None = None, head: int | None = None,
    percentile: float = PERCENTILE, seed: int = 0,
) -> Iterator[JointHead]:
    """The joint space of every head, or of those asked for.

    Parameters
    ----------
    records : sequence of AttentionRecord
        With Q and K (captured with ``vectors=True``), all of one model.
    layer, head : int or None
        None takes all.
    percentile : float
        See `correlation`.
    seed : int, default 0
        Of the tokens that the correlation is taken over, where there are more than 400.

    Raises
    ------
    RecordError
        If a record has no vectors, or records differ in layers, heads or width.
    """
    records = list(records)
    shapes = {None if r.queries_vectors is None else (*r.weights.shape[:2], r.queries_vectors.shape[3])
              for r in records}
    if len(shapes) != 1 or None in shapes:
        raise RecordError(
            "a projection needs records with queries and keys (vectors=True when capturing) of one model; "
            f"got {len(records)} records of (layers, heads, width) {sorted(map(str, shapes))}.")
    records[0].matrix(layer, head)  # says which layers and heads there are
    (layers, heads, _), = shapes  # type: ignore[misc]
    numbers = np.random.default_rng(seed)
    for each in range(layers) if layer is None else [layer % layers]:
        for one in range(heads) if head is None else [head % heads]:
            queries = np.concatenate([r.queries_vectors[each, one] for r in records])  # type: ignore[index]
            keys = np.concatenate([r.keys_vectors[each, one] for r in records])  # type: ignore[index]
            q = queries[numbers.permutation(len(queries))[:_MOST]]
            k = keys[numbers.permutation(len(keys))[:_MOST]]
            before = correlation(q, k, percentile=percentile)
            moved = translated(queries, keys)
            c, after = best_scale(q, k - keys.mean(0) + queries.mean(0), percentile=percentile)
            yield JointHead(each, one, (queries / c).astype(np.float32), (moved * c).astype(np.float32), c, before, after)


def reduced(points: np.ndarray, method: str = "pca", *, seed: int = 0, metric: str = "cosine") -> np.ndarray:
    """Points in the plane.

    Parameters
    ----------
    points : shape (points, width)
        Queries and keys stacked, so that one map holds both.
    method : {"pca", "tsne", "umap"}, default "pca"
        scikit-learn's PCA and t-SNE, umap-learn's UMAP (an extra).
    seed : int, default 0
    metric : str, default "cosine"
        Of t-SNE and UMAP.

    Returns
    -------
    numpy.ndarray, float32, shape (points, 2)
    """
    make = choose("projection", method, METHODS)
    if len(points) < 5:
        raise OptionError(f"a projection needs some tokens; got {len(points) // 2} of them. Give more sentences.")
    return np.asarray(make(len(points), seed, metric).fit_transform(points), dtype=np.float32)


def _pca(count: int, seed: int, metric: str) -> Any:
    from sklearn.decomposition import PCA

    return PCA(2, random_state=seed)


def _tsne(count: int, seed: int, metric: str) -> Any:
    from sklearn.manifold import TSNE

    return TSNE(2, metric=metric, init="pca", perplexity=min(30, (count - 1) / 3), random_state=seed)


def _umap(count: int, seed: int, metric: str) -> Any:
    try:
        import umap
    except ImportError:
        raise DependencyError('UMAP needs umap-learn: pip install "gluonattn[umap]".') from None
    return umap.UMAP(n_components=2, metric=metric, n_neighbors=min(15, count - 1), random_state=seed, n_jobs=1)


METHODS: dict[str, Callable[[int, int, str], Any]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}
