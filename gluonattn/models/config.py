"""What config.json may say: one schema, of types and of values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Optional, Union

from msgspec import UNSET, Meta, Struct, UnsetType

from ..contents import all_finite, require
from ..contents import refuse as refuse_as
from ..errors import CheckpointError
from .cells import CELLS

FORMAT = 1
PRONUNCIATION = "pronunciation"
CHANNELS = 6  # of evidence, for each of its columns: `gluonattn.data.evidence.ORDERS`

# msgspec reads these while Python 3.9 runs, which knows no `X | None`.
Size = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Width = Annotated[int, Meta(ge=1, le=65_536)]
Rate = Annotated[float, Meta(ge=0, lt=1)]
Number = Union[int, float]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class ClassifierModel(Struct, forbid_unknown_fields=True):
    """Keyword arguments of a recipe's classifier; what is not there has the recipe's default."""

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


class PronunciationModel(Struct, forbid_unknown_fields=True):
    """Keyword arguments of the Transformer."""

    vocab_size: Size
    units: Width = 64
    hidden_size: Width = 256
    num_layers: Annotated[int, Meta(ge=1, le=256)] = 2
    num_heads: Width = 4
    dropout: Rate = 0.1
    max_length: Annotated[int, Meta(ge=1, le=4096)] = 48


class _OfClassifier(Struct):
    model: ClassifierModel


class _OfPronunciation(Struct):
    model: PronunciationModel


class Explained(Struct):
    """What was found out about attribution methods on validation."""

    method: str
    reviews: Count = 0
    comprehensiveness: dict[str, Annotated[list[Number], Meta(min_length=3, max_length=3)]] = {}


class Weighing(Struct):
    """How much the two branches count, where there are two."""

    network: float
    ngrams: float
    bias: list[float]


class Config(Struct):
    """config.json of any recipe. Other entries may stand there: they are another version's, and not read."""

    format: Literal[1]
    recipe: Literal["default", "post", "pronunciation"]
    model: dict[str, Any]
    tokenizer: str
    labels: list[str]
    max_length: Size
    versions: dict[str, str]
    sha256: dict[str, Digest]
    label_names: dict[str, str] = {}
    training: dict[str, Any] = {}
    fingerprint: Union[str, UnsetType] = UNSET
    finished: bool = True
    epoch: Optional[Count] = None
    validation: dict[str, Number] = {}
    explanation: Union[Explained, UnsetType] = UNSET
    weighing: Union[Weighing, UnsetType] = UNSET


def check_config(config: Any, path: Path) -> None:
    """Raise CheckpointError unless config.json (as it was parsed) is one that a model can be made of.

    Parameters
    ----------
    config : JSON value
    path : pathlib.Path
        What the message calls it.
    """
    found = require(config, Config, path, CheckpointError)
    if not all_finite({key: value for key, value in config.items() if key != "validation"}):
        refuse(path, "a number is not finite")
    explained = found.explanation
    if explained is not UNSET and explained.comprehensiveness and explained.method not in explained.comprehensiveness:
        refuse(path, f"`explanation.method` is {explained.method!r:.40}, of which it has no figures")
    if found.recipe == PRONUNCIATION:
        _check_pronunciation(found, path)
    else:
        _check_classifier(found, path)


def check_model(model: Any, path: Path) -> ClassifierModel:
    """Raise CheckpointError unless these can be keyword arguments of a classifier."""
    found = require({"model": model}, _OfClassifier, path, CheckpointError).model
    if found.cell == "multi-head" and 2 * found.hidden_size % found.num_heads:
        refuse(path, f"`model` has {found.num_heads} heads, which do not divide twice its hidden_size")
    if found.subword_buckets == 1 or (found.ngrams and not found.subword_buckets):
        refuse(path, f"`model` has {found.subword_buckets} subword_buckets and {found.ngrams} ngrams, which cannot be")
    if found.evidence and (found.subword_buckets or found.evidence != CHANNELS * evidence_columns(found.classes)):
        refuse(path, f"`model` has {found.evidence} channels of evidence, {found.subword_buckets} subword_buckets and "
                     f"{found.classes} classes, which cannot be")
    return found


def evidence_columns(classes: int) -> int:
    """Columns of the linear model that evidence comes from: with two classes their difference, else one for each."""
    return 1 if classes == 2 else classes


def _check_classifier(config: Config, path: Path) -> None:
    model, labels = check_model(config.model, path), config.labels
    if len(labels) < 2 or len(set(labels)) != len(labels) or len(labels) != model.classes:
        refuse(path, f"`labels` are {', '.join(map(repr, labels[:5])) or 'none'}, where a classifier has as many as its "
                     f"model has classes ({model.classes}), at least 2 and all different")
    if config.weighing is not UNSET and len(config.weighing.bias) != len(labels):
        refuse(path, f"`weighing.bias` has {len(config.weighing.bias)} numbers for {len(labels)} labels")
    if config.recipe == "post":
        if model.length not in (UNSET, config.max_length) or model.subword_buckets or model.ngrams or model.evidence:
            refuse(path, "a model of the post's recipe reads `max_length` tokens, and no n-grams or evidence")
    elif model.length is not UNSET:
        refuse(path, "`model.length` belongs to the post's recipe")


def _check_pronunciation(config: Config, path: Path) -> None:
    model = require({"model": config.model}, _OfPronunciation, path, CheckpointError).model
    if config.labels:
        refuse(path, "a model of pronunciation has no `labels`")
    if model.units % model.num_heads or config.max_length != model.max_length or config.max_length < 2:
        refuse(path, "`model` does not fit together: units must be a multiple of num_heads, and max_length one number")
    needed = {"epoch": config.epoch, "fingerprint": config.fingerprint, "training.data": config.training.get("data")}
    for name, value in needed.items():
        if value in (None, UNSET):
            refuse(path, f"`{name}` is missing")


def refuse(path: Path, reason: str) -> NoReturn:
    """Raise CheckpointError for a file of a checkpoint whose values are not what they should be."""
    refuse_as(path, reason, CheckpointError)
