"""Read tables of reviews row by row: TSV, CSV, JSON lines and Parquet. `writing` writes them.

No table is held in memory and no row is dropped silently: a row that cannot
be parsed raises an error that names its line.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Callable

from ..errors import DataError
from ..plain import plain
from .formats import FORMATS as FORMATS
from .formats import JSONL, PARQUET, TSV, ending_of
from .formats import format_of as format_of
from .lines import MAX_LINE, Span, read_lines
from .writing import atomic_file as atomic_file
from .writing import write_rows as write_rows

Row = tuple[int, dict[str, Any]]  # line number, value by column

csv.field_size_limit(MAX_LINE)


def read_rows(path: str | os.PathLike[str], on_bytes: Callable[[int], None] | None = None,
              span: Span | None = None) -> Iterator[Row]:
    """Read the rows of a table, one at a time.

    Tab-separated files are read without quoting, as NSMC needs it. In
    comma-separated files, quoted fields may have commas and line breaks. A blank
    line below the header is a row of empty values, so that row numbers are kept.

    Parameters
    ----------
    path : path
        .tsv/.txt, .csv or .jsonl/.ndjson, in UTF-8 with or without BOM, also compressed (.gz, .bz2, .xz); or .parquet.
    on_bytes : callable or None
        Called after each line with the number of bytes read, for a progress bar.
    span : Span or None
        A part of an uncompressed file of lines, from the start of a row to the end of a row. It is read as if the file had
        only its header and these rows. Line numbers count from there.

    Yields
    ------
    (line, row) : (int, dict)
        Number of the row's first line, from 1 (for Parquet the row's number), and the values by column name.

    Raises
    ------
    DataError
        If the file is missing, empty, not UTF-8, or has a row that does not
        fit its header; the message names the line.
    """
    path = Path(path)
    kind = format_of(path)
    if kind == PARQUET:
        from .parquet import read_parquet

        yield from read_parquet(path, on_bytes)
        return
    lines = read_lines(path, on_bytes, span)
    if kind == JSONL:
        yield from _json_rows(path, lines)
        return
    records = _tab_records(lines) if kind == TSV else _comma_records(path, lines)
    first = next((values for _, values in records if values), None)
    if first is None:
        raise DataError(f"{path} is empty: expected a header line with column names, then rows.")
    header = [name.strip() for name in first]
    if len({plain(name) for name in header}) < len(header):
        raise DataError(f"{path}: two columns have the same name in its header: {', '.join(header)}.")
    for number, values in records:
        values = values or [""] * len(header)
        if len(values) != len(header):
            raise DataError(
                f"{path}, line {number}: {len(values)} fields, but the header has {len(header)} "
                f"({', '.join(header)}). Correct or remove that line"
                f"{'; tab-separated files are read without quoting' if kind == TSV else ''}."
            )
        yield number, dict(zip(header, values))


def pick_column(
    path: str | os.PathLike[str], columns: Sequence[str], wanted: str | None, usual: Sequence[str], role: str
) -> str:
    """Pick the column for a role: the given one, or the first usual name that is present.

    Usual names match in upper and lower case, and with spaces or underscores
    between their words. Hangul may be decomposed, as macOS writes it.

    Parameters
    ----------
    path : path
        The table, for messages.
    columns : sequence of str
        The table's columns.
    wanted : str or None
        The name that the user gave.
    usual : sequence of str
        Names to look for if none was given.
    role : str
        The content of the column ("text"), for messages and the option's name.

    Raises
    ------
    DataError
        If there is no such column. The message lists the file's columns.
    """
    form = _plain_name if wanted else _letters
    for name in [wanted] if wanted else usual:
        for column in columns:
            if form(column) == form(name):
                return column
    expected = repr(wanted) if wanted else f"one of {', '.join(usual[:16])}" + " and their like" * (len(usual) > 16)
    raise DataError(
        f"{path}: no {role} column; expected {expected}, found {', '.join(map(repr, columns))}. "
        f"Name it with --{role}-column." + " A file whose first line holds no names needs such a line first."
        * (FORMATS.get(ending_of(path)) not in (JSONL, PARQUET))
    )


def _plain_name(name: str) -> str:
    return plain(str(name)).strip()


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", plain(str(name))).casefold()


def _tab_records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        line = line[:-1] if line.endswith("\n") else line
        line = line[:-1] if line.endswith("\r") else line
        yield number, line.split("\t") if line else []


def _comma_records(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    while True:
        start = reader.line_num + 1  # a row with a quoted line break has several lines
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "NUL" in str(error):
                advice = "Python 3.9 and 3.10 read no CSV with NUL characters: remove them, or use .tsv."
            else:
                advice = ('A field with a quote must be in quotes, with the quotes inside doubled: "이건 ""명작""이다". '
                          "Correct that row, or save the file again with a program that writes CSV.")
            raise DataError(f"{path}, line {start}: not readable as CSV ({error}). {advice}") from None
        yield start, values


def _json_rows(path: Path, lines: Iterable[str]) -> Iterator[Row]:
    empty = True
    spelt: dict[str, str] = {}  # a name keeps its first spelling: Hangul may be decomposed in some rows only
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_refuse_duplicate_names)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: not JSON ({error}).") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: expected a JSON object, got {type(row).__name__}.")
        empty = False
        named = {spelt.setdefault(plain(name), name): value for name, value in row.items()}
        if len(named) < len(row):
            raise DataError(f"{path}, line {number}: two columns have the same name: {', '.join(row)}.")
        yield number, named
    if empty:
        raise DataError(f"{path} is empty: expected one JSON object on each line.")


def _refuse_duplicate_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object. ValueError for a repeated name, because one of its values would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"two values have the name {next(name for name in names if names.count(name) > 1)!r}")
    return found
