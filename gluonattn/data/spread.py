"""The evidence of a text without some tokens: their n-grams are removed, and the rest is divided again."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .evidence import ORDERS, Evidence, Places

_VALUES = 2_000_000  # places x variants of a text, held at once


class Spread(NamedTuple):
    """The places of one text, from which evidence without some tokens is computed.

    Attributes
    ----------
    places : Places
    parts : numpy.ndarray, float64, shape (places, tokens)
        The part of each token; 0 for loose places.
    """

    places: Places
    parts: NDArray[Any]

    @classmethod
    def of(cls, places: Places) -> Spread:
        """Make it from the places of a single text."""
        parts = np.zeros((len(places.numbers), len(places.mass)))
        kept = ~places.loose[places.place]
        np.add.at(parts, (places.place[kept], places.token[kept]), places.part[kept])
        return cls(places, parts)

    def take(self, gone: NDArray[Any]) -> Spread:
        """The rest without some tokens, gone (tokens,), as if it were a text of its own."""
        kept, places = ~self.lost(gone[None])[0], self.places
        empty = np.zeros(0, np.int64)
        left = places._replace(numbers=places.numbers[kept], texts=places.texts[kept], orders=places.orders[kept],
                               loose=places.loose[kept], mass=places.mass[~gone], place=empty, token=empty,
                               part=empty.astype(np.float64))
        return Spread(left, self.parts[kept][:, ~gone])

    def lost(self, gone: NDArray[Any]) -> NDArray[Any]:
        """Places that are removed with some tokens: those with one of their characters, and loose ones if no token is left.

        Parameters
        ----------
        gone : numpy.ndarray, bool, shape (variants, tokens)

        Returns
        -------
        numpy.ndarray, bool, shape (variants, places)
        """
        touched = (self.parts > 0).astype(np.float32)
        result: NDArray[Any] = (gone.astype(np.float32) @ touched.T > 0) | gone.all(axis=1, keepdims=True)
        return result

    def without(self, evidence: Evidence, gone: NDArray[Any]) -> NDArray[Any]:
        """Shares of a text without some tokens and without the n-grams that contain a part of these.

        Parameters
        ----------
        evidence : Evidence
        gone : numpy.ndarray, bool, shape (variants, tokens)

        Returns
        -------
        numpy.ndarray, float64, shape (variants, tokens, 6 K)
            0 at removed tokens. Each variant sums to the linear logit of the remaining n-grams.
        """
        most = max(1, _VALUES // max(1, len(self.places.numbers)))
        return np.concatenate([self._without(evidence, gone[first : first + most])
                               for first in range(0, max(len(gone), 1), most)])

    def _without(self, evidence: Evidence, gone: NDArray[Any]) -> NDArray[Any]:
        numbers, orders, loose = self.places.numbers, self.places.orders, self.places.loose
        columns = evidence.scores.shape[1]
        found = np.zeros((*gone.shape, len(ORDERS), columns))
        if not len(numbers):
            return found.reshape(*gone.shape, -1)
        left = (~self.lost(gone)).astype(np.float64)
        order = np.argsort(numbers, kind="stable")
        distinct, firsts, which = np.unique(numbers[order], return_index=True, return_inverse=True)
        times = np.add.reduceat(left[:, order], firsts, axis=1)  # (variants, n-grams)
        norms = np.sqrt((times > 0) @ evidence.squares[distinct].astype(np.float64) + 1e-12)
        back = np.empty_like(order)
        back[order] = which.ravel()
        values = left / (np.maximum(times, 1)[:, back] * norms[:, None])  # (variants, places)
        mass = np.where(gone, 0, self.places.mass)
        alike = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-300)
        for column in range(columns):
            scored = values * evidence.scores[numbers, column].astype(np.float64)
            for own in range(len(ORDERS)):
                chosen = orders == own
                found[:, :, own, column] = scored[:, chosen] @ self.parts[chosen]
                found[:, :, own, column] += scored[:, chosen & loose].sum(axis=1, keepdims=True) * alike
        return found.reshape(*gone.shape, -1)
