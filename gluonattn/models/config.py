"""The schema of config.json: types and values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Optional, Union

from msgspec import UNSET, Meta, Struct, UnsetType

from ..contents import all_finite, require
from ..contents import refuse as refuse_as
from ..errors import CheckpointError

FORMAT = 1

# msgspec evaluates these annotations, also on Python 3.9, which has no `X | None`.
Size = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Width = Annotated[int, Meta(ge=1, le=65_536)]
Rate = Annotated[float, Meta(ge=0, lt=1)]
Number = Union[int, float]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class ExplanationFigures(Struct):
    """Figures of attribution methods on validation."""

    method: str
    reviews: Count = 0
    comprehensiveness: dict[str, Annotated[list[Number], Meta(min_length=3, max_length=3)]] = {}


class Weighing(Struct):
    """The weights of the two branches, if there are two."""

    network: float
    ngrams: float
    bias: list[float]


class Config(Struct):
    """config.json of any recipe. Other entries belong to other versions and are ignored."""

    format: Literal[1]
    recipe: str
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
    explanation: Union[ExplanationFigures, UnsetType] = UNSET
    weighing: Union[Weighing, UnsetType] = UNSET


def check_config(config: Any, path: Path) -> None:
    """Raise CheckpointError unless a parsed config.json is valid for a model of any task.

    Each task checks its own entries, as in `gluonattn.classifier.config`.

    Parameters
    ----------
    config : JSON value
    path : pathlib.Path
        Its name in messages.
    """
    found = require(config, Config, path, CheckpointError)
    if not all_finite({key: value for key, value in config.items() if key != "validation"}):
        refuse(path, "a number is not finite")
    if len(set(found.labels)) != len(found.labels):
        refuse(path, f"`labels` are not all different: {', '.join(map(repr, found.labels[:5]))}")
    explained = found.explanation
    if explained is not UNSET and explained.comprehensiveness and explained.method not in explained.comprehensiveness:
        refuse(path, f"`explanation.method` is {explained.method!r:.40}, of which it has no figures")


def require_recipe(config: dict[str, Any], recipes: Sequence[str], path: Path) -> None:
    """Raise CheckpointError unless config.json has one of a task's recipes.

    Parameters
    ----------
    config : dict
        As `gluonattn.models.checkpoint.load_checkpoint` returns it.
    recipes : sequence of str
    path : pathlib.Path
        Its name in messages.
    """
    found = config["recipe"]
    if found in recipes:
        return
    hint = f"`gluonattn {found} --help` lists the commands that open it" if has_commands(found) else (
        "gluonattn.load and `gluonattn explain` open a classifier" if found in ("default", "post") else
        "this version knows no such recipe: check that the file is whole, or update gluonattn")
    raise CheckpointError(f"{path} is of a model of recipe {found!r:.40}, where {' or '.join(map(repr, recipes))} was "
                          f"expected: {hint}.")


def has_commands(recipe: str) -> bool:
    """Whether a recipe has the name of a task with a command group."""
    return recipe.isidentifier() and (Path(__file__).parents[1] / recipe / "commands.py").is_file()


def refuse(path: Path, reason: str) -> NoReturn:
    """Raise CheckpointError for a checkpoint's file with invalid values.

    Parameters
    ----------
    path : pathlib.Path
    reason : str
    """
    refuse_as(path, reason, CheckpointError)
