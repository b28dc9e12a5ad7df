"""What each token brings by itself: the shares of a linear n-gram model, by token and n-gram order.

A linear model over n-grams of a text (runs of 1 to 4 characters, runs of 2 and 3 tokens) says for every n-gram how much
it counts. Here that is shared out: an n-gram that stands at several places counts once, and they share it; what stands
at a place is spread over the characters it was read from, and summed by token. The shares of a text add up to its linear
logit exactly. A network that reads them beside its embeddings decides by nothing that has not passed its attention.
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
_CHUNK = 2048  # texts read at once


class Places(NamedTuple):
    """Where known n-grams stand in texts, and which tokens share them.

    Attributes
    ----------
    numbers : numpy.ndarray, int32, shape (places,)
        Of the n-gram, counted from 1.
    texts : numpy.ndarray, int64, shape (places,)
        The text it stands in.
    orders : numpy.ndarray, int8, shape (places,)
        Its place in `ORDERS`.
    loose : numpy.ndarray, bool, shape (places,)
        Read from no token (the space by itself): all tokens of the text share it.
    place, token : numpy.ndarray, int64, shape (pairs,)
        A place and one of the tokens that share it; tokens are counted through all texts.
    part : numpy.ndarray, float64, shape (pairs,)
        That token's part; those of a place add up to 1.
    mass : numpy.ndarray, float64, shape (tokens,)
        Characters of each token, as far as it has them for itself: by them loose n-grams are shared.
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
    """The tables of a linear n-gram model, and the evidence it gives.

    Attributes
    ----------
    known : numpy.ndarray, uint32, shape (n-grams,)
        Sorted hashes, as `gluonattn.data.ngrams` makes them.
    scores : numpy.ndarray, float32, shape (n-grams + 1, K)
        What each n-gram adds before the division; row 0 is of unknown ones and 0. With two classes K is 1 and it is
        added to the logit of the second less that of the first; else K is the number of classes.
    squares : numpy.ndarray, float32, shape (n-grams + 1,)
        What it adds to the square of the divisor.
    spread : numpy.ndarray, float32, shape (6 K,)
        What the network divides each channel by.
    """

    known: NDArray[Any]
    scores: NDArray[Any]
    squares: NDArray[Any]
    spread: NDArray[Any]

    def shares(self, texts: Sequence[str], tokens: Sequence[Sequence[str]],
               split: Callable[[str], list[Token]]) -> list[NDArray[Any]]:
        """Shares of texts in their linear logits, not divided by the spread.

        Parameters
        ----------
        texts : sequence of str
        tokens : sequence of sequences of str
            Those of each text, at least one each.
        split : callable
            The tokenizer that made them: asked for spans where the tokens' texts do not tell them.

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
        """What the network reads: shares divided by the spread.

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
    """Texts that end with their token number `max_length`, and the tokens that are left.

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
    """What the n-gram at each place adds to the linear logit of its text.

    Parameters
    ----------
    places : Places
    scores : numpy.ndarray, shape (n-grams + 1, K)
    squares : numpy.ndarray, shape (n-grams + 1,)
    texts : int
        How many there are.

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
    """Values of places as channels of the tokens that share them.

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
    """Pairs of places that cover characters `units` (places, n): their place, token and part."""
    places = np.repeat(np.arange(len(units)), units.shape[1])
    units = units.ravel()
    times = counts[units]
    whose = np.repeat(places, times)
    begin = np.cumsum(times) - times
    sharing = pairs[np.repeat(first[units] - begin, times) + np.arange(times.sum())]
    covered = np.bincount(places, times > 0)  # characters of tokens at each place
    return whose, sharing, 1 / (covered[whose] * np.repeat(times, times))


def _join(found: Any, mass: Any, token_owner: Any) -> Places:
    """One `Places` of those of each order; what no token was read at goes to all of its text."""
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
