"""Pretraining on unlabelled texts: the embedding and the Bi-GRU learn to predict the next and the previous word.

The model is a bidirectional language model (as in ELMo: Peters et al. 2018) over the first layers of the classifier. Its
softmax is sampled (Jean et al. 2015; GluonNLP's `ISDense`). On a CPU, a softmax over all words takes hours per epoch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.gru import BiGRU
from ..runtime import mx, nlp
from ..training.tasks import Task, dropout_mask

nn = mx.gluon.nn

SAMPLED = 512  # words with which the correct one is compared


class LanguageModel(mx.gluon.HybridBlock):
    """Embedding -> Bi-GRU -> each direction's next word. Both directions share one output table.

    ``model(ids, valid_length) -> (outcome, valid_length)`` compares the correct word with all others. Given ``kept_words``
    (B, T, E), a dropout mask, and ``sampled`` (SAMPLED,), numbers of words, it compares with those words only. `outcome`
    (B, 2) is each text's mean loss, and the share of its words that were predicted correctly.

    Parameters
    ----------
    vocab_size, embed_size, hidden_size : int
        As in `AttentionClassifier`.
    unknown, padding : int
        Ids that are never predicted.
    evidence : int, default 0
        Channels of evidence that the Bi-GRU will read. Here they are 0.
    embed_dropout : float, default 0.2
    **kwargs
        Of MXNet's HybridBlock.
    """

    def __init__(self, vocab_size: int, embed_size: int, hidden_size: int, unknown: int, padding: int,
                 evidence: int = 0, embed_dropout: float = 0.2, **kwargs: Any):
        super().__init__(**kwargs)
        self._words, self._hidden, self._evidence = vocab_size, hidden_size, evidence
        self._embed_size, self._dropout, self._silent = embed_size, embed_dropout, (unknown, padding)
        with self.name_scope():
            self.embedding = nn.Embedding(vocab_size, embed_size, sparse_grad=True)
            self.bigru = BiGRU(hidden_size, input_size=embed_size + evidence)
            self.said = nlp.model.ISDense(vocab_size, SAMPLED, hidden_size)
            whole = nn.Dense(vocab_size, in_units=hidden_size, params=self.said.params)
            # The same parameters, for all words. It is not registered as a child, or the trainer would get them twice.
            self._whole = whole.__call__

    def hybrid_forward(self, F: Any, ids: Any, valid_length: Any, kept_words: Any = None, sampled: Any = None) -> Any:
        valid_length = F.cast(valid_length, "float32")
        words = self.embedding(ids)  # (B, T, E)
        if kept_words is not None:
            words = words * kept_words
        if self._evidence:
            nothing = F.slice_axis(F.zeros_like(words), axis=2, begin=0, end=1)
            words = F.concat(words, F.tile(nothing, reps=(1, 1, self._evidence)), dim=2)
        states = self.bigru(words, valid_length)  # (B, T, 2H)
        ahead = F.slice(states, begin=(None, None, 0), end=(None, -1, self._hidden))
        back = F.slice(states, begin=(None, 1, self._hidden), end=(None, None, None))
        asked = F.concat(F.slice_axis(ids, axis=1, begin=1, end=None), F.slice_axis(ids, axis=1, begin=0, end=-1), dim=1)
        rows = F.reshape(F.concat(ahead, back, dim=1), (-3, 0))  # (B * 2 (T - 1), H)
        labels = F.reshape(asked, (-1,))
        scores, right = self._against_all(F, rows, labels) if sampled is None else self._against(F, rows, labels, sampled)
        counted = F.cast((asked != self._silent[0]) * (asked != self._silent[1]), "float32")  # (B, 2 (T - 1))
        total = F.sum(counted, axis=1) + 1e-6
        found = F.stack(scores, right, axis=1)  # (B * 2 (T - 1), 2)
        found = F.reshape_like(found, counted, lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=2)
        return F.broadcast_div(F.sum(F.broadcast_mul(found, F.expand_dims(counted, 2)), axis=1), F.expand_dims(total, 1)), \
            valid_length

    def _against(self, F: Any, rows: Any, labels: Any, sampled: Any) -> Any:
        """Loss and correct predictions (N,) against the sampled words."""
        expected = [SAMPLED * F.log((numbers + 2) / (numbers + 1)) / math.log(self._words + 1)
                    for numbers in (F.cast(sampled, "float32"), F.cast(labels, "float32"))]
        predicted, _ = self.said(rows, [sampled, *expected], labels)
        loss = -F.reshape(F.slice_axis(F.log_softmax(predicted), axis=1, begin=0, end=1), (-1,))
        # Arithmetic instead of a comparison, which crashes MXNet 1.9.1 in a hybridized block.
        return loss, F.BlockGrad(F.exp(-loss))

    def _against_all(self, F: Any, rows: Any, labels: Any) -> Any:
        predicted = self._whole(rows)
        return -F.pick(F.log_softmax(predicted), labels, axis=1), F.argmax(predicted, axis=1) == F.cast(labels, "float32")

    def masks(self, batch: int, length: int) -> tuple[Any, ...]:
        """Shape and rate of the dropout mask.

        Parameters
        ----------
        batch, length : int
            Texts, and tokens of the longest.
        """
        return (((batch, length, self._embed_size), self._dropout),)


class LanguageTask(Task):
    """The language model as a task of the training loop. A text's loss is the mean over its words."""

    unit = "texts"
    stage = "pretraining"

    def build(self, **model: Any) -> Any:
        return LanguageModel(**model)

    def loss(self, smoothing: float) -> Any:
        return _First()

    def correct(self, F: Any, logits: Any, targets: Any) -> Any:
        return F.slice_axis(logits, axis=1, begin=1, end=2)

    def masks(self, model: Any, inputs: tuple[NDArray[Any], ...], rng: np.random.Generator) -> tuple[Any, ...]:
        # Words to compare with are drawn by rank under Zipf's law, like words in texts.
        (shape, rate), = model.masks(*inputs[0].shape)
        drawn = np.exp(rng.random(SAMPLED) * math.log(model._words + 1)) - 1
        return dropout_mask(shape, rate, rng), np.minimum(drawn, model._words - 1).astype(np.int32)

    def forward(self, model: Any, inputs: Any, masks: Any) -> Any:
        return model(*inputs, *masks)[0]


class _First(mx.gluon.HybridBlock):
    """The first column of a language model's outcome; (B, 2), (B, classes) -> (B,)."""

    def hybrid_forward(self, F: Any, outcome: Any, targets: Any) -> Any:
        return F.reshape(F.slice_axis(outcome, axis=1, begin=0, end=1), (-1,)) + 0 * F.sum(targets, axis=1)
