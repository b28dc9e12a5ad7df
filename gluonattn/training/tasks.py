"""The interface between the training loop and a task. Each task has a subclass in its own room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..runtime import mx

if TYPE_CHECKING:
    from .settings import TrainingSettings


class Task:
    """Examples, a model of them, its loss, and which answers are correct.

    Attributes
    ----------
    unit : str
        What examples are called.
    settings : TrainingSettings
    """

    unit = "examples"

    def __init__(self, settings: TrainingSettings):
        self.settings = settings

    def build(self, **model):
        """The model: ``model(*inputs)`` is logits and weights; `model` are its keyword arguments."""
        raise NotImplementedError

    def loss(self, smoothing: float):
        """A block of (logits, targets) to (B,)."""
        raise NotImplementedError

    def correct(self, F, logits, targets):
        """1 for each example with the correct answer, else 0; shape (B,).

        Parameters
        ----------
        F : module
            mxnet.nd or mxnet.sym.
        logits, targets : array, shape (B, ...)
        """
        raise NotImplementedError

    def masks(self, model, inputs: tuple[np.ndarray, ...], rng) -> tuple[np.ndarray, ...]:
        """Dropout masks for `forward`, float32. MXNet draws the dropout that has no mask here.

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
        """Whether some dropout has no mask here, and so needs MXNet's seed."""
        return _has_dropout(model.attention if hasattr(model, "masks") else model)

    def forward(self, model, inputs: tuple, masks: tuple):
        """Logits in training.

        Parameters
        ----------
        model : HybridBlock
        inputs : tuple of arrays
        masks : tuple of arrays
            Dropout masks, as `masks` gives them.
        """
        return model(*inputs, *masks)[0]


class Objective(mx.gluon.HybridBlock):
    """What a step computes, as one graph: the loss of a batch, summed, and how many answers are correct.

    Called with targets, offsets where there are any, and what the task's `forward` takes.

    Parameters
    ----------
    task : Task
    model : HybridBlock
    smoothing : float
    offsets : bool
        Whether a linear branch's logits are given. The network then learns to be correct with them, and by itself.
    masks : int
        How many of the last arguments are dropout masks.
    **kwargs
        Of `mxnet.gluon.HybridBlock`.
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
        return loss, F.sum(self._task.correct(F, logits, targets))


def dropout_mask(shape: Sequence[int], rate: float, rng) -> np.ndarray:
    """0 for what is dropped, and 1 / (1 - rate) for what is kept; float32.

    Parameters
    ----------
    shape : sequence of int
    rate : float
        In steps of 1/65536.
    rng : numpy.random.Generator
    """
    least = round(rate * 65536)
    numbers = np.frombuffer(rng.bytes(2 * math.prod(shape)), np.uint16).reshape(shape)
    return (numbers >= least) * np.float32(65536 / (65536 - least))


def _has_dropout(block) -> bool:
    is_dropout = type(block) is mx.gluon.nn.Dropout and block._rate > 0
    return is_dropout or any(map(_has_dropout, block._children.values()))
