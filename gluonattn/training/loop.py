"""The training loop. It reads as prose; behaviour is in callbacks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Callable

import numpy as np

from ..data.batches import Batchify, label_array, plan_batches
from ..data.examples import drop_words
from ..runtime import mx


class Run:
    """A training run: what callbacks look at and `resume` restores.

    Attributes
    ----------
    model : HybridBlock
    trainer : mxnet.gluon.Trainer
    settings : Settings
    train, valid : (list of Example, list of int)
        Texts and class numbers.
    history : list of dict
        One plain dict for each finished epoch.
    epoch, batch : int
        Where the run stands: finished epochs, and finished batches of the next.
    totals : dict
        Sums over the batches of the current epoch.
    gradient_scale : float
        What a callback multiplies this step's gradient by.
    batch_reviews : int
        Reviews in the current batch.
    stop : str or None
        Why to stop; set it, never raise.
    """

    def __init__(self, model, settings, train, valid, padding, unknown, device, fixed_length=None):
        self.model, self.settings, self.device = model, settings, device
        self.train, self.valid = train, valid
        self.unknown = unknown
        self.batchify = Batchify(padding, device, fixed_length)
        self.bucketed = fixed_length is None
        # Multi-precision and key-value stores have no use on one device.
        self.trainer = mx.gluon.Trainer(
            model.collect_params(), "adam", {"learning_rate": settings.learning_rate}, kvstore=None
        )
        self.loss = SmoothedCrossEntropy(settings.label_smoothing)
        self.loss.hybridize()
        self.history: list[dict[str, Any]] = []
        self.epoch = self.batch = 0
        self.totals = new_totals()
        self.gradient_scale = 1.0
        self.batch_reviews = 0
        self.stop: str | None = None
        self.batches_per_epoch = len(self.plan(0))

    @property
    def step(self) -> int:
        """Steps taken since the start."""
        return self.epoch * self.batches_per_epoch + self.batch

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.settings.epochs * self.batches_per_epoch

    def plan(self, epoch: int) -> list[list[int]]:
        """Batches of an epoch: the same ones whenever they are asked for."""
        seed = self.settings.seed * 1_000_003 + epoch
        examples, _ = self.train
        if self.bucketed:
            return plan_batches([len(e.ids) for e in examples], self.settings.batch_size, seed)
        order = np.random.default_rng(seed).permutation(len(examples)).tolist()
        size = self.settings.batch_size
        return [order[i : i + size] for i in range(0, len(order), size)]


class SmoothedCrossEntropy(mx.gluon.HybridBlock):
    """Cross-entropy against labels smoothed towards uniform; (B, classes), (B,) -> (B,)."""

    def __init__(self, smoothing: float, **kwargs):
        super().__init__(**kwargs)
        self._smoothing = smoothing

    def hybrid_forward(self, F, logits, labels):
        log_p = F.log_softmax(logits)
        right = F.pick(log_p, labels, axis=1)
        return -(1 - self._smoothing) * right - self._smoothing * F.mean(log_p, axis=1)


def new_totals() -> dict[str, float]:
    return {"loss": 0.0, "correct": 0, "reviews": 0, "seconds": 0.0}


def fit(run: Run, callbacks: Sequence) -> None:
    """Train until the last epoch, or until a callback sets ``run.stop``.

    Parameters
    ----------
    run : Run
        Fresh, or restored in the middle of an epoch.
    callbacks : sequence of Callback
    """
    _tell(callbacks, "on_train_begin", run)
    try:
        while run.epoch < run.settings.epochs and not run.stop:
            train_epoch(run, callbacks)
            if run.batch < run.batches_per_epoch:
                break  # stopped inside the epoch; a resumed run goes on there
            finish_epoch(run)
            _tell(callbacks, "on_epoch_end", run)
    finally:  # after an error too: signals and the progress bar are put back
        _tell(callbacks, "on_train_end", run)


def train_epoch(run: Run, callbacks: Sequence) -> None:
    """Train on what is left of the current epoch."""
    _tell(callbacks, "on_epoch_begin", run)
    plan = run.plan(run.epoch)
    batch = prepare(run, plan, run.batch)
    while run.batch < len(plan) and not run.stop:
        start = time.perf_counter()
        _tell(callbacks, "on_batch_begin", run)
        batch = train_batch(run, batch, callbacks, partial(prepare, run, plan, run.batch + 1))
        run.batch += 1
        run.totals["seconds"] += time.perf_counter() - start
        _tell(callbacks, "on_batch_end", run)


def prepare(run: Run, plan: Sequence[Sequence[int]], number: int):
    """Inputs, labels and dropout seed of a batch of the epoch; None when there is none.

    Its random numbers depend on seed and step alone, so a resumed run repeats them.
    """
    if number >= len(plan):
        return None
    step = run.epoch * run.batches_per_epoch + number
    rng = np.random.default_rng([run.settings.seed, step])
    seed = int(rng.integers(2**31 - 1))
    examples, labels = run.train
    positions = plan[number]
    chosen = drop_words([examples[i] for i in positions], run.settings.word_dropout, run.unknown, rng)
    return run.batchify(chosen), label_array([labels[i] for i in positions], run.device), seed


def train_batch(run: Run, batch, callbacks: Sequence, meanwhile: Callable):
    """One step; returns what `meanwhile` does while the device computes."""
    inputs, targets, seed = batch
    mx.random.seed(seed, ctx=run.device)
    with mx.autograd.record():
        logits, _ = run.model(*inputs)
        loss = run.loss(logits, targets)
    # Asked for before the long way back, these are ready when they are read.
    total, correct = loss.sum(), (logits.argmax(axis=1) == targets).sum()
    loss.backward()
    done = meanwhile()
    run.gradient_scale, run.batch_reviews = 1.0, len(targets)
    _tell(callbacks, "on_gradient", run)
    # Scaling through the batch size keeps the embedding's gradient sparse.
    run.trainer.step(len(targets) / run.gradient_scale)
    run.totals["loss"] += float(total.asscalar())
    run.totals["correct"] += int(correct.asscalar())
    run.totals["reviews"] += len(targets)
    return done


def finish_epoch(run: Run) -> None:
    """Validate, note the epoch in the history and move to the next."""
    seen = run.totals["reviews"]
    run.history.append({
        "epoch": run.epoch + 1,
        "train_loss": run.totals["loss"] / seen,
        "train_accuracy": run.totals["correct"] / seen,
        **validate(run),
        "learning_rate": run.trainer.learning_rate,
        "seconds": round(run.totals["seconds"], 3),
        "reviews_per_second": round(seen / max(run.totals["seconds"], 1e-9), 1),
    })
    run.epoch, run.batch, run.totals = run.epoch + 1, 0, new_totals()


def validate(run: Run) -> dict[str, float]:
    """Loss (not smoothed) and accuracy on the validation reviews."""
    examples, labels = run.valid
    loss = correct = 0.0
    cross_entropy = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    for positions in plan_batches([len(e.ids) for e in examples], 2 * run.settings.batch_size):
        logits, _ = run.model(*run.batchify([examples[i] for i in positions]))
        targets = label_array([labels[i] for i in positions], run.device)
        loss += float(cross_entropy(logits, targets).sum().asscalar())
        correct += int((logits.argmax(axis=1) == targets).sum().asscalar())
    return {"valid_loss": loss / len(examples), "valid_accuracy": correct / len(examples)}


def _tell(callbacks: Sequence, event: str, run: Run) -> None:
    for callback in callbacks:
        getattr(callback, event)(run)
