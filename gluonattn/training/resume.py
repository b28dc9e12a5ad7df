"""Read and check resume files, without MXNet. `state` restores a run from one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn, Union

from msgspec import Meta, Struct
from numpy.typing import NDArray

from ..contents import parse_json, parse_tensors, require
from ..contents import refuse as refuse_as
from ..errors import CheckpointError

FORMAT = "1"
_START_AGAIN = "Remove it and train from the start, without --resume."

Count = Annotated[int, Meta(ge=0)]


class Totals(Struct):
    """Sums over the batches of the current epoch."""

    loss: float
    correct: Annotated[float, Meta(ge=0)]
    reviews: Count
    seconds: float


class Header(Struct):
    """The progress of a run."""

    epoch: Count
    batch: Count
    totals: Totals
    history: list[dict[str, Union[int, float, None]]]
    updates: Count
    counts: dict[str, Count]
    step_losses: list[float] = []


def resume_file(out: Path) -> Path:
    """The path of the resume file, which is beside a checkpoint folder while its run is unfinished."""
    return out.with_name(out.name + ".resume")


def read_resume_file(path: Path, fingerprint: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read the arrays and the header of a resume file.

    Parameters
    ----------
    path : pathlib.Path
    fingerprint : str
        Fingerprint of the run's data and settings.

    Raises
    ------
    CheckpointError
        If the file is truncated, changed, of another version, or of a run with another fingerprint.
    """
    tensors, notes = _read(path)
    if notes.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} was written by another version of gluonattn. Remove it and train from the start."
        )
    if notes.get("fingerprint") != fingerprint:
        raise CheckpointError(
            f"{path} belongs to a run with other data or settings. Give the same ones to resume it (as many "
            "workers, too), choose another --out, or train from the start without --resume."
        )
    header = parse_json(notes.get("header", ""), path, CheckpointError, _START_AGAIN)
    require(header, Header, path, CheckpointError, _START_AGAIN)
    return tensors, header


def is_resume_file_of(path: Path, fingerprint: str) -> bool:
    """Whether a resume file exists and belongs to the run with this fingerprint.

    Parameters
    ----------
    path : pathlib.Path
    fingerprint : str
        Fingerprint of the run's data and settings.
    """
    try:
        return path.exists() and _read(path)[1].get("fingerprint") == fingerprint
    except CheckpointError:
        return False


def refuse(path: Path, reason: str) -> NoReturn:
    """Raise CheckpointError for a resume file with invalid values.

    Parameters
    ----------
    path : pathlib.Path
    reason : str
        What is wrong.
    """
    refuse_as(path, reason, CheckpointError, _START_AGAIN)


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}). {_START_AGAIN}") from None
    return parse_tensors(content, path, CheckpointError, _START_AGAIN)
