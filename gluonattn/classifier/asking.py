"""What a model says of texts with tokens taken out, kept: what was asked before is not computed again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

WAYS = ("remove", "mask")


class Asked(ABC):
    """Texts of one batch that a model is asked about; each kind of model computes in its own way.

    Everything that is said of an attribution's faithfulness is asked here: see `gluonattn.classifier.faithfulness`.

    Attributes
    ----------
    readings : list
        Each text as its model reads it, with ``text``, ``tokens`` and ``seed``.
    passes : list
        What became of each text as it is, with ``probabilities`` (classes,).
    """

    readings: list
    passes: list

    def _open(self) -> None:
        """Remember what is known of whole texts; once `readings` and `passes` are there."""
        nothing_gone = [np.zeros(len(reading.tokens), bool).tobytes() for reading in self.readings]
        self._expected: Sequence[np.ndarray] = []
        self._said: dict[str, list[dict[bytes, np.ndarray]]] = {
            way: [{key: passed.probabilities} for key, passed in zip(nothing_gone, self.passes)] for way in WAYS}

    @abstractmethod
    def _probabilities(self, gone: list[np.ndarray], way: str) -> Iterator[np.ndarray]:
        """Of all variants of the first text, then of the second, and so on."""

    def without(self, gone: Sequence[np.ndarray], way: str = "remove") -> list[np.ndarray]:
        """Probabilities of the texts with tokens taken out; what was asked before is not computed again.

        Parameters
        ----------
        gone : sequence of numpy.ndarray, bool, shape (variants, tokens)
            Of each text, which tokens go.
        way : {"remove", "mask"}, default "remove"
            Take tokens out by their numbers, or put the unknown word (a Transformer's mask) in their place. Where no
            token is left, both leave the same, so that how long the text was is not told.

        Returns
        -------
        list of numpy.ndarray, float64, shape (variants, classes)
        """
        keys = [[row.tobytes() for row in rows] for rows in gone]
        asked = [np.concatenate(both) for both in zip(gone, self._expected)] if self._expected else gone
        self._expected = []
        new = [_first(rows, [row.tobytes() for row in rows], said) for rows, said in zip(asked, self._said[way])]
        found = self._probabilities(new, way)
        for rows, said in zip(new, self._said[way]):
            said.update((row.tobytes(), next(found)) for row in rows)
        return [np.array([said[key] for key in own]).reshape(len(own), len(passed.probabilities))
                for own, said, passed in zip(keys, self._said[way], self.passes)]

    def expect(self, gone: Sequence[np.ndarray]) -> None:
        """Have these computed together with what `without` is asked next: fewer, larger steps."""
        self._expected = gone

    def without_each(self) -> list[np.ndarray]:
        """Probabilities (tokens, classes) of each text without each of its tokens."""
        return self.without([np.eye(len(reading.tokens), dtype=bool) for reading in self.readings])


def _first(rows: np.ndarray, keys: list[bytes], said: dict[bytes, np.ndarray]) -> np.ndarray:
    """The rows that are not answered yet, each once."""
    new = {key: i for i, key in enumerate(keys) if key not in said}
    return rows[list(new.values())]
