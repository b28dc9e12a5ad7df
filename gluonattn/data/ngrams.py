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

from ..record import Token

_RUNS = re.compile(r"(.)\1{3,}", re.DOTALL)
_SPACES = re.compile(r"\s+")
_PIECES = re.compile(r"\s+|(.)\1{3,}|.", re.DOTALL)
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
    return np.unique(_runs(text, tokens, longest))


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
    numbers = ngram_numbers(found, known)
    return numbers[numbers > 0]


def ngram_numbers(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """As `known_ngrams`, with a 0 in the place of each unknown one; int32, as long as `found`."""
    if not len(known):
        return np.zeros(len(found), np.int32)
    places = np.searchsorted(known, found)
    places[places == len(known)] = 0
    return np.where(known[places] == found, places + 1, 0).astype(np.int32)


def ngram_spans(text: str, tokens: Sequence[Token] = (), longest: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Every place at which one of the `text_ngrams` of a raw text was read.

    What was collapsed counts whole: the one space of a run of spaces, and the
    last of the three characters kept of a run.

    Parameters
    ----------
    text : str
    tokens : sequence of Token
    longest : int, default 4

    Returns
    -------
    hashes : numpy.ndarray, uint32, shape (places,)
        An n-gram that stands twice is there twice.
    spans : numpy.ndarray, int64, shape (places, 2)
        Half-open; empty where only the spaces set at the ends were read.
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
    ends = [(token.start, token.end) for token in tokens]
    runs = [(units[i][0], units[i + n - 1][1])
            for units, lengths in ((places, range(1, longest + 1)), (ends, range(2, 4)))
            for n in lengths for i in range(len(units) - n + 1)]
    return _runs(text, [token.text for token in tokens], longest), np.array(runs)


def _runs(text: str, tokens: Sequence[str], longest: int) -> np.ndarray:
    """Hashes of all runs: those of characters, shorter ones first, then those of tokens."""
    plain = _RUNS.sub(r"\1\1\1", f" {_SPACES.sub(' ', text.strip().lower())} ")
    codes = np.array([_token_code(token) for token in tokens], np.uint32)
    return np.concatenate([_hashes(_codes(plain), range(1, longest + 1)), _hashes(codes, range(2, 4)) ^ _TOKENS])


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
