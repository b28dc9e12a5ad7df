"""Files cut into pieces that are scored independently. The reader of whole files also reads each piece."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..data.formats import FORMATS, JSONL, PARQUET, compression_of, ending_of, format_of
from ..data.lines import Span
from ..data.tables import Row, read_rows
from ..errors import DataError

ROWS = 8 * 2048  # in a piece: a whole number of chunks, so that batches are the same as in one process
_SMALL = 2**20  # bytes; a file of lines up to that is one piece


class Piece(NamedTuple):
    """A part of a file, or all of it.

    Attributes
    ----------
    number : int
        The piece's number, counted from 0 in the order of rows.
    path : str
    first, rows : int
        Number of rows before this piece, and number of its own rows. 0 and -1 are the whole file.
    header, start, end : int
        Byte offsets in a file of lines, as in `gluonattn.data.lines.Span`. 0 for the whole file.
    shift : int
        Number of lines between the file's header and the piece.
    """

    number: int
    path: str
    first: int = 0
    rows: int = -1
    header: int = 0
    start: int = 0
    end: int = 0
    shift: int = 0


def list_tables(source: Path) -> list[Path]:
    """The file itself, or the tables of a folder in the order of their names.

    Names that begin with "." or "_" are skipped: other programs use such names for marker files.

    Raises
    ------
    DataError
        If there is no table, or the tables have several formats.
    """
    if not source.is_dir():
        return [source]
    found = sorted(path for path in source.iterdir()
                   if path.name[0] not in "._" and path.is_file() and ending_of(path) in FORMATS)
    if not found:
        raise DataError(f"{source} contains no table: expected files that end in {', '.join(FORMATS)}.")
    kinds = sorted({format_of(path) for path in found})
    if len(kinds) > 1:
        raise DataError(f"{source} contains tables of several formats ({', '.join(kinds)}): expected one format.")
    return found


def plan_pieces(paths: list[Path], rows: int = ROWS) -> list[Piece]:
    """Cut files into pieces, in order. Large files of lines are read once to find where rows begin.

    Parameters
    ----------
    paths : list of pathlib.Path
    rows : int, default 16384
        Number of rows in a piece.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    found: list[Piece] = []
    for path in paths:
        found += _pieces_of(path, rows)
    return [piece._replace(number=number) for number, piece in enumerate(found)]


def _pieces_of(path: Path, rows: int) -> list[Piece]:
    if format_of(path) == PARQUET:
        from ..data.parquet import open_parquet

        with open_parquet(path) as file:
            total = file.metadata.num_rows
        return [Piece(0, str(path), first, min(rows, total - first)) for first in range(0, total, rows)]
    try:
        size = os.path.getsize(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}. Check the path.") from None
    if compression_of(path) or size <= _SMALL:
        return [Piece(0, str(path))]
    return list(_cut_lines(path, rows))


def _cut_lines(path: Path, rows: int) -> Iterator[Piece]:
    size = lines = number = 0  # of what was read so far

    def add(length: int) -> None:
        nonlocal size, lines
        size, lines = size + length, lines + 1

    header, header_lines = 0, 0
    start, start_lines = end, end_lines = 0, 0
    for number, (line, _) in enumerate(read_rows(path, add), 1):
        if number == 1 and format_of(path) != JSONL:
            header, header_lines = _header_bytes(path, line), line - 1
            start, start_lines = header, header_lines
        elif number > 1 and (number - 1) % rows == 0:
            yield Piece(0, str(path), number - 1 - rows, rows, header, start, end, start_lines - header_lines)
            start, start_lines = end, end_lines
        end, end_lines = size, lines
    if number:
        first = (number - 1) // rows * rows
        yield Piece(0, str(path), first, number - first, header, start, size, start_lines - header_lines)


def _header_bytes(path: Path, line: int) -> int:
    """The bytes that precede a line."""
    with open(path, "rb") as file:
        return sum(len(file.readline()) for _ in range(line - 1))


def read_piece(piece: Piece) -> Iterator[Row]:
    """Rows of a piece, with the numbers of their lines in the whole file.

    Raises
    ------
    DataError
        If the file cannot be read, or has changed since it was cut.
    """
    if piece.rows < 0:
        yield from read_rows(piece.path)
        return
    if format_of(piece.path) == PARQUET:
        from ..data.parquet import read_parquet

        rows = read_parquet(piece.path, None, piece.first, piece.rows)
    else:
        span = Span(piece.header, piece.start, piece.end)
        rows = ((line + piece.shift, row) for line, row in read_rows(piece.path, None, span))
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 (read after the loop)
        yield row
    if count != piece.rows:
        raise DataError(f"{piece.path} has changed since the work began: it has {count} rows, not {piece.rows}. Start again "
                        "when no program is writing to it.")
