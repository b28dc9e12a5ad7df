"""A language model saved beside its run's checkpoint, so that other seeds can start from it.

``OUT.pretrained`` is one safetensors file with parameters, vocabulary, and eight bytes of the hash of every text that was
read. A run that starts from it sets the same texts aside for validation. It is refused if one of these was read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict
from numpy.typing import NDArray

from ..contents import COPY_AGAIN, dump_tensors, parse_json, parse_tensors, require
from ..errors import CheckpointError, DataError, OptionError
from ..files import cannot_write, replace_file
from ..plain import bare_key

ENDING = ".pretrained"
SHAPE = ("embed_size", "hidden_size", "evidence")  # arguments of the classifier that set the shapes of these parameters
_FORMAT, _READ = "1", "read"


class Header(Struct):
    """The header of a stage's file.

    Attributes
    ----------
    vocabulary : str
        GluonNLP Vocab as JSON.
    tokenizer : str
    model : dict of str to int
        The arguments named in `SHAPE`.
    seed : int
        Seed of the split into training and validation.
    validation : float
        Fraction of the labelled reviews that was set aside.
    fingerprint : str
        Fingerprint of the stage.
    """

    vocabulary: str
    tokenizer: str
    model: dict[str, int]
    seed: int
    validation: float
    fingerprint: str


class Stage(NamedTuple):
    """A finished language model from which a classifier can start.

    Attributes
    ----------
    header : Header
    weights : dict of str to numpy.ndarray
        Parameters of embedding and Bi-GRU, by structural name.
    read : numpy.ndarray, uint64
        `digest_texts` of the texts that were read.
    path : pathlib.Path or None
        The file from which it was read.
    """

    header: Header
    weights: dict[str, NDArray[Any]]
    read: NDArray[Any]
    path: Path | None = None


def stage_file(folder: str | os.PathLike[str]) -> Path:
    """Path of a stage's file beside a checkpoint folder."""
    folder = Path(folder)
    return folder.with_name(folder.name + ENDING)


def find_stage(pretrain: str | None) -> Path | None:
    """Find the stage that ``--pretrain`` names by its file or its run's folder. None if it names texts or nothing.

    Raises
    ------
    CheckpointError
        If it names a folder without a stage beside it.
    """
    if pretrain is None:
        return None
    if pretrain.endswith(ENDING):
        return Path(pretrain)
    path = Path(pretrain) if Path(pretrain).name else Path(pretrain).resolve()
    if not path.is_dir():
        return None
    if not stage_file(path).exists():
        raise CheckpointError(f"--pretrain {pretrain}: there is no {stage_file(path)} beside it, so that run had no "
                              "language model, or its file was removed. Give a file of texts.")
    return stage_file(path)


def digest_texts(texts: Iterable[str]) -> NDArray[Any]:
    """Hash each text to eight bytes, ignoring white space and quotes: uint64, in the order of the texts."""
    found = b"".join(hashlib.sha256(bare_key(text).encode("utf-8", "surrogatepass")).digest()[:8] for text in texts)
    return np.frombuffer(found, "<u8").astype(np.uint64)


def save_stage(path: Path, stage: Stage) -> None:
    """Write a stage, completely or not at all.

    Parameters
    ----------
    path : pathlib.Path
    stage : Stage

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    notes = {"format": _FORMAT, "stage": json.dumps(asdict(stage.header))}
    try:
        replace_file(path, dump_tensors({**stage.weights, _READ: np.sort(stage.read)}, notes))
    except OSError as error:
        raise CheckpointError(f"{cannot_write(path, error.strerror)} The run continues there with --resume.") from None


def load_stage(path: Path) -> Stage:
    """Read a stage. Nothing is unpickled.

    Raises
    ------
    CheckpointError
        If it is missing, truncated, changed, or another file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}. Give the run or the {ENDING} file of a language model, or a file "
                              "of texts.") from None
    tensors, notes = parse_tensors(content, path, CheckpointError)
    if notes.get("format") != _FORMAT or "stage" not in notes or _READ not in tensors:
        raise CheckpointError(f"{path} is not a language model that this version of gluonattn wrote. {COPY_AGAIN}")
    header = require(parse_json(notes["stage"], path, CheckpointError), Header, path, CheckpointError)
    read = tensors.pop(_READ)
    return Stage(header, tensors, read, path)


def require_fitting(stage: Stage, tokenizer: str, model: Mapping[str, Any]) -> None:
    """Raise OptionError if a model of these settings cannot start from a stage.

    Parameters
    ----------
    stage : Stage
    tokenizer : str
    model : mapping
        Keyword arguments of the classifier.
    """
    asked = {"tokenizer": tokenizer, **{name: model.get(name, 0) for name in SHAPE}}
    there = {"tokenizer": stage.header.tokenizer, **stage.header.model}
    odd = next((name for name in asked if asked[name] != there.get(name)), None)
    if odd is not None:
        raise OptionError(f"--pretrain {stage.path}: its language model has {odd} {there.get(odd)}, this run asks for "
                          f"{asked[odd]}. Give the settings of that run, or a file of texts to learn from anew.")


def require_unread(stage: Stage, train: Sequence[str], valid: Sequence[str]) -> None:
    """Raise DataError if a language model has read validation texts that are not among this run's training texts.

    Parameters
    ----------
    stage : Stage
    train, valid : sequence of str
        Texts of the two parts.
    """
    held = np.setdiff1d(digest_texts(valid), digest_texts(train))
    known = int(np.isin(held, stage.read).sum())
    if known:
        aside = f"{stage.header.validation:g}"
        raise DataError(f"--pretrain {stage.path}: its language model has read {known:,} of the {len(held):,} validation "
                        f"texts. That run set {aside} of its reviews aside: give the same --data and --validation {aside}, "
                        "or a file of texts to learn from anew.")
