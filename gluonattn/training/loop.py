"""The training loop. Everything optional is in callbacks."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from ..data.batches import plan_batches
from ..errors import GluonAttnError
from ..runtime import give_back_memory
from ..threads import ONE_THREAD
from .frameworks import new_run as new_run
from .run import Part as Part
from .run import Run, new_totals

if TYPE_CHECKING:
    from .callbacks import Callback


def fit(run: Run, callbacks: Sequence[Callback]) -> None:
    """Train until the last epoch, or until a callback sets ``run.stop``.

    Every process of a group runs this, with the same `run.epoch` and `run.batch`
    at any time. Only rank 0 has callbacks.

    Parameters
    ----------
    run : Run
        A new run, or one restored in the middle of an epoch.
    callbacks : sequence of Callback
    """
    _tell(callbacks, "on_train_begin", run)
    try:
        with ONE_THREAD:
            while run.epoch < run.epochs and not run.group.agree(run.stop):
                train_epoch(run, callbacks)
                if run.batch < run.batches_per_epoch:
                    break  # stopped in the middle of the epoch; a resumed run continues here
                finish_epoch(run)
                require_equal_parameters(run)
                _tell(callbacks, "on_epoch_end", run)
    finally:  # also after an error, to restore signals and hide the progress bar
        _tell(callbacks, "on_train_end", run)


def train_epoch(run: Run, callbacks: Sequence[Callback]) -> None:
    """Train on the rest of the current epoch.

    Parameters
    ----------
    run : Run
    callbacks : sequence of Callback
    """
    _tell(callbacks, "on_epoch_begin", run)
    plan = run.plan(run.epoch)
    batch = prepare(run, plan, run.batch)
    while run.batch < len(plan) and not run.group.agree(run.stop):
        start = time.perf_counter()
        _tell(callbacks, "on_batch_begin", run)
        batch = train_batch(run, batch, callbacks, partial(prepare, run, plan, run.batch + 1))
        run.batch += 1
        run.totals["seconds"] += time.perf_counter() - start
        _tell(callbacks, "on_batch_end", run)


def prepare(run: Run, plan: Sequence[Sequence[int]], number: int) -> tuple[tuple[Any, ...], int] | None:
    """The arguments of `Run.start_gradient` for this process's part of a batch of the epoch.

    Returns None if there is no such batch, or if it has too few examples for every process. Its random numbers depend only
    on seed, step and rank, so a resumed run repeats them.

    Parameters
    ----------
    run : Run
    plan : sequence of sequence of int
        The epoch's batches.
    number : int
        The batch, counted from 0.
    """
    lengths = run.train.texts.lengths
    positions = run.group.shard(plan[number], lengths.__getitem__) if number < len(plan) else ()
    if not positions:
        return None
    step = run.step - run.batch + number
    rng = np.random.default_rng([run.settings.seed, step, run.group.rank])
    seed = int(rng.integers(2**31 - 1))
    inputs, targets, offsets = run.arrays(run.train, positions, run.settings.word_dropout, rng)
    return (targets, *([] if offsets is None else [offsets]), *inputs, *run.draw_masks(inputs, rng)), seed


def train_batch(run: Run, batch: tuple[tuple[Any, ...], int] | None, callbacks: Sequence[Callback],
                meanwhile: Callable[[], Any]) -> Any:
    """Take one step. Call `meanwhile` while the device computes, and return its result.

    Parameters
    ----------
    run : Run
    batch : tuple or None
        As `prepare` returns it.
    callbacks : sequence of Callback
    meanwhile : callable
    """
    sums = run.start_gradient(*batch) if batch else ()
    next_batch = meanwhile()
    loss, correct, reviews = run.add_gradients(sums, len(batch[0][0]) if batch else 0)
    run.gradient_scale, run.batch_reviews = 1.0, int(reviews)
    _tell(callbacks, "on_gradient", run)
    run.learning_rate, scale = run.group.agree((run.learning_rate, run.gradient_scale))
    run.take_step(scale)
    run.totals["loss"] += loss
    run.totals["correct"] += correct
    run.totals["reviews"] += run.batch_reviews
    if run.task.keep_step_losses:
        run.step_losses.append(round(loss / run.batch_reviews, 5))
    return next_batch


def finish_epoch(run: Run) -> None:
    """Validate, add the epoch to the history and move to the next epoch."""
    seen = run.totals["reviews"]
    run.history.append({
        "epoch": run.epoch + 1,
        "train_loss": run.totals["loss"] / seen,
        "train_accuracy": run.totals["correct"] / seen,
        **validate(run),
        "learning_rate": run.learning_rate,
        "seconds": round(run.totals["seconds"], 3),
        "reviews_per_second": round(seen / max(run.totals["seconds"], 1e-9), 1),
    })
    run.epoch, run.batch, run.totals = run.epoch + 1, 0, new_totals()


def validate(run: Run) -> dict[str, float]:
    """Validation loss (not smoothed), accuracy and the task's own figures. Averaged weights are used if they exist."""
    give_back_memory()  # releases fragments left by batches of other lengths
    lengths = run.valid.texts.lengths
    loss = correct = 0.0
    with run.use_average():
        for positions in plan_batches(lengths, run.settings.batch_size)[run.group.rank :: run.group.size]:
            more, right = run.measure(positions)
            loss, correct = loss + more, correct + right
        figures = run.task.figures(run)
    loss, correct = run.group.total([loss, correct])
    return {"valid_loss": loss / len(lengths), "valid_accuracy": correct / len(lengths), **figures}


def require_equal_parameters(run: Run) -> None:
    """Raise GluonAttnError if the processes' parameters differ: then the result cannot be trusted."""
    if run.group.size > 1:
        weights = sorted(run.get_weights().items())
        digest = [(name, zlib.crc32(values.tobytes())) for name, values in weights]
        if run.group.agree(digest) != digest:
            raise GluonAttnError("training processes have different parameters: train with --workers 1.")


def _tell(callbacks: Sequence[Callback], event: str, run: Run) -> None:
    for callback in callbacks:
        getattr(callback, event)(run)
