"""What is special to a task; the loop asks for it and is the same for all.

A task that is not reviews with labels has a module of its own beside this one, and a line in `task_of`.
"""

from __future__ import annotations

from ..data.batches import Batchify
from ..models.classifier import build
from ..runtime import mx
from .settings import Settings


class Task:
    """Reviews and their labels.

    Attributes
    ----------
    unit : str
        What examples are called.
    """

    unit = "reviews"

    def __init__(self, settings: Settings):
        self.settings = settings

    def build(self, **model):
        """The model: ``model(*inputs)`` is logits and weights; `model` are its keyword arguments."""
        return build(self.settings.recipe, **model)

    def batchify(self, padding: int, device, fixed_length: int | None = None):
        """A callable that makes the model's inputs, as a tuple of arrays, of a list of examples."""
        return Batchify(padding, device, fixed_length)

    def loss(self, smoothing: float):
        """A block of (logits, targets) to (B,)."""
        return SmoothedCrossEntropy(smoothing)

    def right(self, logits, targets):
        """1 for each example with the right answer, else 0; shape (B,)."""
        return logits.argmax(axis=1) == targets.argmax(axis=1)


class SmoothedCrossEntropy(mx.gluon.HybridBlock):
    """Cross-entropy against targets smoothed towards uniform; (B, classes) twice -> (B,)."""

    def __init__(self, smoothing: float, **kwargs):
        super().__init__(**kwargs)
        self._smoothing = smoothing

    def hybrid_forward(self, F, logits, targets):
        log_p = F.log_softmax(logits)
        right = F.sum(log_p * targets, axis=1)
        return -(1 - self._smoothing) * right - self._smoothing * F.mean(log_p, axis=1)


def task_of(settings: Settings) -> Task:
    """The task of a recipe."""
    if settings.recipe == "pronunciation":
        from .pronunciation_task import PronunciationTask

        return PronunciationTask(settings)
    return Task(settings)
