"""Pretraining: the embedding and the Bi-GRU learn from unlabelled texts, and the classifier starts from them.

Stays whole: `pretrain` is one stage from texts to parameters, and half of its lines describe its parameters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..data.crawl import read_crawl
from ..data.evidence import ORDERS
from ..data.reviews import Reviews, read_sentences
from ..data.vocabulary import Vocabulary
from ..errors import DataError, OptionError
from ..plain import bare_key, is_blank
from ..training.session import fit_and_save, resume_or_start
from ..training.settings import SMALL, TrainingSettings, fill
from .settings import ClassifierSettings
from .stage import (
    SHAPE,
    Header,
    Stage,
    digest_texts,
    find_stage,
    load_stage,
    require_fitting,
    save_stage,
    stage_file,
)

if TYPE_CHECKING:
    from ..text.tokens import Tokens
    from ..training.callbacks import Callback
    from ..training.parallel import Group
    from ..training.tasks import Task

_VALIDATED = 1000  # maximum number of validation texts of the language model
_RATE = 4e-3  # learning rate of Adam, for batches of 256
STAGE = ("embedding.", "bigru.")  # parameters with which the classifier starts
_MODEL = ("vocab_size", "embed_size", "hidden_size", "evidence")


@dataclass
class LanguageSettings(TrainingSettings):
    """Settings of the language model's run. Its task loads MXNet."""

    recipe: str = "language-model"
    framework: str = "mxnet"
    amp: bool = False
    sampled: int = 512
    recipes: ClassVar[tuple[str, ...]] = ("language-model",)

    def suit(self, values: dict[str, Any], examples: int) -> None:
        fill(values, epochs=1, batch_size=32 if examples < SMALL else 256, schedule="linear", label_smoothing=0.0)
        fill(values, learning_rate=min(_RATE, _RATE * values["batch_size"] / 256))

    def make_task(self) -> Task:
        if self.framework == "torch":
            from .torch_language import TorchLanguageTask

            return TorchLanguageTask(self)
        from .language import LanguageTask

        return LanguageTask(self)


def read_unlabelled(path: str, column: str | None, labelled: Collection[str], option: str = "--pretrain"
                    ) -> tuple[list[str], int]:
    """Read the texts of a file, except those that are among the labelled texts (`gluonattn.plain.bare_key`).

    Parameters
    ----------
    path : str
        A table, a .txt file with one text on each line, or a gathered crawl (.tsv.gz).
    column : str or None
        Column of a table; None is the usual name.
    labelled : collection of str
        All labelled texts, including validation.
    option : str, default "--pretrain"
        The option that names the file, for messages.

    Returns
    -------
    texts : list of str
    left_out : int
        Number of texts that are among the labelled ones.

    Raises
    ------
    DataError
        If it cannot be read, or no text is left.
    """
    read = read_crawl(Path(path))[1] if path.endswith(".gz") else read_sentences(path, column)
    own = {bare_key(text) for text in labelled}
    seen = [text for text in read if not is_blank(text)]
    kept = [text for text in seen if bare_key(text) not in own]
    if not kept:
        raise DataError(f"{path}: every text is among the labelled ones, which are read anyway. Give a file of "
                        f"others, or leave {option} out.")
    return kept, len(seen) - len(kept)


def load_earlier(settings: ClassifierSettings, classes: int, say: Callable[[str], None]) -> Stage | None:
    """Load the finished language model that ``--pretrain`` names. None if it names texts or nothing.

    Parameters
    ----------
    settings : ClassifierSettings
        Resolved.
    classes : int
    say : callable

    Raises
    ------
    CheckpointError, OptionError
        If it cannot be read, or a model of these settings cannot start from it.
    """
    path = find_stage(settings.pretrain)
    if path is None:
        return None
    if settings.pretrain_text is not None:
        raise OptionError(f"--pretrain-text names a column, and {path} is a language model: leave it out.")
    stage = load_stage(path)
    channels = settings.evidence * len(ORDERS) * (1 if classes == 2 else classes)
    require_fitting(stage, settings.tokenizer, {**settings.model, "evidence": channels})
    say(f"begins with the language model of {path}, which has read {len(stage.read):,} texts; for validation the same are "
        f"set aside as there (seed {stage.header.seed})")
    return stage


def gather_texts(settings: ClassifierSettings, reviews: Reviews, texts: Sequence[str], split: Sequence[Sequence[int]],
                 fingerprint: str, say: Callable[[str], None]) -> tuple[list[str], str]:
    """Gather the texts to pretrain on, and the fingerprint of that stage.

    These include the training reviews and those of --extra, but not the validation reviews.

    Parameters
    ----------
    settings : ClassifierSettings
        Resolved.
    reviews : Reviews
        The labelled reviews.
    texts : sequence of str
        The labelled reviews, then those of --extra.
    split : tuple of sequences of int
        Positions of the training and the validation reviews.
    fingerprint : str
        Fingerprint of the whole run.
    say : callable
        Called with a line for the user.

    Returns
    -------
    texts : list of str
        Empty if there is no pretraining.
    fingerprint : str
        "" if there is no pretraining.
    """
    if not settings.pretrain or find_stage(settings.pretrain):
        return [], ""
    found, left_out = read_unlabelled(settings.pretrain, settings.pretrain_text, reviews.texts)
    say(f"{len(found):,} texts without labels from {settings.pretrain}; left out: {left_out:,} that are among the "
        "labelled ones")
    found = [*(reviews.texts[i] for i in split[0]), *texts[len(reviews) :], *found]
    return found, stage_fingerprint(fingerprint, found)


def stage_fingerprint(fingerprint: str, texts: Sequence[str]) -> str:
    """Fingerprint of the stage.

    Parameters
    ----------
    fingerprint : str
        Fingerprint of the whole run.
    texts : sequence of str
        All texts that the stage reads.
    """
    digest = hashlib.sha256(f"pretraining {fingerprint}".encode())
    for text in texts:
        digest.update(f"{text}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def pretrain(settings: ClassifierSettings, texts: Sequence[str], tokens: Tokens, vocabulary: Vocabulary,
             model: Mapping[str, Any], out: Path, fingerprint: str, *, device: str, group: Group, resume: bool | None,
             save_every: float, callbacks: Sequence[Callback], say: Callable[[str], None]) -> dict[str, NDArray[Any]]:
    """Train a language model, and return the parameters with which the classifier starts.

    Parameters
    ----------
    settings : ClassifierSettings
        Resolved settings of the classifier.
    texts : sequence of str
        Training texts.
    tokens : Tokens
        The tokens of these texts.
    vocabulary : Vocabulary
    model : mapping
        Keyword arguments of the classifier.
    out : pathlib.Path
        The checkpoint folder. The resume file and the language model, for other runs, are written beside it.
    fingerprint : str
        Fingerprint of this stage.
    device, group, resume, save_every, callbacks, say
        As in `gluonattn.classifier.training.train`.

    Returns
    -------
    dict of str to numpy.ndarray
        Parameters of the embedding and the Bi-GRU, by structural name.

    Raises
    ------
    DataError
        If there are too few texts with two words or more.
    Interrupted
        After Ctrl-C; the resume file is complete.
    """
    from ..data.packed import pack
    from ..training.loop import Part, new_run

    words = Vocabulary(vocabulary.to_json())
    order = np.flatnonzero(tokens.lengths > 1)  # a text of one word has no next word
    if len(order) < 20:
        raise DataError(f"--pretrain: {len(order)} texts of two words or more are too few to learn from. Give more, or "
                        "leave --pretrain out.")
    order = np.random.default_rng(settings.seed).permutation(order)
    packed = pack(tokens, order.tolist(), words, settings.max_length)
    valid = slice(0, min(_VALIDATED, len(order) // 10))
    targets = np.zeros((len(order), 1), np.float32)
    train = slice(valid.stop, None)
    own = LanguageSettings(epochs=settings.pretrain_epochs, batch_size=settings.batch_size, warmup=settings.warmup,
                           clip=settings.clip, seed=settings.seed, device=settings.device,
                           workers=settings.workers, framework=settings.framework, amp=settings.amp,
                           sampled=settings.pretrain_sampled).resolve(len(order))
    start: dict[str, Any] = {"settings": own, "model": {**{name: model[name] for name in _MODEL}, "unknown": words.unknown,
                                        "padding": words.padding},
             "train": Part(packed.take(train), targets[train]), "valid": Part(packed.take(valid), targets[valid]),
             "labelled": len(order) - valid.stop}
    run = new_run(**start, device=device, group=group)
    say(f"language model: {len(order):,} texts, {own.epochs} epoch{'s' * (own.epochs != 1)}; the accuracy is that of the "
        "predicted words")
    resume_or_start(run, out, fingerprint, resume, say)
    fit_and_save(run, start, out, fingerprint, None, save_every, callbacks, say)
    weights = {name: values for name, values in run.get_weights().items() if name.startswith(STAGE)}
    header = Header(vocabulary.to_json(), settings.tokenizer, {name: model[name] for name in SHAPE}, settings.seed,
                    settings.validation, fingerprint)
    save_stage(stage_file(out), Stage(header, weights, digest_texts(texts)))
    say(f"saved {stage_file(out)}: runs of other seeds begin with it where they are given --pretrain {out}")
    return weights
