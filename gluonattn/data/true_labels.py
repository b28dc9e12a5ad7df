"""True labels of a table's texts, as the labels of a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import DataError
from .reviews import LABEL_COLUMNS, text_lines
from .tables import pick_column, read_rows
from .values import label_text


def read_true_labels(path: str | os.PathLike[str], names: Mapping[str, str], *, text_column: str | None = None,
                     label_column: str | None = None) -> list[str | None]:
    """Read the true label of each text that `gluonattn.data.reviews.read_sentences` reads from the same file.

    Parameters
    ----------
    path : path
    names : mapping of str to str
        Display name of each label of the model. A file may have labels or their names.
    text_column, label_column : str or None
        As for `gluonattn.data.reviews.read_reviews`; None is the first usual name that is present.

    Returns
    -------
    list of str or None
        Labels as the model spells them; None for a row without one. Empty if the file has no such column and none was
        named.

    Raises
    ------
    DataError
        If a named column is missing, or a row has a value that is not a label of the model.
    """
    path = Path(path)
    if path.suffix.lower() == ".txt" and text_lines(path, text_column) is not None:
        if label_column is None:
            return []
        raise DataError(f"{path} has a text on each line and no columns: leave --label-column out, or give a table "
                        "(.tsv, .csv or .jsonl).")
    known = {label_text(one, "the model"): label for label, name in names.items() for one in (name, label)}
    found: list[str | None] = []
    column = ""
    for line, row in read_rows(path):
        if not column:
            try:
                column = pick_column(path, list(row), label_column, LABEL_COLUMNS, "label")
            except DataError:
                if label_column is not None:
                    raise
                return []
        label = label_text(row.get(column), f"{path}, line {line}, column {column!r}")
        if label and label not in known:
            said = ", ".join(repr(label) if label == name else f"{label!r} ({name})" for label, name in names.items())
            raise DataError(f"{path}, line {line}: {label!r} in the column {column!r} is not a label of this model, which "
                            f"knows {said}. Name the column of the true labels with --label-column.")
        found.append(known[label] if label else None)
    return found
