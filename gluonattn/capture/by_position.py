"""Records of sequences without text, whose tokens are named by their positions. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..record import AttentionRecord, Token
from .calls import Call, Pass


def position_records(recorder: Any, batch: Pass, row: int, kind: str | None) -> list[AttentionRecord]:
    """Records of one sentence of a pass. Layers of the same shape are in one record.

    Parameters
    ----------
    recorder : Records
    batch : Pass
    row : int
    kind : str or None
    """
    groups: dict[tuple[Any, ...], list[Call]] = {}
    for call in batch.calls:
        if call.weights is not None and kind in (None, call.kind):
            groups.setdefault((call.kind, call.rows, call.columns, call.weights.shape[1:], call.outside), []).append(call)
    return [_record(recorder, batch, row, calls) for calls in groups.values()]


def _record(recorder: Any, batch: Pass, row: int, calls: Sequence[Call]) -> AttentionRecord:
    first = calls[0]
    assert first.weights is not None
    grids = recorder.grids()
    rows, columns = (str(getattr(s, "name", s)) for s in (first.rows, first.columns))
    length = first.weights.shape[3] - len(first.outside)
    names, grid = names_of(length, grids.get(columns, []))
    key_text, keys = _spelled(names)
    query_text, queries = (("", [Token("[query]", 0, 0)]) if first.pooled else
                           _spelled(names_of(first.weights.shape[2], grids.get(rows, []))[0]))
    seen = [not hidden for hidden in recorder._hidden(batch, batch.sides[first.columns], row, length, {})]
    looking = [True] * len(queries) if first.pooled else [
        not hidden for hidden in recorder._hidden(batch, batch.sides[first.rows], row, len(queries), {})]
    weights = np.stack([np.asarray(c.weights)[row] for c in calls])
    places = [*np.flatnonzero(seen), *range(length, length + len(first.outside))]
    weights = weights[:, :, np.flatnonzero(looking)][..., places]
    keys = [t for t, kept in zip(keys, seen) if kept] + [Token(n, len(key_text), len(key_text)) for n in first.outside]
    queries = [t for t, kept in zip(queries, looking) if kept]
    vectors = {}
    if not first.outside and all(c.queries is not None and c.keys is not None and c.values is not None for c in calls):
        shown = {"queries": np.flatnonzero(looking), "keys": np.flatnonzero(seen), "values": np.flatnonzero(seen)}
        vectors = {"values" if name == "values" else f"{name}_vectors": np.stack(
            [np.asarray(getattr(c, name))[row][:, places] for c in calls]) for name, places in shown.items()}
    source = {**recorder._source, "layers": [c.layer for c in calls], "queries": rows, "keys": columns,
              **({"grid": list(_cut(grid, seen))} if grid else {})}
    cross = first.kind == "cross"
    return AttentionRecord(
        key_text if cross or first.pooled else query_text, tuple(queries), tuple(keys), weights,
        first.kind if cross or rows == columns else "self", target_text=query_text if cross else None, source=source,
        **vectors, normalised=bool(np.abs(weights.sum(-1, dtype=np.float64) - 1).max() <= 1e-4))


def _cut(grid: tuple[int, int], seen: Sequence[bool]) -> tuple[int, int]:
    """The grid without rows and columns beyond the picture, if a batch has larger pictures."""
    patches = np.reshape(seen[len(seen) - grid[0] * grid[1]:], grid)
    height, width = int(patches.any(1).sum()), int(patches.any(0).sum())
    return (height, width) if patches[:height, :width].all() else grid


def names_of(length: int, grids: Sequence[tuple[int, int]]) -> tuple[list[str], tuple[int, int] | None]:
    """Names of positions. Those of a picture are row and column of the matching grid, halved as often as needed.

    Parameters
    ----------
    length : int
        Length of the sequence.
    grids : sequence of (int, int)
        Rows and columns of the patches of pictures.
    """
    for height, width in grids:
        while height >= 1 and width >= 1:
            extra = length - height * width
            if 0 <= extra <= 8 and (extra < height * width or extra == 0):
                return [*(f"[{i}]" for i in range(extra)),
                        *(f"{i},{j}" for i in range(height) for j in range(width))], (height, width)
            height, width = height // 2, width // 2
    return [str(i) for i in range(length)], None


def _spelled(names: Sequence[str]) -> tuple[str, list[Token]]:
    """A text of names, and a token for each. A name in brackets has an empty span."""
    text, tokens = "", []
    for name in names:
        if name.startswith("["):
            tokens.append(Token(name, len(text), len(text)))
            continue
        text += " " if text else ""
        tokens.append(Token(name, len(text), len(text) + len(name)))
        text += name
    return text, tokens
