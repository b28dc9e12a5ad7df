"""Evidence of each token: its shares of the logit of a linear n-gram model, by n-gram order.

A linear model has a score for every n-gram of a text (runs of 1 to 4 characters, runs of 2 and 3 tokens). Here these
scores are divided among tokens. An n-gram that occurs several times counts once, and its places share the score. The
score at a place is divided among its characters, and these are summed by token. The shares of a text sum exactly to its
linear logit. A network that reads them beside its embeddings uses nothing that has not passed its attention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..plain import plain
from ..record import Token
from .evidence_characters import read_characters
from .ngrams import ngram_numbers, run_hashes, token_runs

CHARACTERS, TOKENS = range(1, 5), range(2, 4)
ORDERS = (*(f"{n} character{'s' * (n > 1)}" for n in CHARACTERS), *(f"{n} tokens" for n in TOKENS))
_CHUNK = 2048  # texts in a chunk


class Places(NamedTuple):
    """The places of known n-grams in texts, and the tokens that share them.

    Attributes
    ----------
    numbers : numpy.ndarray, int32, shape (places,)
        Number of the n-gram, counted from 1.
    texts : numpy.ndarray, int64, shape (places,)
        Number of its text.
    orders : numpy.ndarray, int8, shape (places,)
        Index of its order in `ORDERS`.
    loose : numpy.ndarray, bool, shape (places,)
        Whether it belongs to no token (a space by itself). All tokens of the text share such n-grams.
    place, token : numpy.ndarray, int64, shape (pairs,)
        A place and one of the tokens that share it. Tokens are numbered through all texts.
    part : numpy.ndarray, float64, shape (pairs,)
        That token's part. The parts of a place sum to 1.
    mass : numpy.ndarray, float64, shape (tokens,)
        Number of characters of each token. A character in several tokens is divided. Loose n-grams are shared by it.
    """

    numbers: NDArray[Any]
    texts: NDArray[Any]
    orders: NDArray[Any]
    loose: NDArray[Any]
    place: NDArray[Any]
    token: NDArray[Any]
    part: NDArray[Any]
    mass: NDArray[Any]


class Evidence(NamedTuple):
    """The tables of a linear n-gram model, and the evidence computed from them.

    Attributes
    ----------
    known : numpy.ndarray, uint32, shape (n-grams,)
        Sorted hashes, as `gluonattn.data.ngrams` makes them.
    scores : numpy.ndarray, float32, shape (n-grams + 1, K)
        Score of each n-gram, before the division. Row 0 is for unknown n-grams and is 0. With two classes K is 1, and
        scores are for the logit of the second class minus that of the first. Otherwise K is the number of classes.
    squares : numpy.ndarray, float32, shape (n-grams + 1,)
        Contribution of each n-gram to the square of the divisor.
    spread : numpy.ndarray, float32, shape (6 K,)
        Divisor of each channel before it enters the network.
    """

    known: NDArray[Any]
    scores: NDArray[Any]
    squares: NDArray[Any]
    spread: NDArray[Any]

    def shares(self, texts: Sequence[str], tokens: Sequence[Sequence[str]],
               split: Callable[[str], list[Token]]) -> list[NDArray[Any]]:
        """Compute the tokens' shares of the linear logits, not divided by the spread.

        Parameters
        ----------
        texts : sequence of str
        tokens : sequence of sequences of str
            The tokens of each text, at least one.
        split : callable
            The tokenizer that made them. It is called for spans if these cannot be found from the tokens' texts.

        Returns
        -------
        list of numpy.ndarray, float64, shape (tokens, 6 K)
            Channel ``order * K + column``. Their sum over tokens and orders is the linear logit.
        """
        found: list[NDArray[Any]] = []
        for first in range(0, len(texts), _CHUNK):
            part = tokens[first : first + _CHUNK]
            places = find_places(texts[first : first + _CHUNK], part, split, self.known)
            values = place_values(places, self.scores, self.squares, len(part))
            found += np.split(sum_by_token(places, values), np.cumsum([len(own) for own in part])[:-1])
        return found

    def read(self, texts: Sequence[str], tokens: Sequence[Sequence[str]],
             split: Callable[[str], list[Token]]) -> list[NDArray[Any]]:
        """Compute the network's input: shares divided by the spread.

        Parameters
        ----------
        texts, tokens, split
            As for `shares`.

        Returns
        -------
        list of numpy.ndarray, float32, shape (tokens, 6 K)
        """
        return [(own / self.spread).astype(np.float32) for own in self.shares(texts, tokens, split)]


def cut(texts: Sequence[str], tokens: Sequence[Sequence[str]], split: Callable[[str], list[Token]],
        max_length: int) -> tuple[list[str], list[Sequence[str]]]:
    """Truncate texts and their tokens to `max_length` tokens.

    Parameters
    ----------
    texts, tokens, split
        As for `Evidence.shares`.
    max_length : int
    """
    read, kept = list(texts), list(tokens)
    for i, own in enumerate(kept):
        if len(own) > max_length:
            whole = plain(read[i])
            read[i], kept[i] = whole[: split(whole)[max_length - 1].end], own[:max_length]
    return read, kept


def place_values(places: Places, scores: NDArray[Any], squares: NDArray[Any], texts: int) -> NDArray[Any]:
    """Compute the contribution of the n-gram at each place to the linear logit of its text.

    Parameters
    ----------
    places : Places
    scores : numpy.ndarray, shape (n-grams + 1, K)
    squares : numpy.ndarray, shape (n-grams + 1,)
    texts : int
        Number of texts.

    Returns
    -------
    numpy.ndarray, float64, shape (places, K)
    """
    keys = places.texts << 32 | places.numbers
    distinct, which, times = np.unique(keys, return_inverse=True, return_counts=True)
    norms = np.bincount(distinct >> 32, squares[distinct & 0xFFFFFFFF].astype(np.float64), texts)
    divisor = times[which.ravel()] * np.sqrt(norms[places.texts] + 1e-12)
    result: NDArray[Any] = scores[places.numbers].astype(np.float64) / divisor[:, None]
    return result


def sum_by_token(places: Places, values: NDArray[Any]) -> NDArray[Any]:
    """Sum values of places over the tokens that share them, by channel.

    Parameters
    ----------
    places : Places
    values : numpy.ndarray, shape (places, K)

    Returns
    -------
    numpy.ndarray, float64, shape (tokens, 6 K)
    """
    cells = places.token * len(ORDERS) + places.orders[places.place]
    size = len(places.mass) * len(ORDERS)
    columns = [np.bincount(cells, column[places.place] * places.part, size) for column in values.T]
    return np.stack(columns, axis=1).reshape(len(places.mass), -1)


def find_places(texts: Sequence[str], tokens: Sequence[Sequence[str]], split: Callable[[str], list[Token]],
                known: NDArray[Any]) -> Places:
    """Find the places of the n-grams of `known` in texts, and the tokens that share them.

    Parameters
    ----------
    texts, tokens, split
        As for `Evidence.shares`.
    known : numpy.ndarray, uint32
        Distinct hashes, sorted.
    """
    codes, owners, first, pairs = read_characters(texts, tokens, split)
    counts = np.diff(first)  # tokens of each character
    mass = np.bincount(pairs, (1 / np.maximum(counts, 1)).repeat(counts), sum(map(len, tokens)))
    token_owner = np.repeat(np.arange(len(texts)), [len(own) for own in tokens])
    found = []
    for order, (length, (hashes, starts)) in enumerate((*zip(CHARACTERS, run_hashes(codes, owners, CHARACTERS)),
                                                        *zip(TOKENS, token_runs(tokens, TOKENS)))):
        numbers = ngram_numbers(hashes, known)
        kept = numbers > 0
        numbers, starts = numbers[kept], starts[kept]
        units = starts[:, None] + np.arange(length)
        if order < len(CHARACTERS):
            whose, sharing, part = _by_character(units, first, counts, pairs)
            texts_of = owners[starts]
        else:
            whose, sharing = np.repeat(np.arange(len(starts)), length), units.ravel()
            part, texts_of = (mass[units] / mass[units].sum(axis=1, keepdims=True)).ravel(), token_owner[starts]
        found.append((numbers, texts_of, np.full(len(starts), order, np.int8), whose, sharing, part))
    return _join(found, mass, token_owner)


def _by_character(units: Any, first: Any, counts: Any, pairs: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Pairs of a place and a token, for places that cover characters `units` (places, n): place, token and part."""
    places = np.repeat(np.arange(len(units)), units.shape[1])
    units = units.ravel()
    times = counts[units]
    whose = np.repeat(places, times)
    begin = np.cumsum(times) - times
    sharing = pairs[np.repeat(first[units] - begin, times) + np.arange(times.sum())]
    covered = np.bincount(places, times > 0)  # characters of tokens at each place
    return whose, sharing, 1 / (covered[whose] * np.repeat(times, times))


def _join(found: Any, mass: Any, token_owner: Any) -> Places:
    """Join the places of each order to one `Places`. N-grams without a token are shared by all tokens of their text."""
    ends = np.cumsum([0, *(len(part[0]) for part in found)])
    numbers, texts, orders = (np.concatenate([part[i] for part in found]) for i in range(3))
    place = np.concatenate([part[3] + end for part, end in zip(found, ends)])
    token, part = (np.concatenate([own[i] for own in found]) for i in (4, 5))
    loose = np.bincount(place, minlength=len(numbers)) == 0
    if loose.any():
        lone = np.flatnonzero(loose)
        sizes = np.bincount(token_owner)
        starts = np.cumsum(sizes) - sizes
        times = sizes[texts[lone]]
        more = np.repeat(starts[texts[lone]] - (np.cumsum(times) - times), times) + np.arange(times.sum())
        whole = np.bincount(token_owner, mass)[token_owner[more]]
        place, token = np.concatenate([place, np.repeat(lone, times)]), np.concatenate([token, more])
        part = np.concatenate([part, mass[more] / whole])
    return Places(numbers, texts, orders, loose, place, token, part, mass)


__all__ = ["ORDERS", "Evidence", "Places", "cut", "find_places", "place_values", "sum_by_token"]
