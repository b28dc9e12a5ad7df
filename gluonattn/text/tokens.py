"""The tokens of many texts in little memory: each distinct token once, and the texts as numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contents import dump_tensors, parse_json, parse_tensors
from ..errors import GluonAttnError


class Tokens(Sequence[Any]):
    """Token texts of many texts: a sequence of lists of str.

    Attributes
    ----------
    words : list of str
        Every distinct token, in the order of its first appearance.
    numbers : numpy.ndarray, int32, shape (tokens,)
        The concatenated texts, as indices into `words`.
    ends : numpy.ndarray, int64, shape (texts + 1,)
        Text i is ``numbers[ends[i]:ends[i + 1]]``.
    """

    def __init__(self, words: list[str], numbers: NDArray[Any], ends: NDArray[Any]) -> None:
        self.words, self.numbers, self.ends = words, numbers, ends

    @classmethod
    def gather(cls, parts: Iterable[Sequence[Sequence[str]]]) -> Tokens:
        """Join the parts of a corpus, in order.

        Parameters
        ----------
        parts : iterable of sequences of texts, each text a sequence of str
        """
        known: dict[str, int] = {}
        numbers, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
        for part in parts:
            numbers.append(np.array([known.setdefault(t, len(known)) for text in part for t in text], np.int32))
            lengths.append(np.array([len(text) for text in part], np.int64))
        return cls(list(known), np.concatenate(numbers), np.cumsum(np.concatenate(lengths)))

    @property
    def lengths(self) -> NDArray[Any]:
        """Number of tokens of each text; int64, shape (texts,)."""
        return np.diff(self.ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        return [self.words[i] for i in self.numbers[self.ends[place] : self.ends[place + 1]]]

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == yours for mine, yours in zip(self, other))

    def to_bytes(self) -> bytes:
        """Serialise to one file."""
        words = json.dumps(self.words, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return dump_tensors({"words": np.frombuffer(words, np.uint8), "numbers": self.numbers, "ends": self.ends})

    @classmethod
    def from_bytes(cls, content: bytes) -> Tokens | None:
        """Read the result of `to_bytes`. None for anything else, truncated or changed bytes."""
        try:
            found, _ = parse_tensors(content, "tokens", GluonAttnError)
            words = parse_json(found["words"].tobytes(), "tokens", GluonAttnError)
            numbers, ends = found["numbers"], found["ends"]
        except (GluonAttnError, KeyError):
            return None
        whole = (
            isinstance(words, list) and all(isinstance(word, str) for word in words)
            and numbers.dtype == np.int32 and ends.dtype == np.int64 and numbers.ndim == ends.ndim == 1 and len(ends) > 0
            and ends[0] == 0 and ends[-1] == len(numbers) and (np.diff(ends) >= 0).all()
            and (not len(numbers) or (numbers.min() >= 0 and numbers.max() < len(words)))
        )
        return cls(words, numbers, ends) if whole else None
