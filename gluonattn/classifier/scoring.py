"""Score a file of reviews larger than memory. Scores and attention records are written in one pass, and neither file
appears unless both are complete.

Stays whole: `score_file` is half docstring.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from ..data.formats import PARQUET, format_of
from ..data.reviews import TEXT_COLUMNS, as_text
from ..data.tables import Row, atomic_file, pick_column, read_rows, write_rows
from ..errors import DataError, OptionError
from .answers import Answers, open_answers

if TYPE_CHECKING:
    from .opened.classifier import OpenedClassifier
    from .predictor import Predictor


def score_file(
    predictor: Predictor | OpenedClassifier,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    text_column: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    method: str | None = None,
    target: str | None = None,
    explain: str | None = None,
    top: int = 5,
    on_bytes: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Write every row of `source` to `out` with its predicted label and probabilities.

    Rows and columns are kept in order. A row without text gets an empty label
    and is counted. `out` appears only when it is complete.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    source, out : path
        TSV, CSV, JSON lines (also compressed: .csv.gz) or Parquet, by their endings.
    text_column : str or None
        None is the first usual name that is present.
    weights : path or None
        Also write each row's attention record to this file, as JSON lines.
    method, target : str or None
        Attribution method of these records and its class, as for `Predictor.explain`.
    explain : str or None
        Also write the most decisive words by this attribution method, in columns ``word_1``, ``score_1`` and so on, highest
        scores first. They are empty if a text has fewer words.
    top : int, default 5
        How many words.
    on_bytes : callable or None
        Called after each line with the number of bytes read.

    Returns
    -------
    dict
        Counts: "rows" and "without_text".

    Raises
    ------
    DataError
        If a file cannot be read or written, has no rows, or already has one of
        the new columns, or if two of the three files are the same.
    OptionError
        If a method, the target or the number of words is unknown or out of range, or a method is given without `weights`.
    """
    if method is not None and weights is None:
        raise OptionError("attributions go into the attention records: give a file for these too (weights, or --weights).")
    for own in (method, explain):  # raises if these are unknown
        predictor.explain_each([], own, target if own or not (method or explain) else None)
    require_other_files(source, out, weights)
    with ExitStack() as stack:
        answers = stack.enter_context(open_answers(predictor, explain, top, target))
        write = stack.enter_context(write_rows(out, types=types_of(answers, source, out)))
        write_weights = stack.enter_context(atomic_file(Path(weights))) if weights else None
        counts = score_rows(answers, read_rows(source, on_bytes), source, write, text_column=text_column,
                            write_weights=write_weights, method=method, target=target)
        if not counts["rows"]:
            raise DataError(f"{source} has no rows: expected a header line and rows below it.")
    return counts


def require_other_files(source: str | os.PathLike[str], *targets: str | os.PathLike[str] | None) -> None:
    """Raise DataError if one of the files to write is the source, or another of them.

    Parameters
    ----------
    source : path
    *targets : path or None
    """
    taken = {Path(source).resolve(): "the input itself"}
    for path in targets:
        if path is None:
            continue
        place = Path(path).resolve()
        if place in taken:
            raise DataError(f"{path} is {taken[place]}: give another file to write to.")
        taken[place] = "where the scores go"


def types_of(answers: Answers, source: str | os.PathLike[str], out: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Types of the columns of a Parquet file: those of the source and of the answers. None for other formats.

    Parameters
    ----------
    answers : Answers
    source, out : path
    """
    if format_of(out) != PARQUET:
        return None
    if format_of(source) != PARQUET:
        return dict(answers.columns)
    from ..data.parquet import parquet_types

    return {**parquet_types(source), **answers.columns}


def score_rows(answers: Answers, rows: Iterator[Row], source: str | os.PathLike[str],
               write: Callable[[dict[str, Any]], None], *, text_column: str | None = None,
               write_weights: Callable[[str], None] | None = None, method: str | None = None,
               target: str | None = None) -> dict[str, int]:
    """Write rows with the model's answers for their texts, in order.

    Parameters
    ----------
    answers : Answers
    rows : iterator of (line, row)
    source : path
        The file of the rows, for messages.
    write : callable
        Called with each row.
    text_column : str or None
        None is the first usual name that is present.
    write_weights : callable or None
        Called with the attention record of each row, as a line of JSON.
    method, target : str or None
        Attribution method of these records and its class.

    Returns
    -------
    dict
        Counts: "rows" and "without_text".

    Raises
    ------
    DataError
        If a row has no text column, a value there that is not a text, or already one of the new columns.
    """
    counts = {"rows": 0, "without_text": 0}
    name: list[str] = []

    def texts_of(chunk: list[Row]) -> list[str]:
        if not name:
            name.append(pick_column(source, list(chunk[0][1]), text_column, TEXT_COLUMNS, "text"))
        return [as_text(source, line, name[0], row.get(name[0])) for line, row in chunk]

    chunks = iter(lambda: list(islice(rows, answers.chunk)), [])
    for chunk, values in answers.ahead(chunks, texts_of):
        for (line, row), own in zip(chunk, values):
            clash = next((column for column in answers.columns if column in row), None)
            if clash:
                raise DataError(f"{source}, line {line}: it already has a column {clash!r}: rename it first.")
            write({**row, **dict(zip(answers.columns, own))})
            counts["rows"] += 1
            counts["without_text"] += not own[0]
        if write_weights:
            visible = [i for i, own in enumerate(values) if own[0]]
            texts = texts_of(chunk)
            for i, record in zip(visible, answers.predictor.explain_each([texts[i] for i in visible], method, target)):
                write_weights(json.dumps({"line": chunk[i][0], **record.to_dict()}) + "\n")
    return counts
