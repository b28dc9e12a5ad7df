"""Differences followed back through the Bi-GRU by DeepLIFT's Rescale rule (Shrikumar et al. 2017); see `account`."""

from __future__ import annotations

import numpy as np

from .engines.forward import DIRECTIONS
from .inside import ForwardSteps

_SMALL = 1e-6  # a smaller difference is handed on by the derivative between the two


def follow_back(inside: ForwardSteps, there: np.ndarray, empty: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Multipliers of what inputs bring into the gates, from those of the states.

    Parameters
    ----------
    there, empty : numpy.ndarray, shape (T, E)
        The inputs as they are, and where nothing entered.
    seeds : numpy.ndarray, shape (B, T, 2H)
        What is asked of the states, several times.

    Returns
    -------
    numpy.ndarray, shape (B, T, 2, 3H)
    """
    F, prefixes = inside.gradient, DIRECTIONS[inside.recipe]
    both = F.input_gates(np.stack([there, empty]), prefixes)  # (2, T, 2, 3H)
    hidden, found = seeds.shape[-1] // 2, np.empty((*seeds.shape[:2], 2, both.shape[-1]))
    for way, prefix in enumerate(prefixes):
        turn = slice(None, None, -1) if way else slice(None)
        own = seeds[:, turn, way * hidden : (way + 1) * hidden]
        steps = _Steps(F.weight(f"{prefix}h2h_weight"), F.weight(f"{prefix}h2h_bias"), both[:, turn, way])
        found[:, turn, way] = steps.back(own)
    return found


class _Steps:
    """The steps of one direction over two inputs at once: as they are, and where nothing entered.

    With reset r, update z, f = U h + b and the new state n = tanh(a_n + r f), a step is h' = (1 - z) n + z h.
    """

    def __init__(self, weight: np.ndarray, bias: np.ndarray, gates: np.ndarray):
        self.weight, hidden = weight, weight.shape[1]
        state = np.zeros((2, hidden))
        self.kept: list[tuple[np.ndarray, ...]] = []
        for own in gates.swapaxes(0, 1):  # (2, 3H)
            fed = state @ weight.T + bias
            early = own[:, : 2 * hidden] + fed[:, : 2 * hidden]
            share, fed_new = 1 / (1 + np.exp(-early)), fed[:, 2 * hidden :]
            late = own[:, 2 * hidden :] + share[:, :hidden] * fed_new
            new = np.tanh(late)
            self.kept.append((state, early, share, fed_new, late, new))
            state = new + share[:, hidden:] * (state - new)

    def back(self, seeds: np.ndarray) -> np.ndarray:
        """Multipliers (B, T, 3H) of the gates' inputs from those of the states (B, T, H), in the order of steps."""
        hidden = seeds.shape[-1]
        found = np.empty((*seeds.shape[:2], 3 * hidden))
        later = np.zeros((len(seeds), hidden))
        for step in range(len(self.kept) - 1, -1, -1):
            state, early, share, fed_new, late, new = self.kept[step]
            mean_share, mean_new = share.mean(axis=0), new.mean(axis=0)
            own = seeds[:, step] + later
            by_update = own * (state.mean(axis=0) - mean_new)
            by_late = own * (1 - mean_share[hidden:]) * _quotient(late, new, lambda x: 1 - np.tanh(x) ** 2)
            by_reset = by_late * fed_new.mean(axis=0)
            by_early = np.concatenate([by_reset, by_update], axis=1) * _quotient(early, share, _sigmoid_slope)
            fed = np.concatenate([by_early, by_late * mean_share[:hidden]], axis=1)
            later = own * mean_share[hidden:] + fed @ self.weight
            found[:, step] = np.concatenate([by_early, by_late], axis=1)
        return found


def _quotient(inputs: np.ndarray, outputs: np.ndarray, slope) -> np.ndarray:
    """Difference of two outputs over that of the inputs; where that is next to nothing, the slope between them."""
    change = inputs[0] - inputs[1]
    small = np.abs(change) < _SMALL
    return np.where(small, slope(inputs.mean(axis=0)), (outputs[0] - outputs[1]) / np.where(small, 1.0, change))


def _sigmoid_slope(values: np.ndarray) -> np.ndarray:
    share = 1 / (1 + np.exp(-values))
    return share * (1 - share)
