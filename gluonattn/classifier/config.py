"""The entries of config.json that only a classifier has; `gluonattn.models.config` checks those of every model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Optional, Union

from msgspec import UNSET, Struct, UnsetType

from ..contents import require
from ..errors import CheckpointError
from ..models.cells import CELLS
from ..models.checkpoint import CHANNELS, CONFIG, Checkpoint, load_checkpoint
from ..models.config import Config, Count, Rate, Size, Width, refuse, require_recipe
from .settings import ClassifierSettings


class ClassifierModel(Struct, forbid_unknown_fields=True):
    """Keyword arguments of a recipe's classifier. A missing one has the recipe's default."""

    vocab_size: Size
    classes: Size = 2
    cell: Literal[tuple(CELLS)] = "mlp"  # type: ignore[valid-type]
    length: Union[Size, UnsetType] = UNSET
    embed_size: Width = 1
    hidden_size: Width = 64
    units: Width = 1
    num_heads: Width = 4
    dropout: Rate = 0.0
    attention_dropout: Rate = 0.0
    subword_size: Width = 1
    subword_buckets: Count = 0
    ngrams: Count = 0
    evidence: Count = 0
    embed_dropout: Optional[Rate] = None


class _OfClassifier(Struct):
    model: ClassifierModel


def load_classifier(folder: str | os.PathLike[str]) -> Checkpoint:
    """A checkpoint folder whose config.json is that of a classifier.

    Raises
    ------
    CheckpointError
        As `load_checkpoint`; or if the model is another task's, or the config's entries do not fit together.
    """
    checkpoint = load_checkpoint(folder)
    check_classifier(checkpoint.config, Path(folder) / CONFIG)
    return checkpoint


def check_classifier(config: dict[str, Any], path: Path) -> None:
    """Raise CheckpointError unless a classifier can be made of config.json.

    Parameters
    ----------
    config : dict
        It has passed `gluonattn.models.config.check_config`.
    path : pathlib.Path
        Its name in messages.
    """
    require_recipe(config, ClassifierSettings.recipes, path)
    found = require(config, Config, path, CheckpointError)
    model, labels = check_model(found.model, path), found.labels
    if len(labels) < 2 or len(set(labels)) != len(labels) or len(labels) != model.classes:
        refuse(path, f"`labels` are {', '.join(map(repr, labels[:5])) or 'none'}, where a classifier has as many as its "
                     f"model has classes ({model.classes}), at least 2 and all different")
    if found.weighing is not UNSET and len(found.weighing.bias) != len(labels):
        refuse(path, f"`weighing.bias` has {len(found.weighing.bias)} numbers for {len(labels)} labels")
    if found.recipe == "post":
        if model.length not in (UNSET, found.max_length) or model.subword_buckets or model.ngrams or model.evidence:
            refuse(path, "a model of the post's recipe reads `max_length` tokens, but no n-grams and no evidence")
    elif model.length is not UNSET:
        refuse(path, "`model.length` belongs to the post's recipe")


def check_model(model: Any, path: Path) -> ClassifierModel:
    """Raise CheckpointError unless these can be keyword arguments of a classifier.

    Parameters
    ----------
    model : JSON value
        "model" of config.json.
    path : pathlib.Path
        Its name in messages.
    """
    found: ClassifierModel = require({"model": model}, _OfClassifier, path, CheckpointError).model
    if found.cell == "multi-head" and 2 * found.hidden_size % found.num_heads:
        refuse(path, f"`model` has {found.num_heads} heads, which do not divide twice its hidden_size")
    if found.subword_buckets == 1 or (found.ngrams and not found.subword_buckets):
        refuse(path, f"`model` has {found.subword_buckets} subword_buckets and {found.ngrams} ngrams, which cannot be")
    columns = 1 if found.classes == 2 else found.classes  # two classes share one channel, the difference of their scores
    if found.evidence and (found.subword_buckets or found.evidence != CHANNELS * columns):
        refuse(path, f"`model` has {found.evidence} channels of evidence, {found.subword_buckets} subword_buckets and "
                     f"{found.classes} classes, which cannot be")
    return found
