"""The settings of a classifier's training run."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from ..data.formats import FORMATS, ending_of
from ..errors import OptionError, choose
from ..models.cells import CELLS
from ..runtime import mxnet_is_installed
from ..text import KNOWN as TOKENIZERS
from ..training.settings import SMALL, TrainingSettings, fill

if TYPE_CHECKING:
    from ..training.tasks import Task

FRAMEWORKS = ("auto", "mxnet", "torch")
_PLAIN = {"embed_size": 64, "hidden_size": 48}
_WITH_EVIDENCE = {"embed_size": 128, "hidden_size": 128, "dropout": 0.5, "embed_dropout": 0.6}


@dataclass
class ClassifierSettings(TrainingSettings):
    """Settings of a classifier's training run, in addition to those of `TrainingSettings`.

    Attributes
    ----------
    recipe : {"default", "post"}
        "post" is the model and loop of the GluonNLP attention post: fixed
        length 30, dense gradients, no mask, constant learning rate.
    cell : str, default "mlp"
    evidence : bool, default False
        Concatenate each embedding with the token's scores from a linear model
        of n-grams (`gluonattn.data.evidence`). It is more accurate, and all of
        it passes through the attention. Not in "post".
    ngrams : bool, default False
        The older design: n-grams of each word beside its embedding, and those of
        the text in a linear branch beside the attention. Not in "post", and
        not with `evidence`.
    extra : str or None
        More reviews for the first epochs: a table with the same labels or with
        scores, or a crawl gathered by `gluonattn.data.crawl`. Texts that are
        among the labelled ones are left out (`gluonattn.data.extra`).
    extra_text, extra_label, extra_score : str or None
        Columns of that table; None takes the usual names.
    score_labels : str or None
        The label of each score, as `gluonattn.data.extra.parse_scores` reads it.
        None means that the table has labels; for a gathered crawl, NSMC's rule.
    pretrain : str or None
        Unlabelled texts for pretraining the embedding and the Bi-GRU: a table, a .txt
        file with one text on each line, or a gathered crawl. Or the folder of a
        pretrained run, whose language model is then the start. Not in "post".
    pretrain_text : str or None
        Column of that table; None is the usual name.
    pretrain_epochs : int, default 1
    pretrain_sampled : int, default 512
        Words with which the correct one is compared in pretraining. 0 is all of
        them, which takes hours per epoch on a CPU, seconds on a GPU, and torch.
    extra_epochs : int or None
        Number of epochs on these texts before the others. None is 2, or 0 if
        all texts are labelled ones.
    teachers : str or None
        Folders of other runs, or tables of soft labels, separated by commas. The mean
        of their predictions is the target (`gluonattn.classifier.teachers`).
    teach : str or None
        More texts for them to label, read with those of `extra`: a table, a .txt
        file with one text on each line, or a gathered crawl.
    teach_text : str or None
        Column of that table; None is the usual name.
    teach_share : float, default 0.5
        Weight of the teachers' labels for texts that have a label of their own.
    tokenizer : str, default "mecab"
    word_dropout : float or None
        Fraction of tokens replaced by <unk> in training. They keep their
        evidence. None is 0.1, or 0.2 with evidence.
    average : float or None
        Decay of the exponential moving average of the weights, which is validated
        and saved. 0 uses none. None is 0.998 with evidence, otherwise 0.
    min_count : int or None
        Minimum number of occurrences of a token in the vocabulary. None is 3, or 2 for
        fewer than 20,000 reviews, or 6 with `extra`, `pretrain` or `teach`.
    max_length : int, default 48
        Maximum length of a training text in tokens. The rest of a longer one is
        not used in training (prediction reads up to 512). 30 for "post".
    validation : float, default 0.1
        Fraction of the training reviews kept for validation.
    epochs : int or None
        None is 4, or 15 for fewer than 20,000 reviews (3 for "post", with
        evidence and with n-grams).
    batch_size : int or None
        None is 256 (128 for "post"), or 32 for fewer than 20,000 reviews.
    learning_rate : float or None
        None is 0.008 for batches of 256 and more, and in proportion for smaller
        ones, but at least 0.002 (half of it with evidence, 0.001 for "post").
    schedule : {"linear", "cosine", "constant"} or None
        None is "linear" ("constant" for "post").
    label_smoothing : float or None
        None is 0.1 (0 for "post").
    workers : int or None
        As for `TrainingSettings`; None is also 1 for "post".
    framework : {"auto", "mxnet", "torch"}, default "auto"
        The library that trains, with the same recipe, batches and checkpoint format. "auto"
        is MXNet if it is installed, otherwise torch.
    amp : bool, default False
        Automatic mixed precision in bfloat16, for torch on a GPU.
    model : dict
        Arguments of the network. Without them, "default" has an embedding of 64
        and a GRU of 48; with evidence 128 and 128, with more dropout (0.6 on
        embeddings, 0.5 before the head).
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
    pretrain_sampled: int = 512
    extra_epochs: int | None = None  # type: ignore[assignment]
    teachers: str | None = None
    teach: str | None = None
    teach_text: str | None = None
    teach_share: float = 0.5
    tokenizer: str = "mecab"
    word_dropout: float | None = None  # type: ignore[assignment]
    average: float | None = None  # type: ignore[assignment]
    min_count: int | None = None
    max_length: int = 48
    validation: float = 0.1
    framework: str = "auto"
    amp: bool = False

    recipes: ClassVar[tuple[str, ...]] = ("default", "post")
    ranges: ClassVar = {
        **TrainingSettings.ranges,
        "extra_epochs": (0, 10_000),
        "pretrain_epochs": (1, 10_000),
        "pretrain_sampled": (0, 2**31 - 1),
        "teach_share": (0, 1),
        "average": (0, 0.999999),
        "word_dropout": (0, 0.9),
        "min_count": (1, 10**9),
        "max_length": (1, 4096),
        "validation": (0.001, 0.9),
    }
    later: ClassVar = {"evidence": False, "average": 0.0, "extra_text": None, "extra_label": None, "extra_score": None,
                       "score_labels": None, "pretrain": None, "pretrain_text": None, "pretrain_epochs": 1,
                       "pretrain_sampled": 512, "framework": "mxnet", "amp": False, "teachers": None, "teach": None,
                       "teach_text": None, "teach_share": 0.5}

    def __post_init__(self) -> None:
        choose("attention cell", self.cell, CELLS)
        choose("tokenizer", self.tokenizer, TOKENIZERS)
        choose("framework", self.framework, dict.fromkeys(FRAMEWORKS))
        if self.framework == "mxnet":
            if self.amp:
                raise OptionError("--amp computes in bfloat16 on a GPU with torch: give --framework torch with it.")
            if not self.pretrain_sampled:
                raise OptionError("--pretrain-sampled 0 compares with all words, in torch: give --framework torch with it.")
        if self.evidence and self.ngrams:
            raise OptionError("evidence takes the place of ngrams: give one of them.")
        super().__post_init__()

    @property
    def uses_torch(self) -> bool:
        """Whether torch trains: if MXNet is not installed, or torch or a feature of torch alone is requested."""
        only_torch = self.amp or not self.pretrain_sampled or (not mxnet_is_installed() and find_spec("torch") is not None)
        return self.framework == "torch" or (self.framework == "auto" and only_torch)

    @property
    def reads_more(self) -> bool:
        """Whether there may be texts with targets beside the labelled ones."""
        return bool(self.extra or self.teach or any(map(is_table, (self.teachers or "").split(","))))

    def suit(self, values: dict[str, Any], examples: int) -> None:
        small, post = examples < SMALL, self.recipe == "post"
        values["framework"] = "torch" if self.uses_torch else "mxnet"
        if self.uses_torch:  # torch's own threads share the work
            values["workers"] = 1
        fill(
            values,
            extra_epochs=2 if self.reads_more else 0,
            epochs=3 if post else 15 if small else 3 if self.evidence or self.ngrams else 4,
            batch_size=32 if small else 128 if post else 256,
            schedule="constant" if post else "linear",
            word_dropout=0.0 if post else 0.2 if self.evidence else 0.1,
            average=0.998 if self.evidence and not post else 0.0,
            label_smoothing=0.0 if post else 0.1,
            min_count=1 if post else 6 if self.extra or self.pretrain or self.teach else 2 if small else 3,
            workers=1 if post else None,
        )
        proportional = min(8e-3, max(2e-3, 8e-3 * values["batch_size"] / 256))
        fill(values, learning_rate=1e-3 if post else proportional / 2 if self.evidence else proportional)
        if not self.reads_more:
            values["extra_epochs"] = 0
        if post:
            values.update(max_length=30, warmup=0.0, clip=None, evidence=False, ngrams=False, pretrain=None)
        else:  # as accurate as the class's default widths, and faster
            values["model"] = {**(_WITH_EVIDENCE if self.evidence else _PLAIN), **self.model}

    def make_task(self) -> Task:
        if self.framework == "torch":
            from .torch_task import TorchReviewTask

            return TorchReviewTask(self)
        from .task import ReviewTask

        return ReviewTask(self)


def is_table(name: str) -> bool:
    """Whether a teacher is a table of soft labels. Otherwise it is a checkpoint folder."""
    return ending_of(name.strip()) in FORMATS
