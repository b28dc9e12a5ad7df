"""The schema of config.json for a model of translation, in addition to `gluonattn.models.config`."""

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


class TranslationModel(Struct, forbid_unknown_fields=True):
    """Keyword arguments of the network."""

    vocab_size: Size
    units: Width = 256
    hidden_size: Width = 1024
    num_layers: Annotated[int, Meta(ge=1, le=256)] = 2
    num_heads: Width = 8
    dropout: Rate = 0.1
    max_length: Annotated[int, Meta(ge=4, le=1024)] = 64
    positions: bool = True


class _OfTranslation(Struct):
    model: TranslationModel


def load_translation(folder: str | os.PathLike[str]) -> Checkpoint:
    """A checkpoint folder whose config.json is that of a model of translation.

    Raises
    ------
    CheckpointError
        As `load_checkpoint`; or if the model is another task's, or the config's entries do not fit together.
    """
    checkpoint = load_checkpoint(folder)
    check_translation(checkpoint.config, Path(folder) / CONFIG)
    return checkpoint


def check_translation(config: dict[str, Any], path: Path) -> None:
    """Raise CheckpointError unless config.json describes a model of translation.

    Parameters
    ----------
    config : dict
        Already checked by `gluonattn.models.config.check_config`.
    path : pathlib.Path
        What the message calls it.
    """
    require_recipe(config, [RECIPE], path)
    found = require(config, Config, path, CheckpointError)
    model = require({"model": found.model}, _OfTranslation, path, CheckpointError).model
    if found.labels:
        refuse(path, "a model of translation has no `labels`")
    if model.units % model.num_heads or found.max_length != model.max_length:
        refuse(path, "`model` does not fit together: units must be a multiple of num_heads, and max_length one number")
    needed = {"epoch": found.epoch, "fingerprint": found.fingerprint, "training.data": found.training.get("data")}
    for name, value in needed.items():
        if value in (None, UNSET):
            refuse(path, f"`{name}` is missing")
