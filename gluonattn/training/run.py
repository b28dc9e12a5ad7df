"""A training run: its model, its texts, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.batches import plan_batches, to_device
from ..models.numpy_ops import compute_in_numpy, raise_interrupt
from ..runtime import keep_freed_memory, mx, restore_engine_type, seed_everything, silence_lazy_update_notice
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
    """A training run: what callbacks read and a resume file restores.

    Attributes
    ----------
    model : HybridBlock
    trainer : mxnet.gluon.Trainer
    settings : TrainingSettings
    device : mxnet.Context
    task : Task
        What is special to the recipe.
    train, valid : Part
    labelled : int
        How many texts of `train`, the first ones, have labels of their own. They are read in every epoch;
        the others only in the first ``settings.extra_epochs``.
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

    def __init__(self, model, settings, train: Part, valid: Part, labelled: int, device, group: Group = ALONE):
        self.model, self.settings, self.device, self.group = model, settings, device, group
        self.train, self.valid, self.labelled = train, valid, labelled
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
        extra_epochs = self.settings.extra_epochs
        self.epochs = extra_epochs + self.settings.epochs
        self._batches = [*[len(self.plan(0))] * extra_epochs, *[len(self.plan(extra_epochs))] * self.settings.epochs]

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
        """Batches of an epoch: the same at every call."""
        seed = self.settings.seed * 1_000_003 + epoch
        texts, size = self.train.texts, self.settings.batch_size
        lengths = texts.lengths[: self.labelled] if epoch >= self.settings.extra_epochs else texts.lengths
        if texts.fixed is None:
            return plan_batches(lengths.tolist(), size, seed)
        order = np.random.default_rng(seed).permutation(len(lengths)).tolist()
        return [order[i : i + size] for i in range(0, len(order), size)]

    def arrays(self, part: Part, positions: Sequence[int], word_dropout: float = 0.0, rng=None) -> tuple:
        """Inputs of the model, as `Packed.batch` gives them, and targets and offsets, as MXNet arrays.

        Parameters
        ----------
        part : Part
        positions : sequence of int
        word_dropout : float, default 0
            Fraction of words that are replaced by ``<unk>``.
        rng : numpy.random.Generator or None
            Needed for that.
        """
        inputs = part.texts.batch(positions, word_dropout, rng)
        offsets = None if part.offsets is None else to_device(part.offsets[positions], self.device)
        return (tuple(to_device(array, self.device) for array in inputs),
                to_device(part.targets[positions], self.device), offsets)


def new_run(settings: TrainingSettings, model: Mapping, train: Part, valid: Part, labelled: int, device=None,
            group: Group = ALONE, initial: Mapping | None = None) -> Run:
    """A fresh run with an initialised, hybridized model.

    Parameters
    ----------
    settings : TrainingSettings
        Resolved.
    model : mapping
        Keyword arguments of the recipe's model, all of them.
    train, valid, labelled, group
        As for `Run`.
    device : mxnet.Context or None
        None is the CPU.
    initial : mapping of str to numpy.ndarray, or None
        First values of some parameters, by structural name; None leaves all to chance.
    """
    device = device or mx.cpu()
    seed_everything(settings.seed)
    keep_freed_memory()
    silence_lazy_update_notice()
    block = settings.make_task().build(**model)
    # Attention comes last, so that models with different cells start with the same values elsewhere.
    for name in sorted(block._children, key="attention".__eq__):
        block._children[name].initialize(mx.init.Xavier(), ctx=device)
    if device.device_type == "cpu":
        compute_in_numpy(block)
    run = Run(block, settings, train, valid, labelled, device, group)
    # One forward pass settles every shape that was left to be inferred.
    block(*run.arrays(train, [0])[0])
    for name, values in (initial or {}).items():
        block._collect_params_with_prefix()[name].set_data(mx.nd.array(values, ctx=device))
    run.average.begin()
    raise_interrupt()
    restore_engine_type()
    return run


def new_totals() -> dict[str, Any]:
    return {"loss": 0.0, "correct": 0, "reviews": 0, "seconds": 0.0}
