"""Settings of a training run of a translation model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..training.settings import SMALL, TrainingSettings, fill

if TYPE_CHECKING:
    from ..training.tasks import Task

RECIPE = "translation"
_FEW = 1_000  # sources to validate on and to hold out, if there are enough


@dataclass
class TranslationSettings(TrainingSettings):
    """Settings of a training run of a translation model, in addition to those of `TrainingSettings`.

    Attributes
    ----------
    subwords : int or None
        Size of the vocabulary that SentencePiece learns from both languages. None is 8000, or 2000 for fewer than
        20,000 pairs.
    max_length : int, default 64
        Subwords of the longest sentence, including the end mark. Longer pairs are left out of training and counted.
    validation, test : int or None
        Distinct sources to validate on and to hold out. None is 1,000 each, but at most a twentieth of all sources.
    epochs : int or None
        None is 20, or 60 for fewer than 20,000 pairs.
    batch_size : int or None
        None is 128, or 64 for fewer than 20,000 pairs.
    learning_rate : float or None
        None is 0.001.
    schedule : {"linear", "cosine", "constant"} or None
        None is "cosine".
    warmup : float, default 0.1
    label_smoothing : float or None
        None is 0.1.
    model : dict
        Keyword arguments of `gluonattn.translation.network.TranslationTransformer`.
    """

    recipe: str = RECIPE
    warmup: float = 0.1
    subwords: int | None = None
    max_length: int = 64
    validation: int | None = None
    test: int | None = None

    recipes: ClassVar[tuple[str, ...]] = (RECIPE,)
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {
        **TrainingSettings.ranges, "subwords": (8, 256_000), "max_length": (4, 1024), "validation": (1, 10**7),
        "test": (1, 10**7)}

    def suit(self, values: dict[str, Any], examples: int) -> None:
        small = examples < SMALL
        fill(values, epochs=60 if small else 20, batch_size=64 if small else 128, learning_rate=1e-3, schedule="cosine",
             label_smoothing=0.1, subwords=2000 if small else 8000, validation=choose_held_out(None, examples),
             test=choose_held_out(None, examples))

    def make_task(self) -> Task:
        from .task import TranslationTask

        return TranslationTask(self)


def choose_held_out(wanted: int | None, sources: int) -> int:
    """The number of distinct sources in a split.

    Parameters
    ----------
    wanted : int or None
        The user's choice. None is 1,000, but at most a twentieth of all sources, and at least one.
    sources : int
        Number of all sources.
    """
    return wanted if wanted is not None else max(1, min(_FEW, sources // 20))
