"""The forward pass in float64 for derivatives: `autograd` follows every operation.

Needs neither MXNet nor torch. What takes the time (the GRU, the MLP scores, softmax and the maximum) is one
operation each, with its backward pass written by hand: following their parts took ten times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import autograd.numpy as np
import numpy
from autograd.extend import defvjp, defvjp_argnums, primitive

from ..models.additive import additive_gradients, additive_scores
from .numpy_engine import NumpyClassifier


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
        rows = np.dot(np.reshape(inputs, (-1, inputs.shape[-1])), self.weight(weight).T)  # two axes: many times faster
        product = np.reshape(rows, (*inputs.shape[:-1], rows.shape[-1]))
        return product if bias is None else product + self.weight(bias)

    def recurrent(self, inputs, valid_length, prefixes):
        """States (B, T, 2H) of inputs (B, T, E)."""
        steps = np.swapaxes(self.input_gates(inputs, prefixes), 0, 1)  # (T, B, 2, 3H)
        return self.unroll(np.swapaxes(steps, 1, 2), self.mask(numpy.zeros(inputs.shape[:2]), valid_length), prefixes)

    def input_gates(self, inputs, prefixes):
        """What inputs (..., E) bring into the gates of both directions: (..., 2, 3H)."""
        both = [self.linear(inputs, f"{prefix}i2h_weight", f"{prefix}i2h_bias") for prefix in prefixes]
        return np.stack(both, axis=-2)

    def gate_biases(self, prefixes):
        """What an input of zeros brings into the gates, (2, 3H)."""
        return numpy.stack([self.weight(f"{prefix}i2h_bias") for prefix in prefixes])

    def unroll(self, gates, mask, prefixes):
        """States (B, T, 2H) of what inputs bring into the gates (T, 2, B, 3H), where mask (B, T) is 1; elsewhere 0."""
        weights, biases = (numpy.stack([self.weight(prefix + name) for prefix in prefixes])
                           for name in ("h2h_weight", "h2h_bias"))
        states = _gru(gates, weights, biases[:, None], mask.T[:, :, None])  # (T, 2, B, H)
        return np.concatenate([np.swapaxes(states[:, way], 0, 1) for way in (0, 1)], axis=-1)

    def additive(self, query, key, v):
        """Scores v tanh(query + key): (B, T, U), (B, T, U), (1, U) -> (B, T, T)."""
        return _additive(query, key, v[0])

    def softmax(self, scores, mask):
        """Over the last axis, where mask (B, 1, T, T) is 1; elsewhere 0."""
        return _softmax(scores, mask)

    def largest(self, values, mask):
        """Maximum over valid positions: (B, T, C), (B, T) -> (B, C)."""
        return _largest(values, mask)

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


@primitive
def _gru(gates, weights, biases, mask):
    """States (T, 2, B, H) of both directions from their inputs' part of the gates (T, 2, B, 3H).

    The second direction goes from the end to the beginning; mask is (T, B, 1).
    """
    length, _, batch, _ = gates.shape
    states = numpy.empty((length, 2, batch, weights.shape[-1]))
    state, turned = numpy.zeros(states.shape[1:]), weights.swapaxes(1, 2)
    for step in range(length):
        _, update, new, _ = _parts(_at(gates, step), state @ turned + biases)
        state = new + update * (state - new)
        _both(states, step, state, mask)
        state = _at(states, step)
    return states


def _gru_gradient(states, gates, weights, biases, mask):
    """Back through time; what a step computed is computed again, from the state before it."""

    def backward(slope):
        found, later = numpy.empty_like(gates), numpy.zeros(states.shape[1:])
        turned = weights.swapaxes(1, 2)
        for step in range(len(gates) - 1, -1, -1):
            before = _at(states, step - 1) if step else numpy.zeros_like(later)
            r, z, n, fed_new = _parts(_at(gates, step), before @ turned + biases)
            own = _at(slope, step) + later
            own *= numpy.stack([mask[step], mask[len(gates) - 1 - step]])
            both = numpy.empty((*own.shape[:2], gates.shape[-1]))
            hidden = own.shape[-1]
            by_reset, by_update, by_new = (both[..., i * hidden : (i + 1) * hidden] for i in range(3))
            numpy.multiply(own, (1 - z) * (1 - n * n), out=by_new)
            numpy.multiply(by_new, fed_new * r * (1 - r), out=by_reset)
            numpy.multiply(own, (before - n) * z * (1 - z), out=by_update)
            found[step, 0], found[len(gates) - 1 - step, 1] = both
            by_new *= r
            later = both @ weights
            own *= z
            later += own
        return found

    return backward


defvjp(_gru, _gru_gradient, argnums=(0,))


def _at(values, step):
    """Both directions (2, B, ...) of values (T, 2, B, ...) at a step: the second began at the end."""
    return numpy.stack([values[step, 0], values[len(values) - 1 - step, 1]])


def _both(values, step, now, mask):
    """Write what both directions have at a step."""
    last = len(values) - 1 - step
    numpy.multiply(now[0], mask[step], out=values[step, 0])
    numpy.multiply(now[1], mask[last], out=values[last, 1])


def _parts(gates, fed):
    """Reset gate, update gate, new state, and the state's part of the latter; `fed` is written over."""
    hidden = gates.shape[-1] // 3
    share, fed_new = fed[..., : 2 * hidden], fed[..., 2 * hidden :]
    share += gates[..., : 2 * hidden]
    share /= 2
    numpy.tanh(share, out=share)
    share += 1
    share /= 2
    reset = share[..., :hidden]
    new = reset * fed_new
    new += gates[..., 2 * hidden :]
    return reset, share[..., hidden:], numpy.tanh(new, out=new), fed_new


@primitive
def _additive(query, key, v):
    return numpy.ascontiguousarray(additive_scores(query, key, v))


def _additive_gradient(argnums, scores, arguments, _):
    def backward(slope):
        found = additive_gradients(*arguments, slope)  # all three at once
        return [found[i] for i in argnums]

    return backward


defvjp_argnums(_additive, _additive_gradient)


@primitive
def _softmax(scores, mask):
    scores = numpy.where(mask > 0, scores, -1e18)
    scores -= scores.max(axis=-1, keepdims=True)
    numpy.exp(scores, out=scores)
    scores *= mask
    scores /= numpy.maximum(scores.sum(axis=-1, keepdims=True), 1e-30)
    return scores


defvjp(_softmax, lambda shares, scores, mask:
       lambda slope: shares * (slope - (slope * shares).sum(axis=-1, keepdims=True)), argnums=(0,))


@primitive
def _largest(values, mask):
    return numpy.where(mask[:, :, None] > 0, values, -1e9).max(axis=1)


def _largest_gradient(most, values, mask):
    """Positions that share a maximum share its derivative."""
    first = (values == most[:, None]) & (mask[:, :, None] > 0)
    return lambda slope: first * (slope / first.sum(axis=1))[:, None]


defvjp(_largest, _largest_gradient, argnums=(0,))
