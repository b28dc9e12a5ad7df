"""Optional behaviour of the training loop. Each behaviour is a class.

A callback has no state that a resumed run would need. It reads ``run`` and ``run.history``.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..progress import Bar
from ..streams import ENDING_SIGNALS

if TYPE_CHECKING:
    from .run import Run


class Callback:
    """Base class. Its events do nothing."""

    def on_train_begin(self, run: Run) -> None: ...
    def on_epoch_begin(self, run: Run) -> None: ...
    def on_batch_begin(self, run: Run) -> None: ...
    def on_gradient(self, run: Run) -> None: ...
    def on_batch_end(self, run: Run) -> None: ...
    def on_epoch_end(self, run: Run) -> None: ...
    def on_train_end(self, run: Run) -> None: ...


class LearningRate(Callback):
    """Raise the learning rate in a warm-up, then lower it to 0.

    Parameters
    ----------
    schedule : {"linear", "cosine", "constant"}
    base : float
        The highest rate.
    warmup : float
        Fraction of all steps over which it rises.
    """

    def __init__(self, schedule: str, base: float, warmup: float):
        self.schedule, self.base, self.warmup = schedule, base, warmup

    def at(self, done: float) -> float:
        """Rate after the fraction `done` (0 to 1) of all steps."""
        if done < self.warmup:
            return self.base * min(max(done, 1e-3) / self.warmup, 1.0)
        left = (1 - done) / (1 - self.warmup) if self.warmup < 1 else 1.0
        if self.schedule == "linear":
            return self.base * left
        if self.schedule == "cosine":
            return self.base * (1 - math.cos(math.pi * left)) / 2
        return self.base

    def on_train_begin(self, run: Run) -> None:
        # A run that is resumed at the end of an epoch records the rate of its last step.
        run.learning_rate = self.at(max(run.step - 1, 0) / run.steps)

    def on_batch_begin(self, run: Run) -> None:
        run.learning_rate = self.at(run.step / run.steps)


class GradientClipping(Callback):
    """Scale the gradient down when its global norm exceeds `norm`."""

    def __init__(self, norm: float):
        self.norm = norm

    def on_gradient(self, run: Run) -> None:
        norm = run.gradient_norm() / run.batch_reviews  # gradients are sums over the batch
        if norm > self.norm:
            run.gradient_scale = self.norm / norm


class EarlyStopping(Callback):
    """Stop after `patience` epochs in which the validation loss did not fall below its minimum."""

    def __init__(self, patience: int):
        self.patience = patience

    def on_train_begin(self, run: Run) -> None:
        self.on_epoch_end(run)  # a run that was killed just after it stopped does not continue training

    def on_epoch_end(self, run: Run) -> None:
        losses = [epoch["valid_loss"] for epoch in run.history]
        if losses and len(losses) - 1 - int(np.argmin(losses)) >= self.patience:
            run.stop = f"validation loss has not fallen for {self.patience} epochs"


class BestCheckpoint(Callback):
    """Save after each epoch that is the best so far on validation, by `Task.best`. Diverged epochs are never saved.

    Parameters
    ----------
    save : callable
        Called with the run.
    """

    def __init__(self, save: Callable[[Run], object]):
        self.save = save

    def on_epoch_end(self, run: Run) -> None:
        name = run.task.best
        scores = [epoch[name] if math.isfinite(epoch.get("valid_loss", 0)) else -1 for epoch in run.history]
        if scores[-1] >= max(scores) >= 0:
            self.save(run)


class Snapshots(Callback):
    """Keep the parameters of some epochs, to study them later.

    Parameters
    ----------
    save : callable
        Called with the number of an epoch and its parameters (`Run.get_weights`).
    initial : dict of str to numpy.ndarray
        Parameters before training, kept as epoch 0. They are saved after epoch 1, when the checkpoint folder exists.
    epochs : sequence of int
        The epochs that are kept. The last epoch is always kept.
    """

    def __init__(self, save: Callable[[int, dict[str, NDArray[Any]]], object], initial: dict[str, NDArray[Any]],
                 epochs: Sequence[int]):
        self.save, self.initial, self.epochs = save, initial, epochs

    def on_epoch_end(self, run: Run) -> None:
        if run.epoch == 1:
            self.save(0, self.initial)
        if run.epoch in (*self.epochs, run.epochs):
            self.save(run.epoch, run.get_weights())


class EveryEpoch(Callback):
    """Save the model of each epoch in addition to the best one, to study its attention later.

    Parameters
    ----------
    save : callable
        Called with the run.
    """

    def __init__(self, save: Callable[[Run], object]):
        self.save = save

    def on_epoch_end(self, run: Run) -> None:
        self.save(run)


class ResumeFile(Callback):
    """Write a file to resume from: after each epoch, at intervals, and when the run stops.

    Parameters
    ----------
    save : callable
        Called with the run.
    every : float
        Seconds between saves inside an epoch.
    """

    def __init__(self, save: Callable[[Run], object], every: float = 60.0):
        self.save, self.every = save, every

    def on_train_begin(self, run: Run) -> None:
        self.last = time.monotonic()

    def on_batch_end(self, run: Run) -> None:
        if time.monotonic() - self.last >= self.every:
            self._save(run)

    def on_epoch_end(self, run: Run) -> None:
        self._save(run)

    def on_train_end(self, run: Run) -> None:
        if run.stop:
            self._save(run)

    def _save(self, run: Run) -> None:
        self.save(run)
        self.last = time.monotonic()


class FirstResumeFile(Callback):
    """Write a resume file before the first step. A killed run can then be resumed, even if another checkpoint exists.

    Parameters
    ----------
    save : callable
        Called with the run.
    """

    def __init__(self, save: Callable[[Run], object]):
        self.save = save

    def on_train_begin(self, run: Run) -> None:
        if not run.step:
            self.save(run)


class Interrupt(Callback):
    """End the run after the current batch on Ctrl-C, SIGTERM or SIGHUP. A second signal ends it at once."""

    reason = "interrupted"

    def on_train_begin(self, run: Run) -> None:
        self._before = {}
        if threading.current_thread() is not threading.main_thread():
            return

        def stop(number: int, frame: FrameType | None) -> None:
            run.stop = self.reason
            self._restore()

        for number in (signal.SIGINT, *ENDING_SIGNALS):
            if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) != signal.SIG_IGN:  # nohup still works
                self._before[number] = signal.signal(number, stop)

    def on_train_end(self, run: Run) -> None:
        self._restore()

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())


class Progress(Callback):
    """Show a progress bar for each epoch, and a line when the epoch is done."""

    def __init__(self, console: Any):
        self.console = console
        self.bar = Bar("")

    def on_epoch_begin(self, run: Run) -> None:
        self.bar = Bar(f"epoch {run.epoch + 1}/{run.epochs}", self.console)
        self.bar.update(run.batch, run.batches_per_epoch)

    def on_batch_end(self, run: Run) -> None:
        loss = run.totals["loss"] / run.totals["reviews"]
        self.bar.update(run.batch, run.batches_per_epoch, note=f"loss {loss:.3f}")

    def on_epoch_end(self, run: Run) -> None:
        self.bar.hide()
        last = run.history[-1]
        more = "".join(f"  {name.replace('_', ' ')} {value:.2f}" for name, value in last.items()
                       if name.startswith("valid_") and name not in ("valid_loss", "valid_accuracy"))
        self.console.print(
            f"epoch {last['epoch']}/{run.epochs}  train loss {last['train_loss']:.4f}  "
            f"valid loss {last['valid_loss']:.4f}  valid accuracy {last['valid_accuracy']:.4f}{more}  "
            f"{last['seconds']:.0f} s ({last['reviews_per_second']:,.0f} {run.task.unit}/s)",
            highlight=False, soft_wrap=True,
        )

    def on_train_end(self, run: Run) -> None:
        self.bar.hide()
