"""What is special to a task; the loop asks for it and is the same for all.

A task that is not reviews with labels has a module of its own beside this one, and a line in `task_of`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..classifier.network import build
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

    def loss(self, smoothing: float):
        """A block of (logits, targets) to (B,)."""
        return SmoothedCrossEntropy(smoothing)

    def right(self, F, logits, targets):
        """1 for each example with the right answer, else 0; shape (B,)."""
        return F.argmax(logits, axis=1) == F.argmax(targets, axis=1)

    def masks(self, model, inputs: tuple[np.ndarray, ...], rng) -> tuple[np.ndarray, ...]:
        """Dropout masks for `forward`, float32; what the model has no masks for, MXNet draws.

        Parameters
        ----------
        model : HybridBlock
            With a method `masks` that says their shapes and rates, or without masks.
        inputs : tuple of arrays
            Of the model; the first has shape (B, T).
        rng : numpy.random.Generator
        """
        if not hasattr(model, "masks"):
            return ()
        return tuple(dropout_mask(shape, rate, rng) for shape, rate in model.masks(*inputs[0].shape))

    def draws_in_mxnet(self, model) -> bool:
        """Whether there is dropout that has no masks, and needs MXNet's seed."""
        return _has_dropout(model.attention if hasattr(model, "masks") else model)

    def forward(self, model, inputs: tuple, masks: tuple):
        """Logits in training."""
        if masks:
            ids, valid_length, *more = inputs
            missing = [None] * (model.inputs - len(inputs))  # while the network trains, the linear branch reads nothing
            return model(ids, valid_length, *more, *missing, *masks)[0]
        return model(*inputs)[0]


class Objective(mx.gluon.HybridBlock):
    """What a step computes, as one graph: the loss of a batch, summed, and how many answers are right.

    Called with targets, offsets where there are any, and what the task's `forward` takes.

    Parameters
    ----------
    task : Task
    model : HybridBlock
    smoothing : float
    offsets : bool
        Whether a linear branch's logits are given. The network is to be right beside it, and by itself.
    masks : int
        How many of the last arguments are dropout masks.
    """

    def __init__(self, task: Task, model, smoothing: float, offsets: bool, masks: int, **kwargs):
        super().__init__(**kwargs)
        self.model, self.loss = model, task.loss(smoothing)
        self._task, self._offsets, self._masks = task, offsets, masks

    def hybrid_forward(self, F, targets, *arrays):
        offsets, inputs = (arrays[0], arrays[1:]) if self._offsets else (None, arrays)
        first = len(inputs) - self._masks
        logits = self._task.forward(self.model, inputs[:first], inputs[first:])
        if offsets is None:
            loss = F.sum(self.loss(logits, targets))
        else:
            # Not as a sum of two losses: where logits go into an addition and elsewhere, MXNet 1.9.1 computes a
            # wrong gradient with static_alloc.
            both = F.concat(logits, logits, dim=0) + F.concat(offsets, F.zeros_like(offsets), dim=0)
            loss = F.sum(self.loss(both, F.concat(targets, targets, dim=0))) / 2
            logits = F.BlockGrad(logits) + offsets
        return loss, F.sum(self._task.right(F, logits, targets))


class SmoothedCrossEntropy(mx.gluon.HybridBlock):
    """Cross-entropy against targets smoothed towards uniform; (B, classes) twice -> (B,)."""

    def __init__(self, smoothing: float, **kwargs):
        super().__init__(**kwargs)
        self._smoothing = smoothing

    def hybrid_forward(self, F, logits, targets):
        log_p = F.log_softmax(logits)
        right = F.sum(log_p * targets, axis=1)
        return -(1 - self._smoothing) * right - self._smoothing * F.mean(log_p, axis=1)


def dropout_mask(shape: Sequence[int], rate: float, rng) -> np.ndarray:
    """0 for what is dropped, and 1 / (1 - rate) for what is kept; float32. The rate goes in steps of 1/65536."""
    least = round(rate * 65536)
    numbers = np.frombuffer(rng.bytes(2 * math.prod(shape)), np.uint16).reshape(shape)
    return (numbers >= least) * np.float32(65536 / (65536 - least))


def _has_dropout(block) -> bool:
    own = type(block) is mx.gluon.nn.Dropout and block._rate > 0
    return own or any(map(_has_dropout, block._children.values()))


def task_of(settings: Settings) -> Task:
    """The task of a recipe."""
    if settings.recipe == "pronunciation":
        from ..pronunciation.task import PronunciationTask

        return PronunciationTask(settings)
    return Task(settings)
