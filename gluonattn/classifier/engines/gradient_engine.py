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
        return _gru(gates, self.steps(mask, prefixes))

    def steps(self, mask, prefixes) -> Steps:
        """The GRU's steps over texts of which mask (B, T) says where tokens stand."""
        weights, biases = (numpy.stack([self.weight(prefix + name) for prefix in prefixes])
                           for name in ("h2h_weight", "h2h_bias"))
        return Steps(weights, biases[:, None], mask.T[:, None, :, None])

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


class Steps:
    """The steps of a GRU, both directions at once, and what each leaves for the way back; for one pass.

    Arrays (T, 2, B, ...) within are in the order of steps: the second direction begins at the end.
    """

    def __init__(self, weights, biases, mask):
        self.weights, self.biases, self.mask = weights, biases, _by_step(mask.repeat(2, axis=1))

    def forth(self, start, way=0.0, places=None):
        """States (B, T, 2H) of every place on a way between inputs.

        Parameters
        ----------
        start, way : numpy.ndarray, shape (T, 2, N, 3H)
            What the inputs bring into the gates at the start of the way, and how it changes till the end.
        places : numpy.ndarray, shape (S,), or None
            How far along the way, each text in turn: B = N x S. None is the start alone.
        """
        places = numpy.zeros(1) if places is None else places
        hidden, early = self.weights.shape[-1], 2 * self.weights.shape[-1]
        # sigmoid(x) = (1 + tanh(x / 2)) / 2; the new state waits for the reset gate, so its bias does too
        halves = numpy.repeat([0.5, 1.0], [early, hidden])
        turned = numpy.ascontiguousarray((self.weights * halves[:, None]).swapaxes(1, 2))
        start = _by_step(start + self.biases * numpy.repeat([1.0, 0.0], [early, hidden])) * halves
        way = _by_step(numpy.broadcast_to(way, start.shape)) * halves
        length, _, texts, width = start.shape
        batch = texts * len(places)
        self.states = numpy.zeros((length + 1, 2, batch, hidden))  # the first is before all steps
        self.shares, self.fed = numpy.empty((length, 2, batch, width)), numpy.empty((length, 2, batch, hidden))
        for step in range(length):
            gates = numpy.multiply(way[step, :, :, None], places[:, None],
                                   out=self.shares[step].reshape(2, texts, len(places), width))
            gates += start[step, :, :, None]
            before, gates = self.states[step], self.shares[step]
            fed, share, new = before @ turned, gates[..., :early], gates[..., early:]
            share += fed[..., :early]
            numpy.tanh(share, out=share)
            share += 1
            share *= 0.5
            fed_new = numpy.add(fed[..., early:], self.biases[..., early:], out=self.fed[step])
            new += share[..., :hidden] * fed_new
            numpy.tanh(new, out=new)
            state = numpy.subtract(before, new, out=self.states[step + 1])
            state *= share[..., hidden:]
            state += new
            state *= self.mask[step]
        return numpy.concatenate([self.states[1:, 0], self.states[:0:-1, 1]], axis=-1).swapaxes(0, 1)

    def back(self, slope, places=1):
        """Derivatives by what inputs bring into the gates, from those by the states.

        Parameters
        ----------
        slope : numpy.ndarray, shape (B, T, 2H)
        places : int, default 1
            Of each text, in turn; their derivatives are added up.

        Returns
        -------
        numpy.ndarray, shape (T, 2, B / places, 3H)
        """
        slope = _by_step(slope.reshape(*slope.shape[:2], 2, -1).transpose(1, 2, 0, 3))
        later, hidden = numpy.zeros_like(self.states[0]), self.states.shape[-1]
        sums = numpy.empty((len(slope), 2, later.shape[1] // places, 3 * hidden))
        found = numpy.empty(self.shares.shape[1:])
        by_reset, by_update, by_new = (found[..., i * hidden : (i + 1) * hidden] for i in range(3))
        for step in range(len(slope) - 1, -1, -1):
            reset, update, new = (self.shares[step, ..., i * hidden : (i + 1) * hidden] for i in range(3))
            own = slope[step]
            own += later
            own *= self.mask[step]
            kept = own * update  # what goes to the state before as it is
            own -= kept
            numpy.subtract(self.states[step], new, out=by_update)
            by_update *= own
            by_update *= update
            numpy.multiply(new, new, out=by_new)
            numpy.subtract(1, by_new, out=by_new)
            by_new *= own
            numpy.subtract(1, reset, out=by_reset)
            by_reset *= reset
            by_reset *= self.fed[step]
            by_reset *= by_new
            if places > 1:
                found.reshape(2, -1, places, 3 * hidden).sum(axis=2, out=sums[step])
            else:
                sums[step] = found
            by_new *= reset
            later = numpy.add(found @ self.weights, kept, out=kept)
        return _by_step(sums)


@primitive
def _gru(gates, steps):
    return steps.forth(gates)


defvjp(_gru, lambda states, gates, steps: steps.back, argnums=(0,))


def _by_step(values):
    """Values (T, 2, ...) with the second direction turned round: from places in the text to steps, and back."""
    return numpy.stack([values[:, 0], values[::-1, 1]], axis=1)


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
