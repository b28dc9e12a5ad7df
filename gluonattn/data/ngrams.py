"""N-grams as numbers. They make a model robust to typos and missing spaces.

An n-gram is represented by its hash (the hashing trick: Weinberger et al. 2009).
N-grams of a word are taken modulo the rows of a table. N-grams of a text are
looked up in the sorted hashes of the model's n-grams, and unknown ones are left
out.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..plain import place, plain
from ..record import Token

_REPEATS = re.compile(r"(.)\1{3,}", re.DOTALL)
_PIECES = re.compile(r"\s+|(.)\1{3,}|.", re.DOTALL)
_BASE = np.uint32(1_000_003)
_MANY = 2048  # hashes; for fewer ones a binary search is fast enough
_STARTS: dict[int, tuple[Any, tuple[np.uint32, NDArray[Any]]]] = {}  # by the identity of an array of known hashes
_TOKENS = np.uint32(0x9E3779B9)  # distinguishes runs of tokens from runs of characters


def text_ngrams(text: str, tokens: Sequence[str] = (), max_length: int = 4) -> NDArray[Any]:
    """Every run of 1 to `max_length` characters of a text, and of 2 and 3 tokens.

    Spaces count, and one is added at both ends. Runs of one character are
    shortened to three (ㅋㅋㅋㅋㅋ -> ㅋㅋㅋ), and upper case becomes lower case. The
    input is `gluonattn.plain` of the text.

    Parameters
    ----------
    text : str
    tokens : sequence of str
        Its tokens.
    max_length : int, default 4

    Returns
    -------
    numpy.ndarray, uint32, shape (n-grams,)
        Distinct hashes, sorted.
    """
    return texts_ngrams([text], [tokens], max_length)[0]


def texts_ngrams(texts: Sequence[str], tokens: Sequence[Sequence[str]], max_length: int = 4) -> list[NDArray[Any]]:
    """`text_ngrams` of many texts at once, in less than half the time.

    Parameters
    ----------
    texts : sequence of str
    tokens : sequence of sequences of str
        The tokens of each text.
    max_length : int, default 4

    Returns
    -------
    list of numpy.ndarray, uint32, shape (n-grams,)
        Distinct hashes of each text, sorted.
    """
    hashes, owners = _hash_runs(texts, tokens, max_length)
    return _group_by_text(hashes, owners, len(texts))


def known_ngrams(texts: Sequence[str], tokens: Sequence[Sequence[str]], known: NDArray[Any]) -> list[NDArray[Any]]:
    """Numbers of those `texts_ngrams` that a model has.

    Parameters
    ----------
    texts : sequence of str
    tokens : sequence of sequences of str
    known : numpy.ndarray, uint32
        Distinct hashes, sorted.

    Returns
    -------
    list of numpy.ndarray, int32, shape (known n-grams,)
        Their places in `known`, counted from 1, since 0 is padding. Sorted.
    """
    hashes, owners = _hash_runs(texts, tokens)
    # Sorted look-ups find their neighbours in the processor's cache, which takes a fifth of the time.
    keys = np.sort(hashes.astype(np.uint64) << np.uint64(32) | owners.astype(np.uint64))
    numbers = ngram_numbers((keys >> np.uint64(32)).astype(np.uint32), known)
    found = numbers > 0
    return _group_by_text(numbers[found], (keys[found] & np.uint64(0xFFFFFFFF)).astype(np.int64), len(texts))


def ngram_numbers(hashes: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    """Places of hashes in `known`, counted from 1, with a 0 for each unknown one.

    Parameters
    ----------
    hashes : numpy.ndarray, uint32
    known : numpy.ndarray, uint32, sorted
    """
    if not len(known):
        return np.zeros(len(hashes), np.int32)
    if len(hashes) < _MANY:
        places = np.searchsorted(known, hashes)
        places[places == len(known)] = 0
        return np.where(known[places] == hashes, places + 1, 0).astype(np.int32)
    shift, starts = _starts_of(known)
    buckets = hashes >> shift
    places, ends = starts[buckets], starts[1:][buckets]
    numbers = np.zeros(len(hashes), np.int32)
    left = np.flatnonzero(places < ends)
    while len(left):  # one pass for the first hash of each bucket, and so on; a bucket has one hash on average
        at = places[left]
        numbers[left] = np.where(known[at] == hashes[left], at + 1, 0)
        places[left] += 1
        left = left[(numbers[left] == 0) & (places[left] < ends[left])]
    return numbers


def _starts_of(known: NDArray[Any]) -> tuple[np.uint32, NDArray[Any]]:
    """Starts of the buckets of `known`, by the hashes' first bits. Computed once for each array.

    Hashes are distributed evenly, so buckets are small, and two look-ups replace twenty steps of a binary search.

    Returns
    -------
    shift : numpy.uint32
        A hash shifted right by it is the number of its bucket.
    starts : numpy.ndarray, int32, shape (buckets + 1,)
    """
    held = _STARTS.get(id(known))
    if held is None or held[0]() is not known:
        bits = min(22, max(1, len(known).bit_length()))
        shift = np.uint32(32 - bits)
        starts = np.zeros(2**bits + 1, np.int32)
        np.cumsum(np.bincount(known >> shift, minlength=2**bits), out=starts[1:])
        for key in [key for key, (alive, _) in _STARTS.items() if alive() is None]:
            _STARTS.pop(key, None)
        held = _STARTS[id(known)] = weakref.ref(known), (shift, starts)
    return held[1]


def ngram_spans(text: str, tokens: Sequence[Token] = (), max_length: int = 4) -> tuple[NDArray[Any], NDArray[Any]]:
    """Every place of one of the `text_ngrams` in a raw text.

    A kept character covers the removed ones: the one space kept of a run of spaces,
    and the last of the three characters kept of a run.

    Parameters
    ----------
    text : str
    tokens : sequence of Token
    max_length : int, default 4

    Returns
    -------
    hashes : numpy.ndarray, uint32, shape (places,)
        An n-gram that occurs twice is listed twice.
    spans : numpy.ndarray, int64, shape (places, 2)
        Half-open; empty for the added spaces at the ends.
    """
    read = place(text)
    inner = read.text.strip()
    first = len(read.text) - len(read.text.lstrip())
    owners = [read.span(i, i + 1) for i in range(first, first + len(inner))]
    spans = [span for span, character in zip(owners, inner) for _ in character.lower()]  # İ becomes two
    before, behind = (spans[0][0], spans[-1][1]) if spans else (0, 0)
    spans = [(before, before), *spans, (behind, behind)]
    places = []  # span of each remaining character
    for found in _PIECES.finditer(f" {inner.lower()} "):
        parts = spans[found.start() : found.end()]
        if found[1]:  # a run of one character
            places += [*parts[:2], (parts[2][0], parts[-1][1])]
        else:
            places.append((parts[0][0], parts[-1][1]))
    ends = [(token.start, token.end) for token in tokens]
    runs = [(units[i][0], units[i + n - 1][1])
            for units, lengths in ((places, range(1, max_length + 1)), (ends, range(2, 4)))
            for n in lengths for i in range(len(units) - n + 1)]
    return _hash_runs([text], [[token.text for token in tokens]], max_length)[0], np.array(runs)


def _hash_runs(texts: Sequence[str], tokens: Sequence[Sequence[str]],
               max_length: int = 4) -> tuple[NDArray[Any], NDArray[Any]]:
    """Hashes of all runs and the texts of these: runs of characters, shorter ones first, then runs of tokens."""
    spelt = [_REPEATS.sub(r"\1\1\1", f" {' '.join(plain(text).lower().split())} ") for text in texts]
    codes = np.array([_token_code(token) for found in tokens for token in found], np.uint32)
    characters, of_characters = _hash_all(character_codes("".join(spelt)), range(1, max_length + 1), _owners(spelt))
    pieces, of_pieces = _hash_all(codes, range(2, 4), _owners(tokens))
    return np.concatenate([characters, pieces ^ _TOKENS]), np.concatenate([of_characters, of_pieces])


def _owners(rows: Sequence[Any]) -> NDArray[Any]:
    """The row number of each item of the concatenated rows."""
    return np.repeat(np.arange(len(rows), dtype=np.int64), [len(row) for row in rows])


def _group_by_text(values: NDArray[Any], owners: NDArray[Any], count: int) -> list[NDArray[Any]]:
    """The sorted distinct values of each text."""
    distinct = np.unique(owners << 32 | values)
    ends = np.searchsorted(distinct, np.arange(1, count, dtype=np.int64) << 32)
    return np.split((distinct & 0xFFFFFFFF).astype(values.dtype), ends)[:count]


@lru_cache(maxsize=200_000)
def word_ngrams(word: str, buckets: int) -> NDArray[Any]:
    """The runs of 2 and 3 characters of ``<word>``, at most 16, as in fastText.

    Bojanowski et al. 2017. The marks distinguish the ends of a word from its middle.

    Parameters
    ----------
    word : str
    buckets : int

    Returns
    -------
    numpy.ndarray, int32, shape (n-grams,)
        Numbers from 1 to ``buckets - 1``.
    """
    found = _hash_all(character_codes(f"<{word[:10]}>"), range(2, 4))[0][:16]
    found = (found % np.uint32(buckets - 1)).astype(np.int32) + np.int32(1)
    found.flags.writeable = False
    return found


def character_codes(text: str) -> NDArray[Any]:
    """Code points; uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def run_hashes(codes: NDArray[Any], owners: NDArray[Any], lengths: range) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Hashes of all runs within one owner, as `texts_ngrams` makes them of characters.

    Parameters
    ----------
    codes : numpy.ndarray, uint32, shape (units,)
    owners : numpy.ndarray, int, shape (units,)
        The text of each unit, in ascending order.
    lengths : range

    Returns
    -------
    list of (hashes, starts)
        One for each length. `starts` are the places of the runs' first units.
    """
    found = []
    for length in lengths:
        hashes, _ = _hash_all(codes, range(length, length + 1), owners)
        last = max(0, len(codes) - length + 1)
        found.append((hashes, np.flatnonzero(owners[:last] == owners[length - 1 :][:last])))
    return found


def token_runs(tokens: Sequence[Sequence[str]], lengths: range) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """`run_hashes` of the concatenated tokens of all texts.

    Parameters
    ----------
    tokens : sequence of sequences of str
        The tokens of each text.
    lengths : range
        Lengths of the runs.
    """
    codes = np.array([_token_code(token) for found in tokens for token in found], np.uint32)
    return [(hashes ^ _TOKENS, starts) for hashes, starts in run_hashes(codes, _owners(tokens), lengths)]


@lru_cache(maxsize=200_000)
def _token_code(token: str) -> int:
    codes = character_codes(token[:20])
    return int(_hash_all(codes, range(len(codes), len(codes) + 1))[0][-1]) if len(codes) else 0


def _hash_all(codes: NDArray[Any], lengths: range,
              owners: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Hashes of all runs within one owner (None: there is only one), and their owners. Shorter runs come first.

    uint32 overflow is intended.
    """
    owners = np.zeros(len(codes), np.int64) if owners is None else owners
    sums, found, whose = codes, [np.zeros(0, np.uint32)], [owners[:0]]
    for length in range(1, min(lengths.stop - 1, len(codes)) + 1):
        if length > 1:  # one unit longer than the previous runs
            sums = sums[:-1] * _BASE + codes[length - 1 :]
        if length in lengths:
            within = owners[: len(sums)] == owners[length - 1 :]
            found.append(sums[within] + np.uint32(length * int(_BASE) ** length % 2**32))
            whose.append(owners[: len(sums)][within])
    value = np.concatenate(found)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):  # MurmurHash3's finalizer
        value = (value ^ (value >> np.uint32(shift))) * np.uint32(factor)
    return value ^ (value >> np.uint32(16)), np.concatenate(whose)
