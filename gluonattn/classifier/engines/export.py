"""Export a checkpoint to one file for another framework."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...contents import dump_tensors, is_finite, parse_json, parse_tensors
from ...data.vocabulary import Vocabulary
from ...errors import CheckpointError, DependencyError, choose
from ...files import replace_file
from ...models.checkpoint import Checkpoint, check_weights
from ..config import check_model, load_classifier
from .choice import ENGINES, prepare
from .forward import DEFAULTS, inputs_of, shapes

if TYPE_CHECKING:
    from .torch_engine import TorchClassifier


def export_model(folder: str | os.PathLike[str], to: str, out: str | os.PathLike[str]) -> Path:
    """Write a checkpoint for another framework.

    Parameters
    ----------
    folder : path
        Checkpoint folder.
    to : {"onnx", "torch", "mxnet"}
        "onnx": a model with inputs ids, valid_length (and evidence, or subwords
        and ngrams) and outputs logits, weights, any batch and length. "torch": a
        safetensors file that `gluonattn.torch_module` reads; its keys are the
        parameters' names. "mxnet": ``OUT-symbol.json`` and ``OUT-0000.params``,
        with the inputs and outputs of "onnx", for ``SymbolBlock.imports`` and for
        MXNet's other languages. All carry recipe, model, labels, tokenizer and the
        vocabulary's tokens (in the order of their ids) as JSON: in their metadata,
        or in ``OUT-config.json``.
    out : path
        File to write. For "mxnet", the beginning of the files' names.
    Returns
    -------
    pathlib.Path
        `out`, or for "mxnet" the symbol's file.

    Raises
    ------
    OptionError
        If `to` is unknown.
    DependencyError
        If a required package is not installed.
    CheckpointError
        If the folder cannot be read or the file cannot be written.
    """
    write = choose("export format", to, FORMATS)
    files = write(load_classifier(folder))
    for ending, content in files.items():
        path = Path(f"{os.fspath(out)}{ending}")
        replace_file(path, content, CheckpointError)
    return path


def torch_module(path: str | os.PathLike[str]) -> TorchClassifier:
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
        module = TorchClassifier(*prepare(load_classifier(path)))
        module.eval()
        return module
    try:
        weights, notes = parse_tensors(Path(path).read_bytes(), path, ValueError)
        recipe, model = (parse_json(notes[name], name, ValueError) for name in ("recipe", "model"))
        if recipe not in list(DEFAULTS) or not all(map(is_finite, weights.values())):
            raise ValueError(f"recipe {recipe!r:.40}, or weights that are not finite")
    except (OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a file that `gluonattn export --to torch` wrote ({error}): give one, or a "
            "checkpoint folder."
        ) from None
    check_model(model, Path(path))
    check_weights(shapes(recipe, {**DEFAULTS[recipe], **model}), weights)
    module = TorchClassifier(recipe, {**DEFAULTS[recipe], **model}, weights)
    module.eval()
    return module


def _onnx(checkpoint: Checkpoint) -> dict[str, bytes]:
    if "onnx" in ENGINES["onnx"].missing():  # onnxruntime only runs the model; onnx writes it
        raise DependencyError(
            f'export to onnx needs onnx: install with pip install "gluonattn[{ENGINES["onnx"].extra}]".'
        )
    from .onnx_graph import onnx_model

    recipe, model, weights = prepare(checkpoint)
    return {"": bytes(onnx_model(recipe, model, weights, _notes(checkpoint, model)).SerializeToString())}


def _torch(checkpoint: Checkpoint) -> dict[str, bytes]:
    _, model, weights = prepare(checkpoint)
    notes = {key: json.dumps(value) for key, value in _notes(checkpoint, model).items()}
    return {"": dump_tensors(weights, notes)}


def _mxnet(checkpoint: Checkpoint) -> dict[str, bytes]:
    missing = ENGINES["mxnet"].missing()
    if missing:
        raise DependencyError(f"export to mxnet needs {' and '.join(missing)}: export to onnx or torch here, or run it on "
                              f'Python 3.12 or older after pip install "gluonattn[{ENGINES["mxnet"].extra}]".')
    from .mxnet_engine import dump_symbol

    recipe, model, weights = prepare(checkpoint)
    symbol, parameters = dump_symbol(recipe, model, weights)
    notes = json.dumps(_notes(checkpoint, model), ensure_ascii=False, indent=1)
    return {"-config.json": notes.encode(), "-0000.params": parameters, "-symbol.json": symbol}


# For each format a function that returns the files' contents by the suffix of their names. The last is the main file.
FORMATS: dict[str, Callable[[Checkpoint], dict[str, bytes]]] = {"onnx": _onnx, "torch": _torch, "mxnet": _mxnet}


def _notes(checkpoint: Checkpoint, model: dict[str, Any]) -> dict[str, Any]:
    """Everything except the weights that a reader of the file needs."""
    kept = {key: checkpoint.config[key] for key in ("recipe", "labels", "tokenizer", "max_length")}
    return {**kept, "model": model, "inputs": inputs_of(model), "vocabulary": Vocabulary(checkpoint.vocabulary).idx_to_token}
