"""Train a Transformer to pronounce Korean words: from a corpus to a checkpoint folder.

Stays whole: `train_pronunciation` has the steps of a run in their order. Half of it is its signature and
docstring.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Callable

from .. import __version__, runtime
from ..data.reviews import read_reviews
from ..data.sources import locate
from ..errors import CheckpointError, DataError, OptionError
from ..files import replace_file
from ..models.checkpoint import CONFIG, Checkpoint, get_weights, load_checkpoint, save_checkpoint
from ..models.config import FORMAT
from ..models.snapshots import save_snapshot
from ..models.transformer_config import fill_arguments
from ..training.callbacks import Snapshots
from ..training.session import (
    finish,
    fit_and_save,
    folder_to_write,
    is_finished,
    one_run_a_folder,
    processes,
    resume_or_start,
)
from ..training.settings import SMALL
from .config import check_pronunciation
from .pairs import PairSets, word_pairs
from .sets import add_listed, add_shapes, from_table, to_table
from .settings import RECIPE, PronunciationSettings

MAX_SYLLABLES = 8  # maximum number of syllables of a word to learn
# Version 0.1 wrote these into every run's fingerprint, although they have no meaning here. They keep its runs resumable.
_SETTINGS_OF_0_1 = {"cell": "mlp", "ngrams": False, "extra": None, "extra_epochs": 0, "tokenizer": "mecab",
                    "word_dropout": 0.0, "max_length": 48, "validation": 0.1}
WORDS = "words.tsv"  # in the checkpoint folder: the words trained on and held out


@one_run_a_folder
def train_pronunciation(
    data: str = "sample",
    out: str | os.PathLike[str] = "runs/pronunciation",
    *,
    settings: PronunciationSettings | None = None,
    snapshots: Sequence[int] = (0, 1, 10),
    text_column: str | None = None,
    label_column: str | None = None,
    resume: bool | None = False,
    callbacks: Sequence[Any] = (),
    save_every: float = 60.0,
    report: Callable[[str], None] | None = None,
    reading: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Path:
    """Train a Transformer to pronounce Korean words and save it.

    Parameters
    ----------
    data : str, default "sample"
        A corpus whose words are learned, as for `train`. Labels are ignored.
    out : path
        Checkpoint folder to write. It also contains ``snapshots/`` and ``words.tsv``.
    settings : PronunciationSettings or None
        Settings of the run. None makes them from `options`.
    snapshots : sequence of int, default (0, 1, 10)
        Epochs whose parameters are kept. Those before training (0) and of the last epoch are always kept.
    text_column, label_column, resume, callbacks, save_every, report
        As for `train`.
    reading : callable or None
        Called with (words done, all words).
    **options
        Fields of `PronunciationSettings`.

    Returns
    -------
    pathlib.Path
        The checkpoint folder, with the model of the epoch that was correct on most validation words.

    Raises
    ------
    Interrupted
        After Ctrl-C. The resume file is complete.
    DataError, OptionError, CheckpointError, DeviceError
        See their messages.
    """
    out = folder_to_write(out)
    say = report or (lambda line: None)
    settings = PronunciationSettings.take(settings, options)
    texts = read_reviews(locate(data).train, text_column=text_column, label_column=label_column).texts
    min_count = settings.min_count or (1 if len(texts) < SMALL else 3)
    sets = add_listed(add_shapes(word_pairs(texts, min_count=min_count, max_length=MAX_SYLLABLES, progress=reading)))
    gpu = runtime.gpu_index(settings.device)
    wanted = replace(settings, min_count=min_count)

    def run_on(sets: PairSets) -> tuple[PronunciationSettings, str, str]:
        settings = wanted.resolve(len(sets.train), on_cpu=gpu is None)
        return settings, to_table(sets), _fingerprint(settings, snapshots, to_table(sets))

    settings, table, fingerprint = run_on(sets)
    earlier = _read_words(out) if resume is not False else None
    if earlier and run_on(earlier)[2] == _read_fingerprint(out):
        # The same run, started when the rules chose other words. It continues with those words.
        sets, (settings, table, fingerprint) = earlier, run_on(earlier)
    if resume is not False and is_finished(out, fingerprint, settings, resume, say):
        return out

    with processes(settings) as group:
        # This loads MXNet. Its number of threads is fixed from now on.
        from ..training.loop import new_run
        from .task import encode, make_vocabulary

        device = "cpu" if gpu is None else f"gpu:{gpu}"
        vocabulary = make_vocabulary()
        arguments = _model_arguments(settings, len(vocabulary))
        start: dict[str, Any] = {
            "settings": settings, "model": arguments, "train": encode(sets.train, vocabulary),
            "valid": encode(sets.valid, vocabulary), "labelled": len(sets.train),
        }
        run = new_run(**start, device=device, group=group)
        kept = Snapshots(lambda epoch, weights: save_snapshot(out, epoch, weights, fingerprint),
                         get_weights(run.model), [epoch for epoch in snapshots if epoch])
        size = sum(p.data().size for p in run.model.collect_params().values() if p.grad_req != "null")
        say(f"Transformer on {device}: {len(sets.train):,} words to train, {len(sets.valid):,} to validate, "
            f"{len(sets.test):,} held out, {size:,} parameters")
        resume_or_start(run, out, fingerprint, resume, say)
        config = {
            "recipe": RECIPE, "model": arguments, "tokenizer": "jamo", "labels": [],
            "max_length": arguments["max_length"],
            "training": {**asdict(settings), "data": data, "texts": len(texts), "snapshots": list(snapshots)},
            "fingerprint": fingerprint, "finished": False, "versions": {**runtime.versions(), "gluonattn": __version__},
        }

        def save_best(run: Any) -> None:
            best = {**config, "epoch": run.epoch, "validation": run.history[-1]}
            check_pronunciation({**best, "format": FORMAT, "sha256": {}}, out / CONFIG)
            save_checkpoint(out, Checkpoint(best, vocabulary.to_json(), get_weights(run.model), run.history))
            replace_file(out / WORDS, table, CheckpointError)

        fit_and_save(run, start, out, fingerprint, save_best, save_every, [kept, *callbacks], say)
    finish(out)
    return out


def _read_words(out: Path) -> PairSets | None:
    """The words of the run that wrote a folder. None if they cannot be read."""
    try:
        return from_table((out / WORDS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, DataError):
        return None


def _read_fingerprint(out: Path) -> str | None:
    try:
        return load_checkpoint(out).config.get("fingerprint")
    except CheckpointError:
        return None


def _model_arguments(settings: PronunciationSettings, words: int) -> dict[str, Any]:
    """All arguments of the model."""
    from ..models.transformer import Transformer

    arguments = fill_arguments(Transformer, settings.model, vocab_size=words)
    units, heads, max_length = (arguments[name] for name in ("units", "num_heads", "max_length"))
    if units % heads or max_length <= 3 * MAX_SYLLABLES:
        raise OptionError(f"units must be a multiple of num_heads, and max_length more than {3 * MAX_SYLLABLES}, "
                          f"the letters of the longest word; got {units}, {heads} and {max_length}.")
    return arguments


def _fingerprint(settings: PronunciationSettings, snapshots: Sequence[int], table: str) -> str:
    plain = {**_SETTINGS_OF_0_1, **asdict(settings), "device": None, "snapshots": list(snapshots)}
    return hashlib.sha256((json.dumps(plain, sort_keys=True) + table).encode()).hexdigest()
