"""The resume file: everything that a run needs to continue as if it had never stopped.

It is one safetensors file that is replaced atomically.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..contents import dump_tensors
from ..errors import CheckpointError
from ..files import replace_file
from .resume import FORMAT, read_resume_file, refuse

if TYPE_CHECKING:
    from .parallel import Follower, Group
    from .run import Run


def save_state(path: Path, run: Run, fingerprint: str) -> None:
    """Write the resume file of a run.

    Parameters
    ----------
    path : pathlib.Path
    run : Run
    fingerprint : str
        Fingerprint of the data and settings. A run with another fingerprint cannot be resumed from the file.

    Raises
    ------
    CheckpointError
        If the file cannot be written. An older file is kept.
    """
    tensors, header = _collect(run)
    content = dump_tensors(tensors, {"format": FORMAT, "fingerprint": fingerprint, "header": json.dumps(header)})
    try:
        replace_file(path, content)
    except OSError as error:
        gone = not path.parent.is_dir()
        cure = f"{path.parent} no longer exists: train again, into a folder that is not removed" if gone else (
            "Free some space or choose another --out")
        kept = "; the previous resume file is unchanged" if path.exists() else ""
        raise CheckpointError(f"cannot write {path}: {error.strerror}. {cure}{kept}.") from None


def load_state(path: Path, run: Run, fingerprint: str) -> None:
    """Restore a run from its resume file.

    Parameters
    ----------
    path : pathlib.Path
    run : Run
    fingerprint : str
        Fingerprint of the run's data and settings.

    Raises
    ------
    CheckpointError
        If the file is truncated, changed, of another version, or of a run with
        other data or settings. The run is then unchanged.
    """
    tensors, header = read_resume_file(path, fingerprint)
    _require_fitting(path, run, tensors, header)
    _restore(run, tensors, header)


def send_state(run: Run, group: Group) -> None:
    """Send a run's state to the other processes of its group, array by array.

    Parameters
    ----------
    run : Run
    group : Group
    """
    tensors, header = _collect(run)
    group.send((header, len(tensors)))
    for named in tensors.items():
        group.send(named)


def receive_state(run: Run, group: Follower) -> None:
    """Receive the state of rank 0's run.

    Parameters
    ----------
    run : Run
    group : Follower
    """
    header, count = group.receive()
    _restore(run, dict(group.receive() for _ in range(count)), header)


def _collect(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    tensors, header = run.collect_state()
    header = {"epoch": run.epoch, "batch": run.batch, "totals": run.totals, "history": run.history, **header}
    return tensors, {**header, "step_losses": run.step_losses} if run.step_losses else header


def _require_fitting(path: Path, run: Run, tensors: dict[str, Any], header: dict[str, Any]) -> None:
    """Raise CheckpointError if a resume file without a digest does not match the run."""
    needed, possible = run.state_shapes()
    for name in needed.keys() | tensors.keys():
        expected = {**needed, **possible}.get(name)
        if name not in tensors or expected is None or tensors[name].shape != tuple(expected):
            refuse(path, f"{name} is not an array of this model")
    if header["epoch"] > run.epochs or len(header["history"]) != header["epoch"]:
        refuse(path, f"it is in epoch {header['epoch']} of {run.epochs}, with {len(header['history'])} in its history")
    if not all(key.isdecimal() for key in header["counts"]):
        refuse(path, "its counts have names that are not parameters")


def _restore(run: Run, tensors: dict[str, NDArray[Any]], header: dict[str, Any]) -> None:
    run.restore_state(tensors, header)
    run.epoch, run.batch, run.history = header["epoch"], header["batch"], header["history"]
    run.totals = header["totals"]
    run.step_losses = header.get("step_losses", [])
