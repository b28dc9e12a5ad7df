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

from ...models.additive import additive_gradients, additive_scores
from .numpy_engine import NumpyClassifier
from .recurrence import Recurrence


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
        return _gru(gates, self.recurrence(mask, prefixes))

    def recurrence(self, mask, prefixes) -> Recurrence:
        """The GRU's steps over texts of which mask (B, T) says where tokens stand."""
        weights, biases = (numpy.stack([self.weight(prefix + name) for prefix in prefixes])
                           for name in ("h2h_weight", "h2h_bias"))
        return Recurrence(weights, biases[:, None], mask.T[:, None, :, None])

    def additive(self, query, key, v):
        """Scores v tanh(query + key): (B, T, U), (B, T, U), (1, U) -> (B, T, T)."""
        return _additive(query, key, v[0])

    def softmax(self, scores, mask):
        """Over the last axis, where mask (B, 1, T, T) is 1; elsewhere 0."""
        return _softmax(scores, mask)

    def hide(self, scores, mask):
        """Scores, -1e18 where mask is 0."""
        return np.where(mask > 0, scores, -1e18)

    def greatest(self, values):
        return np.max(values, axis=-1, keepdims=True)

    def at_least(self, values, least):
        return np.maximum(values, least)

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
def _gru(gates, recurrence):
    return recurrence.forth(gates)


defvjp(_gru, lambda states, gates, recurrence: recurrence.back, argnums=(0,))


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
