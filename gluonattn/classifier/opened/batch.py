"""A batch of texts in a torch model: its predictions for the whole texts and without some words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...reference import softmax
from ..asking import AskedTexts
from .network import Attended, Network, Row
from .words import WordReader, WordText


class WordPass(NamedTuple):
    """A torch model's output for one text.

    Attributes
    ----------
    logits : numpy.ndarray, float64, shape (classes,)
    probabilities : numpy.ndarray, float64, shape (classes,)
    """

    logits: NDArray[Any]
    probabilities: NDArray[Any]


class WordBatch(AskedTexts):
    """Texts, and everything that a torch model has computed for them. Its tokens are words.

    Parameters
    ----------
    network : Network
    reader : WordReader
    encoded_texts : sequence of WordText

    Attributes
    ----------
    network, reader
    encoded_texts : list of WordText
    passes : list of WordPass
    """

    def __init__(self, network: Network, reader: WordReader, encoded_texts: Sequence[WordText]):
        super().__init__(encoded_texts)
        self.network, self.reader = network, reader
        self._attended: dict[tuple[Any, ...], Attended | None] = {}

    @cached_property
    def passes(self) -> list[WordPass]:
        return self._pass_whole()

    def attended(self, number: int, target: int | None = None, slopes: bool = False) -> Attended | None:
        """The attention of a text between its pieces. None if the model has none or does not return it.

        Parameters
        ----------
        number : int
            Index of the text in the batch.
        target : int or None
            Class of the log-odds; None is the predicted one.
        slopes : bool, default False
            Whether to compute derivatives of the log-odds with respect to the weights.
        """
        key = (number, target if slopes else None, slopes)
        if key not in self._attended:
            wanted = int(self.passes[number].probabilities.argmax()) if target is None else target
            self._attended[key] = self.network.attend(row_of(self.encoded_texts[number]), wanted, slopes=slopes)
        return self._attended[key]

    def _compute(self, gone: list[NDArray[Any]], way: str, passes: list[Any] | None) -> NDArray[Any]:
        rows = list(chain.from_iterable(
            (self.row_without(encoded, one, way) for one in own) for encoded, own in zip(self.encoded_texts, gone)))
        logits = self.network.logits(rows)
        probabilities = softmax(logits)
        if passes is not None:
            firsts = np.cumsum([0, *map(len, gone)])[: len(passes)]
            passes[:] = [WordPass(logits[first], probabilities[first]) for first in firsts]
        return probabilities

    def row_without(self, encoded: WordText, gone: NDArray[Any], way: str = "remove") -> Row:
        """Ids and types of a text without some words.

        Parameters
        ----------
        encoded : WordText
        gone : numpy.ndarray, bool, shape (words,)
        way : {"remove", "mask"}, default "remove"
        """
        if way == "mask" and not gone.all():
            return np.where(np.append(gone, False)[encoded.owner], self.reader.stand_in, encoded.ids), encoded.types
        kept = encoded.take(gone)
        if not len(kept):  # the tokenizer adds no special tokens
            return np.array([self.reader.stand_in]), None if encoded.types is None else encoded.types[:1]
        return encoded.ids[kept], None if encoded.types is None else encoded.types[kept]


def row_of(encoded: WordText) -> Row:
    """Ids and types of the unchanged text."""
    return encoded.ids, encoded.types
