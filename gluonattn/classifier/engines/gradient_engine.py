"""The forward pass in float64, differentiated by `autograd`.

It needs neither MXNet nor torch. The slow parts (the GRU, the MLP scores, softmax and the maximum) are one operation
each, with a backward pass written by hand. Tracing their parts took ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import autograd.numpy as np
import numpy
from autograd.extend import defvjp, defvjp_argnums, primitive
from numpy.typing import NDArray

from ...models.additive import additive_gradients, additive_scores
from ...models.backend import Array, Number
from .numpy_engine import NumpyClassifier
from .recurrence import Recurrence


class GradientClassifier(NumpyClassifier):
    """The operations of `NumpyClassifier` in float64, written so that `autograd` can differentiate them.

    Parameters
    ----------
    recipe : str
    model : dict
    weights : mapping of str to numpy.ndarray
        As `gluonattn.classifier.engines.choice.prepare` gives them.
    """

    def __init__(self, recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(recipe, model, weights)
        self._doubled: dict[str, NDArray[Any]] = {}

    def weight(self, name: str) -> Any:
        if name not in self._doubled:
            self._doubled[name] = self._weights[name].astype(numpy.float64)
        return self._doubled[name]

    def embed(self, name: str, ids: Array) -> Array:
        return self._weights[f"{name}.weight"].take(ids, axis=0).astype(numpy.float64)

    def linear(self, inputs: Array, weight: str, bias: str | None = None) -> Array:
        rows = np.dot(np.reshape(inputs, (-1, inputs.shape[-1])), self.weight(weight).T)  # two axes: many times faster
        product = np.reshape(rows, (*inputs.shape[:-1], rows.shape[-1]))
        return product if bias is None else product + self.weight(bias)

    def recurrent(self, inputs: Array, valid_length: Array | None, prefixes: tuple[str, str]) -> Array:
        steps = np.swapaxes(self.input_gates(inputs, prefixes), 0, 1)  # (T, B, 2, 3H)
        return self.unroll(np.swapaxes(steps, 1, 2), self.mask(numpy.zeros(inputs.shape[:2]), valid_length), prefixes)

    def input_gates(self, inputs: Array, prefixes: tuple[str, str]) -> Array:
        both = [self.linear(inputs, f"{prefix}i2h_weight", f"{prefix}i2h_bias") for prefix in prefixes]
        return np.stack(both, axis=-2)

    def gate_biases(self, prefixes: tuple[str, str]) -> Array:
        """The gates' values for an input of zeros: (2, 3H)."""
        return numpy.stack([self.weight(f"{prefix}i2h_bias") for prefix in prefixes])

    def unroll(self, gates: Array, mask: Array, prefixes: tuple[str, str]) -> Array:
        """States (B, T, 2H) of a Bi-GRU whose input gates are known; 0 at padding.

        Parameters
        ----------
        gates : array, shape (T, 2, B, 3H)
        mask : numpy.ndarray, shape (B, T)
            1 at tokens, 0 at padding.
        prefixes : tuple of str
            How the names of its parameters begin, forward and backward.
        """
        return _gru(gates, self.recurrence(mask, prefixes))

    def recurrence(self, mask: Array, prefixes: tuple[str, str]) -> Recurrence:
        """The GRU's steps over a batch of texts.

        Parameters
        ----------
        mask : numpy.ndarray, shape (B, T)
            1 at tokens, 0 at padding.
        prefixes : tuple of str
            As for `unroll`.
        """
        weights, biases = (numpy.stack([self.weight(prefix + name) for prefix in prefixes])
                           for name in ("h2h_weight", "h2h_bias"))
        return Recurrence(weights, biases[:, None], mask.T[:, None, :, None])

    def additive(self, query: Array, key: Array, v: Array) -> Array:
        return _additive(query, key, v[0])

    def softmax(self, scores: Array, mask: Array) -> Array:
        return _softmax(scores, mask)

    def hide(self, scores: Array, mask: Array) -> Array:
        return np.where(mask > 0, scores, -1e18)

    def greatest(self, values: Array) -> Array:
        return np.max(values, axis=-1, keepdims=True)

    def at_least(self, values: Array, least: Number) -> Array:
        return np.maximum(values, least)

    def largest(self, values: Array, mask: Array) -> Array:
        return _largest(values, mask)

    def expand(self, values: Array, axis: int) -> Array:
        return np.expand_dims(values, axis)

    def matmul(self, first: Array, second: Array) -> Array:
        return np.matmul(first, second)

    def swap(self, values: Array) -> Array:
        return np.swapaxes(values, -1, -2)

    def concat(self, parts: Sequence[Array]) -> Array:
        return np.concatenate(parts, axis=-1)

    def sum(self, values: Array) -> Array:
        return np.sum(values, axis=-1, keepdims=True)

    def sqrt(self, values: Array) -> Array:
        return np.sqrt(values + 1e-30)  # at padding the value is 0 and the derivative would be infinite


@primitive
def _gru(gates: Array, recurrence: Recurrence) -> Array:
    return recurrence.forth(gates)


defvjp(_gru, lambda states, gates, recurrence: recurrence.back, argnums=(0,))


@primitive
def _additive(query: Array, key: Array, v: Array) -> Array:
    return numpy.ascontiguousarray(additive_scores(query, key, v))


def _additive_gradient(argnums: Sequence[int], scores: Array, arguments: Sequence[Array],
                       _: Any) -> Callable[[Array], list[Array]]:
    def backward(slope: Array) -> list[Array]:
        query, key, v = arguments
        found = additive_gradients(query, key, v, slope)  # all three at once
        return [found[i] for i in argnums]

    return backward


defvjp_argnums(_additive, _additive_gradient)


@primitive
def _softmax(scores: Array, mask: Array) -> Array:
    scores = numpy.where(mask > 0, scores, -1e18)
    scores -= scores.max(axis=-1, keepdims=True)
    numpy.exp(scores, out=scores)
    scores *= mask
    scores /= numpy.maximum(scores.sum(axis=-1, keepdims=True), 1e-30)
    return scores


defvjp(_softmax, lambda shares, scores, mask:
       lambda slope: shares * (slope - (slope * shares).sum(axis=-1, keepdims=True)), argnums=(0,))


@primitive
def _largest(values: Array, mask: Array) -> Array:
    return numpy.where(mask[:, :, None] > 0, values, -1e9).max(axis=1)


def _largest_gradient(most: Array, values: Array, mask: Array) -> Array:
    """Positions that share a maximum share its derivative."""
    first = (values == most[:, None]) & (mask[:, :, None] > 0)
    return lambda slope: first * (slope / first.sum(axis=1))[:, None]


defvjp(_largest, _largest_gradient, argnums=(0,))
