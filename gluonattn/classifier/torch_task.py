"""The classifier's task in the training loop with torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch.nn.functional import log_softmax

from ..training.tasks import Task
from .engines.forward import shapes
from .engines.torch_engine import TorchClassifier


class TorchReviewTask(Task):
    """Like `gluonattn.classifier.task.ReviewTask`, on torch tensors."""

    unit = "reviews"

    def build(self, **model: Any) -> Any:
        return TrainedClassifier(self.settings.recipe, model, initial_weights(shapes(self.settings.recipe, model)))

    def loss(self, smoothing: float) -> Any:
        def smoothed_cross_entropy(logits: Any, targets: Any) -> Any:
            log_p = log_softmax(logits, dim=1)
            return -(1 - smoothing) * (log_p * targets).sum(dim=1) - smoothing * log_p.mean(dim=1)

        return smoothed_cross_entropy

    def correct(self, F: Any, logits: Any, targets: Any) -> Any:
        return F.argmax(logits, axis=1) == F.argmax(targets, axis=1)

    def sparse_parameters(self, model: Any) -> Sequence[str]:
        return [name for name in ("embedding.weight", "subword_embedding.weight")
                if self.settings.recipe == "default" and name in model.state_dict()]

    def forward(self, model: Any, inputs: tuple[Any, ...], masks: tuple[Any, ...]) -> Any:
        model.kept = {mask.dim(): mask for mask in masks}
        return model(*inputs)[0]


class TrainedClassifier(TorchClassifier):
    """A classifier that accepts dropout masks of the words (B, T, E) and of the pooled features (B, 4H).

    Parameters
    ----------
    recipe, model, weights
        As for `TorchClassifier`.

    Attributes
    ----------
    kept : dict of int to torch.Tensor
        Masks by their number of axes. Torch draws missing ones.
    """

    def __init__(self, recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]]):
        super().__init__(recipe, model, weights)
        self.kept: dict[int, torch.Tensor] = {}

    def masks(self, batch: int, length: int) -> tuple[Any, ...]:
        """Shape and rate of the dropout masks for a batch, as for `AttentionClassifier`.

        Parameters
        ----------
        batch, length : int
            Texts, and tokens of the longest.
        """
        if self.recipe == "post":
            return ()
        model, rate = self.model, self.model.get("embed_dropout")
        width = model["embed_size"] + (model["subword_size"] if model.get("subword_buckets") else 0)
        return (((batch, length, width), model["dropout"] if rate is None else rate),
                ((batch, 4 * model["hidden_size"]), model["dropout"]))

    def dropout(self, values: Any, rate: float) -> Any:
        mask = self.kept.get(values.dim()) if self.training else None
        return super().dropout(values, rate) if mask is None else values * mask


def initial_weights(shapes_by_name: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[Any]]:
    """Initial values as MXNet draws them: matrices by Xavier's rule, in [-sqrt(6 / (in + out)), sqrt(6 / (in + out))].

    (Glorot and Bengio 2010.) N-grams of words have a standard deviation of 0.1, biases are 0, and the norm of a normalised
    vector is 1 / sqrt(units). Values are drawn from torch's generator.

    Parameters
    ----------
    shapes_by_name : mapping of str to tuple of int
        As `gluonattn.classifier.engines.forward.shapes` gives it.
    """
    found = {}
    # Attention is drawn last, so that models with different cells have the same other values.
    for name, shape in sorted(shapes_by_name.items(), key=lambda item: (item[0].startswith("attention."), item[0])):
        values = torch.zeros(shape)
        if name.startswith("subword_embedding."):
            values.normal_(0, 0.1)[0] = 0  # padding
        elif len(shape) == 2 and not name.startswith("ngram_"):
            bound = math.sqrt(6 / sum(shape))
            values.uniform_(-bound, bound)
        elif name.endswith(".g"):
            values.fill_(1 / math.sqrt(shapes_by_name[name[:-1] + "v"][1]))
        found[name] = values.numpy()
    return found
