"""The schema of config.json for a pronunciation model, in addition to `gluonattn.models.config`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from ..models.checkpoint import Checkpoint
from ..models.config import Rate, Size, Width
from ..models.transformer_config import check_transformer, load_transformer
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


def load_pronunciation(folder: str | os.PathLike[str]) -> Checkpoint:
    """Load a checkpoint folder with a pronunciation model.

    Raises
    ------
    CheckpointError
        As for `gluonattn.models.transformer_config.load_transformer`.
    """
    return load_transformer(folder, RECIPE, PronunciationModel)


def check_pronunciation(config: dict[str, Any], path: Path) -> None:
    """Raise CheckpointError unless config.json describes a pronunciation model.

    Parameters
    ----------
    config : dict
        Already checked by `gluonattn.models.config.check_config`.
    path : pathlib.Path
        Name of the file in messages.
    """
    check_transformer(config, path, RECIPE, PronunciationModel)
