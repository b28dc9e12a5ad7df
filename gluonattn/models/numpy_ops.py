"""The MLP score, the pooling and layer normalisation as MXNet operators in numpy, for the CPU. They are faster, and
(B, T, T, units) is never held.

MXNet calls them by name (`F.Custom`) and passes its own memory, so nothing is
copied. An exported symbol with them would need this module to load. A model
therefore uses them only after `compute_in_numpy`, which training and prediction
with MXNet call on the CPU. Training limits numpy's matrix products to one thread
(`gluonattn.threads`), because they are too small to share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime import memory_of, mx
from .additive import additive_gradients, additive_scores


def compute_in_numpy(model: Any) -> None:
    """Let a model's MLP cells, pooling and layer normalisations use these operators. Call this before `hybridize`.

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


def pool(context: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    """Concatenated mean and maximum over the valid positions of each text.

    Parameters
    ----------
    context : numpy.ndarray, float32, shape (B, T, C)
    mask : numpy.ndarray, float32, shape (B, T)
        1 at valid positions. Each text has at least one.

    Returns
    -------
    numpy.ndarray, float32, shape (B, 2 C)
    """
    fractions = mask / mask.sum(axis=1, keepdims=True)
    largest = (context + (mask - 1)[:, :, None] * np.float32(1e9)).max(axis=1)
    return np.concatenate([(fractions[:, None] @ context)[:, 0], largest], axis=1)


def pool_gradient(context: Any, mask: Any, features: Any, gradient: Any) -> NDArray[Any]:
    """Gradient of `pool` with respect to `context`. Positions with the same maximum share it.

    Parameters
    ----------
    context, mask
        As for `pool`.
    features, gradient : numpy.ndarray, float32, shape (B, 2 C)
        The result of `pool`, and the gradient with respect to it.

    Returns
    -------
    numpy.ndarray, float32, shape (B, T, C)
    """
    width = context.shape[2]
    total = (context == features[:, None, width:]) * mask[:, :, None]  # (B, T, C)
    total *= (gradient[:, width:] / total.sum(axis=1))[:, None]
    total += (mask / mask.sum(axis=1, keepdims=True))[:, :, None] * gradient[:, None, :width]
    result: NDArray[Any] = total
    return result


def normalise(x: Any, gamma: Any, beta: Any, epsilon: float) -> NDArray[Any]:
    """Layer normalisation over the last axis (Ba, Kiros and Hinton 2016).

    Parameters
    ----------
    x : numpy.ndarray, float32, shape (..., C)
    gamma, beta : numpy.ndarray, float32, shape (C,)
    epsilon : float
        Added to the variance.

    Returns
    -------
    numpy.ndarray, float32, shape (..., C)
    """
    standard, _ = _standardise(x.reshape(-1, x.shape[-1]), epsilon)
    standard *= gamma
    standard += beta
    result: NDArray[Any] = standard.reshape(x.shape)
    return result


def normalise_gradients(x: Any, gamma: Any, epsilon: float,
                        gradient: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Gradients of `normalise` with respect to `x`, `gamma` and `beta`.

    Parameters
    ----------
    x, gamma, epsilon
        As for `normalise`.
    gradient : numpy.ndarray, float32, shape (..., C)
        With respect to its result.

    Returns
    -------
    three numpy.ndarray, float32, shapes (..., C), (C,) and (C,)
    """
    width = x.shape[-1]
    standard, rate = _standardise(x.reshape(-1, width), epsilon)
    rows = gradient.reshape(-1, width)
    of_gamma, of_beta = np.einsum("nc,nc->c", rows, standard), np.ones(len(rows), np.float32) @ rows
    inner = rows * gamma
    along = np.einsum("nc,nc->n", inner, standard) / np.float32(width)
    inner -= inner.mean(axis=1, keepdims=True)
    standard *= along[:, None]
    inner -= standard
    inner *= rate
    return inner.reshape(x.shape), of_gamma, of_beta


def _standardise(rows: Any, epsilon: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows with mean 0 and variance 1, and the reciprocal of each row's standard deviation."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    variance = np.einsum("nc,nc->n", centred, centred) / np.float32(rows.shape[1])
    rate = (1 / np.sqrt(variance + np.float32(epsilon)))[:, None]
    centred *= rate
    return centred, rate


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


def _share_memory(array: Any) -> NDArray[Any]:
    return memory_of(array, wait=False)


def _store(target: Any, how: str, values: NDArray[Any]) -> None:
    """Treat a result as MXNet requests: ignore, write or add it."""
    if how == "add":
        _share_memory(target)[...] += values
    elif how != "null":
        _share_memory(target)[...] = values
