"""A checkpoint whose network is the Transformer, whatever its task: its config.json checked, its network built."""

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
    """A checkpoint folder whose config.json is that of a Transformer of one recipe.

    Parameters
    ----------
    folder : path
    recipe : str
    schema : type of msgspec.Struct
        Keyword arguments of the network.

    Raises
    ------
    CheckpointError
        As `load_checkpoint`; or if the model is another task's, or the config's entries do not fit together.
    """
    checkpoint = load_checkpoint(folder)
    check_transformer(checkpoint.config, Path(folder) / CONFIG, recipe, schema)
    return checkpoint


def check_transformer(config: dict[str, Any], path: Path, recipe: str, schema: type[Struct]) -> None:
    """Raise CheckpointError unless config.json describes a Transformer of one recipe.

    Parameters
    ----------
    config : dict
        Already checked by `gluonattn.models.config.check_config`.
    path : pathlib.Path
        What the message calls it.
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
    """Every argument of a network, defaults too: they may differ in a later version.

    Parameters
    ----------
    network : type
        The network's class.
    given : mapping
        What a user gave.
    **known : object
        What the run itself gives.

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
    """The network of a checkpoint with its weights, on the CPU.

    Parameters
    ----------
    network : type
        The network's class.
    checkpoint : Checkpoint
        As `load_transformer` gives it.
    folder : pathlib.Path
        Where it stands.
    epoch : int or None
        A snapshot: 0 for before training; None for the checkpoint's own weights.

    Raises
    ------
    CheckpointError
        If there is no such snapshot, or the weights are of another network.
    """
    from ..runtime import mx

    weights = checkpoint.weights if epoch is None else load_snapshot(folder, epoch, checkpoint.config["fingerprint"])
    model = network(**checkpoint.config["model"])
    # Before parameters are made: a damaged file may ask for more memory than there is.
    check_weights({name: p.shape for name, p in model._collect_params_with_prefix().items()}, weights)
    model.initialize()
    set_weights(model, weights, mx.cpu())
    return model
