"""A tokenized text as the numbers a classifier reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .ngrams import text_ngrams, word_ngrams

_NOTHING = np.zeros(0, np.int32)


class Example(NamedTuple):
    """One text.

    Attributes
    ----------
    ids : numpy.ndarray, int32, shape (tokens,)
    subwords : list of numpy.ndarray, int32, or None
        Character n-grams of each token; None where the model reads none.
    ngrams : numpy.ndarray, int32, shape (n-grams,), or None
        Character n-grams of the whole text; likewise.
    """

    ids: np.ndarray
    subwords: list[np.ndarray] | None = None
    ngrams: np.ndarray | None = None


class Encoder:
    """Makes examples.

    Parameters
    ----------
    vocabulary : gluonnlp.Vocab
        Anything that gives ids for a list of token texts.
    max_length : int or None
        Tokens that are read of one text.
    subword_buckets, ngram_buckets : int, default 0
        As in `AttentionClassifier`; 0 reads none.
    """

    def __init__(self, vocabulary, max_length: int | None = None, subword_buckets: int = 0,
                 ngram_buckets: int = 0):
        self._vocabulary = vocabulary
        self._max_length = max_length
        self._subword_buckets, self._ngram_buckets = subword_buckets, ngram_buckets

    def __call__(self, text: str, tokens: Sequence[str]) -> Example:
        """Encode a text and its tokens.

        N-grams of the text are those of all of it, also where its tokens are cut.
        """
        tokens = list(tokens[: self._max_length])
        return Example(
            np.array(self._vocabulary[tokens], dtype=np.int32),
            [word_ngrams(t, self._subword_buckets) for t in tokens] if self._subword_buckets else None,
            text_ngrams(text, self._ngram_buckets) if self._ngram_buckets else None,
        )


def buckets(model: Mapping) -> dict[str, int]:
    """What an `Encoder` must know of a model's keyword arguments."""
    return {name: model.get(name, 0) for name in ("subword_buckets", "ngram_buckets")}


def drop_words(examples: Sequence[Example], share: float, unknown: int, rng) -> list[Example]:
    """Replace a share of all tokens by the unknown one, and leave out that share of n-grams.

    Parameters
    ----------
    examples : sequence of Example
        They stay as they are.
    share : float
        From 0 to 1.
    unknown : int
        Id of the unknown token.
    rng : numpy.random.Generator
    """
    if not share:
        return list(examples)
    gone = _draw(rng, share, [len(e.ids) for e in examples])
    left_out = _draw(rng, share, [0 if e.ngrams is None else len(e.ngrams) for e in examples])
    return [
        Example(
            np.where(words, np.int32(unknown), e.ids),
            e.subwords and [_NOTHING if lost else s for s, lost in zip(e.subwords, words)],
            e.ngrams if e.ngrams is None else e.ngrams[~ngrams],
        )
        for e, words, ngrams in zip(examples, gone, left_out)
    ]


def _draw(rng, share: float, sizes: list[int]) -> list[np.ndarray]:
    return np.split(rng.random(sum(sizes)) < share, np.cumsum(sizes)[:-1])
