"""The training task of a pronunciation model: words as numbers, the loss, and the correct words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.padding import pad_rows
from ..models.transformer import Transformer
from ..runtime import mx, nlp
from ..text.jamo import ALPHABET
from ..training.loop import Part
from ..training.tasks import Task
from .pairs import Pair

BEGIN, END = "<s>", "</s>"


class Words(NamedTuple):
    """Words as numbers, with the interface of `data.packed.Packed`.

    Attributes
    ----------
    lengths : numpy.ndarray, int64, shape (words,)
        Number of written letters, with the end mark.
    written : numpy.ndarray, int32, shape (words, S)
        Written letters and the end mark, padded.
    said : numpy.ndarray, int32, shape (words, T)
        The decoder's input: the beginning mark and the spoken letters, padded.
    said_lengths : numpy.ndarray, int64, shape (words,)
    """

    lengths: NDArray[Any]
    written: NDArray[Any]
    said: NDArray[Any]
    said_lengths: NDArray[Any]
    fixed: None = None

    def batch(self, positions: Sequence[int], word_dropout: float = 0.0,
              rng: np.random.Generator | None = None) -> tuple[NDArray[Any], ...]:
        """The model's inputs: source (B, S), its lengths (B,) and target (B, T), padded; nothing is dropped.

        Parameters
        ----------
        positions : sequence of int
            Positions of the words.
        word_dropout, rng
            Not used. No letter is dropped.
        """
        lengths, width = self.lengths[positions], self.said_lengths[positions].max()
        return (self.written[positions, : lengths.max()], lengths.astype(np.float32), self.said[positions, :width])


class PronunciationTask(Task):
    """Words and their pronunciation. A word is correct if all its letters and the end mark are the most probable ones.

    The fraction of correct words is that of greedy decoding, which errs exactly where a letter is not the most
    probable one after the correct letters before it.
    """

    unit = "words"

    def build(self, **model: Any) -> Any:
        return Transformer(**model)

    def loss(self, smoothing: float) -> Any:
        return LetterCrossEntropy(smoothing)

    def correct(self, F: Any, logits: Any, targets: Any) -> Any:
        targets = F.slice_like(targets, F.mean(logits, axis=2))
        return F.min((F.argmax(logits, axis=2) == targets) + (targets < 0) > 0, axis=1)


class LetterCrossEntropy(mx.gluon.HybridBlock):
    """Cross-entropy with targets smoothed towards uniform, mean over a word's letters.

    Logits (B, T, V) and float32 targets (B, T or more), -1 where there is no letter -> losses (B,).

    Parameters
    ----------
    smoothing : float
        Weight of the uniform distribution in the targets.
    **kwargs
        Arguments of `mxnet.gluon.HybridBlock`.
    """

    def __init__(self, smoothing: float, **kwargs: Any):
        super().__init__(**kwargs)
        self._smoothing = smoothing

    def hybrid_forward(self, F: Any, logits: Any, targets: Any) -> Any:
        log_p = F.log_softmax(logits)
        targets = F.slice_like(targets, F.mean(logits, axis=2))
        real = targets >= 0
        log_p_target = F.pick(log_p, F.maximum(targets, 0), axis=2)
        each = -(1 - self._smoothing) * log_p_target - self._smoothing * F.mean(log_p, axis=2)
        return F.sum(each * real, axis=1) / F.sum(real, axis=1)


def _table(rows: Sequence[NDArray[Any]], padding: int) -> NDArray[Any]:
    return pad_rows([row - padding for row in rows]) + np.int32(padding)


def make_vocabulary() -> Any:
    """Make GluonNLP's Vocab of the conjoining jamo, with tokens for the beginning and the end."""
    return nlp.Vocab(nlp.data.count_tokens(ALPHABET), unknown_token="<unk>", padding_token="<pad>",
                     bos_token=BEGIN, eos_token=END)


def encode(pairs: Sequence[Pair], vocabulary: Any) -> Part:
    """Convert pairs to texts and targets.

    Parameters
    ----------
    pairs : sequence of Pair
    vocabulary : gluonnlp.Vocab
        Vocabulary from `make_vocabulary`.
    """
    begin, end = (vocabulary[[token]] for token in (BEGIN, END))
    padding = vocabulary[vocabulary.padding_token]
    written = [np.array([*vocabulary[list(pair.said.written)], *end], np.int32) for pair in pairs]
    said = [np.array([*begin, *vocabulary[list(pair.said.spoken)]], np.int32) for pair in pairs]
    words = Words(np.array([len(row) for row in written]), _table(written, padding), _table(said, padding),
                  np.array([len(row) for row in said]))
    targets = _table([np.append(row[1:], end[0]) for row in said], -1)
    return Part(words, targets.astype(np.float32))
