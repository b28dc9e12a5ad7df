"""Queries and keys of a head in one space, in which small distances mean large dot products (AttentionViz).

Yeh et al., AttentionViz: A Global View of Transformer Attention, 2023. Dot products are not distances, and queries and
keys of a head are often far apart. Two changes that do not affect attention bring them together. Keys are moved
(k' = k - mean(K) + mean(Q)): every score of a row changes by the same q.a, so the softmax does not change. Queries and
keys are scaled in opposite directions (q / c, k' c): dot products do not change. c is chosen so that distances
correlate best with dot products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, RecordError, choose, offer_extra, require_seed
from ..record import AttentionRecord

SCALES = tuple(10 ** (n / 12) for n in range(-12, 13))  # a fine grid, because the correlation has several minima
PERCENTILE = 0.5  # fraction of the distances: a map can show only the nearest pairs
_FEWEST_PAIRS = 200  # small samples take a higher percentile, so that the correlation is meaningful
# Pairs over which the correlation is computed. They are drawn from all tokens: among all pairs of a few hundred tokens,
# the nearest half percent belong to two or three short vectors, and any two groups correlate perfectly.
_PAIRS = 400_000


@dataclass(frozen=True)
class JointHead:
    """The transformation of one head's queries and keys into their joint space. `vectors` applies it.

    Attributes
    ----------
    layer, head : int
    move : numpy.ndarray, shape (head_dim,)
        The vector added to every key.
    scale : float
        The c of q / c and k' c.
    before, after : float
        Weighted correlation of dot product against distance; -1 is best.
    """

    layer: int
    head: int
    move: NDArray[Any]
    scale: float
    before: float
    after: float

    def vectors(
        self, records: Sequence[AttentionRecord], *, normalised: bool = True
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Queries and keys of all records, concatenated, each of shape (tokens, head_dim).

        Parameters
        ----------
        records : sequence of AttentionRecord
        normalised : bool, default True
            False returns them as the model computes them.
        """
        queries, keys = _vectors(records, self.layer, self.head)
        return (queries / self.scale, (keys + self.move) * self.scale) if normalised else (queries, keys)


def translated(queries: NDArray[Any], keys: NDArray[Any]) -> NDArray[Any]:
    """Keys moved so that their mean is the queries' mean.

    Parameters
    ----------
    queries, keys : numpy.ndarray, shape (tokens, head_dim)
    """
    result: NDArray[Any] = keys - keys.mean(0) + queries.mean(0)
    return result


def correlation(queries: NDArray[Any], keys: NDArray[Any], *, percentile: float = PERCENTILE, seed: int = 0) -> float:
    """Weighted correlation of dot products against distances, over the nearest pairs of query and key.

    Only distances d_i below their percentile d count, with weight (d - d_i)^2.

    Parameters
    ----------
    queries, keys : shape (tokens, head_dim)
    percentile : float, default 0.5
        Percentile of the pairs' distances. Small samples take a higher one that keeps 200 pairs.
    seed : int, default 0
        Seed of the draw of pairs, if there are more than 400,000.

    Returns
    -------
    float
        NaN if the nearest pairs all have the same distance or dot product.
    """
    return _correlations(queries, keys, _drawn(len(queries), len(keys), seed), percentile)(1.0)


def _drawn(queries: int, keys: int, seed: int | Sequence[int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Positions of pairs of query and key: all pairs, or a random sample."""
    if queries * keys <= _PAIRS:
        return np.divmod(np.arange(queries * keys), keys)
    numbers = np.random.default_rng(seed)
    return numbers.integers(0, queries, _PAIRS), numbers.integers(0, keys, _PAIRS)


def _correlations(
    queries: NDArray[Any], keys: NDArray[Any], places: tuple[NDArray[Any], NDArray[Any]], percentile: float
) -> Callable[[float], float]:
    """The correlation as a function of c, for q / c and k c."""
    left, right = places
    dots = np.einsum("pd,pd->p", queries[left], keys[right]).astype(np.float64)
    own, theirs = (queries**2).sum(1)[left], (keys**2).sum(1)[right]
    share = min(1.0, max(percentile / 100, _FEWEST_PAIRS / dots.size))
    place = min(dots.size - 1, int(share * dots.size))

    def at(c: float) -> float:
        squares = np.maximum(own / c**2 + theirs * c**2 - 2 * dots, 0)
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


def best_scale(
    queries: NDArray[Any], keys: NDArray[Any], *, percentile: float = PERCENTILE, seed: int = 0
) -> tuple[float, float]:
    """Find the c with the correlation nearest -1, first in `SCALES`, then near the best one. Return c and the correlation.

    Parameters
    ----------
    queries, keys : numpy.ndarray, shape (tokens, head_dim)
    percentile : float
        As for `correlation`.
    seed : int, default 0
        Seed of the draw of pairs, if there are many.
    """
    return _best(_correlations(queries, keys, _drawn(len(queries), len(keys), seed), percentile))


def _best(at: Callable[[float], float]) -> tuple[float, float]:
    def tried(c: float) -> float:
        found = at(c)
        return found if np.isfinite(found) else 1.0

    results = {c: tried(c) for c in SCALES}
    for step in (1.1, 1.05):
        best = min(results, key=lambda c: results[c])
        results.update({c: tried(c) for c in (best / step, best * step)})
    best = min(results, key=lambda c: results[c])
    return best, results[best]


def joint_heads(
    records: Sequence[AttentionRecord], *, layer: int | None = None, head: int | None = None,
    percentile: float = PERCENTILE, seed: int = 0,
) -> Iterator[JointHead]:
    """Compute the joint space of every head, or of the requested heads.

    If pairs are drawn, the correlations before and after use other pairs than the choice of the scale.

    Parameters
    ----------
    records : sequence of AttentionRecord
        Records with Q and K (captured with ``vectors=True``), all of one model.
    layer, head : int or None
        None takes all.
    percentile : float
        See `correlation`.
    seed : int, default 0
        Seed of the draw of pairs.

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
    records[0].matrix(layer, head)  # raises for a layer or head that does not exist
    (layers, heads, _), = shapes  # type: ignore[misc]
    count = sum(len(r.queries) for r in records), sum(len(r.keys) for r in records)
    choosing, reporting = _drawn(*count, seed=(seed, 0)), _drawn(*count, seed=(seed, 1))
    for each in range(layers) if layer is None else [layer % layers]:
        for one in range(heads) if head is None else [head % heads]:
            queries, keys = _vectors(records, each, one)
            before = _correlations(queries, keys, reporting, percentile)(1.0)
            moved = translated(queries, keys)
            c, _ = _best(_correlations(queries, moved, choosing, percentile))
            after = _correlations(queries, moved, reporting, percentile)(c)
            yield JointHead(each, one, queries.mean(0) - keys.mean(0), c, before, after)


def _vectors(records: Sequence[AttentionRecord], layer: int, head: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Queries and keys of one head, of all records."""
    return (np.concatenate([r.queries_vectors[layer, head] for r in records]),  # type: ignore[index]
            np.concatenate([r.keys_vectors[layer, head] for r in records]))  # type: ignore[index]


def reduced(points: NDArray[Any], method: str = "pca", *, seed: int = 0, metric: str = "cosine") -> NDArray[Any]:
    """Reduce points to two dimensions.

    Parameters
    ----------
    points : shape (points, width)
        Queries and keys together, so that they share one map.
    method : {"pca", "tsne", "umap"}, default "pca"
        scikit-learn's PCA and t-SNE, umap-learn's UMAP (an extra).
    seed : int, default 0
    metric : str, default "cosine"
        Metric of t-SNE and UMAP.

    Returns
    -------
    numpy.ndarray, float32, shape (points, 2)
    """
    make = choose("projection", method, METHODS)
    require_seed(seed)
    if len(points) < 5:
        raise OptionError(f"a projection needs more tokens; got {len(points) // 2}. Give more sentences.")
    return np.asarray(make(len(points), seed, metric).fit_transform(points), dtype=np.float32)


def _pca(count: int, seed: int, metric: str) -> Any:
    with offer_extra("measure", "a map"):
        from sklearn.decomposition import PCA

    return PCA(2, random_state=seed)


def _tsne(count: int, seed: int, metric: str) -> Any:
    with offer_extra("measure", "a map"):
        from sklearn.manifold import TSNE

    return TSNE(2, metric=metric, init="pca", perplexity=min(30, (count - 1) / 3), random_state=seed)


def _umap(count: int, seed: int, metric: str) -> Any:
    with offer_extra("umap", "a map by UMAP"):
        import umap
    return umap.UMAP(n_components=2, metric=metric, n_neighbors=min(15, count - 1), random_state=seed, n_jobs=1)


METHODS: dict[str, Callable[[int, int, str], Any]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}
