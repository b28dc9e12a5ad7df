"""Write tables row by row: TSV, CSV, JSON lines and Parquet. A table appears under its name only when it is complete."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..errors import DataError
from ..files import cannot_write, replacing_file
from .formats import COMPRESSIONS, JSONL, PARQUET, TSV, compression_of, format_of

Write = Callable[[dict[str, Any]], None]


@contextmanager
def write_rows(path: str | os.PathLike[str], *, header: bool = True,
               types: dict[str, Any] | None = None) -> Iterator[Write]:
    """Open a table for writing. It appears under its name only when it is complete.

    Parameters
    ----------
    path : path
        Its ending determines the format. Files of lines may be compressed (``.csv.gz``).
    header : bool, default True
        Whether TSV and CSV begin with the names of their columns. A part to be appended to another does not.
    types : dict or None
        For Parquet: the type of a column by its name, as `gluonattn.data.parquet.write_parquet` takes it.

    Yields
    ------
    callable
        ``write(row)`` with a dict. The first row determines the columns.

    Raises
    ------
    DataError
        If the file cannot be written (the message has the cause), rows differ
        in their columns, or the format cannot represent a value: a tab or line
        break in TSV, half a character (a lone surrogate) in TSV or CSV.
    """
    path = Path(path)
    kind = format_of(path)
    if kind == PARQUET:
        from .parquet import write_parquet

        with write_parquet(path, types or {}) as write_row:
            yield write_row
        return
    with atomic_file(path) as write_text:
        yield _text_rows(path, kind, write_text, header)


def _text_rows(path: Path, kind: str, write_text: Callable[[str], None], header: bool) -> Write:
    """A writer of rows as lines of text."""
    columns: list[str] = []
    # With "\r\n" as line terminator, csv quotes both characters, so a lone "\r" survives.
    writer = csv.writer(SimpleNamespace(write=lambda line: write_text(line[:-2] + "\n")), lineterminator="\r\n")

    def write(row: dict[str, Any]) -> None:
        if kind == JSONL:
            line = json.dumps(row, ensure_ascii=False)
            write_text((line if _encodes(line) else json.dumps(row)) + "\n")
            return
        if not columns:
            columns.extend(row)
            if header:
                write_values(columns)
        if row.keys() != set(columns):
            raise DataError(
                f"a row has columns {', '.join(row)}, an earlier one {', '.join(columns)}: {path.name} "
                "needs the same in every row. Write to .jsonl instead."
            )
        write_values([_to_cell(row[name]) for name in columns])

    def write_values(values: list[str]) -> None:
        for value in values:
            if not _encodes(value):
                raise _cannot_keep(path, "half a character (a lone surrogate)", value, ".jsonl")
            if kind == TSV and ("\t" in value or "\n" in value):
                raise _cannot_keep(path, "a tab or line break", value, ".csv or .jsonl")
        if kind == TSV:
            write_text("\t".join(values) + "\n")
            return
        try:
            writer.writerow(values)
        except csv.Error:  # only Python 3.10
            odd = next((value for value in values if "\0" in value), "")
            raise _cannot_keep(path, "a NUL character", odd, ".tsv or .jsonl") from None

    return write


def _to_cell(value: Any) -> str:
    """A JSON value as text, the only type in these tables."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _cannot_keep(path: Path, what: str, value: str, better: str) -> DataError:
    return DataError(
        f"a value holds {what}, which {path.name} cannot keep: {value[:40]!r}. Write to {better} instead."
    )


@contextmanager
def atomic_file(path: Path, error: type[Exception] = DataError) -> Iterator[Callable[[str], None]]:
    """A UTF-8 text file that replaces `path` if the block succeeds. It is compressed if its name says so.

    Parameters
    ----------
    path : pathlib.Path
    error : type of exception, default DataError

    Yields
    ------
    callable
        ``write(text)``.

    Raises
    ------
    error
        If it cannot be written, or `path` is a folder or a device. This is checked before the block runs.
    """
    try:
        with replacing_file(path, error) as write:
            ending = compression_of(path)
            if ending is None:
                yield write
                return
            packer = COMPRESSIONS[ending][1]()
            yield lambda text: write(packer.compress(text.encode("utf-8")))
            write(packer.flush())
    except OSError as problem:  # an error of the block itself
        raise error(cannot_write(path, problem.strerror)) from None
