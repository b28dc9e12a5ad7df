"""The parts around every training loop: processes, resuming, callbacks and Ctrl-C."""

from __future__ import annotations

import functools
import inspect
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast

from .. import runtime
from ..errors import CheckpointError, Interrupted
from ..files import locking
from ..models.checkpoint import (
    clear_leftovers,
    load_checkpoint,
    read_config,
    recover,
    refuse_foreign,
    require_writable,
    update_config,
    write_history,
)
from .resume import is_resume_file_of, read_resume_file, resume_file
from .settings import TrainingSettings

if TYPE_CHECKING:
    from .callbacks import Callback
    from .parallel import Group
    from .run import Run

Train = TypeVar("Train", bound=Callable[..., Any])


def one_run_a_folder(train: Train) -> Train:
    """Decorate a function that trains into its argument `out`. A second run into it at the same time is refused."""
    signature = inspect.signature(train)

    @functools.wraps(train)
    def train_alone(*given: Any, **named: Any) -> Any:
        arguments = signature.bind(*given, **named)
        arguments.apply_defaults()
        out = Path(arguments.arguments["out"]).absolute()
        with suppress(OSError):  # `require_writable` reports the error
            out.parent.mkdir(parents=True, exist_ok=True)
        with locking(out) as holder:
            if holder is not None:
                raise CheckpointError(
                    f"another run ({f'process {holder}' if holder else 'perhaps on another machine'}) is training into "
                    f"{out} now; it was not disturbed. Wait until it ends, stop it, or give another --out.")
            return train(*given, **named)

    return cast(Train, train_alone)


def folder_to_write(out: str | os.PathLike[str]) -> Path:
    """Check the checkpoint folder of a run, and remove leftovers of a killed run beside it."""
    out = Path(out) if Path(out).name else Path(out).resolve()  # "." has no name for files beside it
    refuse_foreign(out)
    require_writable(out)
    clear_leftovers(out)
    return out


def is_finished(out: Path, fingerprint: str, settings: TrainingSettings, resume: bool | None,
                say: Callable[[str], None], stages: Sequence[str] = ()) -> bool:
    """Whether the run is already done: `out` contains its model, marked as finished.

    A resumed run never replaces the model of another run.

    Parameters
    ----------
    out : pathlib.Path
    fingerprint : str
        Fingerprint of the data and settings.
    settings : TrainingSettings
        Settings of the run, compared with the model's for the message.
    resume : bool or None
        None resumes if possible, without a message, and may replace another run's model.
    say : callable
        Called with a message if the run is done.
    stages : sequence of str
        Fingerprints of earlier stages. Their resume files also belong to this run.

    Raises
    ------
    CheckpointError
        If there is a resume file of another run, or if `out` contains another run's model or cannot be read.
    """
    recover(out)
    state_file = resume_file(out)
    started = state_file.exists()
    in_earlier_stage = any(is_resume_file_of(state_file, stage) for stage in stages)
    if resume is None and started and not in_earlier_stage and not is_resume_file_of(state_file, fingerprint):
        state_file.unlink()  # of another run, which is not to be resumed
        started = False
    if not started and not (out.is_dir() and any(out.iterdir())):
        return False
    try:
        config = read_config(out)
    except CheckpointError as error:
        if resume and not started:
            raise CheckpointError(f"{error} To train from the start and replace it, leave --resume out.") from None
        config = {}
    is_same_run = config.get("fingerprint") == fingerprint
    # In earlier versions, only the missing resume file marked a finished run.
    if is_same_run and config.get("finished", not started) and _is_whole(out):
        if is_resume_file_of(state_file, fingerprint):  # the run was killed before the file was removed
            state_file.unlink()
        if resume:
            say(f"{out} is finished: there is nothing to resume")
        return True
    if started and not in_earlier_stage:
        read_resume_file(state_file, fingerprint)  # reports errors before the long work
    elif resume and not is_same_run and not in_earlier_stage:
        raise CheckpointError(
            f"{out} contains a model of other data or settings ({_differences(config, settings)}); it was not changed. "
            "--resume continues only the same run: choose another --out, or leave --resume out to train from the "
            "start and replace it."
        )
    return False


def _is_whole(out: Path) -> bool:
    try:
        load_checkpoint(out)
    except CheckpointError:
        return False
    return True


def _differences(config: dict[str, Any], settings: TrainingSettings) -> str:
    """The settings that differ from those of a finished run."""
    before, now = config.get("training", {}), asdict(settings)
    found = [f"{name} {before[name]} there, {value} here" for name, value in now.items()
             if name != "device" and name in before and before[name] != value]
    return "; ".join(found) or "the settings are the same, so the data or the version differ"


def finish(out: Path) -> None:
    """Mark the checkpoint as finished, then remove the resume file. These are the last two steps of a run."""
    update_config(out, finished=True)
    resume_file(out).unlink(missing_ok=True)


def processes(settings: TrainingSettings) -> Group:
    """Start the processes that train together, and return their group."""
    from .hosts import leading
    from .parallel import ALONE, Leader

    workers = settings.workers or 1
    make = leading(workers)  # on several machines
    threads = max(1, runtime.total_threads() // (1 if make else workers))
    runtime.keep_freed_memory()  # must precede the memory pools of MXNet's threads
    on_cpu = not str(settings.device).startswith("gpu")  # a queue of work keeps a GPU busy
    runtime.limit_threads(threads, synchronous=workers > 1 and on_cpu)
    if make:
        return make()
    return Leader(workers, threads, synchronous=on_cpu) if workers > 1 else ALONE


def resume_or_start(run: Run, out: Path, fingerprint: str, resume: bool | None, say: Callable[[str], None]) -> None:
    """Restore the run from its resume file, or begin a new run.

    A new run writes its first resume file when it begins. This replaces an older one.

    Parameters
    ----------
    run : Run
    out : pathlib.Path
        The checkpoint folder.
    fingerprint : str
        Fingerprint of the run's data and settings.
    resume : bool or None
        None resumes if there is a resume file of this run.
    say : callable
        Called with a message for the user.
    """
    from .state import load_state

    state_file = resume_file(out)
    if resume is not False and state_file.exists():
        load_state(state_file, run, fingerprint)
        say(f"resumed in epoch {run.epoch + 1}, after {run.batch} of {run.batches_per_epoch} batches")
        return
    if resume:
        say(f"nothing to resume ({state_file} is not there): training from the start")


def fit_and_save(run: Run, start: dict[str, Any], out: Path, fingerprint: str, save_best: Callable[[Run], None] | None,
                 save_every: float, callbacks: Sequence[Callback], say: Callable[[str], None]) -> None:
    """Train to the end, in all processes of the run's group. The resume file is kept.

    Parameters
    ----------
    run : Run
    start : dict
        Arguments of `new_run`, for the other processes.
    out : pathlib.Path
        The checkpoint folder. The resume file is beside it.
    fingerprint : str
        Fingerprint of the run's data and settings.
    save_best : callable
        Called with the run after each epoch that is the best so far. None for a preliminary stage, which writes no
        checkpoint.
    save_every : float
        Seconds between resume files inside an epoch.
    callbacks : sequence of Callback
        Callbacks of the task.
    say : callable
        Called with a message for the user.

    Raises
    ------
    Interrupted
        After Ctrl-C. The resume file is complete.
    """
    from .callbacks import BestCheckpoint, ResumeFile
    from .loop import fit
    from .state import save_state, send_state

    if run.group.size > 1:
        run.group.send({**start, "device": run.device_name})
        send_state(run, run.group)

    def save(run: Run) -> None:
        save_state(resume_file(out), run, fingerprint)

    # The checkpoint is saved first. A kill after that makes a resumed run repeat an epoch, but loses none.
    best = [BestCheckpoint(save_best)] if save_best else []
    fit(run, [*_choose_callbacks(run.settings, save), *best, *callbacks, ResumeFile(save, save_every)])
    if run.history and not any(math.isfinite(epoch["valid_loss"]) for epoch in run.history):
        raise CheckpointError(
            "training diverged: the validation loss is not a number. Train again with a lower --learning-rate."
        )
    if run.history and save_best and out.exists():
        write_history(out, run.history)
    if run.stop == "interrupted":
        raise Interrupted(
            f"stopped after {run.epoch} of {run.epochs} epochs and {run.batch} of "
            f"{run.batches_per_epoch} batches of the next; all work is saved. Run the same command with "
            "--resume to continue."
        )
    if run.stop:
        say(f"stopped: {run.stop}")


def _choose_callbacks(settings: Any, save: Callable[[Run], None]) -> list[Callback]:
    """The callbacks for these settings. Callbacks that save come after them."""
    from .callbacks import EarlyStopping, FirstResumeFile, GradientClipping, Interrupt, LearningRate

    rate = LearningRate(settings.schedule, settings.learning_rate, settings.warmup)
    chosen: list[Callback] = [Interrupt(), FirstResumeFile(save), rate]
    if settings.clip is not None:
        chosen.append(GradientClipping(settings.clip))
    if settings.patience is not None:
        chosen.append(EarlyStopping(settings.patience))
    return chosen
