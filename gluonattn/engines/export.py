"""A checkpoint as one file for another framework."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as dump_tensors

from ..data.vocabulary import Vocabulary
from ..errors import CheckpointError, DependencyError, choose
from ..files import replace_file
from ..models.checkpoint import Checkpoint, load_checkpoint
from .choice import ENGINES, prepare

if TYPE_CHECKING:
    from .torch_engine import TorchClassifier


def export_model(folder: str | os.PathLike, to: str, out: str | os.PathLike) -> Path:
    """Write a checkpoint for another framework.

    Parameters
    ----------
    folder : path
        Checkpoint folder.
    to : {"onnx", "torch"}
        "onnx": a model with inputs ids, valid_length (and subwords, ngrams) and
        outputs logits, weights, any batch and length. "torch": a safetensors
        file that `gluonattn.torch_module` reads; its keys are the parameters'
        names. Both carry recipe, model, labels, tokenizer and the vocabulary's
        tokens (in the order of their ids) as JSON in their metadata.
    out : path
        File to write.

    Returns
    -------
    pathlib.Path
        `out`.

    Raises
    ------
    OptionError
        If `to` is unknown.
    DependencyError
        If what it takes is not installed.
    CheckpointError
        If the folder cannot be read or the file cannot be written.
    """
    write = choose("export format", to, {"onnx": _onnx, "torch": _torch})
    checkpoint, out = load_checkpoint(folder), Path(out)
    content = write(checkpoint)
    try:
        replace_file(out, content)
    except OSError as error:
        raise CheckpointError(
            f"cannot write {out}: {error.strerror}. Choose a folder that exists, is writable and has space."
        ) from None
    return out


def torch_module(path: str | os.PathLike) -> TorchClassifier:
    """A checkpoint as a torch module, in prediction mode; call ``train()`` on it to train.

    Parameters
    ----------
    path : path
        A checkpoint folder, or the file ``gluonattn export --to torch`` wrote.

    Returns
    -------
    TorchClassifier

    Raises
    ------
    DependencyError
        If torch is not installed.
    CheckpointError
        If it cannot be read.
    """
    missing = ENGINES["torch"].missing()
    if missing:
        raise DependencyError(
            f'torch_module needs torch: install with pip install "gluonattn[{ENGINES["torch"].extra}]".'
        )
    from .torch_engine import TorchClassifier

    if Path(path).is_dir() or not Path(path).exists():
        return TorchClassifier(*prepare(load_checkpoint(path))).eval()
    try:
        with safe_open(path, "numpy") as file:
            notes = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        recipe, model = json.loads(notes["recipe"]), json.loads(notes["model"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a file that `gluonattn export --to torch` wrote ({error}): give one, or a "
            "checkpoint folder."
        ) from None
    return TorchClassifier(recipe, model, weights).eval()


def _onnx(checkpoint: Checkpoint) -> bytes:
    if "onnx" in ENGINES["onnx"].missing():  # onnxruntime only runs what is written here
        raise DependencyError(
            f'export to onnx needs onnx: install with pip install "gluonattn[{ENGINES["onnx"].extra}]".'
        )
    from .onnx_graph import onnx_model

    recipe, model, weights = prepare(checkpoint)
    return onnx_model(recipe, model, weights, _notes(checkpoint, model)).SerializeToString()


def _torch(checkpoint: Checkpoint) -> bytes:
    _, model, weights = prepare(checkpoint)
    notes = {key: json.dumps(value) for key, value in _notes(checkpoint, model).items()}
    return dump_tensors({name: np.ascontiguousarray(values) for name, values in weights.items()}, notes)


def _notes(checkpoint: Checkpoint, model: dict) -> dict[str, Any]:
    """What a reader of the file needs beside the weights."""
    kept = {key: checkpoint.config[key] for key in ("recipe", "labels", "tokenizer", "max_length")}
    return {**kept, "model": model, "vocabulary": Vocabulary(checkpoint.vocabulary).idx_to_token}
