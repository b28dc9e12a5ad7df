"""Parquet files row by row, with pyarrow. They are read in chunks, and written completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..errors import DataError, DependencyError
from ..files import replacing_file

_ROWS = 2048  # rows read at once
_GROUP = 16 * _ROWS  # rows of a written group: a multiple of the rows read at once


def load_pyarrow() -> Any:
    """Import pyarrow. DependencyError if it is missing or incompatible with the installed numpy."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:  # pyarrow 26 and later print this on import with numpy 1.26
        raise DependencyError(
            f"Parquet needs pyarrow, which cannot be loaded ({str(error).splitlines()[0]:.200}). Run pip install "
            '"pyarrow<26" beside numpy 1, and pip install pyarrow beside numpy 2; or use .csv or .jsonl.'
        ) from None
    return pyarrow


@contextmanager
def open_parquet(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a `pyarrow.parquet.ParquetFile`.

    Raises
    ------
    DataError
        If it cannot be read or is not a Parquet file.
    """
    arrow = load_pyarrow()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            yield file
    except arrow.ArrowInvalid as error:
        raise DataError(f"{path}: not readable as Parquet ({str(error).splitlines()[0]:.120}). It was cut short, or is "
                        "not a Parquet file in spite of its name.") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or str(error).splitlines()[0]}. Check the path.") from None


def read_parquet(path: str | os.PathLike[str], on_bytes: Callable[[int], None] | None = None,
                 first: int = 0, count: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the rows of a Parquet file with their numbers, counted from 1.

    Parameters
    ----------
    path : path
    on_bytes : callable or None
        Called with bytes read. Each row counts as an equal part of the file.
    first : int, default 0
        Number of rows to skip. Groups that end before it are not read.
    count : int or None
        Number of rows to read; None is all.

    Raises
    ------
    DataError
        If it cannot be read, has no columns, or has two columns of one name.
    """
    with open_parquet(path) as file:
        names = file.schema_arrow.names
        if not names or len(set(names)) < len(names):
            raise DataError(f"{path}: {'two columns have the same name: ' + ', '.join(names) if names else 'no columns'}.")
        total = file.metadata.num_rows
        end = total if count is None else min(total, first + count)
        groups, before = _groups_of(file.metadata, first, end)
        share = os.path.getsize(path) / max(total, 1)
        number = before
        for batch in file.iter_batches(_ROWS, row_groups=groups):
            for row in batch.to_pylist():
                number += 1
                if number > end:
                    return
                if number > first:
                    if on_bytes:
                        on_bytes(int(number * share) - int((number - 1) * share))
                    yield number, row


def _groups_of(metadata: Any, first: int, end: int) -> tuple[list[int], int]:
    """Row groups with rows from `first` up to `end`, and the number of rows before them."""
    groups, before, start = [], 0, 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if start + rows <= first:
            before = start + rows
        elif start < end:
            groups.append(group)
        start += rows
    return groups, before


def parquet_types(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The Arrow type of each column, by its name."""
    with open_parquet(path) as file:
        return {field.name: field.type for field in file.schema_arrow}


@contextmanager
def write_parquet(path: Path, types: dict[str, Any]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Open a Parquet file for writing rows. It appears under its name only when it is complete.

    Parameters
    ----------
    path : pathlib.Path
    types : dict
        The type of a column by its name: an Arrow type, or the name of one ("string", "double"). Other types are inferred
        from the first rows. A column without a value there has text.

    Yields
    ------
    callable
        ``write(row)``. "" in a column of numbers is a missing value.

    Raises
    ------
    DataError
        If the file cannot be written, or a value does not fit the type of its column.
    """
    arrow = load_pyarrow()
    rows: list[dict[str, Any]] = []
    state = SimpleNamespace(writer=None, schema=None)
    with replacing_file(path, DataError) as write_bytes:
        sink = arrow.PythonFile(_Sink(write_bytes), mode="w")

        def write(row: dict[str, Any]) -> None:
            rows.append(row)
            if len(rows) >= _GROUP:
                flush()

        def flush() -> None:
            if not rows:
                return
            if state.schema is None:
                state.schema = _schema(arrow, rows, types)
                state.writer = arrow.parquet.ParquetWriter(sink, state.schema, compression="snappy")
            state.writer.write_table(_table(arrow, path, rows, state.schema), row_group_size=_GROUP)
            rows.clear()

        yield write
        flush()
        if state.writer is None:
            raise DataError(f"{path}: there is no row to write.")
        state.writer.close()


def join_parquet(parts: Sequence[Path], out: Path) -> None:
    """Concatenate files of the same columns and types, group by group.

    Parameters
    ----------
    parts : sequence of pathlib.Path
    out : pathlib.Path

    Raises
    ------
    DataError
        If their types differ, or `out` cannot be written.
    """
    arrow = load_pyarrow()
    writer = None
    with replacing_file(out, DataError) as write_bytes:
        for part in parts:
            with open_parquet(part) as file:
                if writer is None:
                    schema = file.schema_arrow
                    writer = arrow.parquet.ParquetWriter(arrow.PythonFile(_Sink(write_bytes), mode="w"), schema,
                                                         compression="snappy")
                if not file.schema_arrow.equals(schema):
                    raise DataError(f"the columns of {out.name} would have differing types ({file.schema_arrow} and "
                                    f"{schema}): write to .jsonl instead.")
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group))
        if writer is not None:
            writer.close()


def _schema(arrow: Any, rows: Sequence[dict[str, Any]], types: dict[str, Any]) -> Any:
    names = {name: None for row in rows for name in row}
    fields = []
    for name in names:
        kind = types.get(name)
        if isinstance(kind, str):
            kind = arrow.type_for_alias(kind)
        if kind is None:
            try:
                kind = arrow.infer_type([row.get(name) for row in rows])
            except arrow.ArrowException:  # for example numbers and texts: written as texts
                kind = arrow.string()
            kind = arrow.string() if arrow.types.is_null(kind) else kind
        fields.append((name, kind))
    return arrow.schema(fields)


def _table(arrow: Any, path: Path, rows: Sequence[dict[str, Any]], schema: Any) -> Any:
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if not arrow.types.is_string(field.type):
            values = [None if value == "" else value for value in values]
        try:
            columns.append(arrow.array(values, field.type))
        except (arrow.ArrowException, UnicodeEncodeError) as error:
            raise DataError(f"a value of the column {field.name!r} does not fit its type {field.type}, which {path.name} "
                            f"has for it ({str(error).splitlines()[0]:.120}). Write to .jsonl instead.") from None
    unknown = {name for row in rows for name in row} - set(schema.names)
    if unknown:
        raise DataError(f"a row has the column {min(unknown)!r}, which earlier ones lack: {path.name} needs the same in "
                        "every row. Write to .jsonl instead.")
    return arrow.table(columns, schema=schema)


class _Sink:
    """A file object for pyarrow around our own writer, without reading and seeking."""

    closed = False

    def __init__(self, write_bytes: Callable[[bytes], None]):
        self._write, self._place = write_bytes, 0

    def write(self, content: Any) -> int:
        self._write(bytes(content))
        self._place += len(content)
        return len(content)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
