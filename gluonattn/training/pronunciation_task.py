"""What is special to training a model of pronunciation: words as numbers, the loss, and when a word is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..data.batches import to_device
from ..data.padding import padded
from ..models.transformer import Transformer
from ..runtime import mx, nlp
from ..text.jamo import ALPHABET
from ..text.pronunciation_pairs import Pair
from .loop import Part
from .tasks import Task

BEGIN, END = "<s>", "</s>"


class Word(NamedTuple):
    """A word as numbers.

    Attributes
    ----------
    ids : numpy.ndarray, int32
        Written letters and the end.
    said : numpy.ndarray, int32
        The beginning and the spoken letters: what the decoder reads.
    """

    ids: np.ndarray
    said: np.ndarray


class PronunciationTask(Task):
    """Words and how they are said: right is a word whose every letter, and end, is the most probable one.

    That is the share of words that greedy decoding says right: it errs where one letter is not the most probable
    after the right ones before it, and only there.
    """

    unit = "words"

    def build(self, **model):
        return Transformer(**model)

    def batchify(self, padding, device, fixed_length=None):
        return lambda words: as_arrays(words, padding, device)

    def loss(self, smoothing):
        return LetterCrossEntropy(smoothing)

    def right(self, logits, targets):
        targets = targets[:, : logits.shape[1]]
        return ((logits.argmax(axis=2) == targets) + (targets < 0) > 0).min(axis=1)


class LetterCrossEntropy(mx.gluon.HybridBlock):
    """Mean over a word's letters of the cross-entropy against targets smoothed towards uniform.

    (B, T, V) and float32 (B, T or more), -1 where there is no letter -> (B,).
    """

    def __init__(self, smoothing: float, **kwargs):
        super().__init__(**kwargs)
        self._smoothing = smoothing

    def hybrid_forward(self, F, logits, targets):
        log_p = F.log_softmax(logits)
        targets = F.slice_like(targets, F.mean(logits, axis=2))
        real = targets >= 0
        right = F.pick(log_p, F.maximum(targets, 0), axis=2)
        each = -(1 - self._smoothing) * right - self._smoothing * F.mean(log_p, axis=2)
        return F.sum(each * real, axis=1) / F.sum(real, axis=1)


def as_arrays(words: Sequence[Word], padding: int, device) -> tuple:
    """The model's inputs: source (B, S), its lengths (B,) and target (B, T), padded."""
    lengths = np.array([len(word.ids) for word in words], np.float32)
    return tuple(to_device(array, device)
                 for array in (_table([w.ids for w in words], padding), lengths, _table([w.said for w in words], padding)))


def _table(rows: Sequence[np.ndarray], padding: int) -> np.ndarray:
    return padded([row - padding for row in rows]) + np.int32(padding)


def make_vocabulary():
    """GluonNLP's Vocab of the conjoining jamo, with tokens for beginning and end."""
    return nlp.Vocab(nlp.data.count_tokens(ALPHABET), unknown_token="<unk>", padding_token="<pad>",
                     bos_token=BEGIN, eos_token=END)


def encode(pairs: Sequence[Pair], vocabulary) -> Part:
    """Pairs as examples and targets."""
    begin, end = (vocabulary[[token]] for token in (BEGIN, END))
    words = [Word(np.array([*vocabulary[list(pair.said.written)], *end], np.int32),
                  np.array([*begin, *vocabulary[list(pair.said.spoken)]], np.int32)) for pair in pairs]
    targets = _table([np.append(word.said[1:], end[0]) for word in words], -1)
    return Part(words, targets.astype(np.float32))  # type: ignore[arg-type]
