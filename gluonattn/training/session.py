"""A training run around its loop, whatever is trained: processes, resuming, callbacks, and what Ctrl-C leaves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from .. import runtime
from ..errors import CheckpointError, Interrupted
from ..models.checkpoint import (
    clear_leftovers,
    load_checkpoint,
    recover,
    refuse_foreign,
    require_writable,
    write_history,
)
from .settings import Settings


def folder_to_write(out: str | os.PathLike) -> Path:
    """The checkpoint folder a run is to write, without what a killed run left beside it."""
    out = Path(out) if Path(out).name else Path(out).resolve()  # "." has no name to write beside
    refuse_foreign(out)
    require_writable(out)
    clear_leftovers(out)
    return out


def resume_file(out: Path) -> Path:
    """The file that stands beside a checkpoint folder while its run is unfinished."""
    return out.with_name(out.name + ".resume")


def is_finished(out: Path, fingerprint: str) -> bool:
    """Whether `out` holds the model of this very run; an unfinished one has a resume file beside it."""
    if resume_file(out).exists():
        return False
    try:
        return load_checkpoint(out).config.get("fingerprint") == fingerprint
    except CheckpointError:
        return False


def processes(settings: Settings):
    """The processes that train together, this one among them."""
    from .parallel import ALONE, Leader

    workers = settings.workers or 1
    threads = max(1, runtime.total_threads() // workers)
    runtime.keep_freed_memory()  # before MXNet's threads have stores of their own
    runtime.compute_with(threads, one_by_one=workers > 1)
    return Leader(workers, threads) if workers > 1 else ALONE


def resume_or_start(run, out: Path, fingerprint: str, resume: bool | None, say: Callable[[str], None]) -> None:
    """Put the run where its resume file left it, if it is to go on (None: where it can) and there is one."""
    from .state import load_state

    state_file = resume_file(out)
    if not resume and resume is not None:
        state_file.unlink(missing_ok=True)
        return
    recover(out)
    if not state_file.exists():
        if resume:
            say(f"nothing to resume ({state_file} is not there): training from the start")
        return
    load_state(state_file, run, fingerprint)
    say(f"resumed in epoch {run.epoch + 1}, after {run.batch} of {run.batches_per_epoch} batches")


def fit_and_save(run, start: dict, out: Path, fingerprint: str, save_best: Callable, save_every: float,
                 callbacks: Sequence, say: Callable[[str], None]) -> None:
    """Train to the end, in all processes of the run's group; the resume file stays.

    Parameters
    ----------
    run : Run
    start : dict
        What `new_run` was called with, for the other processes.
    save_best : callable
        Called with the run after each epoch that is the best so far.
    save_every : float
        Seconds between resume files inside an epoch.

    Raises
    ------
    Interrupted
        After Ctrl-C; the resume file is complete.
    """
    from .callbacks import (
        BestCheckpoint,
        EarlyStopping,
        GradientClipping,
        Interrupt,
        LearningRate,
        ResumeFile,
    )
    from .loop import fit
    from .state import save_state, send_state

    if run.group.size > 1:
        run.group.send(start)
        send_state(run, run.group)
    settings = run.settings
    chosen = [Interrupt(), LearningRate(settings.schedule, settings.learning_rate, settings.warmup)]
    if settings.clip is not None:
        chosen.append(GradientClipping(settings.clip))
    if settings.patience is not None:
        chosen.append(EarlyStopping(settings.patience))
    state = ResumeFile(lambda run: save_state(resume_file(out), run, fingerprint), save_every)
    # The checkpoint goes first: a kill after it costs a repeated epoch, never a lost one.
    fit(run, [*chosen, BestCheckpoint(save_best), *callbacks, state])
    if run.history and out.exists():
        write_history(out, run.history)
    if run.stop == "interrupted":
        raise Interrupted(
            f"stopped after {run.epoch} of {run.epochs} epochs and {run.batch} of "
            f"{run.batches_per_epoch} batches of the next; nothing is lost. Run the same command with "
            "--resume to go on."
        )
    if run.stop:
        say(f"stopped: {run.stop}")
