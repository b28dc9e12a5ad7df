"""A table of soft labels: for each text a teacher's probability of each label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..plain import bare_key, is_blank
from .reviews import TEXT_COLUMNS, as_text, label_text
from .tables import pick_column, read_rows

_OFF = 0.0101  # tolerance of a row's sum, because probabilities may have only two digits


def read_soft_labels(path: Path, labels: Sequence[str]) -> tuple[list[str], NDArray[Any]]:
    """Read texts and their probabilities from a table with a column of texts and one for each label.

    Parameters
    ----------
    path : pathlib.Path
        A TSV, CSV or JSON lines file. A label's column has the label's name. Other columns are ignored.
    labels : sequence of str

    Returns
    -------
    texts : list of str
        Each text once (`gluonattn.plain.bare_key`). If it occurs several times, its mean counts.
    targets : numpy.ndarray, float32, shape (texts, labels)
        Rows sum to 1.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or a row's values are not probabilities that sum to 1 within 0.01.
    """
    text_column, columns = "", list[str]()
    texts: list[str] = []
    sums: list[NDArray[Any]] = []
    places: dict[str, int] = {}
    for line, row in read_rows(path):
        if not columns:
            text_column = pick_column(path, list(row), None, TEXT_COLUMNS, "text")
            columns = [_column_of(path, label, row) for label in labels]
        text = as_text(path, line, text_column, row.get(text_column))
        if is_blank(text):
            continue
        values = np.array([_share(row.get(name), f"{path}, line {line}, column {name!r}") for name in columns])
        if abs(values.sum() - 1) > _OFF:
            raise DataError(f"{path}, line {line}: the probabilities of {', '.join(columns)} sum to {values.sum():.4g}; "
                            "expected 1. Correct or remove that line.")
        place = places.setdefault(bare_key(text), len(texts))
        if place == len(texts):
            texts.append(text)
            sums.append(values)
        else:
            sums[place] += values
    if not texts:
        raise DataError(f"{path} holds no soft label: expected a header, and rows with a text and its probabilities.")
    found = np.array(sums, np.float64)
    return texts, (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def _column_of(path: Path, label: str, row: Any) -> str:
    for name in row:
        if label_text(name, str(path)) == label:
            result: str = name
            return result
    raise DataError(f"{path}: no column {label!r} with the probability of that label; found {', '.join(map(repr, row))}. A "
                    "table of soft labels has a column of texts and one for each label, by its name.")


def _share(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise DataError(f"{where}: expected a probability from 0 to 1; got {value!r:.40}. Correct or remove that line.")
    return number
