"""Checkpoints of any task whose network is the Transformer: check config.json, and build the network."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct

from ..contents import require
from ..errors import CheckpointError, OptionError
from .checkpoint import CONFIG, Checkpoint, check_weights, load_checkpoint, set_weights
from .config import Config, refuse, require_recipe
from .snapshots import load_snapshot


def load_transformer(folder: str | os.PathLike[str], recipe: str, schema: type[Struct]) -> Checkpoint:
    """Load a checkpoint folder with a Transformer of one recipe.

    Parameters
    ----------
    folder : path
    recipe : str
    schema : type of msgspec.Struct
        Keyword arguments of the network.

    Raises
    ------
    CheckpointError
        As `load_checkpoint`; or if the model belongs to another task, or the config's entries are inconsistent.
    """
    checkpoint = load_checkpoint(folder, recipe)
    check_transformer(checkpoint.config, Path(folder) / CONFIG, recipe, schema)
    return checkpoint


def check_transformer(config: dict[str, Any], path: Path, recipe: str, schema: type[Struct]) -> None:
    """Raise CheckpointError unless config.json describes a Transformer of one recipe.

    Parameters
    ----------
    config : dict
        Already checked by `gluonattn.models.config.check_config`.
    path : pathlib.Path
        Its name in messages.
    recipe : str
    schema : type of msgspec.Struct
        Keyword arguments of the network.
    """
    require_recipe(config, [recipe], path)
    found = require(config, Config, path, CheckpointError)
    model: Any = require({"model": found.model}, dict[str, schema], path, CheckpointError)["model"]  # type: ignore[valid-type]
    if found.labels:
        refuse(path, f"a model of {recipe} has no `labels`")
    if model.units % model.num_heads or found.max_length != model.max_length or found.max_length < 2:
        refuse(path, "`model` does not fit together: units must be a multiple of num_heads, and max_length one number")
    needed = {"epoch": found.epoch, "fingerprint": found.fingerprint, "training.data": found.training.get("data")}
    for name, value in needed.items():
        if value in (None, UNSET):
            refuse(path, f"`{name}` is missing")


def fill_arguments(network: type, given: Mapping[str, Any], **known: Any) -> dict[str, Any]:
    """All arguments of a network, including defaults, which may change in a later version.

    Parameters
    ----------
    network : type
        The network's class.
    given : mapping
        Arguments that the user gave.
    **known : object
        Arguments that the run sets.

    Raises
    ------
    OptionError
        If the network has no such argument.
    """
    usual = {p.name: p.default for p in inspect.signature(network).parameters.values() if p.default is not p.empty}
    odd = sorted(set(given) - set(usual))
    if odd:
        raise OptionError(f"the Transformer takes {', '.join(usual)}; got {odd[0]!r}.")
    return {**usual, **known, **given}


def build_at_epoch(network: Any, checkpoint: Checkpoint, folder: Path, epoch: int | None = None) -> Any:
    """Build the network of a checkpoint with its weights, on the CPU.

    Parameters
    ----------
    network : type
        The network's class.
    checkpoint : Checkpoint
        As `load_transformer` returns it.
    folder : pathlib.Path
        The checkpoint's folder.
    epoch : int or None
        Epoch of a snapshot, 0 for before training; None for the checkpoint's own weights.

    Raises
    ------
    CheckpointError
        If there is no such snapshot, or the weights belong to another network.
    """
    from ..runtime import mx

    weights = checkpoint.weights if epoch is None else load_snapshot(folder, epoch, checkpoint.config["fingerprint"])
    model = network(**checkpoint.config["model"])
    # Check before parameters are made: a damaged file may need more memory than available.
    check_weights({name: p.shape for name, p in model._collect_params_with_prefix().items()}, weights)
    model.initialize()
    set_weights(model, weights, mx.cpu())
    return model
