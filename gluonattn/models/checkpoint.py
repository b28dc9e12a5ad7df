"""The checkpoint folder: config.json, vocab.json, model.safetensors, history.json.

Nothing in it belongs to one framework, nothing is pickled, and a kill never
leaves half of one: it is written beside its place and renamed into it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from ..errors import CheckpointError
from ..files import replace_file
from .compact import expand

FORMAT = 1
CONFIG, VOCABULARY, WEIGHTS, HISTORY = "config.json", "vocab.json", "model.safetensors", "history.json"
_FILES = (CONFIG, VOCABULARY, WEIGHTS, HISTORY)
KNOWN_NGRAMS = "known_ngrams"  # among the weights: what the linear branch's n-grams are looked up in
_TABLE = "history.csv"  # the history again, for a spreadsheet
_CONFIG_KEYS = ("format", "recipe", "model", "tokenizer", "labels", "max_length", "versions", "sha256")


class Checkpoint(NamedTuple):
    """What a checkpoint folder holds.

    Attributes
    ----------
    config : dict
        recipe, model (keyword arguments of the classifier), tokenizer, labels,
        max_length, training settings and library versions.
    vocabulary : str
        GluonNLP Vocab as JSON.
    weights : dict of str to numpy.ndarray
        Parameters by their structural name; ``known_ngrams`` (uint32, sorted)
        too, where the model has a linear branch.
    history : list of dict
        One for each epoch.
    """

    config: dict[str, Any]
    vocabulary: str
    weights: dict[str, np.ndarray]
    history: list[dict]


def save_checkpoint(folder: str | os.PathLike, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint folder, replacing an older checkpoint of that name.

    Other files in the folder (a picture, say) stay there.

    Raises
    ------
    CheckpointError
        If it cannot be written, or `folder` holds something else.
    """
    folder = Path(folder).resolve()  # behind a link: it is the folder that is renamed
    refuse_foreign(folder)
    vocabulary = checkpoint.vocabulary.encode()
    weights = dump_tensors({k: np.ascontiguousarray(v) for k, v in checkpoint.weights.items()})
    config = {**checkpoint.config, "format": FORMAT,
              "sha256": {VOCABULARY: _digest(vocabulary), WEIGHTS: _digest(weights)}}
    with _writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            partial.chmod(0o755)
            (partial / CONFIG).write_bytes(_json(config))
            (partial / VOCABULARY).write_bytes(vocabulary)
            (partial / WEIGHTS).write_bytes(weights)
            (partial / HISTORY).write_bytes(_json(checkpoint.history))
            if folder.exists():
                _clear_aside(folder)
                folder.rename(_aside(folder))
            partial.rename(folder)
            _clear_aside(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return folder


def load_checkpoint(folder: str | os.PathLike) -> Checkpoint:
    """Read a checkpoint folder; nothing is unpickled.

    Raises
    ------
    CheckpointError
        If a file is missing, cut, of another version, or belongs to another
        checkpoint; the message names the file.
    """
    folder = Path(folder)
    place = folder
    if not folder.exists() and _aside(folder).is_dir():  # a kill struck between the two renames
        place = _aside(folder)
    if not place.is_dir():
        raise CheckpointError(
            f"no checkpoint folder at {folder}: expected one written by `gluonattn train --out "
            f"{shlex.quote(str(folder))}`."
        )
    content = {}
    for name in _FILES:
        try:
            content[name] = (place / name).read_bytes()
        except OSError as error:
            raise CheckpointError(
                f"{folder / name}: {error.strerror}. A checkpoint folder holds {', '.join(_FILES)}."
            ) from None
    config = _parse(folder / CONFIG, content[CONFIG])
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise CheckpointError(
            f"{folder / CONFIG}: checkpoint format {found}, this version of gluonattn reads {FORMAT}. "
            "Install the version that wrote it, or train again."
        )
    missing = [key for key in _CONFIG_KEYS if key not in config]
    if missing:
        raise CheckpointError(
            f"{folder / CONFIG} lacks {', '.join(map(repr, missing))}: it was changed, or is another "
            "program's file. Copy the whole folder again."
        )
    for name in (VOCABULARY, WEIGHTS):
        if config["sha256"].get(name) != _digest(content[name]):
            raise CheckpointError(
                f"{folder / name} is not the file this checkpoint was saved with: it was cut short, "
                "changed, or copied from another checkpoint. Copy the whole folder again."
            )
    try:
        weights = expand(load_tensors(content[WEIGHTS]))
    except SafetensorError as error:
        raise CheckpointError(f"{folder / WEIGHTS} cannot be read: {error}.") from None
    return Checkpoint(config, content[VOCABULARY].decode(), weights,
                      _parse(folder / HISTORY, content[HISTORY]))


def write_history(folder: str | os.PathLike, history: Sequence[Mapping]) -> None:
    """Replace a checkpoint's history.json, and write it beside as history.csv."""
    import pandas as pd

    folder = Path(folder)
    with _writing(folder):
        replace_file(folder / HISTORY, _json(list(history)))
        replace_file(folder / _TABLE, pd.DataFrame(list(history)).to_csv(index=False).encode())


def update_config(folder: str | os.PathLike, **more: Any) -> None:
    """Add entries to a checkpoint's config.json; weights and vocabulary stay as they are."""
    folder = Path(folder)
    config = {**load_checkpoint(folder).config, **more}
    with _writing(folder):
        replace_file(folder / CONFIG, _json(config))


def refuse_foreign(folder: Path) -> None:
    """Raise CheckpointError if `folder` exists and is not a checkpoint or empty."""
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file: give a folder to save the model in.")
    if folder.is_dir() and any(folder.iterdir()) and not _is_checkpoint(folder):
        raise CheckpointError(
            f"{folder} holds files that are not a checkpoint's; it was left as it is. Give another folder."
        )


def require_writable(folder: Path) -> None:
    """Raise CheckpointError unless a file can be written beside `folder`; makes the parents."""
    with _writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder.parent) as file:
            file.write(b"\0")


def recover(folder: Path) -> None:
    """Put back the older checkpoint if a kill struck between the two renames."""
    if not folder.exists() and _aside(folder).is_dir():
        _aside(folder).rename(folder)


def clear_leftovers(folder: Path) -> None:
    """Remove half-written files a killed run left beside `folder` (hidden, eight random characters)."""
    for partial in (*folder.parent.glob(f".{folder.name}.????????"),
                    *folder.parent.glob(f".{folder.name}.resume.????????")):
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def get_weights(model) -> dict[str, np.ndarray]:
    """Parameters of a Gluon block by structural name, as numpy arrays."""
    return {name: p.data().asnumpy() for name, p in model._collect_params_with_prefix().items()}


def set_weights(model, weights: Mapping[str, np.ndarray], device) -> None:
    """Set every parameter of a Gluon block.

    Raises
    ------
    CheckpointError
        If names or shapes differ from the model's.
    """
    parameters = model._collect_params_with_prefix()
    check_weights({name: parameter.shape for name, parameter in parameters.items()}, weights)
    for name, parameter in parameters.items():
        parameter._load_init(_array(weights[name]), device)


def check_weights(shapes: Mapping[str, Sequence[int]], weights: Mapping[str, np.ndarray]) -> None:
    """Raise CheckpointError unless names and shapes are those of the model; a 0 fits any width."""
    if set(shapes) != set(weights):
        odd = sorted(set(shapes) ^ set(weights))
        raise CheckpointError(
            f"the weights do not fit this model: {', '.join(odd[:5])} stand on one side only. The "
            "checkpoint's config.json and model.safetensors are of different models."
        )
    for name, shape in shapes.items():
        # A 0 is a width Gluon infers from its first input.
        if len(shape) != weights[name].ndim or any(
            known and known != found for known, found in zip(shape, weights[name].shape)
        ):
            raise CheckpointError(
                f"{name} has shape {weights[name].shape} in the checkpoint and {tuple(shape)} in the "
                "model: config.json and model.safetensors are of different models."
            )


def _array(values):
    from ..runtime import mx

    return mx.nd.array(values, dtype=values.dtype)


@contextmanager
def _writing(folder: Path):
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"cannot write {error.filename or folder}: {error.strerror}. Choose a folder that is writable "
            "and has space; an older checkpoint there is untouched."
        ) from None


def _is_checkpoint(folder: Path) -> bool:
    """Whether config.json is one of ours: other programs have files of that name."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and {"format", "sha256"} <= config.keys()


def _aside(folder: Path) -> Path:
    folder = folder.resolve()
    return folder.with_name(f".{folder.name}.old")


def _clear_aside(folder: Path) -> None:
    """Remove the older checkpoint; what is not a checkpoint's file moves to the new one."""
    old = _aside(folder)
    if not old.is_dir():
        return
    for path in old.iterdir():
        if path.name not in (*_FILES, _TABLE) and not (folder / path.name).exists():
            path.rename(folder / path.name)
    shutil.rmtree(old, ignore_errors=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(value) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=True).encode()


def _parse(path: Path, content: bytes):
    try:
        return json.loads(content)
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not readable ({error}): it was cut short or is another file. Copy the whole "
            "folder again."
        ) from None
