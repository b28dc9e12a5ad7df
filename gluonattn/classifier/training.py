"""From reviews to a checkpoint folder.

Stays whole: `train` is the steps of a run in their order. A third of it is its signature and docstring.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import NDArray

from .. import __version__, runtime
from ..data.extra import read_extra
from ..data.reviews import Reviews, read_reviews, require_two_labels
from ..data.seen import write_seen
from ..data.sources import locate
from ..errors import DataError, offer_extra
from ..models.checkpoint import CONFIG, EVIDENCE, KNOWN_NGRAMS, Checkpoint, save_checkpoint
from ..models.config import FORMAT
from ..models.epochs import new_epoch_folder
from ..runtime.wheel import installed_wheel
from ..text import tokenize_all
from ..training.callbacks import Callback, EveryEpoch
from ..training.resume import is_resume_file_of, resume_file
from ..training.session import finish as finish_run
from ..training.session import (
    fit_and_save,
    folder_to_write,
    is_finished,
    one_run_a_folder,
    processes,
    resume_or_start,
)
from .config import check_classifier
from .measure import record_method
from .pretraining import gather_texts, load_earlier, pretrain
from .settings import ClassifierSettings
from .stage import Stage, require_unread
from .start import start_of
from .teachers import Teachers, read_teachers, taught_file, teach

if TYPE_CHECKING:
    from ..training.run import Run


@one_run_a_folder
def train(
    data: str | Reviews = "sample",
    out: str | os.PathLike[str] = "runs/model",
    *,
    settings: ClassifierSettings | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    resume: bool | None = False,
    callbacks: Sequence[Callback] = (),
    save_every: float = 60.0,
    report: Callable[[str], None] | None = None,
    tokenizing: Callable[[int, int], None] | None = None,
    fitting: Callable[[int, int], None] | None = None,
    finish: Callable[[Path, Reviews], None] | None = None,
    keep_epochs: bool = False,
    **options: Any,
) -> Path:
    """Train a classifier and save it.

    Parameters
    ----------
    data : str or Reviews, default "sample"
        "sample", "nsmc", a folder with NSMC's files, a TSV, CSV or JSON lines
        file, or reviews already read. Validation is split off from it. A test
        file is never read.
    out : path, default "runs/model"
        Checkpoint folder to write. ``OUT.resume`` is beside it while the
        run is unfinished.
    settings : ClassifierSettings or None
        What to train; None builds it from `options`.
    text_column, label_column : str or None
        Columns of the file; None is the usual names.
    resume : bool or None, default False
        Continue from ``OUT.resume`` if it exists. A finished run has nothing to
        resume. A model at `out` of other data or settings is refused and left
        unchanged, because more epochs are another run with another schedule. None
        continues if possible, otherwise starts anew and replaces such a model.
    callbacks : sequence of Callback
        Additional callbacks, such as progress.
    save_every : float, default 60
        Seconds between resume files inside an epoch.
    report : callable or None
        Called with lines about the data and the model.
    tokenizing : callable or None
        Called with (texts done, texts in all).
    fitting : callable or None
        Called with (fits done, fits in all) of the linear branch.
    finish : callable or None
        Called with the checkpoint folder and the validation reviews after
        training. If the run is killed before it ends, --resume completes it.
        None chooses the attribution method that `explain` uses by default.
    keep_epochs : bool, default False
        Also write the model of each epoch to ``OUT/epochs/N``, as a normal checkpoint. `epoch_folders` lists them.
    **options
        Fields of `ClassifierSettings`.

    Returns
    -------
    pathlib.Path
        The checkpoint folder, with the epoch that was most accurate on
        validation.

    Raises
    ------
    Interrupted
        After Ctrl-C; the resume file is complete.
    DataError, OptionError, CheckpointError, DeviceError
        See their messages.
    """
    out = folder_to_write(out)
    say = report or (lambda line: None)
    settings = ClassifierSettings.take(settings, options)
    label_names: dict[str, str] = {}
    if isinstance(data, Reviews):
        reviews = data
    else:
        source = locate(data)
        label_names = dict(source.label_names)
        reviews = read_reviews(source.train, text_column=text_column, label_column=label_column)
    labels = require_two_labels(reviews)
    asked, devices = settings.workers, _devices(settings)
    settings = settings.resolve(len(reviews), on_cpu=devices[0].startswith("cpu"), devices=len(devices))
    if asked not in (None, settings.workers):
        say("one process trains: several are for MXNet on the CPU of a Linux machine" if len(devices) == 1 else
            f"{len(devices)} processes train, one for each device")
    say(str(reviews))
    if reviews.columns:
        say(reviews.describe_columns())
    earlier = load_earlier(settings, len(labels), say)
    split = _split(reviews, settings, earlier)
    texts, extra = [*reviews.texts], np.zeros((0, len(labels)), np.float32)
    if settings.extra:
        found = read_extra(settings.extra, labels, reviews.texts, scores=settings.score_labels,
                           text_column=settings.extra_text, label_column=settings.extra_label,
                           score_column=settings.extra_score)
        texts, extra = texts + found.texts, found.targets
        left_out = "".join(f"; left out: {n:,} {reason}" for reason, n in found.left_out.items())
        say(f"{len(found.texts):,} more reviews from {settings.extra}{left_out}")
    teachers = read_teachers(settings, labels, reviews, texts[len(reviews) :], [reviews.texts[i] for i in split[1]], say)
    fingerprint = _fingerprint(settings, reviews, extra, earlier, teachers)
    unlabelled, stage = gather_texts(settings, reviews, texts, split, fingerprint, say)
    if resume is not False and is_finished(out, fingerprint, settings, resume, say, [stage] if stage else []):
        return out
    pretrained = not stage or (resume is not False and is_resume_file_of(resume_file(out), fingerprint))
    own = np.eye(len(labels), dtype=np.float32)[[labels.index(one) for one in reviews.labels]]
    targets, aims = np.concatenate([own, extra]), None
    if teachers:
        taught = teach(teachers, settings, labels, texts, targets, [*split[0], *range(len(reviews), len(texts))], out,
                       fingerprint, say)
        targets, aims = np.concatenate([targets, taught.targets[len(targets) :]]), taught.targets
        texts = texts + taught.texts
    tokens = tokenize_all(texts, settings.tokenizer, progress=tokenizing)
    more = tokenize_all(unlabelled, settings.tokenizer, progress=tokenizing)
    if not tokens.lengths.all():
        raise DataError(
            f"review {tokens.lengths.argmin()} (counted from 0) has no text: leave such reviews out, as "
            "read_reviews does."
        )
    cut = int((tokens.lengths > settings.max_length).sum())
    if cut:
        say(f"{cut:,} reviews are longer than {settings.max_length} tokens: only their beginning is read here")

    # MXNet or torch is loaded here, after all checks that do not need it.
    with processes(settings) as group:
        from ..training.loop import new_run
        from .weighing import scaled, weigh_branches

        device = devices[0] if len(devices) == 1 else settings.device
        start, vocabulary, branch, evidence = start_of(settings, texts, tokens, targets, split, more, fitting,
                                                       earlier and earlier.header.vocabulary, aims)
        seen = [*(reviews.texts[i] for i in split[0]), *texts[len(reviews) :]]
        if earlier:
            start["initial"] = earlier.weights
        if not pretrained:
            start["initial"] = pretrain(settings, unlabelled, more, vocabulary, start["model"], out, stage, device=device,
                                        group=group, resume=resume if is_resume_file_of(resume_file(out), stage) else False,
                                        save_every=save_every, callbacks=callbacks, say=say)
        del tokens, texts, targets, aims, own, more, unlabelled  # as large as everything else together
        runtime.give_back_memory()
        arguments = {**start["model"], **({"ngrams": len(branch.known)} if branch else {})}
        run = new_run(**start, device=device, group=group)
        size = run.size()
        size += branch.scores.size if branch else 0
        say(f"{settings.recipe} recipe, {settings.cell} cell, {settings.framework} on {device}: {len(split[0]):,} to train, "
            f"{len(split[1]):,} to validate, {len(vocabulary):,} words, {size:,} parameters")
        resume_or_start(run, out, fingerprint, resume if pretrained else False, say)
        config = {
            "recipe": settings.recipe,
            "model": arguments,
            "tokenizer": settings.tokenizer,
            "labels": labels,
            "label_names": label_names,
            "max_length": settings.max_length,
            "training": {**asdict(settings), "data": reviews.origin, "reviews": len(reviews),
                         "skipped": reviews.skipped},
            "fingerprint": fingerprint,
            "finished": False,
            "versions": {**runtime.versions(), "gluonattn": __version__},
        }

        def save_as(run: Run, folder: Path) -> None:
            best: dict[str, Any] = {**config, "finished": folder != out, "epoch": run.epoch, "validation": run.history[-1]}
            with run.use_average():
                weights = run.get_weights()
                if branch or evidence:  # smoothed labels make a network underconfident
                    best["weighing"] = weigh_branches(run)
                    weights = scaled({**weights, **(branch.weights() if branch else {})}, **best["weighing"])
            if branch:
                weights[KNOWN_NGRAMS] = branch.known
            if evidence:
                weights = {**weights, **dict(zip(EVIDENCE, evidence))}
            check_classifier({**best, "format": FORMAT, "sha256": {}}, folder / CONFIG)
            save_checkpoint(folder, Checkpoint(best, vocabulary.to_json(), weights, run.history))

        if keep_epochs:
            callbacks = [EveryEpoch(lambda run: save_as(run, new_epoch_folder(out, run.epoch))), *callbacks]
        fit_and_save(run, start, out, fingerprint, lambda run: save_as(run, out), save_every, callbacks, say)
        write_seen(out, seen, fingerprint)
    if finish is None:
        method = record_method(out, reviews.take(split[1]))
        say(f"most faithful attribution on validation: {method} (what explain uses by default)")
    else:
        finish(out, reviews.take(split[1]))
    finish_run(out)
    taught_file(out).unlink(missing_ok=True)
    return out


def _devices(settings: ClassifierSettings) -> list[str]:
    """Names of the devices to train on."""
    if settings.uses_torch:
        from ..runtime.torch_device import torch_device

        index = torch_device(settings.device).index
        return ["cpu" if index is None else f"gpu:{index}"]
    return runtime.device_names(settings.device)


def _split(reviews: Reviews, settings: ClassifierSettings, earlier: Stage | None = None) -> Sequence[Sequence[int]]:
    """Positions to train on and to validate on, stratified by label, fixed by the seed (of the stage, if there is one)."""
    if not settings.uses_torch and find_spec("sklearn") is None:
        installed_wheel()  # where MXNet is missing too, its extra brings both
    with offer_extra("measure", "training"):
        from sklearn.model_selection import train_test_split
    try:
        parts: Sequence[Sequence[int]] = train_test_split(
            range(len(reviews)), test_size=settings.validation, stratify=reviews.labels,
            random_state=earlier.header.seed if earlier else settings.seed)
    except ValueError as error:
        raise DataError(
            f"{reviews.origin}: too few reviews to set aside {settings.validation:.0%} for validation with "
            f"every label in both parts ({error}). Add reviews or change --validation."
        ) from None
    if earlier:
        require_unread(earlier, *([reviews.texts[i] for i in part] for part in parts))
    return parts


def _fingerprint(settings: ClassifierSettings, reviews: Reviews, extra: NDArray[Any], earlier: Stage | None,
                 teachers: Teachers | None) -> str:
    digest = hashlib.sha256(json.dumps({**settings.identity(), "device": None}, sort_keys=True).encode())
    digest.update(extra.tobytes())
    digest.update(earlier.header.fingerprint.encode() if earlier else b"")
    digest.update(teachers.fingerprint.encode() if teachers else b"")
    for text, label in zip(reviews.texts, reviews.labels):
        digest.update(f"{label}\0{text}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
