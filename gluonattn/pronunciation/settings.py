"""Settings of a training run of a pronunciation model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..training.settings import SMALL, TrainingSettings, fill

if TYPE_CHECKING:
    from ..training.tasks import Task

RECIPE = "pronunciation"


@dataclass
class PronunciationSettings(TrainingSettings):
    """Settings of a training run of a pronunciation model, in addition to those of `TrainingSettings`.

    Attributes
    ----------
    min_count : int or None
        Minimum number of occurrences of a word in the corpus. None is 3, or 1 for
        fewer than 20,000 texts.
    epochs : int or None
        None is 12, or 60 for fewer than 20,000 words.
    batch_size : int or None
        None is 64.
    learning_rate : float or None
        None is 0.002.
    schedule : {"linear", "cosine", "constant"} or None
        None is "cosine".
    label_smoothing : float or None
        None is 0.
    model : dict
        Keyword arguments of `gluonattn.models.transformer.Transformer`.
    """

    recipe: str = RECIPE
    min_count: int | None = None

    recipes: ClassVar[tuple[str, ...]] = (RECIPE,)
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {**TrainingSettings.ranges, "min_count": (1, 10**9)}

    def suit(self, values: dict[str, Any], examples: int) -> None:
        fill(values, epochs=60 if examples < SMALL else 12, batch_size=64, learning_rate=2e-3, schedule="cosine",
             label_smoothing=0.0, min_count=1)

    def make_task(self) -> Task:
        from .task import PronunciationTask

        return PronunciationTask(self)
