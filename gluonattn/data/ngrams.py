"""Character n-grams as numbers: what lets a model read typos and missing spaces.

An n-gram is its hash modulo the number of buckets (the hashing trick: Weinberger
et al. 2009), so no list of n-grams has to be kept. Bucket 0 is left free: it is
padding.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

_RUNS = re.compile(r"(.)\1{3,}", re.DOTALL)
_SPACES = re.compile(r"\s+")
_PIECES = re.compile(r"\s+|(.)\1{3,}|.", re.DOTALL)
_BASE = np.uint32(1_000_003)


def text_ngrams(text: str, buckets: int, longest: int = 4) -> np.ndarray:
    """Every run of 1 to `longest` characters of a text.

    Spaces count and stand at both ends too; runs of one character are cut to
    three (ㅋㅋㅋㅋㅋ -> ㅋㅋㅋ), and capital letters are read as small ones.

    Parameters
    ----------
    text : str
    buckets : int
    longest : int, default 4

    Returns
    -------
    numpy.ndarray, int32, shape (n-grams,)
        Numbers from 1 to ``buckets - 1``.
    """
    plain = _RUNS.sub(r"\1\1\1", f" {_SPACES.sub(' ', text.strip().lower())} ")
    return _hashed(plain, range(1, longest + 1), buckets)


def text_ngram_spans(text: str, longest: int = 4) -> np.ndarray:
    """Which characters of a raw text each of its `text_ngrams` was read from.

    What was collapsed counts whole: the one space of a run of spaces, and the
    last of the three characters kept of a run.

    Parameters
    ----------
    text : str
    longest : int, default 4

    Returns
    -------
    numpy.ndarray, int64, shape (n-grams, 2)
        Half-open spans in the order of `text_ngrams`; empty where only the
        spaces set at the ends were read.
    """
    inner = text.strip()
    first = len(text) - len(text.lstrip())
    last = first + len(inner)
    owners = [first + i for i, character in enumerate(inner) for _ in character.lower()]  # İ becomes two
    spans = [(first, first), *((i, i + 1) for i in owners), (last, last)]
    places = []  # of each character that is left
    for found in _PIECES.finditer(f" {inner.lower()} "):
        parts = spans[found.start() : found.end()]
        if found[1]:  # a run of one character
            places += [*parts[:2], (parts[2][0], parts[-1][1])]
        else:
            places.append((parts[0][0], parts[-1][1]))
    return np.array([
        (places[i][0], places[i + n - 1][1])
        for n in range(1, min(longest, len(places)) + 1)
        for i in range(len(places) - n + 1)
    ])


@lru_cache(maxsize=200_000)
def word_ngrams(word: str, buckets: int) -> np.ndarray:
    """The runs of 2 and 3 characters of ``<word>``, at most 16, as in fastText.

    Bojanowski et al. 2017; the marks tell the ends of a word from its middle.

    Parameters
    ----------
    word : str
    buckets : int

    Returns
    -------
    numpy.ndarray, int32, shape (n-grams,)
        Numbers from 1 to ``buckets - 1``.
    """
    found = _hashed(f"<{word[:10]}>", range(2, 4), buckets)[:16]
    found.flags.writeable = False
    return found


def _hashed(text: str, lengths: range, buckets: int) -> np.ndarray:
    """Numbers of all n-grams, shorter ones first. uint32 wraps around, which is what a hash wants."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    sums, found = codes, []
    for length in range(1, min(lengths.stop - 1, len(codes)) + 1):
        if length > 1:  # one character more than the n-grams before
            sums = sums[:-1] * _BASE + codes[length - 1 :]
        if length in lengths:
            found.append(sums + np.uint32(length * int(_BASE) ** length % 2**32))
    value = np.concatenate(found)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):  # MurmurHash3's finish
        value = (value ^ (value >> np.uint32(shift))) * np.uint32(factor)
    value ^= value >> np.uint32(16)
    return (value % np.uint32(buckets - 1)).astype(np.int32) + np.int32(1)
