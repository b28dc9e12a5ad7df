"""Convert attention between a model's pieces to attention between the units of another tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..record import AttentionRecord, Token

Tokenizer = Callable[[str], Sequence[Token]]


def merge_into(record: AttentionRecord, tokenizer: Tokenizer,
               key_tokenizer: Tokenizer | None = None) -> AttentionRecord:
    """Convert a record to other units of the same text, such as morphemes. Attention mass is conserved.

    A piece inside one unit belongs to it. A piece that spans several units (subwords ignore morphemes)
    is divided among them by its visible characters in each. The weight of a merged key is the sum of the
    fractions in it. A merged query is the mean over the pieces in it, weighted by their fractions. A
    piece of blanks belongs to the next unit, or to the last one. Every row keeps its sum. Special tokens,
    and pieces that overlap no unit, stay unchanged. A unit that overlaps no piece is left out.

    Parameters
    ----------
    record : AttentionRecord
    tokenizer : callable from text to tokens with spans
        For example ``gluonattn.tokenizer("mecab")``.
    key_tokenizer : callable or None
        For the key side of a cross record; None is the same.

    Returns
    -------
    AttentionRecord
        Without per-head vectors: a mean of key vectors is not a key.

    Raises
    ------
    RecordError
        If a unit's span is outside the text.
    """
    name = getattr(tokenizer, "name", getattr(tokenizer, "__name__", "units"))
    query_fractions, queries = measure_overlaps(record.queries, tokenizer(record.query_text), record.query_text)
    if record.queries == record.keys and record.query_text == record.key_text and key_tokenizer is None:
        key_fractions, keys = query_fractions, queries
    else:
        key_fractions, keys = measure_overlaps(record.keys, (key_tokenizer or tokenizer)(record.key_text), record.key_text)
    means = query_fractions / query_fractions.sum(0, keepdims=True)  # (queries, units)
    weights = means.T @ record.weights.astype(np.float64) @ key_fractions
    return replace(record, queries=tuple(queries), keys=tuple(keys), weights=weights, queries_vectors=None,
                   keys_vectors=None, values=None, source={**record.source, "merged": str(name)})


def tag_tokens(record: AttentionRecord, tokenizer: Tokenizer) -> AttentionRecord:
    """Give each token the tag of the unit that overlaps it most. Vectors are kept.

    Parameters
    ----------
    record : AttentionRecord
    tokenizer : callable from text to tagged tokens with spans
    """

    def tag_side(tokens: Sequence[Token], text: str) -> list[Token]:
        matrix, units = measure_overlaps(tokens, tokenizer(text), text)
        return [token._replace(tag=units[int(row.argmax())].tag) for token, row in zip(tokens, matrix)]

    same = record.queries == record.keys and record.query_text == record.key_text
    queries = tag_side(record.queries, record.query_text)
    return replace(record, queries=tuple(queries), keys=tuple(queries if same else tag_side(record.keys, record.key_text)))


def measure_overlaps(tokens: Sequence[Token], units: Sequence[Token], text: str) -> tuple[NDArray[Any], list[Token]]:
    """Compute the fraction of each token that is in each unit.

    Parameters
    ----------
    tokens, units : sequence of Token
    text : str
        The raw text to which all spans refer.

    Returns
    -------
    fractions : numpy.ndarray, float64, shape (tokens, units)
        Rows sum to 1, no column is empty.
    units : list of Token
        The units that overlap a token, and the tokens that overlap no unit, in reading order.
    """
    for unit in units:
        if not 0 <= unit.start <= unit.end <= len(text):
            raise RecordError(f"unit {unit.text!r} has span {unit.start}:{unit.end}, outside its text of {len(text)}.")
    visible = np.array([not c.isspace() for c in text], dtype=bool)
    parts = np.zeros((len(tokens), len(units)))
    for i, token in enumerate(tokens):
        for j, unit in enumerate(units):
            start, end = max(token.start, unit.start), min(token.end, unit.end)
            if start < end:
                parts[i, j] = visible[start:end].sum()
    for i, token in enumerate(tokens):
        # A token of blanks is not a word: it belongs to the next unit, or to the last one.
        if token.start < token.end and not visible[token.start:token.end].any() and len(units):
            behind = [j for j, unit in enumerate(units) if unit.start >= token.end and unit.end > unit.start]
            before = [j for j, unit in enumerate(units) if unit.end <= token.start and unit.end > unit.start]
            for j in behind[:1] or before[-1:]:
                parts[i, j] = 1
    alone = np.flatnonzero(parts.sum(1) == 0)
    by_itself = np.zeros((len(tokens), len(alone)))
    by_itself[alone, range(len(alone))] = 1
    taken = np.flatnonzero(parts.sum(0) > 0)
    both = np.concatenate([parts[:, taken], by_itself], 1)
    # The order of units: by their first character, then as the tokens are ordered.
    first = [(units[j].start, int(np.flatnonzero(parts[:, j])[0])) for j in taken]
    places = first + [(tokens[i].start, int(i)) for i in alone]
    names = [units[j] for j in taken] + [tokens[i] for i in alone]
    order = sorted(range(len(places)), key=lambda k: (places[k][1], places[k][0]))
    both = both[:, order]
    return both / both.sum(1, keepdims=True), [names[k] for k in order]
