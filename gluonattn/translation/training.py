"""Train a Transformer to translate: from sentence pairs to a checkpoint folder.

Stays whole: `train_translation` has the steps of a run in their order. Half of it is signature and docstring.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Callable, cast

from .. import __version__, runtime
from ..errors import CheckpointError, DataError, OptionError
from ..files import replace_file
from ..models.checkpoint import CONFIG, Checkpoint, save_checkpoint
from ..models.config import FORMAT
from ..models.snapshots import save_snapshot
from ..models.transformer_config import fill_arguments
from ..models.weights import get_weights
from ..training.callbacks import Callback, Snapshots
from ..training.session import (
    finish,
    fit_and_save,
    folder_to_write,
    is_finished,
    one_run_a_folder,
    processes,
    resume_or_start,
)
from .config import check_translation
from .pairs import PairSets, by_source, read_pairs, split_pairs, to_table
from .settings import RECIPE, TranslationSettings, choose_held_out

HELD_OUT = "held-out.tsv"  # in the checkpoint folder: the validation pairs and the held-out pairs
LOSSES = "losses.csv"  # in the checkpoint folder: the loss of every step
_JUDGED = 500  # validation sources that are translated after each epoch


@one_run_a_folder
def train_translation(
    data: str | os.PathLike[str],
    out: str | os.PathLike[str] = "runs/translation",
    *,
    target_file: str | os.PathLike[str] | None = None,
    source_column: str | None = None,
    target_column: str | None = None,
    settings: TranslationSettings | None = None,
    snapshots: Sequence[int] = (0, 1, 3, 10),
    resume: bool | None = False,
    callbacks: Sequence[Any] = (),
    save_every: float = 60.0,
    report: Callable[[str], None] | None = None,
    **options: Any,
) -> Path:
    """Train a Transformer to translate and save it.

    Parameters
    ----------
    data : path
        A TSV, CSV or JSONL file of sentence pairs. Or, with `target_file`, a text file with one sentence per line.
    out : path
        Checkpoint folder to write. It also contains ``snapshots/``, ``held-out.tsv`` and ``losses.csv``.
    target_file : path or None
        A text file whose line n translates line n of `data`.
    source_column, target_column : str or None
        As for `read_pairs`.
    settings : TranslationSettings or None
        Settings of the run. None makes them from `options`.
    snapshots : sequence of int, default (0, 1, 3, 10)
        Epochs whose parameters are kept. Those before training (0) and of the last epoch are always kept.
    resume, callbacks, save_every, report
        As for `gluonattn.train`.
    **options
        Fields of `TranslationSettings`.

    Returns
    -------
    pathlib.Path
        The checkpoint folder, with the model of the epoch with the highest BLEU on validation.

    Raises
    ------
    Interrupted
        After Ctrl-C. The resume file is complete.
    DataError, OptionError, CheckpointError, DependencyError, DeviceError
        See their messages.
    """
    out = folder_to_write(out)
    say = report or (lambda line: None)
    wanted = TranslationSettings.take(settings, options)
    found = read_pairs(data, target_file, source_column=source_column, target_column=target_column)
    gpu = runtime.gpu_index(wanted.device)
    sources = len(by_source(found.pairs))
    wanted = replace(wanted, validation=choose_held_out(wanted.validation, sources),
                     test=choose_held_out(wanted.test, sources))
    settings = wanted.resolve(len(found.pairs), on_cpu=gpu is None)
    sets = split_pairs(found.pairs, settings.validation or 1, settings.test or 1, settings.seed)
    fingerprint = _fingerprint(settings, snapshots, sets)
    for reason, count in found.left_out.items():
        say(f"{count:,} pairs left out: {reason}")
    if resume is not False and is_finished(out, fingerprint, settings, resume, say):
        return out

    from .scores import require_scores
    from .subwords import train_subwords

    require_scores()  # before the long work
    subwords = train_subwords([sentence for pair in sets.train for sentence in pair], settings.subwords or 8)
    with processes(settings) as group:
        # This loads MXNet. Its number of threads is fixed from now on.
        from ..training.loop import new_run
        from .task import encode

        device = "cpu" if gpu is None else f"gpu:{gpu}"
        arguments = _model_arguments(settings, len(subwords))
        (train, too_long), (valid, also_too_long) = (
            encode(pairs, subwords, settings.max_length) for pairs in (sets.train, sets.valid))
        if too_long + also_too_long:
            say(f"{too_long + also_too_long:,} pairs left out: a side has more than {settings.max_length - 1} subwords")
        if not len(train.texts.lengths) or not len(valid.texts.lengths):
            raise DataError(f"no pair of {data} is short enough: every sentence has more than {settings.max_length - 1} "
                            "subwords. Give a higher --max-length.")
        start: dict[str, Any] = {"settings": settings, "model": arguments, "train": train, "valid": valid,
                                 "labelled": len(train.texts.lengths)}
        run = new_run(**start, device=device, group=group)
        cast(Any, run.task).judge = _judge(sets, subwords, arguments["max_length"])
        kept = Snapshots(lambda epoch, weights: save_snapshot(out, epoch, weights, fingerprint),
                         get_weights(run.model), [epoch for epoch in snapshots if epoch])
        size = sum(p.data().size for p in run.model.collect_params().values() if p.grad_req != "null")
        say(f"Transformer on {device}: {len(train.texts.lengths):,} pairs to train, {len(valid.texts.lengths):,} to "
            f"validate, {len(sets.test):,} held out, {len(subwords):,} subwords, {size:,} parameters")
        resume_or_start(run, out, fingerprint, resume, say)
        config = {
            "recipe": RECIPE, "model": arguments, "tokenizer": "sentencepiece", "labels": [],
            "max_length": arguments["max_length"],
            "training": {**asdict(settings), "data": str(data), "pairs": len(found.pairs), "skipped": dict(found.left_out),
                         "snapshots": list(snapshots)},
            "fingerprint": fingerprint, "finished": False, "versions": {**runtime.versions(), "gluonattn": __version__},
        }

        def save_best(run: Any) -> None:
            best = {**config, "epoch": run.epoch, "validation": run.history[-1]}
            check_translation({**best, "format": FORMAT, "sha256": {}}, out / CONFIG)
            save_checkpoint(out, Checkpoint(best, subwords.to_json(), get_weights(run.model), run.history))
            replace_file(out / HELD_OUT, to_table(sets), CheckpointError)

        fit_and_save(run, start, out, fingerprint, save_best, save_every, [kept, _StepLosses(out), *callbacks], say)
    finish(out)
    return out


class _StepLosses(Callback):
    """Write the loss of every step into the checkpoint folder, after each epoch."""

    def __init__(self, out: Path):
        self.out = out

    def on_epoch_end(self, run: Any) -> None:
        rows = "".join(f"{step},{loss}\n" for step, loss in enumerate(run.step_losses, 1))
        replace_file(self.out / LOSSES, f"step,loss\n{rows}", CheckpointError)


def _judge(sets: PairSets, subwords: Any, max_length: int) -> Callable[[Any], dict[str, float]]:
    """Return a function that measures a model on the first validation sources: BLEU and chrF of greedy translations."""
    from .decoding import translate_ids
    from .scores import corpus_scores

    short = [(source, targets) for source, targets in by_source(sets.valid).items()
             if len(subwords.ids([source])[0]) < max_length][:_JUDGED]

    def judge(model: Any) -> dict[str, float]:
        sources = subwords.ids([source for source, _ in short])
        found = translate_ids(model, sources, max_length=max_length)
        return corpus_scores([subwords.decode(one.ids) for one in found], [targets for _, targets in short])

    return judge


def _model_arguments(settings: TranslationSettings, words: int) -> dict[str, Any]:
    """All arguments of the model."""
    from .network import TranslationTransformer

    arguments = fill_arguments(TranslationTransformer, settings.model, vocab_size=words, max_length=settings.max_length)
    if arguments["max_length"] != settings.max_length:
        raise OptionError("give max_length as a setting of the run, not of the model.")
    if arguments["units"] % arguments["num_heads"]:
        raise OptionError(f"units must be a multiple of num_heads; got {arguments['units']} and {arguments['num_heads']}.")
    return arguments


def _fingerprint(settings: TranslationSettings, snapshots: Sequence[int], sets: PairSets) -> str:
    plain = {**settings.identity(), "device": None, "snapshots": list(snapshots)}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name in ("train", "valid", "test"):
        digest.update(json.dumps([name, getattr(sets, name)]).encode())
    return digest.hexdigest()
