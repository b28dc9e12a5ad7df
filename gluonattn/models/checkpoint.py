"""The checkpoint folder: config.json, vocab.json, model.safetensors, history.json.

Nothing in it belongs to one framework, nothing is pickled, and a kill never
leaves half of one: it is written beside its place and renamed into it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Union

import numpy as np
from safetensors.numpy import save as dump_tensors

from ..contents import COPY_AGAIN, digest, digest_json, is_finite, parse_json, parse_tensors, require
from ..errors import CheckpointError
from ..files import clear_all_partials, clear_partials, is_partial, new_folder, replace_file
from .compact import expand
from .config import FORMAT, check_config, refuse

CONFIG, VOCABULARY, WEIGHTS, HISTORY = "config.json", "vocab.json", "model.safetensors", "history.json"
_FILES = (CONFIG, VOCABULARY, WEIGHTS, HISTORY)
KNOWN_NGRAMS = "known_ngrams"  # among the weights: what the linear branch's n-grams are looked up in
# Among the weights: the tables evidence is read with, which no engine needs (`gluonattn.data.evidence.Evidence`).
EVIDENCE = ("evidence.known", "evidence.scores", "evidence.squares", "evidence.spread")
CHANNELS = 6  # of evidence, for each column of its scores: `gluonattn.data.evidence.ORDERS`
_HASHES = (KNOWN_NGRAMS, EVIDENCE[0])
_TABLE = "history.csv"  # the history again, for a spreadsheet
_CONFIG_KEYS = ("format", "recipe", "model", "tokenizer", "labels", "max_length", "versions", "sha256")
# Names that versions before the one writer gave what they had not finished.
_OLD_PARTIAL = re.compile(r"\.(config\.json|history\.json|history\.csv|words\.tsv|epoch-\d+\.safetensors)\.[a-z0-9_]{8}")


class Checkpoint(NamedTuple):
    """What a checkpoint folder holds.

    Attributes
    ----------
    config : dict
        recipe, model (keyword arguments of the classifier), tokenizer, labels,
        max_length, training settings and library versions; `gluonattn.models.config`
        has the schema. "finished" is False until the run that writes it is done.
    vocabulary : str
        GluonNLP Vocab as JSON.
    weights : dict of str to numpy.ndarray
        Parameters by their structural name; beside them the tables of `EVIDENCE`
        where the model reads evidence, and ``known_ngrams`` (uint32, sorted)
        where it has a linear branch.
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
        If it cannot be written, `folder` holds something else, or what is given
        is no checkpoint that could be loaded again.
    """
    folder = Path(folder).resolve()  # behind a link: it is the folder that is renamed
    refuse_foreign(folder)
    vocabulary = checkpoint.vocabulary.encode()
    weights = dump_tensors({k: np.ascontiguousarray(v) for k, v in checkpoint.weights.items()})
    config = _sealed({"finished": True, **checkpoint.config, "format": FORMAT,
                      "sha256": {VOCABULARY: digest(vocabulary), WEIGHTS: digest(weights)}})
    check_config(config, folder / CONFIG)
    _check_weights(checkpoint.weights, folder / WEIGHTS)
    content = {CONFIG: _json(config), VOCABULARY: vocabulary, WEIGHTS: weights, HISTORY: _json(checkpoint.history)}
    with _writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as partial:
            for name, data in content.items():
                (partial / name).write_bytes(data)
            if folder.exists():
                _clear_aside(folder)
                folder.rename(_aside(folder))
            partial.rename(folder)
            _clear_aside(folder)
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
    content = _read(folder, _FILES)
    config = _parse_config(folder / CONFIG, content[CONFIG])
    for name in (VOCABULARY, WEIGHTS):
        if config["sha256"].get(name) != digest(content[name]):
            raise _another_file(folder / name)
    weights, _ = parse_tensors(content[WEIGHTS], folder / WEIGHTS, CheckpointError)
    try:
        weights = expand(weights)
    except ValueError as error:
        refuse(folder / WEIGHTS, str(error))
    try:
        vocabulary = content[VOCABULARY].decode()
    except ValueError as error:
        refuse(folder / VOCABULARY, str(error))
    _check_weights(weights, folder / WEIGHTS)
    if config["model"].get("ngrams", 0) != len(weights.get(KNOWN_NGRAMS, ())):
        refuse(folder / WEIGHTS, "it does not hold the n-grams of this model")
    _check_evidence(config["model"], weights, folder / WEIGHTS)
    history = parse_json(content[HISTORY], folder / HISTORY, CheckpointError)
    require(history, list[dict[str, Union[int, float, None]]], folder / HISTORY, CheckpointError)
    return Checkpoint(config, vocabulary, weights, history)


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
    """A checkpoint's config.json, checked as `load_checkpoint` does; the other files are not looked at."""
    folder = Path(folder)
    return _parse_config(folder / CONFIG, _read(folder, [CONFIG])[CONFIG])


def write_history(folder: str | os.PathLike, history: Sequence[Mapping]) -> None:
    """Replace a checkpoint's history.json, and write it beside as history.csv."""
    import pandas as pd

    folder = Path(folder)
    with _writing(folder):
        replace_file(folder / HISTORY, _json(list(history)))
        replace_file(folder / _TABLE, pd.DataFrame(list(history)).to_csv(index=False).encode())


def update_config(folder: str | os.PathLike, **more: Any) -> None:
    """Add entries to a checkpoint's config.json; weights and vocabulary stay as they are.

    Raises
    ------
    CheckpointError
        If it cannot be read or written, or an entry is not what the schema says.
    """
    folder = Path(folder)
    config = _sealed({**read_config(folder), **more})
    check_config(config, folder / CONFIG)
    with _writing(folder):
        replace_file(folder / CONFIG, _json(config))


def refuse_foreign(folder: Path) -> None:
    """Raise CheckpointError if `folder` exists and is not a checkpoint or empty."""
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file: give a folder to save the model in.")
    if folder.is_dir() and any(folder.iterdir()) and not is_checkpoint(folder):
        raise CheckpointError(
            f"{folder} holds files that are not a checkpoint's; it was left as it is. Give another folder."
        )


def require_writable(folder: Path) -> None:
    """Raise CheckpointError unless a folder can be written beside `folder`; makes the parents."""
    with _writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as partial:
            (partial / CONFIG).write_bytes(b"\0")


def recover(folder: Path) -> None:
    """Finish what a kill stopped while a checkpoint was replaced.

    The older checkpoint is put back if the newer one had not taken its place yet; else the user's own files move
    over from the older one.
    """
    if not folder.exists() and _aside(folder).is_dir():
        _aside(folder).rename(folder)
    elif folder.is_dir():
        _clear_aside(folder)


def clear_leftovers(folder: Path) -> None:
    """Remove what killed runs left half-written beside and in `folder`; that of a living run stays."""
    for path in (folder, folder.with_name(folder.name + ".resume")):
        clear_partials(path)
    old = re.compile(re.escape(f".{folder.name}") + r"(\.resume)?\.[a-z0-9_]{8}")
    for path in _entries(folder.parent):  # of versions before the one writer
        if not old.fullmatch(path.name):
            continue
        if path.is_dir() and all(inside.name in _FILES for inside in path.iterdir()):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file() and ".resume." in path.name:
            path.unlink(missing_ok=True)
    for inside in (folder, *filter(Path.is_dir, _entries(folder))):
        clear_all_partials(inside)
        for path in _entries(inside):
            if _OLD_PARTIAL.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


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


def _check_weights(weights: Mapping[str, np.ndarray], path: Path) -> None:
    """What can be said of weights without a model: they are numbers, and n-grams are in order."""
    for name, values in weights.items():
        if name not in _HASHES and (values.dtype.kind != "f" or not is_finite(values)):
            refuse(path, f"{name} must be finite floating-point numbers")
    for name in _HASHES:
        known = weights.get(name)
        if known is not None and (known.dtype != np.uint32 or known.ndim != 1 or (known[1:] <= known[:-1]).any()):
            refuse(path, f"{name} must be distinct hashes (uint32) in order")


def _check_evidence(model: Mapping, weights: Mapping[str, np.ndarray], path: Path) -> None:
    """The tables of evidence fit the model and each other; a model without evidence has none."""
    found = [weights[name] for name in EVIDENCE if name in weights]
    channels = model.get("evidence", 0)
    if not channels and not found:
        return
    if len(found) != len(EVIDENCE) or not channels:
        refuse(path, "the tables of evidence it holds are not those of this model")
    known, scores, squares, spread = found
    rows, columns = len(known) + 1, channels // CHANNELS
    if (scores.shape, squares.shape, spread.shape) != ((rows, columns), (rows,), (channels,)):
        refuse(path, "its tables of evidence do not fit together")
    if (spread <= 0).any() or scores[0].any() or (squares < 0).any() or squares[0]:
        refuse(path, "its tables of evidence hold numbers that cannot be")


@contextmanager
def _writing(folder: Path):
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"cannot write {folder}: {error.strerror}. Choose a folder that is writable "
            "and has space; an older checkpoint there is untouched."
        ) from None


def _read(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Files of a checkpoint folder, or of the older one that a kill left aside."""
    place = folder
    if not folder.exists() and _aside(folder).is_dir():  # a kill struck between the two renames
        place = _aside(folder)
    if not place.is_dir():
        raise CheckpointError(
            f"no checkpoint folder at {folder}: expected one written by `gluonattn train --out "
            f"{shlex.quote(str(folder))}`."
        )
    content = {}
    for name in names:
        try:
            content[name] = (place / name).read_bytes()
        except OSError as error:
            raise CheckpointError(
                f"{folder / name}: {error.strerror}. A checkpoint folder holds {', '.join(_FILES)}."
            ) from None
    return content


def _parse_config(path: Path, content: bytes) -> dict[str, Any]:
    config = parse_json(content, path, CheckpointError)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise CheckpointError(
            f"{path}: checkpoint format {found!r:.40}, this version of gluonattn reads {FORMAT}. "
            "Install the version that wrote it, or train again."
        )
    missing = [key for key in _CONFIG_KEYS if key not in config]
    if missing:
        raise CheckpointError(
            f"{path} lacks {', '.join(map(repr, missing))}: it was changed, or is another "
            f"program's file. {COPY_AGAIN}"
        )
    check_config(config, path)
    # Versions that do not write "finished" yet wrote no digest of config.json.
    if (CONFIG in config["sha256"] or "finished" in config) and config["sha256"].get(CONFIG) != _digest_of(config):
        raise _another_file(path)
    return config


def _sealed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config with the digest of all it says: labels in another order, say, are another model."""
    return {**config, "sha256": {**config["sha256"], CONFIG: _digest_of(config)}}


def _digest_of(config: Mapping[str, Any]) -> str:
    return digest_json({name: value for name, value in config.items() if name != "sha256"})


def _another_file(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is not the file this checkpoint was saved with: it was cut short, "
        f"changed, or copied from another checkpoint. {COPY_AGAIN}"
    )


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder's config.json is one of ours: other programs have files of that name."""
    try:
        config = parse_json((folder / CONFIG).read_bytes(), CONFIG, CheckpointError)
    except (OSError, CheckpointError):
        return False
    return isinstance(config, dict) and {"format", "sha256"} <= config.keys()


def recipe_of(folder: str | os.PathLike) -> str | None:
    """The recipe of a checkpoint folder; None where it cannot be read: what loads it then says why."""
    try:
        return read_config(folder)["recipe"]
    except CheckpointError:
        return None


def _aside(folder: Path) -> Path:
    folder = folder.resolve()
    return folder.with_name(f".{folder.name}.old")


def _clear_aside(folder: Path) -> None:
    """Remove the older checkpoint; what is not a checkpoint's file moves to the new one."""
    old = _aside(folder)
    if not old.is_dir():
        return
    for path in old.iterdir():
        half_written = is_partial(path.name) or _OLD_PARTIAL.fullmatch(path.name)
        if path.name not in (*_FILES, _TABLE) and not half_written and not (folder / path.name).exists():
            path.rename(folder / path.name)
    shutil.rmtree(old, ignore_errors=True)


def _json(value) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=True).encode()
