"""Formats of tables, by the endings of their files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ..errors import DataError

TSV, CSV, JSONL, PARQUET = "tsv", "csv", "jsonl", "parquet"
FORMATS = {".tsv": TSV, ".txt": TSV, ".csv": CSV, ".jsonl": JSONL, ".ndjson": JSONL, ".parquet": PARQUET}

# Compression of files of lines by their last ending: a function that opens one, and a compressor of bytes in parts.
COMPRESSIONS: dict[str, tuple[Callable[..., Any], Callable[[], Any]]] = {
    ".gz": (gzip.open, lambda: zlib.compressobj(wbits=31)),
    ".bz2": (bz2.open, bz2.BZ2Compressor),
    ".xz": (lzma.open, lzma.LZMACompressor),
}


def compression_of(path: str | os.PathLike[str]) -> str | None:
    """The ending of a compressed file of lines (".gz"); None if it is not compressed."""
    ending = Path(path).suffix.lower()
    return ending if ending in COMPRESSIONS else None


def ending_of(path: str | os.PathLike[str]) -> str:
    """The ending of the format: ".csv" for both "a.csv" and "a.csv.gz"."""
    path = Path(path)
    return (path.with_suffix("") if compression_of(path) else path).suffix.lower()


def format_of(path: str | os.PathLike[str]) -> str:
    """Format by the file's ending: tab-separated, comma-separated, JSON lines or Parquet.

    Raises
    ------
    DataError
        If the ending is unknown.
    """
    kind = FORMATS.get(ending_of(path))
    if kind is None:
        raise DataError(
            f"{path}: cannot tell the format from its ending; expected {', '.join(FORMATS)}; all but .parquet may be "
            f"compressed ({', '.join(COMPRESSIONS)} behind that)."
        )
    if kind == PARQUET and compression_of(path):
        raise DataError(f"{path}: Parquet is compressed inside: unpack it first, or name it .parquet if it is not packed.")
    return kind


def unpack(file: IO[bytes], path: str | os.PathLike[str]) -> IO[bytes]:
    """Decompress an open file if its ending says that it is compressed.

    Parameters
    ----------
    file : binary file
    path : path
        The file's path.
    """
    ending = compression_of(path)
    return COMPRESSIONS[ending][0](file, "rb") if ending else file
