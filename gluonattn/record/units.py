"""Group tokens into larger units, and merge attention between the groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..plain import is_space
from .tokens import Token


def eojeol_groups(tokens: Sequence[Token], text: str) -> list[list[int]]:
    """Positions of the tokens of each eojeol, in order. A special token (empty span) is a group of its own.

    Parameters
    ----------
    tokens : sequence of Token
    text : str
        The raw text that their spans index.
    """
    word_at, word = [], 0
    for before, character in zip(" " + text, text):
        word += is_space(before) and not is_space(character)
        word_at.append(max(word, 1))  # blanks before the text are not a word
    groups: list[list[int]] = []
    last: object = None
    for i, token in enumerate(tokens):
        # A span may begin with the space before its word, as in SentencePiece.
        first = next((c for c in range(token.start, token.end) if not is_space(text[c])), token.start)
        key: object = ("special", i) if token.start == token.end else word_at[first]
        if groups and key == last:
            groups[-1].append(i)
        else:
            groups.append([i])
        last = key
    return groups


def join_tokens(tokens: Sequence[Token], group: Sequence[int], text: str) -> Token:
    """Join a group to one token with the visible characters from its first to its last token, and all tags.

    Parameters
    ----------
    tokens : sequence of Token
    group : sequence of int
        Positions of the tokens to join.
    text : str
        The raw text that their spans index.
    """
    if len(group) == 1 and tokens[group[0]].start == tokens[group[0]].end:
        return tokens[group[0]]
    start = min(tokens[i].start for i in group)
    end = max(tokens[i].end for i in group)
    visible = [c for c in range(start, end) if not is_space(text[c])] or [start, end - 1]
    start, end = visible[0], visible[-1] + 1  # a subword's span may include the space beside its word
    tags = [tag for tag in (tokens[i].tag for i in group) if tag]
    return Token(text[start:end], start, end, "+".join(tags) if tags else None)


def merge_weights(
    weights: NDArray[Any], query_groups: Sequence[Sequence[int]], key_groups: Sequence[Sequence[int]]
) -> NDArray[Any]:
    """Weights between groups: the sum over the keys of a group, the mean over its queries.

    Every row keeps its sum.

    Parameters
    ----------
    weights : numpy.ndarray, shape (layers, heads, queries, keys)
    query_groups, key_groups : sequence of sequence of int
        Positions of each group.

    Returns
    -------
    numpy.ndarray, shape (layers, heads, query groups, key groups)
    """
    weights = np.stack([weights[..., group].sum(-1) for group in key_groups], -1)
    return np.stack([weights[:, :, group].mean(2) for group in query_groups], 2)
