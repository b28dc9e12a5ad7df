"""The checkpoint folder: config.json, vocab.json, model.safetensors, history.json.

It is independent of frameworks, and nothing is pickled. It is written under a
temporary name and then renamed, so a killed process never leaves a partial one.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Union

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as dump_tensors

from ..contents import COPY_AGAIN, digest, digest_json, parse_json, parse_tensors, require
from ..errors import CheckpointError
from ..files import new_folder, replace_file
from .compact import expand
from .config import FORMAT, check_config, refuse
from .folder import CONFIG as CONFIG
from .folder import FILES, HISTORY, TABLE, VOCABULARY, WEIGHTS, aside_folder, clear_aside
from .folder import clear_leftovers as clear_leftovers
from .folder import recover as recover
from .weights import CHANNELS as CHANNELS
from .weights import EVIDENCE as EVIDENCE
from .weights import KNOWN_NGRAMS as KNOWN_NGRAMS
from .weights import check_evidence, check_values
from .weights import check_weights as check_weights
from .weights import get_weights as get_weights
from .weights import set_weights as set_weights

_CONFIG_KEYS = ("format", "recipe", "model", "tokenizer", "labels", "max_length", "versions", "sha256")


class Checkpoint(NamedTuple):
    """The content of a checkpoint folder.

    Attributes
    ----------
    config : dict
        recipe, model (keyword arguments of the classifier), tokenizer, labels,
        max_length, training settings and library versions; `gluonattn.models.config`
        has the schema. "finished" is False until the run that writes it is done.
    vocabulary : str
        GluonNLP Vocab as JSON.
    weights : dict of str to numpy.ndarray
        Parameters by their structural name. A model with evidence also has the
        tables of `EVIDENCE`, one with a linear branch ``known_ngrams`` (uint32,
        sorted).
    history : list of dict
        One for each epoch.
    """

    config: dict[str, Any]
    vocabulary: str
    weights: dict[str, NDArray[Any]]
    history: list[dict[str, Any]]


def save_checkpoint(folder: str | os.PathLike[str], checkpoint: Checkpoint) -> Path:
    """Write a checkpoint folder, replacing an older checkpoint of that name.

    Other files in the folder, such as pictures, are kept.

    Parameters
    ----------
    folder : path
    checkpoint : Checkpoint

    Raises
    ------
    CheckpointError
        If it cannot be written, `folder` has other content, or the checkpoint is
        invalid and could not be loaded again.
    """
    folder = Path(folder).resolve()  # resolve a link: the folder itself is renamed
    refuse_foreign(folder)
    vocabulary = checkpoint.vocabulary.encode()
    weights = dump_tensors({k: np.ascontiguousarray(v) for k, v in checkpoint.weights.items()})
    config = _seal({"finished": True, **checkpoint.config, "format": FORMAT,
                      "sha256": {VOCABULARY: digest(vocabulary), WEIGHTS: digest(weights)}})
    check_config(config, folder / CONFIG)
    check_values(expand(checkpoint.weights), folder / WEIGHTS)  # a bundled model has 8-bit tables
    content = {CONFIG: _json(config), VOCABULARY: vocabulary, WEIGHTS: weights, HISTORY: _json(checkpoint.history)}
    with _name_write_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as partial:
            for name, data in content.items():
                (partial / name).write_bytes(data)
            if folder.exists():
                clear_aside(folder)
                folder.rename(aside_folder(folder))
            partial.rename(folder)
            clear_aside(folder)
    return folder


def load_checkpoint(folder: str | os.PathLike[str], task: str = "") -> Checkpoint:
    """Read a checkpoint folder. Nothing is unpickled.

    Parameters
    ----------
    folder : path
    task : str, default ""
        Name of the command group that trains such models, for the error if there is no folder. "" is the classifier.

    Raises
    ------
    CheckpointError
        If a file is missing, truncated, of another version, or belongs to
        another checkpoint. The message names the file.
    """
    folder = Path(folder)
    content = _read(folder, FILES, task)
    config = _parse_config(folder / CONFIG, content[CONFIG])
    for name in (VOCABULARY, WEIGHTS):
        if config["sha256"].get(name) != digest(content[name]):
            raise _wrong_file_error(folder / name)
    weights, _ = parse_tensors(content[WEIGHTS], folder / WEIGHTS, CheckpointError)
    try:
        weights = expand(weights)
    except ValueError as error:
        refuse(folder / WEIGHTS, str(error))
    try:
        vocabulary = content[VOCABULARY].decode()
    except ValueError as error:
        refuse(folder / VOCABULARY, str(error))
    check_values(weights, folder / WEIGHTS)
    if config["model"].get("ngrams", 0) != len(weights.get(KNOWN_NGRAMS, ())):
        refuse(folder / WEIGHTS, "it does not hold the n-grams of this model")
    check_evidence(config["model"], weights, folder / WEIGHTS)
    history = parse_json(content[HISTORY], folder / HISTORY, CheckpointError)
    require(history, list[dict[str, Union[int, float, None]]], folder / HISTORY, CheckpointError)
    return Checkpoint(config, vocabulary, weights, history)


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a checkpoint's config.json with the checks of `load_checkpoint`. The other files are not read."""
    folder = Path(folder)
    return _parse_config(folder / CONFIG, _read(folder, [CONFIG])[CONFIG])


def write_history(folder: str | os.PathLike[str], history: Sequence[Mapping[str, Any]]) -> None:
    """Replace a checkpoint's history.json and history.csv.

    Parameters
    ----------
    folder : path
    history : sequence of mapping
        One for each epoch.
    """
    folder = Path(folder)
    rows = io.StringIO()
    table = csv.DictWriter(rows, list(dict.fromkeys(key for epoch in history for key in epoch)), lineterminator="\n")
    table.writeheader()
    table.writerows(history)
    with _name_write_errors(folder):
        replace_file(folder / HISTORY, _json(list(history)))
        replace_file(folder / TABLE, rows.getvalue().encode())


def update_config(folder: str | os.PathLike[str], **entries: Any) -> None:
    """Add entries to a checkpoint's config.json. Weights and vocabulary stay unchanged.

    Parameters
    ----------
    folder : path
    **entries : JSON value
        Entries by name.

    Raises
    ------
    CheckpointError
        If it cannot be read or written, or an entry does not match the schema.
    """
    folder = Path(folder)
    config = _seal({**read_config(folder), **entries})
    check_config(config, folder / CONFIG)
    with _name_write_errors(folder):
        replace_file(folder / CONFIG, _json(config))


def refuse_foreign(folder: Path) -> None:
    """Raise CheckpointError if `folder` exists and is neither empty nor a checkpoint."""
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file: give a folder to save the model in.")
    if folder.is_dir() and any(folder.iterdir()) and not is_checkpoint(folder):
        raise CheckpointError(
            f"{folder} holds files that are not a checkpoint's; it was not changed. Give another folder."
        )


def require_writable(folder: Path) -> None:
    """Raise CheckpointError unless a folder can be written beside `folder`. Parent folders are made."""
    with _name_write_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as partial:
            (partial / CONFIG).write_bytes(b"\0")


@contextmanager
def _name_write_errors(folder: Path) -> Iterator[Any]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"cannot write {folder}: {error.strerror}. Choose a folder that is writable and has space; an "
                              "older checkpoint there is untouched.") from None


def no_folder_error(folder: Path, task: str = "") -> CheckpointError:
    """The error for a checkpoint folder that does not exist.

    Parameters
    ----------
    folder, task
        As for `load_checkpoint`.
    """
    command = " ".join(["gluonattn", *task.split(), "train", "--out", shlex.quote(str(folder))])
    return CheckpointError(f"no checkpoint folder at {folder}: expected one written by `{command}`.")


def _read(folder: Path, names: Sequence[str], task: str = "") -> dict[str, bytes]:
    """Read the files of a checkpoint folder, or of the older one that a killed process left aside."""
    place = folder
    if not folder.exists() and aside_folder(folder).is_dir():  # the process was killed between the two renames
        place = aside_folder(folder)
    if not place.is_dir():
        raise no_folder_error(folder, task)
    content = {}
    for name in names:
        try:
            content[name] = (place / name).read_bytes()
        except OSError as error:
            said = f"{folder / name}: {error.strerror}. A checkpoint folder holds {', '.join(FILES)}."
            raise CheckpointError(said) from None
    return content


def _parse_config(path: Path, content: bytes) -> dict[str, Any]:
    config = parse_json(content, path, CheckpointError)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise CheckpointError(f"{path}: checkpoint format {found!r:.40}, this version of gluonattn reads {FORMAT}. "
                              "Install the version that wrote it, or train again.")
    missing = [key for key in _CONFIG_KEYS if key not in config]
    if missing:
        raise CheckpointError(f"{path} lacks {', '.join(map(repr, missing))}: it was changed, or is another "
                              f"program's file. {COPY_AGAIN}")
    check_config(config, path)
    # Versions without "finished" wrote no digest of config.json.
    if (CONFIG in config["sha256"] or "finished" in config) and config["sha256"].get(CONFIG) != _digest_of(config):
        raise _wrong_file_error(path)
    return config


def _seal(config: Mapping[str, Any]) -> dict[str, Any]:
    """Add a digest of a config's entries. For example, labels in another order are another model."""
    return {**config, "sha256": {**config["sha256"], CONFIG: _digest_of(config)}}


def _digest_of(config: Mapping[str, Any]) -> str:
    return digest_json({name: value for name, value in config.items() if name != "sha256"})


def _wrong_file_error(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is not the file this checkpoint was saved with: it was cut short, "
        f"changed, or copied from another checkpoint. {COPY_AGAIN}"
    )


def is_checkpoint(folder: Path) -> bool:
    """Whether this package wrote a folder's config.json. Other programs have files of that name."""
    try:
        config = parse_json((folder / CONFIG).read_bytes(), CONFIG, CheckpointError)
    except (OSError, CheckpointError):
        return False
    return isinstance(config, dict) and {"format", "sha256"} <= config.keys()


def recipe_of(folder: str | os.PathLike[str]) -> str | None:
    """The recipe of a checkpoint folder. None if it cannot be read; loading it then raises an error with the reason."""
    try:
        result: str | None = read_config(folder)["recipe"]
        return result
    except CheckpointError:
        return None


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=True).encode()
