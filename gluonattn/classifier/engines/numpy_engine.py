"""The engine in numpy, float32, without further dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.additive import additive_scores
from ...models.backend import Array, Backend, Number
from ...threads import ONE_THREAD
from .forward import forward


class NumpyClassifier(Backend):
    """A classifier on numpy arrays; its methods are the operations that `forward` uses.

    Parameters
    ----------
    recipe : str
    model : dict
    weights : mapping of str to numpy.ndarray
        As `gluonattn.classifier.engines.choice.prepare` gives them.
    """

    parallel = True  # batches may be computed in several threads at once
    batch_size = 128  # most texts at once
    batch_pairs = 30_000  # most query-key pairs at once, so that intermediate arrays fit into the processor's cache

    def __init__(self, recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]]) -> None:
        self.recipe, self.model, self._weights = recipe, model, weights
        self._gates: dict[tuple[str, str], tuple[Any, ...]] = {}

    def __call__(self, *arrays: Array) -> tuple[Array, Array]:
        """As `gluonattn.classifier.engines.forward.forward`."""
        with ONE_THREAD:
            return forward(self, self.recipe, self.model, *arrays)

    def weight(self, name: str) -> Array:
        return self._weights[name]

    def embed(self, name: str, ids: Array) -> Array:
        return self.weight(f"{name}.weight").take(ids, axis=0)

    def bag(self, name: str, numbers: Array) -> Array:
        return self.embed(name, numbers).sum(axis=-2)

    def count(self, numbers: Array) -> Array:
        return (numbers > 0).sum(axis=-1, keepdims=True).astype(np.float32)

    def linear(self, inputs: Array, weight: str, bias: str | None = None) -> Array:
        # One product of two matrices: numpy would multiply three axes text by text.
        rows = inputs.reshape(-1, inputs.shape[-1]) @ self.weight(weight).T
        if bias is not None:
            rows += self.weight(bias)
        return rows.reshape(*inputs.shape[:-1], -1)

    def mask(self, ids: Array, valid_length: Array | None) -> Array:
        if valid_length is None:
            return np.ones(ids.shape, np.float32)
        return (np.arange(ids.shape[1]) < valid_length[:, None]).astype(np.float32)

    def recurrent(self, inputs: Array, valid_length: Array | None, prefixes: tuple[str, str]) -> Array:
        # Both directions of a step are computed at once.
        gates = self.input_gates(np.ascontiguousarray(inputs.swapaxes(0, 1)), prefixes)  # (T, B, 2, 3H)
        return self.recurrent_of_gates(gates, valid_length, prefixes)

    def recurrent_of_gates(self, gates: Array, valid_length: Array | None, prefixes: tuple[str, str]) -> Array:
        """States (B, T, 2H) of a Bi-GRU whose input gates are known.

        Parameters
        ----------
        gates : numpy.ndarray, float32, shape (T, B, 2, 3H)
            As `input_gates` gives them.
        valid_length : numpy.ndarray, int, shape (B,), or None
        prefixes : tuple of str
            How the names of its parameters begin, forward and backward.
        """
        _, _, weight_h, bias_new = self._prepared_gates(prefixes)
        length, batch = gates.shape[:2]
        hidden = weight_h.shape[1]
        valid = self.mask(gates[..., 0, 0].T, valid_length).T[:, :, None]  # (T, B, 1)
        state = np.zeros((2, batch, hidden), np.float32)
        states = np.empty((batch, length, 2 * hidden), np.float32)
        for first in range(length):
            last = length - 1 - first  # position of the backward direction
            gate = state @ weight_h  # (2, B, 3H)
            gate[..., 2 * hidden :] += bias_new
            share, new = gate[..., : 2 * hidden], gate[..., 2 * hidden :]
            share[0] += gates[first, :, 0, : 2 * hidden]
            share[1] += gates[last, :, 1, : 2 * hidden]
            np.tanh(share, out=share)  # the inputs are halved: sigmoid(x) = (1 + tanh(x / 2)) / 2
            share += 1
            share *= 0.5
            new *= share[..., :hidden]
            new[0] += gates[first, :, 0, 2 * hidden :]
            new[1] += gates[last, :, 1, 2 * hidden :]
            np.tanh(new, out=new)
            state -= new
            state *= share[..., hidden:]
            state += new
            # Zero at padding, where the backward direction begins.
            state[0] *= valid[first]
            state[1] *= valid[last]
            states[:, first, :hidden] = state[0]
            states[:, last, hidden:] = state[1]
        return states

    def input_gates(self, inputs: Array, prefixes: tuple[str, str]) -> Array:
        """The inputs' contribution to the gates of both directions: (..., E) -> (..., 2, 3H).

        Parameters
        ----------
        inputs : array, shape (..., E)
        prefixes : tuple of str
            How the names of the parameters begin, forward and backward.
        """
        weight_in, bias_in, _, _ = self._prepared_gates(prefixes)
        gates = inputs.reshape(-1, inputs.shape[-1]) @ weight_in
        gates += bias_in
        return gates.reshape(*inputs.shape[:-1], 2, -1)

    def last_input_gates(self, inputs: Array, prefixes: tuple[str, str]) -> Array:
        """The contribution of the inputs' last C columns to the gates, without biases: (..., C) -> (..., 2, 3H).

        Parameters
        ----------
        inputs : numpy.ndarray, shape (..., C)
        prefixes : tuple of str
            As for `input_gates`.
        """
        weight_in = self._prepared_gates(prefixes)[0][-inputs.shape[-1] :]
        return (inputs.reshape(-1, inputs.shape[-1]) @ weight_in).reshape(*inputs.shape[:-1], 2, -1)

    def recurrent_of_rows(self, gates: Array, rows: Array, lengths: Array, prefixes: tuple[str, str]) -> Array:
        """States of many sequences over one table of inputs. A beginning or end that several share is computed once.

        Parameters
        ----------
        gates : numpy.ndarray, float32, shape (inputs, 2, 3H)
            As `input_gates` gives them.
        rows : numpy.ndarray, int, shape (N, T)
            Index of the input at each place of a sequence.
        lengths : numpy.ndarray, int, shape (N,)
            Length of each sequence. Later places are ignored.
        prefixes : tuple of str

        Returns
        -------
        numpy.ndarray, float32, shape (N, T, 2H)
            0 after the end of a sequence.
        """
        _, _, weight_h, bias_new = self._prepared_gates(prefixes)
        hidden = weight_h.shape[1]
        states = np.empty((*rows.shape, 2 * hidden), np.float32)
        steps = np.arange(rows.shape[1])
        there = steps < lengths[:, None]
        turned = np.where(there, lengths[:, None] - 1 - steps, steps)  # the second direction begins at the end
        rows = np.where(there, rows, len(gates))
        for way, read in enumerate((rows, np.take_along_axis(rows, turned, axis=1))):
            begun = _Beginnings(read, there)
            table = np.ascontiguousarray(gates[:, way])
            reached = np.zeros((begun.starts[-1], hidden), np.float32)  # the first is before all steps and after all ends
            for first, end in zip(begun.starts, begun.starts[1:]):
                reached[first:end] = _step(table[begun.read[first:end]], reached[begun.before[first:end]],
                                           weight_h[way], bias_new[way])
            index = np.take_along_axis(begun.index, turned, axis=1) if way else begun.index
            states[:, :, way * hidden : (way + 1) * hidden] = reached[index]
        return states

    def _prepared_gates(self, prefixes: tuple[str, str]) -> Array:
        """The weights of both directions in one array, with reset and update gates halved. Made once."""
        if prefixes not in self._gates:
            parts = []
            for prefix in prefixes:
                weight_in, weight_h, bias_in, bias_h = (
                    self.weight(prefix + name)
                    for name in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias"))
                hidden = weight_h.shape[1]
                half = np.repeat(np.array([0.5, 1], np.float32), [2 * hidden, hidden])
                early = np.where(half < 1, bias_h, 0)  # the rest waits for the reset gate
                parts.append((weight_in.T * half, (bias_in + early) * half, weight_h.T * half,
                              bias_h[2 * hidden :]))
            first, second = parts
            self._gates[prefixes] = (
                np.concatenate([first[0], second[0]], axis=1), np.concatenate([first[1], second[1]]),
                np.stack([first[2], second[2]]), np.stack([first[3], second[3]])[:, None])
        return self._gates[prefixes]

    def additive(self, query: Array, key: Array, v: Array) -> Array:
        return np.ascontiguousarray(additive_scores(query, key, v[0]))

    def softmax(self, scores: Array, mask: Array) -> Array:
        scores = self.hide(scores, mask)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        scores *= mask
        return scores

    def hide(self, scores: Array, mask: Array) -> Array:
        return np.where(mask > 0, scores, np.float32(-1e18))

    def greatest(self, values: Array) -> Array:
        return values.max(axis=-1, keepdims=True)

    def largest(self, values: Array, mask: Array) -> Array:
        return np.where(mask[:, :, None] > 0, values, np.float32(-1e9)).max(axis=1)

    def identity(self, values: Array) -> Array:
        return np.eye(values.shape[1], dtype=np.float32)

    def split_heads(self, values: Array, heads: int) -> Array:
        return values.reshape(*values.shape[:2], heads, -1).swapaxes(1, 2)

    def merge_heads(self, values: Array) -> Array:
        return values.swapaxes(1, 2).reshape(values.shape[0], values.shape[2], -1)

    def matmul(self, first: Array, second: Array) -> Array:
        return first @ second

    def swap(self, values: Array) -> Array:
        return values.swapaxes(-1, -2)

    def expand(self, values: Array, axis: int) -> Array:
        return values.reshape(*values.shape[:axis], 1, *values.shape[axis:])

    def flatten(self, values: Array) -> Array:
        return values.reshape(len(values), -1)

    def concat(self, parts: Sequence[Array]) -> Array:
        return np.concatenate(parts, axis=-1)

    def sum(self, values: Array) -> Array:
        return values.sum(axis=-1, keepdims=True)

    def sqrt(self, values: Array) -> Array:
        return np.sqrt(values)

    def at_least(self, values: Array, least: Number) -> Array:
        return np.maximum(values, np.float32(least))

    def dropout(self, values: Array, rate: float) -> Array:
        return values


class _Beginnings:
    """The distinct beginnings of some sequences, shorter ones first. Number 0 is the empty beginning.

    Parameters
    ----------
    rows : numpy.ndarray, int, shape (N, T)
        The input at each place; after the end, a number that is used nowhere else.
    there : numpy.ndarray, bool, shape (N, T)
        False after the end of a sequence.

    Attributes
    ----------
    read, before : numpy.ndarray, int, shape (beginnings,)
        The last input of a beginning, and the number of the beginning without it.
    starts : list of int
        Where the beginnings of each length start, from length 1, and where the last ones end.
    index : numpy.ndarray, int, shape (N, T)
        The beginning up to each place of a sequence; 0 after its end.
    """

    def __init__(self, rows: Array, there: Array) -> None:
        order = np.lexsort(rows.T[::-1])  # equal beginnings are adjacent
        ordered, there = rows[order], there[order]
        new = there.copy()
        new[1:] &= np.logical_or.accumulate(ordered[1:] != ordered[:-1], axis=1)
        starts = np.cumsum([1, *new.sum(axis=0)])
        index = np.where(there, new.cumsum(axis=0) - 1 + starts[:-1], 0)
        before = np.zeros_like(index)
        before[:, 1:] = index[:, :-1]
        self.starts = starts.tolist()
        self.read, self.before = (np.concatenate([[0], values.T[new.T]]) for values in (ordered, before))
        self.index = np.empty_like(index)
        self.index[order] = index


def _step(gates: Array, state: Any, weight: str, bias_new: Array) -> Array:
    """The next states (N, H) of a GRU from its inputs' part of the gates (N, 3H) and the last states; overwrites both."""
    hidden = state.shape[1]
    fed = state @ weight
    share, new = fed[:, : 2 * hidden], fed[:, 2 * hidden :]
    new += bias_new
    share += gates[:, : 2 * hidden]
    np.tanh(share, out=share)  # halved, as in `recurrent`
    share += 1
    share *= 0.5
    new *= share[:, :hidden]
    new += gates[:, 2 * hidden :]
    np.tanh(new, out=new)
    state -= new
    state *= share[:, hidden:]
    state += new
    return state
