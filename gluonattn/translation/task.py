"""The training task of a translation model: sentences as numbers, the loss, and the figures of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.padding import pad_rows
from ..runtime import mx
from ..training.run import Part
from ..training.tasks import Task
from .network import TranslationTransformer
from .pairs import SentencePair
from .subwords import BEGIN, END, PADDING, Subwords


class Sentences(NamedTuple):
    """Pairs as numbers, with the interface of `data.packed.Packed`.

    Attributes
    ----------
    lengths : numpy.ndarray, int64, shape (pairs,)
        Length of the longer side. Batches have pairs of similar length.
    source : numpy.ndarray, int32, shape (pairs, S)
        Subwords and the end mark, padded.
    source_lengths : numpy.ndarray, int64, shape (pairs,)
    target : numpy.ndarray, int32, shape (pairs, T)
        The decoder's input: the beginning mark and the subwords, padded.
    target_lengths : numpy.ndarray, int64, shape (pairs,)
    """

    lengths: NDArray[Any]
    source: NDArray[Any]
    source_lengths: NDArray[Any]
    target: NDArray[Any]
    target_lengths: NDArray[Any]
    fixed: None = None

    def batch(self, positions: Sequence[int], word_dropout: float = 0.0, rng: Any = None) -> tuple[NDArray[Any], ...]:
        """The model's inputs: source (B, S), its lengths (B,) and target (B, T), padded.

        Parameters
        ----------
        positions : sequence of int
            Positions of the pairs.
        word_dropout, rng
            Not used. No subword is dropped.
        """
        lengths = self.source_lengths[positions]
        return (self.source[positions, : lengths.max()], lengths.astype(np.float32),
                self.target[positions, : self.target_lengths[positions].max()])


class TranslationTask(Task):
    """The task of translating sentence pairs. The accuracy is the fraction of target subwords that are the most probable.

    After each epoch the averaged weights translate the validation sources greedily, and the epoch with the highest BLEU is
    kept.

    Attributes
    ----------
    judge : callable or None
        Maps the run's model to BLEU and chrF by name. It is set in the process that writes the checkpoint. The others do not
        translate.
    """

    unit = "pairs"
    best = "valid_bleu"
    keep_step_losses = True
    judge: Any = None

    def build(self, **model: Any) -> Any:
        return TranslationTransformer(**model)

    def loss(self, smoothing: float) -> Any:
        return SubwordCrossEntropy(smoothing)

    def correct(self, F: Any, logits: Any, targets: Any) -> Any:
        targets = F.slice_like(targets, _positions_of(F, logits))
        real = targets >= 0
        return F.sum((F.argmax(logits, axis=2) == targets) * real, axis=1) / F.sum(real, axis=1)

    def figures(self, run: Any) -> dict[str, float]:
        return {} if self.judge is None else {f"valid_{name}": value for name, value in self.judge(run.model).items()}


class SubwordCrossEntropy(mx.gluon.HybridBlock):
    """Cross-entropy with targets smoothed towards uniform. The mean over a batch is the mean over its subwords.

    Logits (B, T, V) and float32 targets (B, T or more), -1 where there is no subword -> losses (B,).

    Parameters
    ----------
    smoothing : float
        Weight of the uniform distribution in the targets (Szegedy et al. 2016).
    **kwargs
        Arguments of `mxnet.gluon.HybridBlock`.

    Attributes
    ----------
    in_numpy : bool, default False
        Compute with `numpy_ops`. For the CPU.
    """

    in_numpy = False

    def __init__(self, smoothing: float, **kwargs: Any):
        super().__init__(**kwargs)
        self._smoothing = smoothing

    def hybrid_forward(self, F: Any, logits: Any, targets: Any) -> Any:
        targets = F.slice_like(targets, _positions_of(F, logits))
        real = targets >= 0
        subwords = F.mean(F.sum(real, axis=1), keepdims=True)
        if self.in_numpy:
            each = F.Custom(logits, targets, op_type="gluonattn_smoothed_losses", smoothing=str(self._smoothing))
            return F.broadcast_div(F.sum(each, axis=1), subwords)
        log_p = F.log_softmax(logits)
        each = (self._smoothing - 1) * F.pick(log_p, F.maximum(targets, 0), axis=2)
        if self._smoothing:
            # A product, because MXNet's mean over the last axis takes as long as all products of a layer.
            ones = F.ones_like(F.slice_axis(log_p, axis=1, begin=0, end=1))  # (B, 1, V)
            mean = F.broadcast_div(F.batch_dot(log_p, ones, transpose_b=True), F.sum(ones, axis=2, keepdims=True))
            each = each - self._smoothing * F.reshape(mean, shape=(0, 0))
        return F.broadcast_div(F.sum(each * real, axis=1), subwords)


def _positions_of(F: Any, logits: Any) -> Any:
    """An array with the first two axes of the logits, (B, T)."""
    logits = F.BlockGrad(logits)  # else a slice's gradient is an array as large as the logits
    return F.reshape(F.slice_axis(logits, axis=2, begin=0, end=1), shape=(0, 0))


def encode(pairs: Sequence[SentencePair], subwords: Subwords, max_length: int) -> tuple[Part, int]:
    """Convert pairs to inputs and targets. Also return the number of pairs left out because they are too long.

    Parameters
    ----------
    pairs : sequence of SentencePair
    subwords : Subwords
    max_length : int
        Maximum number of subwords, including the end (or beginning) mark.
    """
    sides = [subwords.ids([pair[side] for pair in pairs]) for side in (0, 1)]
    rows = [(source, target) for source, target in zip(*sides) if max(len(source), len(target)) < max_length]
    source = [np.array([*row, END], np.int32) for row, _ in rows]
    target = [np.array([BEGIN, *row], np.int32) for _, row in rows]
    lengths = np.array([[len(one), len(other)] for one, other in zip(source, target)], np.int64).reshape(-1, 2)
    sentences = Sentences(lengths.max(1, initial=0), _table(source, PADDING), lengths[:, 0], _table(target, PADDING),
                          lengths[:, 1])
    targets = _table([np.append(row[1:], END) for row in target], -1)
    return Part(sentences, targets.astype(np.float32)), len(pairs) - len(rows)


def _table(rows: Sequence[NDArray[Any]], padding: int) -> NDArray[Any]:
    return pad_rows([row - padding for row in rows]) + np.int32(padding) if rows else np.zeros((0, 1), np.int32)
