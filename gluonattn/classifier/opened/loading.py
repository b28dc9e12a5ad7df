"""Load any model for the commands: a checkpoint of this package, or a transformers folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import OptionError
from ..predictor import Predictor, load
from .opening import is_transformers_folder, open_classifier

if TYPE_CHECKING:
    from .classifier import OpenedClassifier


def against_option(predictor: Predictor | OpenedClassifier, against: str | None) -> dict[str, Any]:
    """The argument ``against=`` of `explain_each`, for a model that can explain one class against another.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    against : str or None

    Raises
    ------
    OptionError
        If the model cannot.
    """
    if against is None:
        return {}
    if isinstance(predictor, Predictor):
        raise OptionError(f"--against is for folders of transformers; this model has {len(predictor.labels)} classes, and "
                          "--target stands against all others" + (", the other one." if len(predictor.labels) == 2 else "."))
    return {"against": against}


def load_any(folder: Path | None, device: str = "auto", engine: str = "auto", max_length: int | None = None
             ) -> Predictor | OpenedClassifier:
    """Load a checkpoint, or open a folder that transformers wrote.

    Parameters
    ----------
    folder : path or None
        None is the bundled model.
    device : str, default "auto"
    engine : str, default "auto"
        Torch computes a transformers folder.
    max_length : int or None
        As for `gluonattn.open_classifier`.

    Raises
    ------
    CheckpointError, DependencyError, OptionError
        As `gluonattn.load` and `gluonattn.open_classifier`.
    """
    if folder is None or not is_transformers_folder(folder):
        if max_length is not None:
            raise OptionError("--max-length is for folders of transformers: a checkpoint of this package reads as much of a "
                              "text as it was trained on, and says so.")
        return load(folder, device, engine)
    if engine not in ("auto", "torch"):
        raise OptionError(f"{folder} is a model of transformers, which torch computes: leave out --engine {engine}.")
    return open_classifier(folder, max_length=max_length, device=device)
