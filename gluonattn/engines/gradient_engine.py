"""The forward pass in float64 for derivatives: `autograd` follows every operation.

Needs neither MXNet nor torch. Slower than the other engines, and for one text at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import autograd.numpy as np
import numpy
from autograd.extend import defvjp, primitive

from .numpy_engine import NumpyClassifier


@primitive
def _gru(gates, weight, bias, mask):
    """States (B, T, H) of one direction from its inputs' part of the gates (B, T, 3H)."""
    state, states = numpy.zeros((len(gates), weight.shape[1])), []
    for step in range(gates.shape[1]):
        _, update, new, _ = _parts(gates[:, step], state @ weight.T + bias)
        state = (new + update * (state - new)) * mask[:, step]
        states.append(state)
    return numpy.stack(states, axis=1)


def _gru_gradient(states, gates, weight, bias, mask):
    """Back through time. One operation: following each step's parts would take ten times as long."""
    before = numpy.concatenate([numpy.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
    reset, update, new, fed_new = _parts(gates, before @ weight.T + bias)

    def backward(slope):
        found, later = numpy.empty_like(gates), 0.0
        for step in range(gates.shape[1] - 1, -1, -1):
            r, z, n = reset[:, step], update[:, step], new[:, step]
            own = (slope[:, step] + later) * mask[:, step]
            by_new = own * (1 - z) * (1 - n * n)
            by_reset = by_new * fed_new[:, step] * r * (1 - r)
            by_update = own * (before[:, step] - n) * z * (1 - z)
            found[:, step] = numpy.concatenate([by_reset, by_update, by_new], axis=-1)
            later = own * z + numpy.concatenate([by_reset, by_update, by_new * r], axis=-1) @ weight
        return found

    return backward


defvjp(_gru, _gru_gradient, argnums=(0,))


def _parts(gates, fed):
    """Reset gate, update gate, new state, and the state's part of the latter."""
    hidden = gates.shape[-1] // 3
    share = (1 + numpy.tanh((gates[..., : 2 * hidden] + fed[..., : 2 * hidden]) / 2)) / 2
    reset, fed_new = share[..., :hidden], fed[..., 2 * hidden :]
    return reset, share[..., hidden:], numpy.tanh(gates[..., 2 * hidden :] + reset * fed_new), fed_new


class GradientClassifier(NumpyClassifier):
    """The operations that `NumpyClassifier` computes in place, written so that they can be derived."""

    def __init__(self, recipe: str, model: dict, weights: Mapping[str, numpy.ndarray]):
        super().__init__(recipe, model, weights)
        self._doubled: dict[str, numpy.ndarray] = {}

    def weight(self, name: str) -> Any:
        if name not in self._doubled:
            self._doubled[name] = self._weights[name].astype(numpy.float64)
        return self._doubled[name]

    def embed(self, name, ids):
        return self._weights[f"{name}.weight"].take(ids, axis=0).astype(numpy.float64)

    def linear(self, inputs, weight, bias=None):
        product = np.dot(inputs, self.weight(weight).T)
        return product if bias is None else product + self.weight(bias)

    def recurrent(self, inputs, valid_length, prefixes):
        """States (B, T, 2H) of inputs (B, T, E)."""
        mask = self.mask(numpy.zeros(inputs.shape[:2]), valid_length)[:, :, None]
        both = []
        for prefix, way in zip(prefixes, (1, -1)):
            gates = self.linear(inputs, f"{prefix}i2h_weight", f"{prefix}i2h_bias")[:, ::way]
            fed = self.weight(f"{prefix}h2h_weight"), self.weight(f"{prefix}h2h_bias")
            both.append(_gru(gates, *fed, mask[:, ::way])[:, ::way])
        return np.concatenate(both, axis=-1)

    def additive(self, query, key, v):
        """Scores v tanh(query + key): (B, T, U), (B, T, U), (1, U) -> (B, T, T)."""
        return np.dot(np.tanh(query[:, :, None] + key[:, None]), v[0])

    def softmax(self, scores, mask):
        """Over the last axis, where mask (B, 1, T, T) is 1; elsewhere 0."""
        scores = self.hide(scores, mask)
        shares = np.exp(scores - self.greatest(scores)) * mask
        return shares / np.maximum(np.sum(shares, axis=-1, keepdims=True), 1e-30)

    def hide(self, scores, mask):
        """Scores, -1e18 where mask is 0."""
        return np.where(mask > 0, scores, -1e18)

    def greatest(self, values):
        return np.max(values, axis=-1, keepdims=True)

    def at_least(self, values, least):
        return np.maximum(values, least)

    def largest(self, values, mask):
        """Maximum over valid positions: (B, T, C), (B, T) -> (B, C)."""
        return np.max(np.where(mask[:, :, None] > 0, values, -1e9), axis=1)

    def expand(self, values, axis):
        return np.expand_dims(values, axis)

    def matmul(self, first, second):
        return np.matmul(first, second)

    def swap(self, values):
        return np.swapaxes(values, -1, -2)

    def concat(self, parts):
        return np.concatenate(parts, axis=-1)

    def sum(self, values):
        return np.sum(values, axis=-1, keepdims=True)

    def sqrt(self, values):
        return np.sqrt(values + 1e-30)  # at 0, where padding is, its derivative would be infinite
