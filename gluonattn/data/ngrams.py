"""N-grams as numbers: what lets a model read typos and missing spaces.

An n-gram stands for its hash (the hashing trick: Weinberger et al. 2009). Those
of a word are taken modulo the rows of a table; those of a text are looked up in
the sorted hashes of the n-grams a model knows, and unknown ones are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

_RUNS = re.compile(r"(.)\1{3,}", re.DOTALL)
_SPACES = re.compile(r"\s+")
_BASE = np.uint32(1_000_003)
_TOKENS = np.uint32(0x9E3779B9)  # sets runs of tokens apart from runs of characters


def text_ngrams(text: str, tokens: Sequence[str] = (), longest: int = 4) -> np.ndarray:
    """Every run of 1 to `longest` characters of a text, and of 2 and 3 tokens.

    Spaces count and stand at both ends too; runs of one character are cut to
    three (ㅋㅋㅋㅋㅋ -> ㅋㅋㅋ), and capital letters are read as small ones.

    Parameters
    ----------
    text : str
    tokens : sequence of str
        Its tokens.
    longest : int, default 4

    Returns
    -------
    numpy.ndarray, uint32, shape (n-grams,)
        Distinct hashes, sorted.
    """
    plain = _RUNS.sub(r"\1\1\1", f" {_SPACES.sub(' ', text.strip().lower())} ")
    found = [_hashes(_codes(plain), range(1, longest + 1))]
    if len(tokens) > 1:
        codes = np.array([_token_code(token) for token in tokens], np.uint32)
        found.append(_hashes(codes, range(2, 4)) ^ _TOKENS)
    return np.unique(np.concatenate(found))


def known_ngrams(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Numbers of the n-grams a model knows.

    Parameters
    ----------
    found : numpy.ndarray, uint32
        Hashes, as `text_ngrams` gives them.
    known : numpy.ndarray, uint32
        Distinct hashes, sorted.

    Returns
    -------
    numpy.ndarray, int32, shape (known ones,)
        Their places in `known`, counted from 1; 0 is left for padding.
    """
    places = np.searchsorted(known, found)
    places[places == len(known)] = 0
    return (places[known[places] == found] + 1).astype(np.int32) if len(known) else np.zeros(0, np.int32)


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
    found = _hashes(_codes(f"<{word[:10]}>"), range(2, 4))[:16]
    found = (found % np.uint32(buckets - 1)).astype(np.int32) + np.int32(1)
    found.flags.writeable = False
    return found


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@lru_cache(maxsize=200_000)
def _token_code(token: str) -> int:
    codes = _codes(token[:20])
    return int(_hashes(codes, range(len(codes), len(codes) + 1))[-1]) if len(codes) else 0


def _hashes(codes: np.ndarray, lengths: range) -> np.ndarray:
    """Hashes of all runs, shorter ones first. uint32 wraps around, which is what a hash wants."""
    sums, found = codes, [np.zeros(0, np.uint32)]
    for length in range(1, min(lengths.stop - 1, len(codes)) + 1):
        if length > 1:  # one more than the runs before
            sums = sums[:-1] * _BASE + codes[length - 1 :]
        if length in lengths:
            found.append(sums + np.uint32(length * int(_BASE) ** length % 2**32))
    value = np.concatenate(found)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):  # MurmurHash3's finish
        value = (value ^ (value >> np.uint32(shift))) * np.uint32(factor)
    return value ^ (value >> np.uint32(16))
