"""The schema of config.json for a translation model, in addition to `gluonattn.models.config`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from ..models.checkpoint import Checkpoint
from ..models.config import Rate, Size, Width
from ..models.transformer_config import check_transformer, load_transformer
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


def load_translation(folder: str | os.PathLike[str]) -> Checkpoint:
    """Load a checkpoint folder with a translation model.

    Raises
    ------
    CheckpointError
        As for `gluonattn.models.transformer_config.load_transformer`.
    """
    return load_transformer(folder, RECIPE, TranslationModel)


def check_translation(config: dict[str, Any], path: Path) -> None:
    """Raise CheckpointError unless config.json describes a translation model.

    Parameters
    ----------
    config : dict
        Already checked by `gluonattn.models.config.check_config`.
    path : pathlib.Path
        Name of the file in messages.
    """
    check_transformer(config, path, RECIPE, TranslationModel)
