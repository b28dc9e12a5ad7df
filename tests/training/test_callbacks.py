"""Callbacks: each by itself, on a real run where it touches one."""

import io
import math
import os
import signal
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.training.callbacks import (
    BestCheckpoint,
    Callback,
    EarlyStopping,
    GradientClipping,
    Interrupt,
    LearningRate,
    Progress,
    ResumeFile,
)
from gluonattn.training.loop import fit

share = st.floats(0, 1)


@given(st.sampled_from(["linear", "cosine", "constant"]), share, share)
def test_the_rate_follows_its_formula(schedule, warmup, done):
    rate = LearningRate(schedule, 0.5, warmup).at(done)
    if done < warmup:
        assert rate == pytest.approx(0.5 * min(max(done, 1e-3) / warmup, 1))
    else:
        left = (1 - done) / (1 - warmup) if warmup < 1 else 1
        expected = {"linear": left, "cosine": (1 + math.cos(math.pi * (1 - left))) / 2, "constant": 1}
        assert rate == pytest.approx(0.5 * expected[schedule], abs=1e-12)
    assert 0 <= rate <= 0.5


@given(st.sampled_from(["linear", "cosine"]), st.floats(0, 0.9), share, share)
def test_after_the_warm_up_the_rate_only_falls(schedule, warmup, first, second):
    rates = LearningRate(schedule, 1.0, warmup)
    early, late = sorted((max(first, warmup), max(second, warmup)))
    assert rates.at(early) >= rates.at(late) - 1e-12
    assert rates.at(1.0) == pytest.approx(0, abs=1e-12)


def test_the_trainer_gets_the_rate_of_each_step(make_run):
    seen = []

    class Rates(Callback):
        def on_batch_end(self, run):
            seen.append(run.trainer.learning_rate)

    run = make_run(epochs=2)
    schedule = LearningRate("cosine", 0.01, 0.3)
    fit(run, [schedule, Rates()])
    assert seen == [schedule.at(step / run.steps) for step in range(run.steps)]
    assert run.history[-1]["learning_rate"] == seen[-1]


def dense_norm(run):
    """Norm of the mean gradient, from dense numpy arrays."""
    gradients = [p.grad().asnumpy().astype("d") for p in run.model.collect_params().values()]
    return math.sqrt(sum((g**2).sum() for g in gradients)) / run.batch_reviews


@pytest.mark.parametrize("clip", [1e-3, 0.05, 1e3])
def test_clipping_equals_numpy_and_leaves_the_embedding_sparse(make_run, clip):
    class Check(Callback):
        def on_gradient(self, run):
            assert run.model.embedding.weight.grad().stype == "row_sparse"
            assert run.gradient_scale == pytest.approx(min(1, clip / dense_norm(run)), rel=1e-4)
            self.scales.append(run.gradient_scale)

    check, run = Check(), make_run(epochs=1)
    check.scales = []
    fit(run, [GradientClipping(clip), check])
    assert len(check.scales) == run.steps
    assert all(s == 1 for s in check.scales) if clip == 1e3 else all(s < 1 for s in check.scales)


def test_the_scale_reaches_the_optimizer(make_run):
    """Adam's first moment after one step is a tenth of the mean gradient, clipped."""
    class Once(Callback):
        def on_gradient(self, run):
            self.norm = dense_norm(run)

        def on_batch_end(self, run):
            run.stop = "enough"

    once, run = Once(), make_run()
    fit(run, [GradientClipping(0.01), once])
    assert once.norm > 0.01
    moments = [state[0].asnumpy() for state in run.trainer._updaters[0].states.values()]
    assert math.sqrt(sum((m**2).sum() for m in moments)) == pytest.approx(0.1 * 0.01, rel=1e-3)


@pytest.mark.parametrize(("losses", "patience", "stops"), [
    ([], 1, False), ([3], 1, False), ([3, 2, 1], 1, False), ([1, 2], 1, True), ([1, 1], 1, True),
    ([1, 2], 2, False), ([1, 2, 3], 2, True), ([3, 1, 2], 2, False), ([1, 2, 0.5, 0.6], 2, False),
])
def test_early_stopping_counts_epochs_without_a_lower_loss(losses, patience, stops):
    run = SimpleNamespace(history=[{"valid_loss": loss} for loss in losses], stop=None)
    for event in ("on_epoch_end", "on_train_begin"):  # begin: a run resumed after it had stopped
        run.stop = None
        getattr(EarlyStopping(patience), event)(run)
        assert bool(run.stop) is stops
    assert not stops or run.stop == f"validation loss has not fallen for {patience} epochs"


def test_the_best_checkpoint_is_the_most_accurate_epoch():
    run, saved = SimpleNamespace(history=[], task=SimpleNamespace(best="valid_accuracy")), []
    best = BestCheckpoint(lambda run: saved.append(len(run.history)))
    for accuracy in (0.5, 0.7, 0.6, 0.65, 0.8):
        run.history.append({"valid_accuracy": accuracy})
        best.on_epoch_end(run)
    assert saved == [1, 2, 5]


@pytest.mark.parametrize("every", [0, 3600])
def test_the_resume_file_is_kept_by_time_and_after_each_epoch(make_run, every):
    saved = []
    run = make_run(epochs=1)
    fit(run, [ResumeFile(lambda run: saved.append((run.epoch, run.batch)), every)])
    inside = [] if every else [(0, batch) for batch in range(1, run.steps + 1)]
    assert saved == [*inside, (1, 0)]


class After(Callback):
    """Do something after a batch."""

    def __init__(self, batch, act):
        self.batch, self.act = batch, act

    def on_batch_end(self, run):
        if run.step == self.batch:
            self.act()


def handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_after_the_batch_and_saves(make_run, number):
    before, saved, run = handlers(), [], make_run()
    fit(run, [Interrupt(), After(2, lambda: os.kill(os.getpid(), number)),
              ResumeFile(lambda run: saved.append(run.batch), 3600)])
    assert (run.stop, run.epoch, run.batch, saved) == ("interrupted", 0, 2, [2])
    assert handlers() == before


def test_nohup_stays_deaf_to_the_end_of_its_terminal(make_run):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = make_run()
        fit(run, [Interrupt(), After(2, lambda: os.kill(os.getpid(), signal.SIGHUP))])
        assert run.stop is None and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_ctrl_c_ends_it_at_once_and_puts_signals_back(make_run):
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    before = handlers()
    with pytest.raises(KeyboardInterrupt):
        fit(make_run(), [Interrupt(), After(1, twice)])
    assert handlers() == before


def test_signals_and_bar_are_put_back_after_an_error(make_run):
    from rich.console import Console

    def fail():
        raise RuntimeError("broken callback")

    before, console = handlers(), Console(file=io.StringIO(), force_terminal=True)
    progress = Progress(console)
    with pytest.raises(RuntimeError, match="broken callback"):
        fit(make_run(), [Interrupt(), progress, After(1, fail)])
    assert handlers() == before
    assert console.file.getvalue().count("\x1b[?25l") == console.file.getvalue().count("\x1b[?25h") == 1  # the cursor


def test_a_run_in_another_thread_leaves_signals_alone(make_run):
    before, run = handlers(), make_run(epochs=1)
    thread = threading.Thread(target=fit, args=(run, [Interrupt()]))
    thread.start()
    thread.join(60)
    assert run.epoch == 1 and handlers() == before


def test_progress_prints_a_line_for_each_epoch(make_run):
    from rich.console import Console

    run, console = make_run(), Console(file=io.StringIO(), width=200)
    fit(run, [Progress(console)])
    lines = [line for line in console.file.getvalue().splitlines() if line.startswith("epoch")]
    assert len(lines) == 2
    for number, (line, epoch) in enumerate(zip(lines, run.history), 1):
        assert line.startswith(f"epoch {number}/2  train loss {epoch['train_loss']:.4f}")
        assert f"valid accuracy {epoch['valid_accuracy']:.4f}" in line


def test_gradient_clipping_survives_a_batch_of_one(make_run):
    run = make_run(reviews=11, batch_size=1, epochs=1)
    fit(run, [GradientClipping(1.0)])
    assert np.isfinite(run.history[0]["train_loss"])
