"""Many texts as flat arrays, for training and bulk prediction. They take little memory, and batches are made quickly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .ngrams import word_ngrams
from .padding import pad_rows
from .vocabulary import Vocabulary


class Packed(NamedTuple):
    """Tokenized texts, with the tables that map their words to numbers.

    Attributes
    ----------
    words : numpy.ndarray, int32, shape (tokens,)
        Row of each word in the tables.
    starts, lengths : numpy.ndarray, int64, shape (texts,)
        Start and length of each text in `words`.
    ids : numpy.ndarray, int32, shape (distinct words + 1,)
        Id of each word in the vocabulary. The last row is that of dropped words: the unknown token's.
    subwords : numpy.ndarray, int32, shape (distinct words + 1, K), or None
        Character n-grams of each word, padded with 0. A dropped word has none.
    padding : int
        Id of the padding token.
    fixed : int or None
        Pad every batch to this many tokens; None pads to its longest text.
    ngrams : list of numpy.ndarray, int32, or None
        N-grams of each text that are in the linear branch. None while the network trains, which uses the branch's
        logits as offsets.
    evidence : numpy.ndarray, float32, shape (tokens, channels), or None
        The network's evidence (`gluonattn.data.evidence`) for each token in `words`.
    """

    words: NDArray[Any]
    starts: NDArray[Any]
    lengths: NDArray[Any]
    ids: NDArray[Any]
    subwords: NDArray[Any] | None
    padding: int
    fixed: int | None = None
    ngrams: Sequence[NDArray[Any]] | None = None
    evidence: NDArray[Any] | None = None

    def take(self, texts: slice) -> Packed:
        """Select some of the texts. Nothing large is copied."""
        return self._replace(starts=self.starts[texts], lengths=self.lengths[texts],
                             ngrams=None if self.ngrams is None else self.ngrams[texts])

    def batch(self, positions: Sequence[int], word_dropout: float = 0.0,
              rng: np.random.Generator | None = None) -> tuple[NDArray[Any], ...]:
        """Make padded arrays of the texts at these positions.

        Parameters
        ----------
        positions : sequence of int
        word_dropout : float, default 0
            Fraction of words that are replaced by ``<unk>``.
        rng : numpy.random.Generator or None
            Chooses these words.

        Returns
        -------
        ids : numpy.ndarray, int32, shape (B, T)
        valid_length : numpy.ndarray, int32, shape (B,)
        subwords : numpy.ndarray, int32, shape (B, T, K)
            Only if there is a table of them.
        ngrams : numpy.ndarray, int32, shape (B, N)
            Only if the texts have them.
        evidence : numpy.ndarray, float32, shape (B, T, channels)
            Only if there is any. A dropped word keeps it.
        """
        lengths = self.lengths[positions]
        before = np.cumsum(lengths) - lengths
        places = np.repeat(self.starts[positions] - before, lengths) + np.arange(lengths.sum())
        words = self.words[places]
        if word_dropout:
            assert rng is not None
            words[rng.random(len(words)) < word_dropout] = len(self.ids) - 1
        ids = np.full((len(lengths), self.fixed or lengths.max()), self.padding, np.int32)
        real = np.arange(ids.shape[1]) < lengths[:, None]
        ids[real] = self.ids[words]
        arrays: list[NDArray[Any]] = [ids, lengths.astype(np.int32)]
        if self.subwords is not None:
            rows = self.subwords[words]
            widest = max(1, int((rows > 0).sum(1).max()))
            subwords = np.zeros((*ids.shape, widest), np.int32)
            subwords[real] = rows[:, :widest]
            arrays.append(subwords)
        if self.ngrams is not None:
            arrays.append(pad_rows([self.ngrams[i] for i in positions]))
        if self.evidence is not None:
            evidence = np.zeros((*ids.shape, self.evidence.shape[1]), np.float32)
            evidence[real] = self.evidence[places]
            arrays.append(evidence)
        return tuple(arrays)


def pack(tokens: Any, order: Sequence[int] | slice, vocabulary: Vocabulary, max_length: int, *,
         subword_buckets: int = 0,
         fixed: int | None = None, ngrams: Sequence[NDArray[Any]] | None = None,
         evidence: NDArray[Any] | None = None) -> Packed:
    """Pack texts in the given order, truncated to `max_length` tokens.

    Parameters
    ----------
    tokens : gluonattn.text.tokens.Tokens
    order : sequence of int, or slice
    vocabulary : Vocabulary
    max_length : int
    subword_buckets : int, default 0
        As in `AttentionClassifier`; 0 makes no n-grams.
    fixed : int or None
        See `Packed`. At least `max_length`.
    ngrams : sequence of numpy.ndarray or None
        See `Packed`. In the given order.
    evidence : numpy.ndarray or None
        See `Packed`. A row for every token of `tokens`, in their own order.
    """
    ids = np.array([*vocabulary[tokens.words], vocabulary.unknown], np.int32)
    subwords = None
    if subword_buckets:
        subwords = pad_rows([*(word_ngrams(word, subword_buckets) for word in tokens.words), ids[:0]])
    lengths = np.minimum(tokens.lengths, max_length)
    return Packed(tokens.numbers, tokens.ends[:-1][order], lengths[order], ids, subwords, vocabulary.padding, fixed,
                  ngrams, evidence)
