"""The classifier's task in the training loop: reviews and their labels."""

from __future__ import annotations

from typing import Any

from ..runtime import mx
from ..training.tasks import Task
from .network import build


class ReviewTask(Task):
    """Reviews and their labels."""

    unit = "reviews"

    def build(self, **model: Any) -> Any:
        return build(self.settings.recipe, **model)

    def loss(self, smoothing: float) -> Any:
        return SmoothedCrossEntropy(smoothing)

    def correct(self, F: Any, logits: Any, targets: Any) -> Any:
        return F.argmax(logits, axis=1) == F.argmax(targets, axis=1)

    def forward(self, model: Any, inputs: tuple[Any, ...], masks: tuple[Any, ...]) -> Any:
        if masks:
            missing = [None] * (model.inputs - len(inputs))  # while the network trains, the linear branch gets no input
            return model(*inputs, *missing, *masks)[0]
        return model(*inputs)[0]


class SmoothedCrossEntropy(mx.gluon.HybridBlock):
    """Cross-entropy against targets smoothed towards uniform; (B, classes) twice -> (B,).

    Parameters
    ----------
    smoothing : float
        Probability that is distributed uniformly over the classes.
    **kwargs
        Of MXNet's HybridBlock.
    """

    def __init__(self, smoothing: float, **kwargs: Any):
        super().__init__(**kwargs)
        self._smoothing = smoothing

    def hybrid_forward(self, F: Any, logits: Any, targets: Any) -> Any:
        log_p = F.log_softmax(logits)
        right = F.sum(log_p * targets, axis=1)
        return -(1 - self._smoothing) * right - self._smoothing * F.mean(log_p, axis=1)
