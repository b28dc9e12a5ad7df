"""Propagate differences back through the Bi-GRU by DeepLIFT's Rescale rule (Shrikumar et al. 2017); see `account`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .engines.recurrence import Recurrence, by_step

_SMALL = 1e-6  # for smaller differences the derivative between the two is used


def follow_back(recurrence: Recurrence, gates: NDArray[Any], slope: NDArray[Any],
               several: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Turn coefficients of the states into multipliers of the inputs' part of the gates.

    With reset r, update z, f = U h + b and the new state n = tanh(a_n + r f), a step is h' = (1 - z) n + z h. The
    coefficients of h' reach the three gates by factors for each unit, and h by these and U: one matrix for each step.

    Parameters
    ----------
    recurrence : Recurrence
        After its forward pass over two inputs: the text and the baseline.
    gates : numpy.ndarray, shape (T, 2, 2, 3H)
        The parts of the gates of these inputs: places, directions, inputs.
    slope : numpy.ndarray, shape (T, 2H)
        Coefficients of each state.
    several : bool
        Whether to compute `paths`.

    Returns
    -------
    multipliers : numpy.ndarray, shape (T, 2, 3H)
    paths : numpy.ndarray, shape (T, T), or None
        What entered at each place (row) and was read at each place (column); None unless `several`.
    """
    length, hidden = len(slope), slope.shape[1] // 2
    change = by_step(gates[:, :, 0] - gates[:, :, 1])  # (T, 2, 3H)
    slope = by_step(slope.reshape(length, 2, hidden))
    factors, kept = _factors(recurrence, by_step(gates))
    mean_reset = recurrence.shares[..., :hidden].mean(axis=2)
    fed = factors.copy()
    fed[:, :, 2] *= mean_reset  # the new state's part of U passes through the reset gate
    weights = recurrence.weights.reshape(2, 3, hidden, hidden)
    diagonal = np.arange(hidden)
    totals = np.empty((length, 2, hidden))
    read = np.zeros((2, length, length)) if several else None  # [direction, step that reads, step that enters]
    # With `several`, a row for each reading step. A read at a step reaches that step and earlier ones, so later rows wait.
    asked = np.zeros((2, length if several else 1, hidden))
    for step in range(length - 1, -1, -1):
        rows = slice(step, None) if several else slice(None)
        asked[:, step if several else 0] += slope[step]
        totals[step] = asked[:, rows].sum(axis=1)
        if read is not None:
            entering = (factors[step] * change[step].reshape(2, 3, hidden)).sum(axis=1)  # (2, H)
            read[:, rows, step] = (asked[:, rows] @ entering[:, :, None])[..., 0]
        back = (fed[step, :, :, :, None] * weights).sum(axis=1)  # (2, H, H)
        back[:, diagonal, diagonal] += kept[step]
        asked[:, rows] = asked[:, rows] @ back
    multipliers = by_step((totals[:, :, None] * factors).reshape(length, 2, 3 * hidden))
    return multipliers, None if read is None else (read[0] + read[1, ::-1, ::-1]).T


def _factors(recurrence: Recurrence, gates: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The factors of each gate for the coefficients of a step's new state, and the part that reaches the previous state.

    Parameters
    ----------
    recurrence : Recurrence
    gates : numpy.ndarray, shape (T, 2, 2, 3H)
        The parts of the gates in the order of steps.

    Returns
    -------
    factors : numpy.ndarray, shape (T, 2, 3, H)
        Factors of the reset gate, the update gate and the new state.
    kept : numpy.ndarray, shape (T, 2, H)
    """
    hidden = recurrence.fed.shape[-1]
    before, fed = recurrence.states[:-1], recurrence.fed
    shares, new = recurrence.shares[..., : 2 * hidden], recurrence.shares[..., 2 * hidden :]
    both = slice(0, 2 * hidden)
    early = gates[..., both] + before @ recurrence.weights[:, both].swapaxes(1, 2) + recurrence.biases[..., both]
    late = gates[..., 2 * hidden :] + shares[..., :hidden] * fed
    quotient = _quotient(early, shares, _sigmoid_slope)
    kept = shares[..., hidden:].mean(axis=2)
    by_new = (1 - kept) * _quotient(late, new, lambda x: 1 - np.tanh(x) ** 2)
    by_reset = by_new * fed.mean(axis=2) * quotient[..., :hidden]
    by_update = (before.mean(axis=2) - new.mean(axis=2)) * quotient[..., hidden:]
    return np.stack([by_reset, by_update, by_new], axis=2), kept


def _quotient(inputs: NDArray[Any], outputs: NDArray[Any], slope: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    """Difference of two outputs (..., 2, H) over that of the inputs; for tiny differences the derivative between them."""
    change = inputs[..., 0, :] - inputs[..., 1, :]
    small = np.abs(change) < _SMALL
    quotient = (outputs[..., 0, :] - outputs[..., 1, :]) / np.where(small, 1.0, change)
    return np.where(small, slope(inputs.mean(axis=-2)), quotient)


def _sigmoid_slope(values: NDArray[Any]) -> NDArray[Any]:
    share = 1 / (1 + np.exp(-values))
    result: NDArray[Any] = share * (1 - share)
    return result
