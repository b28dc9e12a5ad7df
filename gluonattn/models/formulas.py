"""Pooling, layer normalisation and the smoothed loss with their gradients, in numpy. `numpy_ops` makes MXNet operators of
them. (The MLP score has its own file, `additive.py`.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PIECE = 131_072  # numbers of an array that are computed at once: half a megabyte stays in the processor's cache


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

def smoothed_losses(logits: Any, targets: Any, smoothing: float) -> NDArray[Any]:
    """Cross-entropy with targets smoothed towards uniform (Szegedy et al. 2016).

    Parameters
    ----------
    logits : numpy.ndarray, float32, shape (N, V)
    targets : numpy.ndarray, float32, shape (N,)
        Classes; -1 where there is none.
    smoothing : float
        Weight of the uniform distribution.

    Returns
    -------
    numpy.ndarray, float32, shape (N,)
        0 where there is no class.
    """
    losses = np.zeros(len(logits), np.float32)
    for part, rows, classes in _pieces(logits, targets):
        piece = rows - rows.max(axis=1, keepdims=True)
        expected = _expected_logits(piece, classes, smoothing)
        losses[part] = np.log(np.exp(piece, out=piece).sum(axis=1)) - expected
    losses[targets < 0] = 0
    return losses


def smoothed_gradient(logits: Any, targets: Any, losses: Any, smoothing: float, gradient: Any, out: Any) -> None:
    """Write the gradient of `smoothed_losses` with respect to the logits.

    Parameters
    ----------
    logits, targets, smoothing
        As for `smoothed_losses`.
    losses : numpy.ndarray, float32, shape (N,)
        Its result.
    gradient : numpy.ndarray, float32, shape (N,)
        With respect to the losses.
    out : numpy.ndarray, float32, shape (N, V)
        Where it is written.
    """
    for part, rows, classes in _pieces(logits, targets):
        log_sums = losses[part] + _expected_logits(rows, classes, smoothing)
        log_sums[targets[part] < 0] = np.inf  # so that their probabilities are 0
        piece = np.subtract(rows, log_sums[:, None], out=out[part])
        np.exp(piece, out=piece)
        piece -= np.float32(smoothing / logits.shape[1])
        piece[np.arange(len(rows)), classes] -= np.float32(1 - smoothing)
        piece *= (gradient[part] * (targets[part] >= 0))[:, None]


def _expected_logits(logits: Any, classes: Any, smoothing: float) -> NDArray[Any]:
    """The mean of each row's logits under its smoothed target."""
    of_class = logits[np.arange(len(logits)), classes]
    if smoothing:
        of_class = (1 - smoothing) * of_class + smoothing * logits.mean(axis=1)
    result: NDArray[Any] = of_class
    return result


def _pieces(logits: Any, targets: Any) -> Iterator[tuple[slice, NDArray[Any], NDArray[Any]]]:
    """Rows that fit in the processor's cache: their places, themselves, and their classes (0 where there is none)."""
    step = max(1, _PIECE // logits.shape[1])
    for first in range(0, len(logits), step):
        part = slice(first, first + step)
        yield part, logits[part], np.maximum(targets[part], 0).astype(np.int64)
