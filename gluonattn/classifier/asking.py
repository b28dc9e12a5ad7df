"""A model's probabilities for texts without some tokens. They are kept, so nothing is computed twice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WAYS = ("remove", "mask")


class AskedTexts(ABC):
    """The texts of one batch and the probabilities that a model gives them. Each kind of model has a subclass.

    All tests of faithfulness get their probabilities here: see `gluonattn.classifier.faithfulness`.

    Parameters
    ----------
    encoded_texts : sequence
        Each text as the model takes it, with ``text``, ``tokens`` and ``seed``.

    Attributes
    ----------
    encoded_texts : list
    passes : list
        The forward pass of each unchanged text, with ``probabilities`` (classes,).
    """

    def __init__(self, encoded_texts: Sequence[Any]):
        self.encoded_texts = list(encoded_texts)
        self._expected: Sequence[NDArray[Any]] = []
        self._said: dict[str, list[dict[bytes, NDArray[Any]]]] = {way: [{} for _ in self.encoded_texts] for way in WAYS}

    @property
    @abstractmethod
    def passes(self) -> Any:
        """The forward pass of each unchanged text, computed on first use."""

    @abstractmethod
    def _compute(self, gone: list[NDArray[Any]], way: str, passes: list[Any] | None) -> NDArray[Any]:
        """Probabilities (variants, classes) of all variants of the first text, then of the second, and so on.

        `passes`, if given, receives the forward pass of the first variant of each text.
        """

    def without(self, gone: Sequence[NDArray[Any]], way: str = "remove") -> list[NDArray[Any]]:
        """Probabilities of the texts with tokens taken out. Each variant is computed once.

        Parameters
        ----------
        gone : sequence of numpy.ndarray, bool, shape (variants, tokens)
            Which tokens are taken out, for each text.
        way : {"remove", "mask"}, default "remove"
            Take tokens out by their numbers, or put the unknown word (a Transformer's mask) in their place. If no token
            is left, both give the same input, which does not depend on the length of the text.

        Returns
        -------
        list of numpy.ndarray, float64, shape (variants, classes)
        """
        if not self.passes:
            return []
        self._ask(gone, way)
        return [np.array([said[key] for key in _keys(own)]).reshape(len(own), len(passed.probabilities))
                for own, said, passed in zip(gone, self._said[way], self.passes)]

    def expect(self, gone: Sequence[NDArray[Any]]) -> None:
        """Compute these together with the next call of `passes` or `without`, in fewer and larger batches."""
        self._expected = gone

    def without_each(self) -> list[NDArray[Any]]:
        """Probabilities (tokens, classes) of each text with each of its tokens taken out in turn."""
        return self.without([np.eye(len(encoded.tokens), dtype=bool) for encoded in self.encoded_texts])

    def _pass_whole(self) -> list[Any]:
        """The forward passes of the unchanged texts. They count for both ways, since nothing is taken out."""
        passes: list[Any] = [None] * len(self.encoded_texts)
        whole = [np.zeros((1, len(encoded.tokens)), bool) for encoded in self.encoded_texts]
        self._ask(whole, "remove", passes)
        for said, passed, row in zip(self._said["mask"], passes, whole):
            said.update(zip(_keys(row), [passed.probabilities]))
        return passes

    def _ask(self, gone: Sequence[NDArray[Any]], way: str, passes: list[Any] | None = None) -> None:
        """Compute all variants and the expected ones. `passes` receives the passes of the first variant of each text."""
        asked = [np.concatenate(both) for both in zip(gone, self._expected)] if self._expected else gone
        self._expected = []
        new = [_first(rows, said) for rows, said in zip(asked, self._said[way])]
        if not sum(map(len, new)):
            return
        probabilities = self._compute(new, way, passes)
        firsts = np.cumsum([0, *map(len, new)])
        for own, said, first in zip(new, self._said[way], firsts):
            said.update(zip(_keys(own), probabilities[first:]))


def _first(rows: NDArray[Any], said: dict[bytes, NDArray[Any]]) -> NDArray[Any]:
    """The rows that are not computed yet, each once."""
    new = {key: i for i, key in reversed(list(enumerate(_keys(rows)))) if key not in said}
    return rows[sorted(new.values())]


def _keys(rows: NDArray[Any]) -> list[bytes]:
    """The bytes of each row of a matrix of bool."""
    result: list[bytes] = np.ascontiguousarray(rows).view(f"V{rows.shape[1]}").ravel().tolist()
    return result
