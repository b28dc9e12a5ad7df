"""The characters of texts that form n-grams, and the tokens to which each belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..plain import plain
from ..record import Token
from .ngrams import character_codes

_KEPT = 3  # characters kept from a run of one character


def read_characters(texts: Any, tokens: Any,
                    split: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Read the characters that form n-grams, the text of each, and the tokens of each.

    Parameters
    ----------
    texts, tokens, split
        As for `gluonattn.data.evidence.Evidence.shares`.

    Returns
    -------
    codes : numpy.ndarray, uint32, shape (characters,)
    owners : numpy.ndarray, int64, shape (characters,)
        Number of each character's text.
    first : numpy.ndarray, int64, shape (characters + 1,)
        The tokens of character i are ``pairs[first[i]:first[i + 1]]``; a space has none.
    pairs : numpy.ndarray, int64
    """
    spelt, pairs, shared = [], [np.zeros(0, np.int64)], {}
    first = start = 0  # the first token of the texts without pairs so far, and of this text
    sizes: list[int] = []  # characters of these tokens

    def add_pairs() -> None:
        pairs.append(np.repeat(np.arange(first, start), np.array(sizes, np.int64)))
        sizes.clear()

    for i, (text, own) in enumerate(zip(texts, tokens)):
        read = plain(text)
        words, joined = read.lower().split(), "".join(own)
        spelt.append(f" {' '.join(words)} ")
        lower = joined.lower()
        if lower == "".join(words) and len(lower) == len(joined):  # the tokens are the text without its spaces
            sizes.extend(map(len, own))
        else:
            add_pairs()
            lists = _tokens_of_characters(read, split(read))
            shared[i] = [len(one) for one in lists]
            pairs.append(np.array([token + start for one in lists for token in one], np.int64))
            first = start + len(own)
        start += len(own)
    add_pairs()
    codes = character_codes("".join(spelt))
    owners = np.repeat(np.arange(len(spelt)), [len(line) for line in spelt])
    times = (codes != ord(" ")).astype(np.int64)
    ends = np.cumsum([len(line) for line in spelt])
    for i, counts in shared.items():
        own = times[ends[i] - len(spelt[i]) : ends[i]]
        own[own > 0] = counts
    return _collapse(codes, owners, times, np.concatenate(pairs))


def _tokens_of_characters(text: str, tokens: Sequence[Token]) -> list[list[int]]:
    """The tokens that cover each visible character of a plain text in lower case (İ becomes two characters)."""
    covering: list[list[int]] = [[] for _ in text]
    for i, token in enumerate(tokens):
        for at in range(token.start, token.end):
            covering[at].append(i)
    return [own for character, own in zip(text, covering) if not character.isspace() for _ in character.lower()]


def _collapse(codes: Any, owners: Any, times: Any,
              pairs: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Shorten runs of one character to three. The last of these represents the rest and has their tokens."""
    place = np.arange(len(codes))
    new = np.ones(len(codes), bool)
    new[1:] = (codes[1:] != codes[:-1]) | (owners[1:] != owners[:-1])
    kept = place - np.maximum.accumulate(np.where(new, place, 0)) < _KEPT
    which = np.repeat(np.cumsum(kept) - 1, times)  # the kept character of each pair
    keys = which << 32 | pairs
    steps = np.diff(keys)
    if (steps <= 0).any():  # a token that covers several removed characters is listed once
        keys = np.unique(keys)
    first = np.concatenate([[0], np.cumsum(np.bincount(keys >> 32, minlength=kept.sum()))])
    return codes[kept], owners[kept], first, keys & 0xFFFFFFFF
