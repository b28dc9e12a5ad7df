"""The lines of a text file in UTF-8."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

from ..errors import DataError


def read_lines(path: Path, on_bytes: Callable[[int], None] | None = None) -> Iterator[str]:
    """Decoded lines of a file with their ends, without a BOM.

    Parameters
    ----------
    path : pathlib.Path
    on_bytes : callable or None
        Called with the number of bytes of each line read, for a progress bar.

    Raises
    ------
    DataError
        If it cannot be read, is not UTF-8 (the message names the line), or ends its lines with CR alone.
    """
    try:
        with open(path, "rb") as file:
            for number, raw in enumerate(file, 1):
                if on_bytes:
                    on_bytes(len(raw))
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
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}. Check the path.") from None
