"""Pairs of sentences A and B in one record: attention between them, and each head's distribution of mass.

The record's text is both sentences with a line break between them. ``source["pair"]`` is the position of B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError, choose
from .record import AttentionRecord
from .tokens import Token

REST = "[rest]"
WAYS = {"A-A": (0, 0), "A-B": (0, 1), "B-A": (1, 0), "B-B": (1, 1)}


def join_pair(first: str, second: str) -> tuple[str, int]:
    """Join a pair to the text of its record, and return where B begins.

    Parameters
    ----------
    first, second : str
    """
    return f"{first}\n{second}", len(first) + 1


def sides_of(record: AttentionRecord, tokens: Sequence[Token]) -> NDArray[np.int64]:
    """The sentence of each token: 0 for A, 1 for B, -1 for special tokens (``[CLS]``, ``[SEP]``).

    Parameters
    ----------
    record : AttentionRecord
    tokens : sequence of Token
        Its queries or its keys.

    Raises
    ------
    RecordError
        If it is not of a pair.
    """
    start = record.source.get("pair")
    if not isinstance(start, int):
        raise RecordError("this record is of one sentence, and knows no A and B: capture a pair "
                          "(chosen_attention(..., pair=...), capture --pair).")
    return np.array([-1 if token.end <= token.start else int(token.start >= start) for token in tokens])


def look_between(record: AttentionRecord, way: str) -> AttentionRecord:
    """Select one sentence's attention to the other, or to itself. ``source["dropped_mass"]`` has the mass of other keys.

    Parameters
    ----------
    record : AttentionRecord
        Of a pair.
    way : {"A-B", "B-A", "A-A", "B-B"}

    Raises
    ------
    RecordError
        If it is not of a pair, or one of its sentences has no token.
    """
    looking, looked_at = choose("way between sentences", way, WAYS)
    rows, columns = (np.flatnonzero(sides_of(record, tokens) == side).tolist()
                     for tokens, side in ((record.queries, looking), (record.keys, looked_at)))
    if not rows or not columns:
        raise RecordError(f"{way} needs tokens of both sides; there are {len(rows)} queries and {len(columns)} "
                          "keys. Choose other queries, or keep more tokens.")
    found = record.select(rows, columns)
    return replace(found, source={**found.source, "between": way})


def share_mass(record: AttentionRecord) -> AttentionRecord:
    """The distribution of each head's mass: a record with two rows, A and B, over A, B and the rest.

    Parameters
    ----------
    record : AttentionRecord
        Of a pair.

    Returns
    -------
    AttentionRecord
        Weights (layers, heads, 2, 3): means over queries, sums over keys. The rest is special tokens such as ``[CLS]``,
        and keys that the record does not have. Every view can draw it.

    Raises
    ------
    RecordError
        If it is not of a pair, or one of its sentences has no token.
    """
    rows, columns = sides_of(record, record.queries), sides_of(record, record.keys)
    if not all((rows == side).any() for side in (0, 1)):
        raise RecordError("the distribution of mass needs queries of both sentences: choose other queries.")
    sums = np.stack([record.weights[..., columns == side].sum(-1, dtype=np.float64) for side in (0, 1)], -1)
    shares = np.stack([sums[:, :, rows == side].mean(axis=2) for side in (0, 1)], 2)  # (layers, heads, 2, 2)
    shares = np.concatenate([shares, np.clip(1 - shares.sum(-1, keepdims=True), 0, 1)], -1)
    start, end = int(record.source["pair"]), len(record.text)
    a, b = Token("A", 0, start - 1), Token("B", start, end)
    return AttentionRecord(record.text, (a, b), (a, b, Token(REST, end, end)), shares.astype(np.float32),
                           source={**{k: v for k, v in record.source.items() if k != "dropped_mass"}, "between": "shares"})
