"""A tokenized text as the numbers that a classifier takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .ngrams import known_ngrams, word_ngrams


class Example(NamedTuple):
    """One text.

    Attributes
    ----------
    ids : numpy.ndarray, int32, shape (tokens,)
    subwords : list of numpy.ndarray, int32, or None
        Character n-grams of each token; None if the model reads none.
    ngrams : numpy.ndarray, int32, shape (n-grams,), or None
        N-grams of the whole text that are in the linear branch; None if the model reads none.
    evidence : numpy.ndarray, float32, shape (tokens, channels), or None
        The network's evidence (`gluonattn.data.evidence`); None if the model reads none.
    """

    ids: NDArray[Any]
    subwords: list[NDArray[Any]] | None = None
    ngrams: NDArray[Any] | None = None
    evidence: NDArray[Any] | None = None


class Encoder:
    """Turns tokenized texts into examples.

    Parameters
    ----------
    vocabulary : gluonnlp.Vocab
        Or another object that returns ids for a list of token texts.
    max_length : int or None
        Number of tokens of a text that are read.
    subword_buckets : int, default 0
        As in `AttentionClassifier`; 0 reads none.
    known : numpy.ndarray, uint32, or None
        Sorted hashes of the linear branch's n-grams; None reads none.
    """

    def __init__(self, vocabulary: Any, max_length: int | None = None, subword_buckets: int = 0,
                 known: NDArray[Any] | None = None) -> None:
        self._vocabulary = vocabulary
        self._max_length = max_length
        self._subword_buckets, self._known = subword_buckets, known

    def __call__(self, text: str, tokens: Sequence[str]) -> Example:
        """Encode a text and its tokens.

        N-grams are those of the whole text, even if its tokens are truncated.

        Parameters
        ----------
        text : str
        tokens : sequence of str
        """
        everything, tokens = tokens, list(tokens[: self._max_length])
        return Example(
            np.array(self._vocabulary[tokens], dtype=np.int32),
            [word_ngrams(t, self._subword_buckets) for t in tokens] if self._subword_buckets else None,
            None if self._known is None else known_ngrams([text], [everything], self._known)[0],
        )
