"""A JSON header and float arrays in one ``.npz`` file with a digest. Nothing is pickled.

This module does not interpret the header.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contents import digest_arrays
from ..errors import RecordError
from ..files import replace_file

FORMAT = 1
_MAX_UNPACKED = 1 << 30  # bytes to which any file may unpack
_MAX_RATIO = 200  # larger files: ratio of unpacked to packed size; float weights shrink to a half, or a tenth


def write_container(path: Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a header and arrays. The file appears under its name only when it is complete.

    Parameters
    ----------
    path : pathlib.Path
    header : mapping of str to a JSON value
        Without "format" and "sha256", which are added.
    arrays : mapping of str to numpy.ndarray
        Under any name but "header".

    Raises
    ------
    RecordError
        If the file cannot be written.
    """
    # Not as ASCII, from which two adjacent lone surrogates would be read as one character.
    plain = json.loads(json.dumps({**header, "format": FORMAT}, ensure_ascii=False))
    sealed = {**plain, "sha256": digest_arrays(arrays, plain)}
    content = json.dumps(sealed, ensure_ascii=False).encode("utf-8", "surrogatepass")
    file = io.BytesIO()
    np.savez_compressed(file, header=np.frombuffer(content, dtype=np.uint8), **arrays)
    try:
        replace_file(path, file.getvalue())
    except OSError as error:
        raise RecordError(
            f"cannot write the record to {path}: {error.strerror}. "
            "Choose a folder that exists, is writable and has space."
        ) from None


def read_container(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the header and the arrays of a file that `write_container` wrote.

    A file without a digest is from an older version, and is not verified.

    Raises
    ------
    RecordError
        If the file is missing, truncated, changed, of another format, or of another kind.
    """
    try:
        _require_honest_size(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays.pop("header").tobytes().decode("utf-8", "surrogatepass"))
        version, expected = header["format"], header.pop("sha256", None)
        changed = expected is not None and expected != digest_arrays(arrays, header)
        del header["format"]
    except FileNotFoundError:
        raise RecordError(f"no record at {path}: expected a file written by record.save().") from None
    except Exception as error:  # zipfile, zlib, numpy and json raise their own errors
        raise RecordError(
            f"{path} is not a readable attention record ({error}): it may be cut short or be "
            "another kind of file. Save it again."
        ) from None
    if version != FORMAT:
        raise RecordError(
            f"{path} has record format {version!r:.40}, this version of gluonattn reads {FORMAT}: "
            "save the record again, or install the version that wrote it."
        )
    if changed:
        raise RecordError(f"{path} was changed after it was saved: its SHA-256 does not match. Save it again.")
    return header, arrays


def _require_honest_size(path: Path) -> None:
    """Raise RecordError for a file that unpacks to far more than real weights would, before memory runs out."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max(_MAX_UNPACKED, _MAX_RATIO * path.stat().st_size):
        raise RecordError(f"it would unpack to {unpacked / 1e9:.1f} GB")
