"""The language model of `gluonattn.classifier.language` in torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, embedding

from ..training.tasks import Task, dropout_mask
from .engines.forward import DIRECTIONS
from .engines.torch_engine import TorchClassifier
from .torch_task import initial_weights

if TYPE_CHECKING:
    from .pretraining import LanguageSettings

_SPARSE = ("embedding.weight", "said.weight")


class TorchLanguageModel(TorchClassifier):
    """Embedding -> Bi-GRU -> each direction's next word, with one output table; like `LanguageModel`.

    Parameters
    ----------
    sampled : int
        Words with which the correct one is compared in training; 0 is all of them.
    vocab_size, embed_size, hidden_size, unknown, padding, evidence, embed_dropout
        As for `gluonattn.classifier.language.LanguageModel`.
    """

    def __init__(self, sampled: int, vocab_size: int, embed_size: int, hidden_size: int, unknown: int, padding: int,
                 evidence: int = 0, embed_dropout: float = 0.2):
        width = embed_size + evidence
        shapes = {"embedding.weight": (vocab_size, embed_size), "said.weight": (vocab_size, hidden_size),
                  "said.bias": (vocab_size,)}
        for prefix in DIRECTIONS["default"]:
            shapes.update({f"{prefix}i2h_weight": (3 * hidden_size, width),
                           f"{prefix}h2h_weight": (3 * hidden_size, hidden_size),
                           f"{prefix}i2h_bias": (3 * hidden_size,), f"{prefix}h2h_bias": (3 * hidden_size,)})
        super().__init__("default", {"vocab_size": vocab_size}, initial_weights(shapes))
        self._sampled, self._silent, self._evidence, self._rate = sampled, (unknown, padding), evidence, embed_dropout
        self._embed_size, self._hidden = embed_size, hidden_size

    def masks(self, batch: int, length: int) -> tuple[Any, ...]:
        """Shape and rate of the dropout mask.

        Parameters
        ----------
        batch, length : int
            Texts, and tokens of the longest.
        """
        return (((batch, length, self._embed_size), self._rate),)

    def forward(self, ids: Any, valid_length: Any, kept_words: Any = None, sampled: Any = None) -> Any:
        """Mean loss of each text, and the share of its words that were predicted correctly: (B, 2).

        Parameters
        ----------
        ids : torch.Tensor, int32, shape (B, T)
        valid_length : torch.Tensor, int32, shape (B,)
        kept_words : torch.Tensor or None
            Dropout mask of the words; None lets torch draw it.
        sampled : torch.Tensor or None
            Numbers of the words with which the correct one is compared.
        """
        words = self.embed("embedding", ids)
        words = self.dropout(words, self._rate) if kept_words is None else words * kept_words
        if self._evidence:
            words = torch.cat([words, words.new_zeros(*words.shape[:2], self._evidence)], dim=2)
        states = self.recurrent(words, valid_length, DIRECTIONS["default"])
        rows = torch.cat([states[:, :-1, : self._hidden], states[:, 1:, self._hidden :]], dim=1)
        asked = torch.cat([ids[:, 1:], ids[:, :-1]], dim=1)
        counted = (asked != self._silent[0]) & (asked != self._silent[1])
        flat, labels = rows.flatten(0, 1), asked.flatten().long()
        if sampled is None and self._sampled and self.training:  # on a GPU, where torch draws them
            sampled = draw_words(torch.rand(self._sampled, device=ids.device), self.model["vocab_size"])
        loss, right = self._against_all(flat, labels) if sampled is None else self._against(flat, labels, sampled)
        total = counted.sum(dim=1) + 1e-6
        found = torch.stack([loss, right], dim=1).unflatten(0, asked.shape) * counted[:, :, None]
        return found.sum(dim=1) / total[:, None]

    def _against_all(self, rows: Any, labels: Any) -> Any:
        scores = torch.nn.functional.linear(rows, self.weight("said.weight"), self.weight("said.bias"))
        return cross_entropy(scores.float(), labels, reduction="none"), (scores.argmax(dim=1) == labels).float()

    def _against(self, rows: Any, labels: Any, sampled: Any) -> Any:
        """Loss and probability of the correct words (N,) against the sampled words (Jean et al. 2015)."""
        sampled = sampled.long()
        table, bias = self.weight("said.weight"), self.weight("said.bias")
        sparse = not table.is_cuda
        right = (embedding(labels, table, sparse=sparse) * rows).sum(dim=1) + bias[labels]
        others = rows @ embedding(sampled, table, sparse=sparse).T + bias[sampled]
        others = others.masked_fill(labels[:, None] == sampled, -1e37)
        expected = [len(sampled) * torch.log((n + 2.0) / (n + 1.0)) / math.log(self.model["vocab_size"] + 1)
                    for n in (labels, sampled)]
        scores = torch.cat([(right - expected[0].log())[:, None], others - expected[1].log()], dim=1)
        loss = -torch.log_softmax(scores.float(), dim=1)[:, 0]
        return loss, torch.exp(-loss.detach())


class TorchLanguageTask(Task):
    """Like `gluonattn.classifier.language.LanguageTask`."""

    unit = "texts"
    stage = "pretraining"
    settings: LanguageSettings

    def build(self, **model: Any) -> Any:
        return TorchLanguageModel(self.settings.sampled, **model)

    def loss(self, smoothing: float) -> Any:
        return lambda outcome, targets: outcome[:, 0]

    def correct(self, F: Any, logits: Any, targets: Any) -> Any:
        return logits[:, 1]

    def masks(self, model: Any, inputs: tuple[NDArray[Any], ...], rng: np.random.Generator) -> tuple[Any, ...]:
        (shape, rate), = model.masks(*inputs[0].shape)
        words = draw_words(rng.random(self.settings.sampled), model.model["vocab_size"]) if self.settings.sampled else None
        mask = dropout_mask(shape, rate, rng)
        return (mask,) if words is None else (mask, words)

    def sparse_parameters(self, model: Any) -> Sequence[str]:
        return _SPARSE if self.settings.sampled else ()

    def forward(self, model: Any, inputs: Any, masks: Any) -> Any:
        return model(*inputs, *masks)


def draw_words(uniform: Any, words: int) -> Any:
    """Draw numbers of words by rank (Zipf), from uniform random numbers.

    Parameters
    ----------
    uniform : numpy.ndarray or torch.Tensor
        From 0 to 1.
    words : int
        Size of the vocabulary.
    """
    if isinstance(uniform, np.ndarray):
        return np.minimum(np.exp(uniform * math.log(words + 1)) - 1, words - 1).astype(np.int32)
    return (torch.exp(uniform * math.log(words + 1)) - 1).clamp(max=words - 1).to(torch.int32)
