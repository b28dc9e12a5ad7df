"""What a training run of a classifier is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..errors import choose
from ..models.cells import CELLS
from ..text import KNOWN as TOKENIZERS
from ..training.settings import SMALL, TrainingSettings, fill


@dataclass
class ClassifierSettings(TrainingSettings):
    """Settings of a training run of a classifier, beside those of `TrainingSettings`.

    Attributes
    ----------
    recipe : {"default", "post"}
        "post" is the model and loop of the GluonNLP attention post: fixed
        length 30, dense gradients, no mask, constant learning rate.
    cell : str, default "mlp"
    ngrams : bool, default False
        Read n-grams too: characters of each word beside its embedding, and
        characters and tokens of the text in a linear branch. Not in "post".
    extra : str or None
        More reviews, with stars: a file gathered by `gluonattn.data.crawl`, for
        NSMC's labels. They are read in the first epochs.
    extra_epochs : int or None
        How many such epochs come before the others. None is 2, or 0 without
        `extra`.
    tokenizer : str, default "mecab"
    word_dropout : float or None
        Fraction of tokens replaced by <unk> while training. None is 0.1.
    min_count : int or None
        Fewest occurrences of a token in the vocabulary. None is 3, or 2 for
        fewer than 20,000 reviews, or 6 with `extra`.
    max_length : int, default 48
        Longest training text in tokens; the rest of a longer one is not
        trained on (prediction reads up to 512). 30 for "post".
    validation : float, default 0.1
        Fraction of the training reviews kept for validation.
    epochs : int or None
        None is 4, or 15 for fewer than 20,000 reviews (3 for "post" and with n-grams).
    batch_size : int or None
        None is 256 (128 for "post"), or 32 for fewer than 20,000 reviews.
    learning_rate : float or None
        None is 0.008 for batches of 256 and more and in proportion for
        smaller ones, but 0.002 at least (0.001 for "post").
    schedule : {"linear", "cosine", "constant"} or None
        None is "linear" ("constant" for "post").
    label_smoothing : float or None
        None is 0.1 (0 for "post").
    workers : int or None
        As for `TrainingSettings`; None is 1 for "post", too.
    model : dict
        "default" has an embedding of 64 and a GRU of 48 where these do not say
        otherwise.
    """

    recipe: str = "default"
    cell: str = "mlp"
    ngrams: bool = False
    extra: str | None = None
    extra_epochs: int | None = None  # type: ignore[assignment]
    tokenizer: str = "mecab"
    word_dropout: float | None = None  # type: ignore[assignment]
    min_count: int | None = None
    max_length: int = 48
    validation: float = 0.1

    recipes: ClassVar[tuple[str, ...]] = ("default", "post")
    ranges: ClassVar = {
        **TrainingSettings.ranges,
        "extra_epochs": (0, 10_000),
        "word_dropout": (0, 0.9),
        "min_count": (1, 10**9),
        "max_length": (1, 4096),
        "validation": (0.001, 0.9),
    }

    def __post_init__(self) -> None:
        choose("attention cell", self.cell, CELLS)
        choose("tokenizer", self.tokenizer, TOKENIZERS)
        super().__post_init__()

    def suit(self, values: dict[str, Any], examples: int) -> None:
        small, post = examples < SMALL, self.recipe == "post"
        fill(
            values,
            extra_epochs=2 if self.extra else 0,
            epochs=3 if post else 15 if small else 3 if self.ngrams else 4,
            batch_size=32 if small else 128 if post else 256,
            schedule="constant" if post else "linear",
            word_dropout=0.0 if post else 0.1,
            label_smoothing=0.0 if post else 0.1,
            min_count=1 if post else 6 if self.extra else 2 if small else 3,
            workers=1 if post else None,
        )
        proportional = min(8e-3, max(2e-3, 8e-3 * values["batch_size"] / 256))
        fill(values, learning_rate=1e-3 if post else proportional)
        if not self.extra:
            values["extra_epochs"] = 0
        if post:
            values.update(max_length=30, warmup=0.0, clip=None, ngrams=False)
        else:  # as accurate as the class's own widths, and faster
            values["model"] = {"embed_size": 64, "hidden_size": 48, **self.model}

    def make_task(self):
        from .task import ReviewTask

        return ReviewTask(self)
