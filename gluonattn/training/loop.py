"""The training loop. It reads as prose; behaviour is in callbacks."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Callable, NamedTuple

import numpy as np

from ..data.batches import plan_batches, to_device
from ..errors import GluonAttnError
from ..models.checkpoint import get_weights
from ..models.numpy_ops import compute_in_numpy, raise_interrupt
from ..runtime import (
    engine_has_started,
    give_back_memory,
    hear_lazy_update_notice,
    keep_freed_memory,
    mx,
    seed_everything,
)
from ..threads import ONE_THREAD
from .average import Average
from .parallel import ALONE, Group
from .settings import TrainingSettings
from .tasks import Objective


class Part(NamedTuple):
    """Texts to train on or to validate on.

    Attributes
    ----------
    texts : Packed
        Or what has its `lengths`, `fixed` and `batch`.
    targets : numpy.ndarray, float32, shape (texts, classes)
        Rows of probabilities.
    offsets : numpy.ndarray, float32, shape (texts, classes), or None
        Logits of the linear branch, of a fit that has not seen the text.
    """

    texts: Any
    targets: np.ndarray
    offsets: np.ndarray | None = None


class Run:
    """A training run: what callbacks look at and `resume` restores.

    Attributes
    ----------
    model : HybridBlock
    trainer : mxnet.gluon.Trainer
    settings : TrainingSettings
    task : Task
        What is special to the recipe.
    train, valid : Part
    own : int
        The first so many texts of `train` are read in every epoch, the others
        only in the first ``settings.extra_epochs``.
    history : list of dict
        One plain dict for each finished epoch.
    epoch, batch : int
        Where the run stands: finished epochs, and finished batches of the next.
    average : Average
        What is validated and saved.
    totals : dict
        Sums over the batches of the current epoch.
    gradient_scale : float
        What a callback multiplies this step's gradient by.
    batch_reviews : int
        Reviews in the current batch, those of other processes included.
    stop : str or None
        Why to stop; set it, never raise.
    group : Group
        The processes that train together.
    """

    def __init__(self, model, settings, train: Part, valid: Part, own: int, device, group: Group = ALONE):
        self.model, self.settings, self.device, self.group = model, settings, device, group
        self.train, self.valid, self.own = train, valid, own
        self.task = settings.make_task()
        parameters = sorted(model._collect_params_with_prefix().items())
        self.parameters = [p for _, p in parameters if p.grad_req != "null"]
        self.seeds_mxnet = self.task.draws_in_mxnet(model)  # takes 1.2 ms
        # Multi-precision and key-value stores have no use on one device.
        self.trainer = mx.gluon.Trainer(
            model.collect_params(), "adam", {"learning_rate": settings.learning_rate}, kvstore=None
        )
        self.average = Average(self.parameters, settings.average or 0.0, device)
        masks = self.task.masks(model, train.texts.batch([0]), np.random.default_rng(0))
        self.objective = Objective(self.task, model, settings.label_smoothing, train.offsets is not None, len(masks))
        self.objective.hybridize(static_alloc=True)
        model.hybridize()  # by itself it validates, and should hold no memory in between
        self.history: list[dict[str, Any]] = []
        self.epoch = self.batch = 0
        self.totals = new_totals()
        self.gradient_scale = 1.0
        self.batch_reviews = 0
        self.stop: str | None = None
        early = self.settings.extra_epochs
        self.epochs = early + self.settings.epochs
        self._batches = [*[len(self.plan(0))] * early, *[len(self.plan(early))] * self.settings.epochs]

    @property
    def batches_per_epoch(self) -> int:
        """Batches of the current epoch, or of the last one when all are done."""
        return self._batches[min(self.epoch, self.epochs - 1)]

    @property
    def step(self) -> int:
        """Steps taken since the start."""
        return sum(self._batches[: self.epoch]) + self.batch

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return sum(self._batches)

    def plan(self, epoch: int) -> list[list[int]]:
        """Batches of an epoch: the same ones whenever they are asked for."""
        seed = self.settings.seed * 1_000_003 + epoch
        texts, size = self.train.texts, self.settings.batch_size
        lengths = texts.lengths[: self.own] if epoch >= self.settings.extra_epochs else texts.lengths
        if texts.fixed is None:
            return plan_batches(lengths.tolist(), size, seed)
        order = np.random.default_rng(seed).permutation(len(lengths)).tolist()
        return [order[i : i + size] for i in range(0, len(order), size)]

    def arrays(self, part: Part, positions: Sequence[int], share: float = 0.0, rng=None) -> tuple:
        """Inputs of the model, as `Packed.batch` gives them, and targets and offsets, as MXNet arrays."""
        inputs = part.texts.batch(positions, share, rng)
        offsets = None if part.offsets is None else to_device(part.offsets[positions], self.device)
        return (tuple(to_device(array, self.device) for array in inputs),
                to_device(part.targets[positions], self.device), offsets)


def new_run(settings: TrainingSettings, model: Mapping, train: Part, valid: Part, own: int, device=None,
            group: Group = ALONE, initial: Mapping | None = None) -> Run:
    """A fresh run with an initialised, hybridized model.

    Parameters
    ----------
    settings : TrainingSettings
        Resolved.
    model : mapping
        Keyword arguments of the recipe's model, all of them.
    train, valid, own, group
        As for `Run`.
    device : mxnet.Context or None
        None is the CPU.
    initial : mapping of str to numpy.ndarray, or None
        First values of some parameters, by structural name; None leaves all to chance.
    """
    device = device or mx.cpu()
    seed_everything(settings.seed)
    keep_freed_memory()
    hear_lazy_update_notice()
    block = settings.make_task().build(**model)
    # The attention comes last: what models with different cells share begins alike.
    for name in sorted(block._children, key="attention".__eq__):
        block._children[name].initialize(mx.init.Xavier(), ctx=device)
    if device.device_type == "cpu":
        compute_in_numpy(block)
    run = Run(block, settings, train, valid, own, device, group)
    # One forward pass settles every shape that was left to be inferred.
    block(*run.arrays(train, [0])[0])
    for name, values in (initial or {}).items():
        block._collect_params_with_prefix()[name].set_data(mx.nd.array(values, ctx=device))
    run.average.begin()
    raise_interrupt()
    engine_has_started()
    return run


def new_totals() -> dict[str, Any]:
    return {"loss": 0.0, "correct": 0, "reviews": 0, "seconds": 0.0}


def fit(run: Run, callbacks: Sequence) -> None:
    """Train until the last epoch, or until a callback sets ``run.stop``.

    Of several processes each comes through here, with the same `run.epoch` and
    `run.batch` at the same time; only rank 0 has callbacks.

    Parameters
    ----------
    run : Run
        Fresh, or restored in the middle of an epoch.
    callbacks : sequence of Callback
    """
    _tell(callbacks, "on_train_begin", run)
    try:
        with ONE_THREAD:
            while run.epoch < run.epochs and not run.group.agree(run.stop):
                train_epoch(run, callbacks)
                if run.batch < run.batches_per_epoch:
                    break  # stopped inside the epoch; a resumed run goes on there
                finish_epoch(run)
                require_equal_parameters(run)
                _tell(callbacks, "on_epoch_end", run)
    finally:  # after an error too: signals and the progress bar are put back
        _tell(callbacks, "on_train_end", run)


def train_epoch(run: Run, callbacks: Sequence) -> None:
    """Train on what is left of the current epoch."""
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


def prepare(run: Run, plan: Sequence[Sequence[int]], number: int):
    """What `start_gradient` takes, for this process's share of a batch of the epoch.

    None when there is no such batch, or too few reviews in it for every process
    to get one. Its random numbers depend on seed, step and rank alone, so a
    resumed run repeats them.
    """
    lengths = run.train.texts.lengths
    positions = run.group.share(plan[number], lengths.__getitem__) if number < len(plan) else ()
    if not positions:
        return None
    step = run.step - run.batch + number
    rng = np.random.default_rng([run.settings.seed, step, run.group.rank])
    seed = int(rng.integers(2**31 - 1))
    inputs, targets, offsets = run.arrays(run.train, positions, run.settings.word_dropout, rng)
    masks = (to_device(mask, run.device) for mask in run.task.masks(run.model, inputs, rng))
    return (targets, *([] if offsets is None else [offsets]), *inputs, *masks), seed


def train_batch(run: Run, batch, callbacks: Sequence, meanwhile: Callable):
    """One step; returns what `meanwhile` does while the device computes."""
    sums = start_gradient(run, batch) if batch else ()
    done = meanwhile()
    values = [float(array.asscalar()) for array in sums] or [0.0, 0.0]
    loss, correct, reviews = run.group.add_gradients(
        gradients(run), [*values, len(batch[0][0]) if batch else 0], present=bool(batch)
    )
    run.gradient_scale, run.batch_reviews = 1.0, int(reviews)
    _tell(callbacks, "on_gradient", run)
    rate, scale = run.group.agree((run.trainer.learning_rate, run.gradient_scale))
    run.trainer.set_learning_rate(rate)
    # Scaling through the batch size keeps the embedding's gradient sparse.
    run.trainer.step(run.batch_reviews / scale)
    run.average.update(run.step + 1)
    run.totals["loss"] += loss
    run.totals["correct"] += int(correct)
    run.totals["reviews"] += run.batch_reviews
    return done


def start_gradient(run: Run, batch):
    """Let the device compute the gradient of a share; its loss and right answers, not waited for."""
    arrays, seed = batch
    if run.seeds_mxnet:
        mx.random.seed(seed, ctx=run.device)
    with mx.autograd.record():
        loss, correct = run.objective(*arrays)
    loss.backward()
    raise_interrupt()
    return loss, correct


def gradients(run: Run) -> list:
    """The gradient arrays, in an order that all processes share."""
    for parameter in run.parameters:
        # Where the share was empty the sum comes from others; the Trainer would refuse it as stale.
        parameter.data()._fresh_grad = True
    return [p.grad() for p in run.parameters]


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
    """Loss (not smoothed) and accuracy on the validation reviews, of averaged weights where there are some."""
    with run.average.standing_in():
        return _validate(run)


def _validate(run: Run) -> dict[str, float]:
    lengths = run.valid.texts.lengths
    loss = correct = 0.0
    cross_entropy = run.task.loss(0.0)
    give_back_memory()  # what batches of other lengths left in pieces
    plan = plan_batches(lengths.tolist(), run.settings.batch_size)
    for positions in plan[run.group.rank :: run.group.size]:
        inputs, targets, offsets = run.arrays(run.valid, positions)
        logits, _ = run.model(*inputs)
        if offsets is not None:
            logits = logits + offsets
        loss += float(cross_entropy(logits, targets).sum().asscalar())
        correct += int(run.task.correct(mx.nd, logits, targets).sum().asscalar())
        raise_interrupt()
    loss, correct = run.group.total([loss, correct])
    return {"valid_loss": loss / len(lengths), "valid_accuracy": correct / len(lengths)}


def require_equal_parameters(run: Run) -> None:
    """Stop where processes that must have equal parameters do not: the result could not be trusted."""
    if run.group.size > 1:
        weights = sorted(get_weights(run.model).items())
        digest = [(name, zlib.crc32(values.tobytes())) for name, values in weights]
        if run.group.agree(digest) != digest:
            raise GluonAttnError("training processes came to different parameters: train with --workers 1.")


def _tell(callbacks: Sequence, event: str, run: Run) -> None:
    for callback in callbacks:
        getattr(callback, event)(run)
