"""A bidirectional GRU in float64: the forward pass, and a backward pass written by hand."""

from __future__ import annotations

import numpy as np

from ...models.backend import Array


class Recurrence:
    """The steps of a GRU in both directions at once. An object keeps what the backward pass needs and serves one pass.

    Its arrays (T, 2, B, ...) are in the order of steps: the second direction begins at the end.

    Parameters
    ----------
    weights : numpy.ndarray, shape (2, 3H, H)
        From the previous state to the gates, for both directions.
    biases : numpy.ndarray, shape (2, 1, 3H)
    mask : numpy.ndarray, shape (T, 1, B, 1)
        1 at tokens, 0 at padding.
    """

    def __init__(self, weights: Array, biases: Array, mask: Array) -> None:
        self.weights, self.biases, self.mask = weights, biases, by_step(mask.repeat(2, axis=1))

    def forth(self, start: Array, way: Array = 0.0, places: Array | None = None) -> Array:
        """States (B, T, 2H) at every place on a path between two inputs.

        Parameters
        ----------
        start, way : numpy.ndarray, shape (T, 2, N, 3H)
            The inputs' part of the gates at the start of the path, and its change until the end.
        places : numpy.ndarray, shape (S,), or None
            Positions along the path, from 0 to 1, for each text in turn: B = N x S. None is the start alone.
        """
        places = np.zeros(1) if places is None else places
        hidden, early = self.weights.shape[-1], 2 * self.weights.shape[-1]
        # sigmoid(x) = (1 + tanh(x / 2)) / 2; the new state waits for the reset gate, so its bias does too
        halves = np.repeat([0.5, 1.0], [early, hidden])
        turned = np.ascontiguousarray((self.weights * halves[:, None]).swapaxes(1, 2))
        start = by_step(start + self.biases * np.repeat([1.0, 0.0], [early, hidden])) * halves
        way = by_step(np.broadcast_to(way, start.shape)) * halves
        length, _, texts, width = start.shape
        batch = texts * len(places)
        self.states = np.zeros((length + 1, 2, batch, hidden))  # the first is before all steps
        self.shares, self.fed = np.empty((length, 2, batch, width)), np.empty((length, 2, batch, hidden))
        for step in range(length):
            gates = np.multiply(way[step, :, :, None], places[:, None],
                                   out=self.shares[step].reshape(2, texts, len(places), width))
            gates += start[step, :, :, None]
            before, gates = self.states[step], self.shares[step]
            fed, share, new = before @ turned, gates[..., :early], gates[..., early:]
            share += fed[..., :early]
            np.tanh(share, out=share)
            share += 1
            share *= 0.5
            fed_new = np.add(fed[..., early:], self.biases[..., early:], out=self.fed[step])
            new += share[..., :hidden] * fed_new
            np.tanh(new, out=new)
            state = np.subtract(before, new, out=self.states[step + 1])
            state *= share[..., hidden:]
            state += new
            state *= self.mask[step]
        return np.concatenate([self.states[1:, 0], self.states[:0:-1, 1]], axis=-1).swapaxes(0, 1)

    def back(self, slope: Array, places: int = 1) -> Array:
        """Derivatives with respect to the inputs' part of the gates, from those with respect to the states.

        Parameters
        ----------
        slope : numpy.ndarray, shape (B, T, 2H)
        places : int, default 1
            Places on the path for each text. Their derivatives are summed.

        Returns
        -------
        numpy.ndarray, shape (T, 2, B / places, 3H)
        """
        slope = by_step(slope.reshape(*slope.shape[:2], 2, -1).transpose(1, 2, 0, 3))
        later, hidden = np.zeros_like(self.states[0]), self.states.shape[-1]
        sums = np.empty((len(slope), 2, later.shape[1] // places, 3 * hidden))
        found = np.empty(self.shares.shape[1:])
        by_reset, by_update, by_new = (found[..., i * hidden : (i + 1) * hidden] for i in range(3))
        for step in range(len(slope) - 1, -1, -1):
            reset, update, new = (self.shares[step, ..., i * hidden : (i + 1) * hidden] for i in range(3))
            own = slope[step]
            own += later
            own *= self.mask[step]
            kept = own * update  # the part that reaches the previous state unchanged
            own -= kept
            np.subtract(self.states[step], new, out=by_update)
            by_update *= own
            by_update *= update
            np.multiply(new, new, out=by_new)
            np.subtract(1, by_new, out=by_new)
            by_new *= own
            np.subtract(1, reset, out=by_reset)
            by_reset *= reset
            by_reset *= self.fed[step]
            by_reset *= by_new
            if places > 1:
                found.reshape(2, -1, places, 3 * hidden).sum(axis=2, out=sums[step])
            else:
                sums[step] = found
            by_new *= reset
            later = np.add(found @ self.weights, kept, out=kept)
        return by_step(sums)


def by_step(values: Array) -> Array:
    """Values (T, 2, ...) with the second direction reversed: from places in the text to steps, or from steps to places."""
    return np.stack([values[:, 0], values[::-1, 1]], axis=1)
