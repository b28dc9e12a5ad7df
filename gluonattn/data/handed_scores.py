"""Read scores of words that another program made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .rationales import check_spans
from .tables import read_rows

Handed = dict[str, dict[str, tuple[list[tuple[int, int]], NDArray[Any]]]]  # method: text: spans and scores


def read_handed_scores(path: str | os.PathLike[str]) -> Handed:
    """Read scores from JSON lines.

    A line has ``text``, ``spans`` ([start, end] of each word, with an exclusive end), ``scores`` and, if there are several
    methods, ``method``. Lines that ``gluonattn predict --weights`` writes are accepted too. They have ``keys`` and
    ``attributions``.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict of str to dict of str to (list of (int, int), numpy.ndarray)
        By method, then by text: spans and scores, shape (words,).

    Raises
    ------
    DataError
        If the file cannot be read, or a line has another form. The message names the line.
    """
    found: Handed = {}
    for line, row in read_rows(path):
        place = f"{path}, line {line}"
        text = row.get("text")
        if not isinstance(text, str):
            raise DataError(f"{place}: expected a field 'text', found {', '.join(map(repr, row))}.")
        for method, spans, scores in _of_row(row, place):
            checked = check_spans(spans, len(text), place)
            if not isinstance(scores, list) or len(scores) != len(checked) or not checked:
                raise DataError(f"{place}: expected a number for each of {len(checked)} spans, got {scores!r:.60}.")
            try:
                values = np.array(scores, dtype=np.float64)
            except (TypeError, ValueError):
                values = np.full(len(checked), np.nan)
            if not np.isfinite(values).all():
                raise DataError(f"{place}: a score is not a finite number: {scores!r:.60}.")
            known = found.setdefault(method, {})
            if text in known:
                raise DataError(f"{place}: the text {text[:20]!r} has scores of {method} already: give each text once, or "
                                "name its field 'method'.")
            known[text] = checked, values
    if not found:
        raise DataError(f"{path} has no scores: expected lines with text, spans and scores.")
    return found


def _of_row(row: dict[str, Any], place: str) -> list[tuple[str, Any, Any]]:
    """The (method, spans, scores) of a line."""
    if isinstance(row.get("attributions"), dict) and isinstance(row.get("keys"), list):
        spans = [list(key[1:3]) if isinstance(key, (list, tuple)) else key for key in row["keys"]]
        return [(name, spans, scores) for name, scores in row["attributions"].items()]
    if "spans" not in row or "scores" not in row:
        raise DataError(f"{place}: expected the fields 'spans' and 'scores', found {', '.join(map(repr, row))}.")
    return [(str(row.get("method") or Path(place.split(",")[0]).stem), row["spans"], row["scores"])]
