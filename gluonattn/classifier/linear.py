"""The linear branch: n-grams of the text, weighted before the network is trained.

A linear SVM over n-grams scaled by naive Bayes log-count ratios (Wang and
Manning 2012) is hard to beat on short reviews. Trained together with the
network, it would memorize the training texts and leave the network nothing
to learn. It is therefore fitted first. While the network trains, each text
gets the scores of a fit that has not seen it (stacking: Wolpert 1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, NamedTuple

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
_REGULARISATION = 0.4  # LinearSVC's C, chosen on NSMC's validation part among 0.1 to 1
_MAX_NGRAMS = 700_000  # maximum number of n-grams
_CHUNK = 20_000  # texts whose n-grams are counted at once


class LinearBranch(NamedTuple):
    """A fitted branch.

    Attributes
    ----------
    known : numpy.ndarray, uint32, shape (n-grams,)
        Sorted hashes.
    scores : numpy.ndarray, float32, shape (n-grams + 1, classes)
        Contribution of each n-gram to the logits, before the division. Row 0 is padding.
    squares : numpy.ndarray, float32, shape (n-grams + 1, 1)
        Contribution of each n-gram to the square of the divisor.
    offsets : numpy.ndarray, float32, shape (texts, classes)
        Logits of each text from a fit that has not seen it.
    """

    known: NDArray[Any]
    scores: NDArray[Any]
    squares: NDArray[Any]
    offsets: NDArray[Any]

    def weights(self) -> dict[str, NDArray[Any]]:
        """The tables by the names of the classifier's parameters."""
        return {"ngram_scores.weight": self.scores, "ngram_squares.weight": self.squares}


def fit_linear(ngrams: Sequence[NDArray[Any]], targets: NDArray[Any], own: int, min_count: int, seed: int = 0,
               progress: Callable[[int, int], None] | None = None) -> LinearBranch:
    """Fit the branch, and score each text with a fit that has not seen it.

    With x the 0/1 vector of a text's n-grams and s the scale of each of them
    (the largest log-count ratio over the classes, times its idf), the logits
    are a W (s * x) / |s * x|; the factor a calibrates them.

    Parameters
    ----------
    ngrams : sequence of numpy.ndarray, uint32
        Distinct hashes of each text.
    targets : numpy.ndarray, float32, shape (labelled texts, classes)
        Rows of probabilities of the first texts. Texts without a clear class
        (0.9 and more) and texts without a row are not used in the fit.
    own : int
        Number of texts, from the first, with true labels. The factor is fitted on them.
    min_count : int
        Texts in which an n-gram must occur.
    seed : int, default 0
        Seed of the folds.
    progress : callable or None
        Called with (fits done, fits in all).

    Notes
    -----
    Every class has the same weight, whatever its frequency.
    """
    clear = np.flatnonzero(targets.max(1) >= 0.9)
    classes = targets.argmax(1)
    known = frequent([ngrams[i] for i in clear], min_count)
    table = rows_of(ngrams, known)
    folds = np.random.default_rng(seed).permutation(len(clear)) % FOLDS
    offsets = np.zeros((len(ngrams), targets.shape[1]), np.float32)
    for fold in range(FOLDS):
        kept, held = clear[folds != fold], clear[folds == fold]
        offsets[held] = _scores(table[held], *fit_svm(table[kept], classes[kept], targets.shape[1], seed))
        if progress:
            progress(fold + 1, FOLDS + 1)
    weights, scale = fit_svm(table[clear], classes[clear], targets.shape[1], seed)
    if progress:
        progress(FOLDS + 1, FOLDS + 1)
    unseen = np.setdiff1d(np.arange(len(ngrams)), clear, assume_unique=True)
    if len(unseen):
        offsets[unseen] = _scores(table[unseen], weights, scale)
    mine = clear[clear < own]
    factor = _calibration(offsets[mine], classes[mine])
    zero = np.zeros((1, targets.shape[1]))
    return LinearBranch(
        known,
        np.concatenate([zero, factor * (weights * scale).T]).astype(np.float32),
        np.concatenate([[0.0], scale**2])[:, None].astype(np.float32),
        factor * offsets,
    )


def frequent(ngrams: Sequence[NDArray[Any]], min_count: int, max_ngrams: int = _MAX_NGRAMS) -> NDArray[Any]:
    """Sorted hashes of frequent n-grams.

    Parameters
    ----------
    ngrams : sequence of numpy.ndarray, uint32
        Distinct hashes of each text.
    min_count : int
        Texts in which an n-gram must occur.
    max_ngrams : int, default 700,000
        If there are more, the most frequent are kept.
    """
    hashes, counts = np.zeros(0, np.uint32), np.zeros(0, np.int64)
    for start in range(0, len(ngrams), _CHUNK):
        found, number = np.unique(np.concatenate(ngrams[start : start + _CHUNK]), return_counts=True)
        hashes, where = np.unique(np.concatenate([hashes, found]), return_inverse=True)
        counts = np.bincount(where.ravel(), np.concatenate([counts, number])).astype(np.int64)
    enough = np.flatnonzero(counts >= min_count)
    if len(enough) > max_ngrams:
        enough = np.sort(enough[np.argsort(-counts[enough], kind="stable")[:max_ngrams]])
    return hashes[enough]


def rows_of(ngrams: Sequence[NDArray[Any]], known: NDArray[Any]) -> Any:
    """0/1 rows of texts over the known n-grams, as a sparse matrix.

    Parameters
    ----------
    ngrams : sequence of numpy.ndarray, uint32
        Distinct hashes of each text.
    known : numpy.ndarray, uint32, shape (n-grams,)
        Sorted hashes.

    Returns
    -------
    scipy.sparse.csr_matrix, float32, shape (texts, n-grams)
    """
    from scipy.sparse import vstack

    return vstack([_rows(ngrams[i : i + _CHUNK], known) for i in range(0, len(ngrams), _CHUNK)]).tocsr()


def _rows(ngrams: Sequence[NDArray[Any]], known: NDArray[Any]) -> Any:
    """0/1 rows of texts over the known n-grams."""
    from scipy.sparse import csr_matrix

    from ..data.ngrams import ngram_numbers

    numbers = ngram_numbers(np.concatenate([known[:0], *ngrams]), known)
    found = numbers > 0
    ends = np.concatenate([[0], np.cumsum(found)])[np.cumsum([0, *map(len, ngrams)])]
    return csr_matrix((np.ones(ends[-1], np.float32), numbers[found] - 1, ends),
                      shape=(len(ngrams), len(known)))


def fit_svm(table: Any, classes: NDArray[Any], count: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fit a linear SVM on rows that are scaled and then normalized.

    Parameters
    ----------
    table : scipy.sparse.csr_matrix, shape (texts, n-grams)
        As `rows_of` gives it.
    classes : numpy.ndarray, int, shape (texts,)
    count : int
        Number of classes.
    seed : int

    Returns
    -------
    weights : numpy.ndarray, shape (count, n-grams)
    scale : numpy.ndarray, shape (n-grams,)
        Factor of each n-gram, applied before rows are normalized.
    """
    from sklearn.svm import LinearSVC

    counts = np.stack([np.asarray(table[classes == c].sum(0)).ravel() for c in range(count)])
    shares = (counts + 1) / (counts + 1).sum(1, keepdims=True)
    others = (counts.sum(0) - counts + 1) / (counts.sum(0) - counts + 1).sum(1, keepdims=True)
    idf = np.log((1 + len(classes)) / (1 + counts.sum(0))) + 1
    scale = np.abs(np.log(shares / others)).max(0) * idf
    model = LinearSVC(C=_REGULARISATION, class_weight="balanced", fit_intercept=False, random_state=seed)
    model.fit(_scaled(table, scale), classes)
    weights = model.coef_ if len(model.coef_) == count else np.concatenate([-model.coef_, model.coef_]) / 2
    return weights, scale


def _scaled(table: Any, scale: NDArray[Any]) -> Any:
    from sklearn.preprocessing import normalize

    return normalize(table.multiply(scale[None].astype(np.float32)).tocsr(), copy=False)


def _scores(table: Any, weights: NDArray[Any], scale: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(_scaled(table, scale) @ weights.T, np.float32)


def _calibration(scores: NDArray[Any], classes: NDArray[Any]) -> float:
    """The factor that turns scores into logits. The bias of each class is left for the network to learn."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    scores = scores.astype(np.float64)  # float32 is too coarse for the finite differences of the slope

    def loss(values: NDArray[Any]) -> float:
        logits = values[0] * scores + values[1:]
        return float(np.mean(logsumexp(logits, axis=1) - logits[np.arange(len(logits)), classes]))

    return float(np.clip(minimize(loss, [1.0, *np.zeros(scores.shape[1])]).x[0], 0.0, 100.0))


__all__ = ["FOLDS", "LinearBranch", "fit_linear", "fit_svm", "frequent", "rows_of"]
