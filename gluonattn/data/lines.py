"""The lines of a text file in UTF-8."""

from __future__ import annotations

import shlex
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import chain
from lzma import LZMAError
from pathlib import Path
from typing import IO, Callable, NamedTuple

from ..errors import DataError
from .formats import unpack

MAX_LINE = 64 << 20  # bytes; a whole line is held in memory


class Span(NamedTuple):
    """A part of a file of lines, in bytes.

    Attributes
    ----------
    header : int
        End of the header, which is read too.
    start, end : int
        From the start of a line to the end of one.
    """

    header: int
    start: int
    end: int


def read_lines(path: Path, on_bytes: Callable[[int], None] | None = None, span: Span | None = None) -> Iterator[str]:
    """Read the decoded lines of a file with their line ends, without a BOM.

    Parameters
    ----------
    path : pathlib.Path
    on_bytes : callable or None
        Called after each line with the number of bytes read, for a progress bar.
    span : Span or None
        The part of an uncompressed file to read; None reads all of it.

    Raises
    ------
    DataError
        If it cannot be read, is not UTF-8 (the message names the line), or ends its lines with CR alone.
    """
    try:
        with open(path, "rb") as raw_file, unpack(raw_file, path) as file:
            size = len if file is raw_file else _sizes(raw_file)
            for number, raw in enumerate(_lines_of(file, span), 1):
                if len(raw) > MAX_LINE:
                    raise DataError(f"{path}, line {number}: it is longer than {MAX_LINE >> 20} MB, which no text is. A "
                                    "file without line breaks, or one that unpacks without end, is no table: check it.")
                if on_bytes:
                    on_bytes(size(raw))
                if number == 1:
                    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
                        raise DataError(f"{path} is UTF-16: save it as UTF-8 (in Excel: CSV UTF-8).")
                    raw = raw[3:] if raw.startswith(b"\xef\xbb\xbf") else raw
                    if b"\r" in raw.rstrip(b"\r\n"):
                        raise DataError(f"{path}: its first line has a CR (\\r) in it, as where an old Mac's program ended "
                                        f"lines with it alone. Convert it: tr '\\r' '\\n' < {shlex.quote(str(path))} > "
                                        f"lines{path.suffix}")
                try:
                    yield raw.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{path}, line {number}: not UTF-8 (byte {raw[error.start]:#04x} at column "
                        f"{error.start + 1}). Older Korean programs write CP949: try "
                        f"iconv -f cp949 -t utf-8 {shlex.quote(str(path))} > utf8{path.suffix}"
                    ) from None
    except (EOFError, LZMAError, zlib.error) as error:
        raise _broken(path, error) from None
    except OSError as error:
        if error.strerror is None:  # errors of gzip and bz2, not of the disk
            raise _broken(path, error) from None
        raise DataError(f"cannot read {path}: {error.strerror}. Check the path.") from None


def _lines_of(file: IO[bytes], span: Span | None) -> Iterator[bytes]:
    if span is None:
        return iter(partial(file.readline, MAX_LINE + 1), b"")
    return chain(_until(file, 0, span.header), _until(file, span.start, span.end))


def _until(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end and (line := file.readline(MAX_LINE + 1)):
        start += len(line)
        yield line


def _sizes(raw: IO[bytes]) -> Callable[[bytes], int]:
    """Yield the bytes of a compressed file that were read since the last call."""
    known = 0

    def size(_: bytes) -> int:
        nonlocal known
        before, known = known, raw.tell()
        return known - before

    return size


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(f"cannot unpack {path} ({error}): it was cut short, or is not a {path.suffix} file in spite of its "
                     "name. Copy it again.")
