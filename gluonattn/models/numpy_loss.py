"""Cross-entropy over large vocabularies as an MXNet operator in numpy, for the CPU.

The logits are read once forward and once backward, in pieces that fit a processor's cache. See `numpy_ops` for how MXNet
calls it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime import mx
from .numpy_ops import _hold_interrupts, _share_memory, _store

_ROWS = 32  # 1 MB of 8,000 logits a row


def smoothed_losses(logits: Any, targets: Any, smoothing: float) -> NDArray[Any]:
    """Cross-entropy with targets smoothed towards uniform (Szegedy et al. 2016), in nats.

    Parameters
    ----------
    logits : numpy.ndarray, float32, shape (N, V)
    targets : numpy.ndarray, shape (N,)
        Ids; a negative one has loss 0.
    smoothing : float
        Weight of the uniform distribution in the targets.

    Returns
    -------
    numpy.ndarray, float32, shape (N,)
    """
    losses = np.empty(len(logits), np.float32)
    at = np.maximum(targets, 0).astype(np.intp)
    for first in range(0, len(logits), _ROWS):
        part = slice(first, first + _ROWS)
        rows = logits[part]
        rows = rows - rows.max(axis=1, keepdims=True)
        mean, of_target = rows.mean(axis=1), rows[np.arange(len(rows)), at[part]]
        total = np.log(np.exp(rows, out=rows).sum(axis=1))
        losses[part] = total - np.float32(1 - smoothing) * of_target - np.float32(smoothing) * mean
    losses[targets < 0] = 0
    return losses


def smoothed_gradient(logits: Any, targets: Any, gradient: Any, smoothing: float, out: Any) -> None:
    """Write the gradient of `smoothed_losses` with respect to `logits`.

    Parameters
    ----------
    logits, targets, smoothing
        As for `smoothed_losses`.
    gradient : numpy.ndarray, float32, shape (N,)
        With respect to its result.
    out : numpy.ndarray, float32, shape (N, V)
        Filled with the gradient.
    """
    at = np.maximum(targets, 0).astype(np.intp)
    scale = np.where(targets < 0, 0, gradient).astype(np.float32)
    for first in range(0, len(logits), _ROWS):
        part = slice(first, first + _ROWS)
        rows, of_row = out[part], scale[part, None]
        np.subtract(logits[part], logits[part].max(axis=1, keepdims=True), out=rows)
        np.exp(rows, out=rows)
        rows *= of_row / rows.sum(axis=1, keepdims=True)
        rows -= of_row * np.float32(smoothing / logits.shape[1])
        rows[np.arange(len(rows)), at[part]] -= of_row[:, 0] * np.float32(1 - smoothing)


class _SmoothedLoss(mx.operator.CustomOp):
    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self._smoothing = smoothing

    @_hold_interrupts()
    def forward(self, is_train: Any, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
        logits, targets = map(_share_memory, in_data)
        found = smoothed_losses(logits.reshape(-1, logits.shape[-1]), targets.ravel(), self._smoothing)
        _store(out_data[0], req[0], found.reshape(targets.shape))

    @_hold_interrupts()
    def backward(self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any) -> None:
        logits, targets = map(_share_memory, in_data)
        gradient, into = map(_share_memory, (out_grad[0], in_grad[0]))
        width = logits.shape[-1]
        flat = into.reshape(-1, width) if req[0] == "write" else np.empty((targets.size, width), np.float32)
        smoothed_gradient(logits.reshape(-1, width), targets.ravel(), gradient.ravel(), self._smoothing, flat)
        if req[0] != "write":
            _store(in_grad[0], req[0], flat.reshape(logits.shape))
        _store(in_grad[1], req[1], np.zeros((), np.float32))


@mx.operator.register("gluonattn_smoothed_loss")
class _SmoothedLossProp(mx.operator.CustomOpProp):
    """logits (B, T, V), targets (B, T) -> losses (B, T)."""

    def __init__(self, smoothing: str = "0") -> None:
        super().__init__(need_top_grad=True)
        self._smoothing = float(smoothing)

    def list_arguments(self) -> list[str]:
        return ["logits", "targets"]

    def infer_shape(self, in_shape: Any) -> tuple[list[Any], list[Any], list[Any]]:
        rows = in_shape[0][:-1]
        return [in_shape[0], rows], [rows], []

    def declare_backward_dependency(self, out_grad: Any, in_data: Any, out_data: Any) -> list[Any]:
        return [*out_grad, *in_data]

    def create_operator(self, *_: Any) -> Any:
        return _SmoothedLoss(self._smoothing)
