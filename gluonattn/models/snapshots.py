"""Parameters of a model at chosen epochs, beside its checkpoint: ``snapshots/epoch-N.safetensors``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..contents import COPY_AGAIN, dump_tensors, is_finite, parse_tensors, refuse
from ..errors import CheckpointError
from ..files import replace_file

FOLDER = "snapshots"


def save_snapshot(checkpoint: Path, epoch: int, weights: Mapping[str, NDArray[Any]], fingerprint: str) -> Path:
    """Write a snapshot. Epoch 0 removes those of an earlier run.

    Parameters
    ----------
    checkpoint : pathlib.Path
        The folder of the checkpoint.
    epoch : int
        0 is before training.
    weights : dict of str to numpy.ndarray
    fingerprint : str
        Fingerprint of the run.
    """
    folder = checkpoint / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        if epoch == 0:
            for old in folder.glob("epoch-*.safetensors"):
                old.unlink()
        path = folder / f"epoch-{epoch}.safetensors"
        replace_file(path, dump_tensors(weights, {"fingerprint": fingerprint}))
    except OSError as error:
        raise CheckpointError(f"cannot write {folder}: {error.strerror}. Free some space.") from None
    return path


def snapshot_epochs(checkpoint: Path) -> tuple[int, ...]:
    """Epochs with a snapshot, in order."""
    found = (re.fullmatch(r"epoch-(\d+)\.safetensors", path.name) for path in (checkpoint / FOLDER).glob("*"))
    return tuple(sorted(int(match[1]) for match in found if match))


def load_snapshot(checkpoint: Path, epoch: int, fingerprint: str) -> dict[str, NDArray[Any]]:
    """Load the parameters of an epoch.

    Parameters
    ----------
    checkpoint : pathlib.Path
        The folder.
    epoch : int
        0 is before training.
    fingerprint : str
        Fingerprint of the run that wrote the checkpoint.

    Raises
    ------
    CheckpointError
        If there is none for this epoch, or it is truncated or of another run.
    """
    path = checkpoint / FOLDER / f"epoch-{epoch}.safetensors"
    if epoch not in snapshot_epochs(checkpoint):
        available = ", ".join(map(str, snapshot_epochs(checkpoint))) or "none"
        raise CheckpointError(f"no snapshot of epoch {epoch} in {checkpoint / FOLDER}: there are those of {available}. "
                              "Train again with `--snapshots` to have others.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}). {COPY_AGAIN}") from None
    weights, notes = parse_tensors(content, path, CheckpointError)
    if notes.get("fingerprint") != fingerprint:
        raise CheckpointError(f"{path} is of another training run than the checkpoint: copy the whole folder again.")
    for name, values in weights.items():
        if not is_finite(values):
            refuse(path, f"{name} must be finite", CheckpointError)
    return weights
