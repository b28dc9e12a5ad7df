"""The models of a run's epochs, one folder each: ``epochs/N`` in a checkpoint, or ``NAME-epochs/N`` beside a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import CheckpointError

FOLDER = "epochs"


def new_epoch_folder(checkpoint: Path, epoch: int) -> Path:
    """Make the folder of an epoch's model. At the first epoch, folders of an earlier run are removed.

    Parameters
    ----------
    checkpoint : pathlib.Path
    epoch : int
        From 1.
    """
    folder = checkpoint / FOLDER
    try:
        if epoch == 1 and folder.is_dir():
            for old in epoch_folders(checkpoint).values():
                shutil.rmtree(old)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"cannot write {folder}: {error.strerror}. Free some space.") from None
    return folder / str(epoch)


def epoch_folders(model: Path) -> dict[int, Path]:
    """Folders of the models of a run's epochs, in order. Empty if the run kept none.

    Parameters
    ----------
    model : pathlib.Path
        A checkpoint, a transformers folder, or the folder that contains those of the epochs.
    """
    for place in (model / FOLDER, model.with_name(f"{model.name}-{FOLDER}"), model):
        if place.is_dir():
            found = {int(own.name): own for own in place.iterdir() if own.name.isdecimal() and own.is_dir()}
            if found:
                return dict(sorted(found.items()))
    return {}
