"""The computation of one step with MXNet, as one graph."""

from __future__ import annotations

from typing import Any

from ..runtime import mx
from .tasks import Task


class Objective(mx.gluon.HybridBlock):
    """The summed loss of a batch, and the number of correct answers.

    Call it with the targets, the offsets if there are any, and the arguments of the task's `forward`.

    Parameters
    ----------
    task : Task
    model : HybridBlock
    smoothing : float
        Label smoothing.
    offsets : bool
        Whether logits of a linear branch are given. The network is then trained to be correct both with and without them.
    masks : int
        Number of last arguments that are dropout masks.
    **kwargs
        Arguments of `mxnet.gluon.HybridBlock`.
    """

    def __init__(self, task: Task, model: Any, smoothing: float, offsets: bool, masks: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.model, self.loss = model, task.loss(smoothing)
        self._task, self._offsets, self._masks = task, offsets, masks

    def hybrid_forward(self, F: Any, targets: Any, *arrays: Any) -> tuple[Any, Any]:
        offsets, inputs = (arrays[0], arrays[1:]) if self._offsets else (None, arrays)
        first = len(inputs) - self._masks
        logits = self._task.forward(self.model, inputs[:first], inputs[first:])
        if offsets is None:
            loss = F.sum(self.loss(logits, targets))
        else:
            # This is not a sum of two losses: if logits are used in an addition and elsewhere, MXNet 1.9.1
            # computes a wrong gradient with static_alloc.
            both = F.concat(logits, logits, dim=0) + F.concat(offsets, F.zeros_like(offsets), dim=0)
            loss = F.sum(self.loss(both, F.concat(targets, targets, dim=0))) / 2
            logits = F.BlockGrad(logits) + offsets
        return loss, F.sum(self._task.correct(F, logits, targets))


def has_dropout(block: Any) -> bool:
    """Whether a block, or a block in it, draws dropout with MXNet's generator."""
    is_dropout = type(block) is mx.gluon.nn.Dropout and block._rate > 0
    return is_dropout or any(map(has_dropout, block._children.values()))
