"""A batch of texts inside a torch model: what it says of them as they are and without some words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from ...reference import softmax
from ..asking import Asked
from .network import Attended, Network, Row
from .words import WordReader, WordText


class WordPass(NamedTuple):
    """What a torch model made of a text.

    Attributes
    ----------
    logits : numpy.ndarray, float64, shape (classes,)
    probabilities : numpy.ndarray, float64, shape (classes,)
    """

    logits: np.ndarray
    probabilities: np.ndarray


class WordBatch(Asked):
    """Texts, and all that a torch model has said of them. Its tokens are words.

    Parameters
    ----------
    network : Network
    reader : WordReader
    readings : sequence of WordText

    Attributes
    ----------
    network, reader
    readings : list of WordText
    passes : list of WordPass
    """

    def __init__(self, network: Network, reader: WordReader, readings: Sequence[WordText]):
        self.network, self.reader, self.readings = network, reader, list(readings)
        logits = network.logits([row_of(reading) for reading in self.readings])
        self.passes = [WordPass(row, softmax(row)) for row in logits]
        self._attended: dict[tuple, Attended | None] = {}
        self._open()

    def attended(self, number: int, target: int | None = None, slopes: bool = False) -> Attended | None:
        """The attention of a text by its pieces; None where the model has or hands out none.

        Parameters
        ----------
        number : int
            Of the text in the batch.
        target : int or None
            Class whose log-odds are derived; None is the predicted one.
        slopes : bool, default False
            Whether they are derived by the weights.
        """
        key = (number, target if slopes else None, slopes)
        if key not in self._attended:
            wanted = int(self.passes[number].probabilities.argmax()) if target is None else target
            self._attended[key] = self.network.attend(row_of(self.readings[number]), wanted, slopes=slopes)
        return self._attended[key]

    def _probabilities(self, gone: list[np.ndarray], way: str) -> Iterator[np.ndarray]:
        rows = list(chain.from_iterable(
            (self.row_without(reading, one, way) for one in own) for reading, own in zip(self.readings, gone)))
        return iter(softmax(self.network.logits(rows)) if rows else ())

    def row_without(self, reading: WordText, gone: np.ndarray, way: str = "remove") -> Row:
        """Ids and types of a text without some words.

        Parameters
        ----------
        reading : WordText
        gone : numpy.ndarray, bool, shape (words,)
        way : {"remove", "mask"}, default "remove"
        """
        if way == "mask" and not gone.all():
            return np.where(np.append(gone, False)[reading.owner], self.reader.stand_in, reading.ids), reading.types
        kept = reading.take(gone)
        if not len(kept):  # the tokenizer adds nothing of its own
            return np.array([self.reader.stand_in]), None if reading.types is None else reading.types[:1]
        return reading.ids[kept], None if reading.types is None else reading.types[kept]


def row_of(reading: WordText) -> Row:
    """Ids and types of a text as it is."""
    return reading.ids, reading.types
