"""Word alignments that do not depend on the model, and how well each head agrees with them.

The aligner is eflomal (Östling and Tiedemann 2016), run in both directions. Links found in both directions are sure; links
found in one direction are possible. It samples without a seed, so two runs differ a little.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError
from ..record import AttentionRecord, Token
from .pairs import SentencePair

_WORD = re.compile(r"\w+|[^\w\s]")


class Links(NamedTuple):
    """The links of a pair, as (place of a source word, place of a target word).

    Attributes
    ----------
    sure, possible : frozenset of (int, int)
        Every sure link is also possible.
    """

    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]


def words_of(text: str) -> list[tuple[int, int]]:
    """Spans of a text's words. Each punctuation mark is a word."""
    return [match.span() for match in _WORD.finditer(text)]


def align_words(pairs: Sequence[SentencePair], corpus: Sequence[SentencePair]) -> list[Links]:
    """Align the words of pairs. The aligner learns from the pairs and from a corpus.

    Parameters
    ----------
    pairs : sequence of SentencePair
    corpus : sequence of SentencePair
        More pairs to learn from. It may contain `pairs`.

    Returns
    -------
    list of Links
        One for each of `pairs`.

    Raises
    ------
    DependencyError
        If eflomal is not installed.
    """
    try:
        import eflomal
    except ImportError:
        raise DependencyError("word alignments need eflomal: pip install \"gluonattn[alignment]\".") from None
    every = [*pairs, *(pair for pair in corpus if words_of(pair.source) and words_of(pair.target))]
    sides = [[" ".join(pair[side][start:end] for start, end in words_of(pair[side])) or "-" for pair in every]
             for side in (0, 1)]
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("forward", "reverse")]
        eflomal.Aligner().align(*sides, links_filename_fwd=files[0], links_filename_rev=files[1])
        forward, reverse = ([_links(line) for line in Path(file).read_text().splitlines()[: len(pairs)]] for file in files)
    return [Links(frozenset(one & other), frozenset(one | other)) for one, other in zip(forward, reverse)]


def _links(line: str) -> set[tuple[int, int]]:
    return {(int(source), int(target)) for source, target in (link.split("-") for link in line.split())}


def head_links(record: AttentionRecord) -> NDArray[Any]:
    """The source word to which each target word attends most, in every head of cross-attention.

    A source word receives the sum of its subwords' weights. A target word's row is the mean of its subwords' rows.

    Parameters
    ----------
    record : AttentionRecord
        A record of kind "cross".

    Returns
    -------
    numpy.ndarray of int, shape (layers, heads, target words)
        -1 if the strongest key is not a word, but the end mark for example.
    """
    keys = _word_matrix(record.keys, words_of(record.text))  # (keys, words)
    queries = _word_matrix(record.queries, words_of(record.target_text or ""))
    received = np.einsum("lhqk,kw->lhqw", record.weights.astype(np.float64), np.c_[keys, keys.sum(1) == 0])
    by_word = np.einsum("qt,lhqw->lhtw", queries / np.maximum(queries.sum(0), 1), received)
    strongest = by_word.argmax(-1)
    strongest[strongest == keys.shape[1]] = -1
    return np.where(queries.sum(0) > 0, strongest, -1)


def _word_matrix(tokens: Sequence[Token], words: Sequence[tuple[int, int]]) -> NDArray[Any]:
    """1 where a token begins in a word; shape (tokens, words). A token that spans several words counts for the first."""
    table = np.zeros((len(tokens), len(words)))
    for i, token in enumerate(tokens):
        for j, (start, end) in enumerate(words):
            if token.start < end and token.end > start:
                table[i, j] = 1
                break
    return table


def count_links(links: Links, found: NDArray[Any]) -> NDArray[Any]:
    """The counts for alignment error rates, for every head.

    Parameters
    ----------
    links : Links
        Links from the aligner.
    found : numpy.ndarray of int, shape (layers, heads, target words)
        The heads' links, from `head_links`.

    Returns
    -------
    numpy.ndarray, shape (4, layers, heads)
        Numbers of the head's sure links, of its possible links, of all its links, and of the aligner's sure links.
    """
    layers, heads, words = found.shape
    counts = np.zeros((4, layers, heads))
    for layer, head, word in np.ndindex(layers, heads, words):
        if found[layer, head, word] >= 0:
            link = (int(found[layer, head, word]), word)
            counts[:3, layer, head] += link in links.sure, link in links.possible, 1
    counts[3] = len(links.sure)
    return counts


def error_rate(counts: Any) -> Any:
    """Alignment error rate, AER = 1 - (|A and S| + |A and P|) / (|A| + |S|) (Och and Ney 2003).

    Parameters
    ----------
    counts : numpy.ndarray, shape (..., 4, layers, heads)
        Counts of `count_links`, summed over pairs.

    Returns
    -------
    numpy.ndarray, shape (..., layers, heads)
        0 is perfect agreement. NaN if neither side has links.
    """
    sure, possible, made, wanted = (counts[..., i, :, :] for i in range(4))
    total = made + wanted
    return 1 - np.divide(sure + possible, total, out=np.full(total.shape, np.nan), where=total > 0)
