"""What a training run is asked to do, as one plain object."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral, Real
from typing import Any

from ..errors import OptionError, choose
from ..models.cells import CELLS
from ..runtime import total_threads
from ..text import KNOWN as TOKENIZERS

SMALL = 20_000  # reviews; fewer take smaller batches and more epochs
SHARE = 16  # reviews of a batch that one more process should have to be worth its while
RECIPES = ("default", "post", "pronunciation")
SCHEDULES = ("linear", "cosine", "constant")


@dataclass
class Settings:
    """Settings of a training run.

    Attributes
    ----------
    recipe : {"default", "post", "pronunciation"}
        "post" is the model and loop of the GluonNLP attention post: fixed
        length 30, dense gradients, no mask, constant learning rate.
        "pronunciation" is the Transformer that says Korean words, with
        defaults of its own (`training.pronunciation`).
    cell : str, default "mlp"
    evidence : bool, default False
        Read beside each embedding what a linear model of n-grams says of the
        token (`gluonattn.data.evidence`): more accurate, and all of it passes
        through the attention. Not in "post".
    ngrams : bool, default False
        The older way: n-grams of each word beside its embedding, and those of
        the text in a linear branch beside the attention. `evidence` is more
        accurate. Not in "post", and not with `evidence`.
    extra : str or None
        More reviews, read in the first epochs: a table with the same labels, or
        with scores, or a crawl gathered by `gluonattn.data.crawl`. Texts that
        stand among the labelled ones are left out (`gluonattn.data.extra`).
    extra_text, extra_label, extra_score : str or None
        Columns of that table; None takes the usual names.
    score_labels : str or None
        What its scores stand for, as `gluonattn.data.extra.parse_scores` reads
        it. None: it has labels; or, of a gathered crawl, NSMC's view of stars.
    pretrain : str or None
        Texts without labels, from which embedding and Bi-GRU learn first: a table, a
        .txt file of one text a line, or a gathered crawl. Not in "post".
    pretrain_text : str or None
        Column of that table; None takes the usual name.
    pretrain_epochs : int, default 1
    extra_epochs : int or None
        How many such epochs come before the others. None is 2, or 0 without
        `extra`.
    tokenizer : str, default "mecab"
    epochs : int or None
        None is 4, or 15 for fewer than 20,000 reviews (3 for "post" and with
        n-grams, 6 with evidence).
    batch_size : int or None
        None is 256 (128 for "post"), or 32 for fewer than 20,000 reviews.
    learning_rate : float or None
        Adam's. None is 0.008 for batches of 256 and more and in proportion for
        smaller ones, but 0.002 at least (0.001 for "post").
    schedule : {"linear", "cosine", "constant"} or None
        How the learning rate falls to 0, after a warm-up. None is "linear".
    warmup : float, default 0.05
        Share of all steps over which the rate rises.
    clip : float or None, default 1.0
        Largest global norm of the gradient; None does not clip.
    word_dropout : float or None
        Share of tokens replaced by <unk> while training; they keep their
        evidence. None is 0.1, or 0.2 with evidence.
    average : float or None
        What a moving mean of the weights keeps of itself at each step; the mean
        is validated and saved. 0 keeps none. None is 0.998 with evidence, else 0.
    label_smoothing : float or None
        None is 0.1.
    min_count : int or None
        Fewest occurrences of a token in the vocabulary. None is 3, or 2 for
        fewer than 20,000 reviews, or 6 with `extra` or `pretrain`.
    max_length : int, default 48
        Longest training text in tokens; the rest of a longer one is not
        trained on (prediction reads up to 512). 30 for "post".
    validation : float, default 0.1
        Share of the training reviews kept for validation.
    patience : int or None
        Stop after this many epochs without a better validation loss.
    seed : int, default 0
    device : str, default "auto"
    workers : int or None
        Processes that train together on the CPU; the result depends on their
        number as on a seed. None is one for each core (or as many as
        OMP_NUM_THREADS says); 1 on a GPU, for fewer than 20,000 reviews and for
        "post".
    model : dict
        More keyword arguments of the recipe's classifier; "default" has an
        embedding of 64 and a GRU of 48 where they do not say otherwise, and
        with evidence 128 and 128 under more dropout (0.6 on embeddings, 0.5
        before the head).
    """

    recipe: str = "default"
    cell: str = "mlp"
    evidence: bool = False
    ngrams: bool = False
    extra: str | None = None
    extra_text: str | None = None
    extra_label: str | None = None
    extra_score: str | None = None
    score_labels: str | None = None
    pretrain: str | None = None
    pretrain_text: str | None = None
    pretrain_epochs: int = 1
    extra_epochs: int | None = None
    tokenizer: str = "mecab"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    warmup: float = 0.05
    clip: float | None = 1.0
    word_dropout: float | None = None
    average: float | None = None
    label_smoothing: float | None = None
    min_count: int | None = None
    max_length: int = 48
    validation: float = 0.1
    patience: int | None = None
    seed: int = 0
    device: str = "auto"
    workers: int | None = None
    model: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        choose("attention cell", self.cell, CELLS)
        choose("tokenizer", self.tokenizer, TOKENIZERS)
        choose("recipe", self.recipe, dict.fromkeys(RECIPES))
        if self.schedule is not None:
            choose("schedule", self.schedule, dict.fromkeys(SCHEDULES))
        if self.evidence and self.ngrams:
            raise OptionError("evidence takes the place of ngrams: give one of them.")
        for setting in fields(self):
            if setting.name in _RANGES:
                _check_number(self, setting)

    def identity(self) -> dict[str, Any]:
        """The settings that tell runs apart: those of later versions only where they ask for something.

        So that a run which an earlier version began can go on.
        """
        return {name: value for name, value in asdict(self).items() if name not in _LATER or value != _LATER[name]}

    def resolve(self, reviews: int, on_cpu: bool = True) -> Settings:
        """A copy in which every None that stands for "suit the data" has its value."""
        small = reviews < SMALL
        post = self.recipe == "post"
        usual: dict[str, Any] = dict(
            extra_epochs=2 if self.extra else 0,
            epochs=3 if post else 15 if small else 6 if self.evidence else 3 if self.ngrams else 4,
            batch_size=32 if small else 128 if post else 256,
            schedule="constant" if post else "linear",
            word_dropout=0.0 if post else 0.2 if self.evidence else 0.1,
            average=0.998 if self.evidence and not post else 0.0,
            label_smoothing=0.0 if post else 0.1,
            min_count=1 if post else 6 if self.extra or self.pretrain else 2 if small else 3,
        )
        if self.recipe == "pronunciation":
            usual.update(epochs=60 if small else 12, batch_size=64, learning_rate=2e-3, schedule="cosine",
                         word_dropout=0.0, label_smoothing=0.0, min_count=1)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values.update({name: v for name, v in usual.items() if values[name] is None})
        if values["learning_rate"] is None:
            proportional = min(8e-3, max(2e-3, 8e-3 * values["batch_size"] / 256))
            values["learning_rate"] = 1e-3 if post else proportional
        if values["workers"] is None:
            most = 1 if small or post else total_threads()
            values["workers"] = max(1, min(most, values["batch_size"] // SHARE))
        if self.recipe == "default":  # as accurate as the class's own widths, and faster
            values["model"] = {**(_WITH_EVIDENCE if self.evidence else _PLAIN), **self.model}
        if not self.extra:
            values["extra_epochs"] = 0
        if post:
            values.update(max_length=30, warmup=0.0, clip=None, evidence=False, ngrams=False, pretrain=None)
        if not on_cpu or not sys.platform.startswith("linux"):
            values["workers"] = 1
        return Settings(**values)


# What an earlier version did not know, and the value that asks for nothing.
_LATER: dict[str, Any] = {"evidence": False, "average": 0.0, "extra_text": None, "extra_label": None, "extra_score": None,
                          "score_labels": None, "pretrain": None, "pretrain_text": None, "pretrain_epochs": 1}
_PLAIN = {"embed_size": 64, "hidden_size": 48}
_WITH_EVIDENCE = {"embed_size": 128, "hidden_size": 128, "dropout": 0.5, "embed_dropout": 0.6}

_RANGES: dict[str, tuple[float, float]] = dict(
    epochs=(1, 10_000),
    extra_epochs=(0, 10_000),
    pretrain_epochs=(1, 10_000),
    batch_size=(1, 65_536),
    learning_rate=(1e-8, 10),
    warmup=(0, 1),
    clip=(1e-8, 1e8),
    word_dropout=(0, 0.9),
    average=(0, 0.999999),
    label_smoothing=(0, 0.9),
    min_count=(1, 10**9),
    max_length=(1, 4096),
    validation=(0.001, 0.9),
    patience=(1, 10_000),
    seed=(0, 2**31 - 1),
    workers=(1, 256),
)


def _check_number(settings: Settings, setting) -> None:
    value: Any
    value, (low, high) = getattr(settings, setting.name), _RANGES[setting.name]
    if value is None and "None" in setting.type:
        return
    whole = setting.type.startswith("int")
    expected: Any = Integral if whole else Real
    if not isinstance(value, expected) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise OptionError(f"{setting.name} must be {kind} from {low} to {high}; got {value!r}.")
    setattr(settings, setting.name, int(value) if whole else float(value))  # numpy's numbers are not JSON's
