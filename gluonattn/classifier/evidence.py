"""Fit the n-gram model whose output the network reads as evidence. It is fitted before the network, in five folds.

It is a linear SVM over n-grams scaled by naive Bayes log-count ratios (Wang and Manning 2012). Such a model memorizes the
texts it was fitted on. Each training text therefore takes the tables of the fold that has seen neither it nor any text
equal to it (stacking: Wolpert 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.evidence import ORDERS, Evidence, cut, find_places, place_values, sum_by_token
from ..data.ngrams import texts_ngrams
from ..plain import bare_key
from ..record import Token
from ..text import tokenizer
from ..training.settings import SMALL
from .linear import FOLDS, fit_svm, frequent, rows_of
from .settings import ClassifierSettings

if TYPE_CHECKING:
    from ..text.tokens import Tokens

_CHUNK = 2048  # texts read at once


class Tables(NamedTuple):
    """Fitted tables: one for each fold, and one for all texts.

    Attributes
    ----------
    known : numpy.ndarray, uint32, shape (n-grams,)
        Sorted hashes.
    scores : numpy.ndarray, float32, shape (FOLDS + 1, n-grams + 1, K)
        As in `Evidence`. Table `FOLDS` is fitted on all texts.
    squares : numpy.ndarray, float32, shape (FOLDS + 1, n-grams + 1)
    unseen : numpy.ndarray, int8, shape (texts,)
        The table that has not seen each text it was fitted on.
    """

    known: NDArray[Any]
    scores: NDArray[Any]
    squares: NDArray[Any]
    unseen: NDArray[Any]


def fit_evidence(settings: ClassifierSettings, texts: Sequence[str], tokens: Tokens, targets: NDArray[Any],
                 order: Sequence[int], own: int,
                 fitting: Callable[[int, int], None] | None) -> tuple[Evidence, NDArray[Any]]:
    """Fit a model's evidence on its labelled training texts, and compute it for every token.

    Parameters
    ----------
    settings : ClassifierSettings
        Resolved.
    texts : sequence of str
    tokens : Tokens
        Tokens of all texts.
    targets : numpy.ndarray, float32, shape (len(order), classes)
        Rows of probabilities, in the order of `order`.
    order : sequence of int
        Numbers of texts. The first `own` are the labelled ones to train on.
    own : int
    fitting : callable or None
        Called with (fits done, fits in all).

    Returns
    -------
    evidence : Evidence
    shares : numpy.ndarray, float32, shape (tokens of all texts, channels)
        Each channel is divided by its spread.
    """
    mine = order[:own]
    tables = fit_tables([texts[i] for i in mine], [tokens[i] for i in mine], targets[:own],
                        2 if own < SMALL else 3, settings.seed, fitting)
    which = np.full(len(texts), FOLDS)
    which[mine] = tables.unseen
    shares = share_out(tables, which, texts, tokens, tokenizer(settings.tokenizer), settings.max_length)
    evidence = evidence_of(tables, spread_of(shares, tokens.ends, mine))
    shares /= evidence.spread
    return evidence, shares


def fit_tables(texts: Sequence[str], tokens: Sequence[Sequence[str]], targets: NDArray[Any], min_count: int, seed: int = 0,
               progress: Callable[[int, int], None] | None = None) -> Tables:
    """Fit the n-gram model on all texts, and on all texts except each fifth.

    Parameters
    ----------
    texts : sequence of str
    tokens : sequence of sequences of str
    targets : numpy.ndarray, float32, shape (texts, classes)
        Rows of probabilities; the greatest is the class.
    min_count : int
        Texts in which an n-gram must occur.
    seed : int, default 0
        Seed of the folds. Texts that differ only in white space and quotes are in the same fold.
    progress : callable or None
        Called with (fits done, fits in all).
    """
    ngrams: list[NDArray[Any]] = []
    for first in range(0, len(texts), _CHUNK):
        ngrams += texts_ngrams(texts[first : first + _CHUNK], tokens[first : first + _CHUNK])
    known = frequent(ngrams, min_count)
    table = rows_of(ngrams, known)
    del ngrams
    unseen = _folds(texts, seed)
    classes, count = targets.argmax(1), targets.shape[1]
    columns = 1 if count == 2 else count
    scores = np.zeros((FOLDS + 1, len(known) + 1, columns), np.float32)
    squares = np.zeros((FOLDS + 1, len(known) + 1), np.float32)
    for fold in range(FOLDS + 1):
        kept = unseen != fold  # the last table is fitted on all texts
        weights, scale = fit_svm(table[kept], classes[kept], count, seed)
        if columns == 1:
            weights = weights[1:] - weights[:1]
        scores[fold, 1:], squares[fold, 1:] = (weights * scale).T, scale**2
        if progress:
            progress(fold + 1, FOLDS + 1)
    return Tables(known, scores, squares, unseen)


def share_out(tables: Tables, which: NDArray[Any], texts: Sequence[str], tokens: Sequence[Sequence[str]],
              split: Callable[[str], list[Token]], max_length: int) -> NDArray[Any]:
    """Compute the scores of every token of many texts, one text after the other.

    Parameters
    ----------
    tables : Tables
    which : numpy.ndarray, int, shape (texts,)
        The table of each text.
    texts, tokens
    split : callable
        The tokenizer.
    max_length : int
        Tokens of a text that are read. Later tokens get zeros.

    Returns
    -------
    numpy.ndarray, float32, shape (tokens of all texts, 6 K)
        Not divided by the spread.
    """
    lengths = np.array([len(own) for own in tokens])
    ends = np.cumsum(lengths)
    found = np.zeros((int(lengths.sum()), len(ORDERS) * tables.scores.shape[2]), np.float32)
    for table in np.unique(which):
        own = np.flatnonzero(which == table)
        for first in range(0, len(own), _CHUNK):
            part = own[first : first + _CHUNK]
            read, words = cut([texts[i] for i in part], [tokens[i] for i in part], split, max_length)
            places = find_places(read, words, split, tables.known)
            values = sum_by_token(places, place_values(places, tables.scores[table], tables.squares[table], len(part)))
            kept = np.minimum(lengths[part], max_length)
            rows = np.repeat(ends[part] - lengths[part] - (np.cumsum(kept) - kept), kept) + np.arange(kept.sum())
            found[rows] = values
    return found


def spread_of(shares: NDArray[Any], ends: NDArray[Any], texts: Sequence[int]) -> NDArray[Any]:
    """Standard deviation of each channel over the tokens of some texts; 1 where a channel is constant.

    Parameters
    ----------
    shares : numpy.ndarray, shape (tokens, channels)
    ends : numpy.ndarray, shape (all texts + 1,)
        Text i has the tokens from ``ends[i]`` to ``ends[i + 1]``.
    texts : sequence of int
    """
    chosen = np.zeros(len(shares), bool)
    for i in texts:
        chosen[ends[i] : ends[i + 1]] = True
    found = shares[chosen].std(axis=0, dtype=np.float64)
    return np.where(found > 0, found, 1.0)


def evidence_of(tables: Tables, spread: NDArray[Any]) -> Evidence:
    """The table of all texts, as a checkpoint stores it.

    Parameters
    ----------
    tables : Tables
    spread : numpy.ndarray, shape (channels,)
        As `spread_of` gives it.
    """
    return Evidence(tables.known, tables.scores[FOLDS], tables.squares[FOLDS], spread.astype(np.float32))


def _folds(texts: Sequence[str], seed: int) -> NDArray[Any]:
    """A fold for each text; equal texts have the same."""
    numbers: dict[str, int] = {}
    groups = np.array([numbers.setdefault(bare_key(text), len(numbers)) for text in texts])
    result: NDArray[Any] = (np.random.default_rng(seed).permutation(len(numbers)) % FOLDS).astype(np.int8)[groups]
    return result
