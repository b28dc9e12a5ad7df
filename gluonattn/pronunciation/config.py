"""The schema of config.json for a model of pronunciation, in addition to `gluonattn.models.config`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct

from ..contents import require
from ..errors import CheckpointError
from ..models.checkpoint import CONFIG, Checkpoint, load_checkpoint
from ..models.config import Config, Rate, Size, Width, refuse, require_recipe
from .settings import RECIPE


class PronunciationModel(Struct, forbid_unknown_fields=True):
    """Keyword arguments of the Transformer."""

    vocab_size: Size
    units: Width = 64
    hidden_size: Width = 256
    num_layers: Annotated[int, Meta(ge=1, le=256)] = 2
    num_heads: Width = 4
    dropout: Rate = 0.1
    max_length: Annotated[int, Meta(ge=1, le=4096)] = 48


class _OfPronunciation(Struct):
    model: PronunciationModel


def load_pronunciation(folder: str | os.PathLike) -> Checkpoint:
    """A checkpoint folder whose config.json is that of a model of pronunciation.

    Raises
    ------
    CheckpointError
        As `load_checkpoint`; or if the model is another task's, or the config's entries do not fit together.
    """
    checkpoint = load_checkpoint(folder)
    check_pronunciation(checkpoint.config, Path(folder) / CONFIG)
    return checkpoint


def check_pronunciation(config: dict[str, Any], path: Path) -> None:
    """Raise CheckpointError unless config.json describes a model of pronunciation.

    Parameters
    ----------
    config : dict
        Already checked by `gluonattn.models.config.check_config`.
    path : pathlib.Path
        What the message calls it.
    """
    require_recipe(config, [RECIPE], path)
    found = require(config, Config, path, CheckpointError)
    model = require({"model": found.model}, _OfPronunciation, path, CheckpointError).model
    if found.labels:
        refuse(path, "a model of pronunciation has no `labels`")
    if model.units % model.num_heads or found.max_length != model.max_length or found.max_length < 2:
        refuse(path, "`model` does not fit together: units must be a multiple of num_heads, and max_length one number")
    needed = {"epoch": found.epoch, "fingerprint": found.fingerprint, "training.data": found.training.get("data")}
    for name, value in needed.items():
        if value in (None, UNSET):
            refuse(path, f"`{name}` is missing")
