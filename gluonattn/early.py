"""Checks of a command's paths and columns before anything slow is loaded."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from .data.reviews import LABEL_COLUMNS, TEXT_COLUMNS
from .data.reviews import read_sentences as sentences_of
from .data.sources import DATASETS, locate
from .data.tables import pick_column, read_rows
from .errors import DataError, DeviceError, OptionError
from .plain import is_blank

_MODEL_FILES = ("config.json", "vocab.json", "model.safetensors", "history.json")


def require_writable(paths: Iterable[Path], *, inputs: Sequence[Path | None] = ()) -> None:
    """Raise unless each of these files could be written now.

    Parameters
    ----------
    paths : iterable of pathlib.Path
    inputs : sequence of pathlib.Path or None
        Files and checkpoint folders that are read. Overwriting them would lose the user's data.

    Raises
    ------
    DataError
        If one of them cannot be written. The message names the path as it was given.
    """
    kept = {place.resolve() for given in inputs if given is not None
            for place in (given, *(given / name for name in _MODEL_FILES))}
    for path in paths:
        if path.resolve() in kept:
            raise DataError(f"{path} is an input of this command: give another file to write to.")
        if path.is_dir():
            raise DataError(f"cannot write {path}: it is a folder. Give the name of a file.")
        _require_folder(path, path.parent)


def is_folder(path: Path) -> bool:
    """Whether a command writes a folder to this path: it is a folder, or its name has no ending."""
    return path.is_dir() or not path.suffix


def require_cpu(device: str) -> None:
    """Raise DeviceError for a device that many processes cannot share."""
    if device not in ("auto", "cpu"):
        raise DeviceError(f"folders and clusters are scored on CPUs, one process per core: leave out --device {device}.")


def require_writable_folder(path: Path) -> None:
    """Raise DataError unless the folder is writable, or can be created."""
    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    _require_folder(path, place)


def _require_folder(path: Path, folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(f"cannot write {path}: {folder}: {error.strerror}. Choose a folder that exists, is writable and "
                        "has space.") from None


def require_reviews(data: str, text_column: str | None, label_column: str | None) -> None:
    """Raise DataError unless ``--data`` exists and, for a user's own file, has the columns.

    Parameters
    ----------
    data : str
        A name of `DATASETS`, or a path.
    text_column, label_column : str or None
        Names of the columns. None expects one of the usual names.
    """
    if (data in DATASETS or os.path.isdir(data)) and text_column is None and label_column is None:
        return  # their files are checked when they are read
    require_columns(locate(data).train, text_column, label_column, labels=True)


def require_columns(path: Path, text_column: str | None, label_column: str | None = None, labels: bool = False) -> None:
    """Raise DataError unless the file can be read and its first row has the columns.

    Parameters
    ----------
    path : pathlib.Path
    text_column, label_column : str or None
        Names of the columns. None expects one of the usual names.
    labels : bool, default False
        Whether a label column is needed.
    """
    _, first = next(read_rows(path), (0, None))
    if first is None:
        return
    pick_column(path, list(first), text_column, TEXT_COLUMNS, "text")
    if labels:
        pick_column(path, list(first), label_column, LABEL_COLUMNS, "label")


def read_sentences(path: Path, column: str | None = None) -> list[str]:
    """Read the texts of a file for a command that shows them one by one. Rows without text are reported on stderr.

    Parameters
    ----------
    path : pathlib.Path
    column : str or None
        None takes the first usual name present.

    Raises
    ------
    DataError
        As for `gluonattn.data.reviews.read_sentences`.
    """
    texts = sentences_of(path, column)
    kept = [text for text in texts if not is_blank(text)]
    if len(kept) < len(texts):
        print(f"{len(texts) - len(kept):,} of {len(texts):,} rows have no text and are left out", file=sys.stderr)
    return kept


def require_readable(path: Path, cure: str) -> None:
    """Raise DataError unless the file can be opened.

    Parameters
    ----------
    path : pathlib.Path
    cure : str
        Advice that ends the message.
    """
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}. {cure}") from None


def require_source_of_columns(option: str, column: str | None, source: object) -> None:
    """Raise OptionError if a column is named without a file.

    Parameters
    ----------
    option : str
        The option that names the file.
    column : str or None
    source : object
        What was given for that option; None or empty is no file.
    """
    if column is not None and source is None:
        raise OptionError(f"{option} names a column of the file given by --from: give --from too, or leave {option} out.")
