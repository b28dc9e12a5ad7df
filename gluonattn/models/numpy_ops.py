"""The MLP score, the pooling, layer normalisation and the smoothed loss as MXNet operators in numpy, for the CPU. They are
faster, and (B, T, T, units) is never held.

MXNet calls them by name (`F.Custom`) and passes its own memory, so nothing is
copied. An exported symbol with them would need this module to load. A model
therefore uses them only after `compute_in_numpy`, which training and prediction
with MXNet call on the CPU. Training limits numpy's matrix products to one thread
(`gluonattn.threads`), because they are too small to share.

MXNet keeps one list of the arrays that a gradient reads, that of the operator which was declared last
(`mxnet.operator._registry.result_deps`), and applies it to all. An array in this list that another operator left out has
no storage type, and training ends there. So whatever one operator declares, every other that has this place declares too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime import memory_of, mx
from .additive import additive_gradients, additive_scores
from .formulas import normalise, normalise_gradients, pool, pool_gradient, smoothed_gradient, smoothed_losses


def compute_in_numpy(model: Any) -> None:
    """Let MLP cells, pooling, layer normalisations and losses inside a block use these operators. Call this before
    `hybridize`.

    Parameters
    ----------
    model : mxnet.gluon.Block
        On the CPU.
    """
    if hasattr(model, "in_numpy"):
        model.in_numpy = True
    for child in model._children.values():
        compute_in_numpy(child)


_interrupted = False


@contextmanager
def _hold_interrupts() -> Iterator[Any]:
    """Keep a Ctrl-C for `raise_interrupt`. Inside a call from MXNet, it would become an MXNet error."""
    global _interrupted
    try:
        yield
    except KeyboardInterrupt:
        _interrupted = True


def raise_interrupt() -> None:
    """Raise the KeyboardInterrupt that arrived inside one of these operators, whose result is then invalid."""
    global _interrupted
    if _interrupted:
        _interrupted = False
        raise KeyboardInterrupt


class _Score(mx.operator.CustomOp):
    @_hold_interrupts()
    def forward(self, is_train: Any, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
        query, key, v = map(_share_memory, in_data)
        _store(out_data[0], req[0], additive_scores(query, key, v[:, 0]))

    @_hold_interrupts()
    def backward(self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any) -> None:
        query, key, v = map(_share_memory, in_data)
        gradients = additive_gradients(query, key, v[:, 0], _share_memory(out_grad[0]))
        for array, how, values in zip(in_grad, req, gradients):
            _store(array, how, values.reshape(array.shape))


@mx.operator.register("gluonattn_mlp_score")
class _ScoreProp(mx.operator.CustomOpProp):
    """query (B, Tq, U), key (B, Tk, U), v (U, 1) -> (B, Tq, Tk)."""

    def __init__(self) -> None:
        super().__init__(need_top_grad=True)

    def list_arguments(self) -> list[str]:
        return ["query", "key", "v"]

    def infer_shape(self, in_shape: Any) -> tuple[Sequence[Sequence[int]], list[list[int]], list[list[int]]]:
        query, key, _ = in_shape
        return in_shape, [[query[0], query[1], key[1]]], []

    def declare_backward_dependency(self, out_grad: Any, in_data: Any, out_data: Any) -> list[Any]:
        return [*out_grad, *in_data]

    def create_operator(self, *_: Any) -> Any:
        return _Score()


class _Pool(mx.operator.CustomOp):
    @_hold_interrupts()
    def forward(self, is_train: Any, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
        _store(out_data[0], req[0], pool(*map(_share_memory, in_data)))

    @_hold_interrupts()
    def backward(self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any) -> None:
        context, mask = map(_share_memory, in_data)
        gradients = pool_gradient(context, mask, _share_memory(out_data[0]), _share_memory(out_grad[0]))
        _store(in_grad[0], req[0], gradients)
        _store(in_grad[1], req[1], np.zeros((), np.float32))


@mx.operator.register("gluonattn_pool")
class _PoolProp(mx.operator.CustomOpProp):
    """context (B, T, C), mask (B, T) -> (B, 2 C)."""

    def __init__(self) -> None:
        super().__init__(need_top_grad=True)

    def list_arguments(self) -> list[str]:
        return ["context", "mask"]

    def infer_shape(self, in_shape: Any) -> tuple[Sequence[Sequence[int]], list[list[int]], list[list[int]]]:
        batch, _, width = in_shape[0]
        return in_shape, [[batch, 2 * width]], []

    def create_operator(self, *_: Any) -> Any:
        return _Pool()


class _Normalise(mx.operator.CustomOp):
    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self._epsilon = epsilon

    @_hold_interrupts()
    def forward(self, is_train: Any, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
        x, gamma, beta = map(_share_memory, in_data)
        _store(out_data[0], req[0], normalise(x, gamma, beta, self._epsilon))

    @_hold_interrupts()
    def backward(self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any) -> None:
        x, gamma, _ = map(_share_memory, in_data)
        gradients = normalise_gradients(x, gamma, self._epsilon, _share_memory(out_grad[0]))
        for array, how, values in zip(in_grad, req, gradients):
            _store(array, how, values)


@mx.operator.register("gluonattn_normalise")
class _NormaliseProp(mx.operator.CustomOpProp):
    """x (..., C), gamma (C,), beta (C,) -> (..., C)."""

    def __init__(self, epsilon: str = "1e-5") -> None:
        super().__init__(need_top_grad=True)
        self._epsilon = float(epsilon)

    def list_arguments(self) -> list[str]:
        return ["x", "gamma", "beta"]

    def infer_shape(self, in_shape: Any) -> tuple[list[Any], list[Any], list[Any]]:
        width = in_shape[0][-1:]
        return [in_shape[0], width, width], [in_shape[0]], []

    def declare_backward_dependency(self, out_grad: Any, in_data: Any, out_data: Any) -> list[Any]:
        return [*out_grad, *in_data]

    def create_operator(self, *_: Any) -> Any:
        return _Normalise(self._epsilon)


class _SmoothedLosses(mx.operator.CustomOp):
    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self._smoothing = smoothing

    @_hold_interrupts()
    def forward(self, is_train: Any, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
        logits, targets = map(_share_memory, in_data)
        losses = smoothed_losses(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), self._smoothing)
        _store(out_data[0], req[0], losses.reshape(targets.shape))

    @_hold_interrupts()
    def backward(self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any) -> None:
        logits, targets = map(_share_memory, in_data)
        rows = logits.reshape(-1, logits.shape[-1])
        direct = req[0] in ("write", "inplace")  # usual, and saves an array as large as the logits
        found = _share_memory(in_grad[0]).reshape(rows.shape) if direct else np.empty_like(rows)
        smoothed_gradient(rows, targets.reshape(-1), _share_memory(out_data[0]).reshape(-1), self._smoothing,
                          _share_memory(out_grad[0]).reshape(-1), found)
        if not direct:
            _store(in_grad[0], req[0], found.reshape(logits.shape))
        _store(in_grad[1], req[1], np.zeros((), np.float32))


@mx.operator.register("gluonattn_smoothed_losses")
class _SmoothedLossesProp(mx.operator.CustomOpProp):
    """logits (..., V), targets (...) -> losses (...)."""

    def __init__(self, smoothing: str = "0") -> None:
        super().__init__(need_top_grad=True)
        self._smoothing = float(smoothing)

    def list_arguments(self) -> list[str]:
        return ["logits", "targets"]

    def infer_shape(self, in_shape: Any) -> tuple[list[Any], list[Any], list[Any]]:
        places = in_shape[0][:-1]
        return [in_shape[0], places], [places], []

    def create_operator(self, *_: Any) -> Any:
        return _SmoothedLosses(self._smoothing)


def _share_memory(array: Any) -> NDArray[Any]:
    return memory_of(array, wait=False)


def _store(target: Any, how: str, values: NDArray[Any]) -> None:
    """Treat a result as MXNet requests: ignore, write or add it."""
    if how == "add":
        _share_memory(target)[...] += values
    elif how != "null":
        _share_memory(target)[...] = values
