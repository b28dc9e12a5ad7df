"""A training run: its texts, settings and progress. One file for each framework computes the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ..data.batches import plan_batches
from .parallel import ALONE, Group
from .settings import TrainingSettings


class Part(NamedTuple):
    """Texts to train on or to validate on.

    Attributes
    ----------
    texts : Packed
        The texts, or an object with the same `lengths`, `fixed` and `batch`.
    targets : numpy.ndarray, float32, shape (texts, classes)
        Rows of probabilities.
    offsets : numpy.ndarray, float32, shape (texts, classes), or None
        Logits of the linear branch, from a fit without the text.
    """

    texts: Any
    targets: NDArray[Any]
    offsets: NDArray[Any] | None = None

    def take(self, positions: Sequence[int], word_dropout: float = 0.0,
             rng: np.random.Generator | None = None) -> tuple[Any, ...]:
        """Return the model's inputs, as from `Packed.batch`, the targets, and the offsets or None.

        Parameters
        ----------
        positions : sequence of int
        word_dropout : float, default 0
            Fraction of words that are replaced by ``<unk>``.
        rng : numpy.random.Generator or None
            Needed for word dropout.
        """
        offsets = None if self.offsets is None else self.offsets[positions]
        return self.texts.batch(positions, word_dropout, rng), self.targets[positions], offsets


class Run:
    """A training run. Callbacks read it, and a resume file restores it.

    A subclass for each framework (`gluonattn.training.mxnet_run`, `gluonattn.training.torch_run`) has the model, and
    computes gradients and steps.

    Attributes
    ----------
    model : HybridBlock or torch.nn.Module
    settings : TrainingSettings
    task : Task
        The parts that depend on the recipe.
    train, valid : Part
    labelled : int
        Number of texts of `train`, the first ones, with their own labels. These are read in every epoch, the others only in
        the first ``settings.extra_epochs``.
    history : list of dict
        One plain dict for each finished epoch.
    epoch, batch : int
        Number of finished epochs, and of finished batches of the next epoch.
    totals : dict
        Sums over the batches of the current epoch.
    gradient_scale : float
        Factor of this step's gradient, set by callbacks.
    batch_reviews : int
        Number of reviews in the current batch, including those of other processes.
    step_losses : list of float
        Loss of each step so far, if the task keeps them.
    stop : str or None
        The reason to stop. Callbacks set it to stop the run, and never raise.
    group : Group
        The processes that train together.
    learning_rate : float
        Rate of the next step. A callback may set it.
    device_name : str
        The device as given to `new_run`.
    """

    model: Any
    learning_rate: float
    device_name = "cpu"

    def __init__(self, settings: TrainingSettings, train: Part, valid: Part, labelled: int, group: Group = ALONE):
        self.settings = cast(Any, settings)  # resolved, so no field is None
        self.group = group
        self.train, self.valid, self.labelled = train, valid, labelled
        self.task = settings.make_task()
        self.history: list[dict[str, Any]] = []
        self.epoch = self.batch = 0
        self.totals = new_totals()
        self.gradient_scale = 1.0
        self.batch_reviews = 0
        self.step_losses: list[float] = []
        self.stop: str | None = None
        extra_epochs, epochs = self.settings.extra_epochs, self.settings.epochs
        self.epochs: int = extra_epochs + epochs
        self._batches = [*[len(self.plan(0))] * extra_epochs, *[len(self.plan(extra_epochs))] * epochs]

    @property
    def batches_per_epoch(self) -> int:
        """Number of batches in the current epoch, or in the last one when all are done."""
        return self._batches[min(self.epoch, self.epochs - 1)]

    @property
    def step(self) -> int:
        """Number of steps since the start."""
        return sum(self._batches[: self.epoch]) + self.batch

    @property
    def steps(self) -> int:
        """Number of steps of the whole run."""
        return sum(self._batches)

    def plan(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch, the same at every call."""
        seed = self.settings.seed * 1_000_003 + epoch
        texts, size = self.train.texts, self.settings.batch_size
        lengths = texts.lengths[: self.labelled] if epoch >= self.settings.extra_epochs else texts.lengths
        if texts.fixed is None:
            return plan_batches(lengths, size, seed)
        order = np.random.default_rng(seed).permutation(len(lengths)).tolist()
        return [order[i : i + size] for i in range(0, len(order), size)]

    # A framework's subclass implements the methods below.

    def arrays(self, part: Part, positions: Sequence[int], word_dropout: float = 0.0,
               rng: np.random.Generator | None = None) -> tuple[Any, ...]:
        """The result of `Part.take`, on the device.

        Parameters
        ----------
        part : Part
        positions, word_dropout, rng
            As for `Part.take`.
        """
        raise NotImplementedError

    def draw_masks(self, inputs: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, ...]:
        """Dropout masks of a batch, on the device. None if the framework draws dropout itself.

        Parameters
        ----------
        inputs : tuple of arrays
            The model's inputs, on the device.
        rng : numpy.random.Generator
        """
        raise NotImplementedError

    def start_gradient(self, arrays: tuple[Any, ...], seed: int) -> Sequence[Any]:
        """Start to compute a gradient. Return the loss and the number of correct answers without waiting for them.

        Parameters
        ----------
        arrays : tuple
            Targets, offsets if there are any, inputs and masks.
        seed : int
            Seed of the dropout that has no mask.
        """
        raise NotImplementedError

    def add_gradients(self, sums: Sequence[Any], reviews: int) -> list[float]:
        """Wait for the gradient and sum it over all processes. Return loss, correct answers and reviews of the whole batch.

        Parameters
        ----------
        sums : sequence
            As `start_gradient` returns them. Empty if this process has no part of the batch.
        reviews : int
            Number of reviews in this process's part.
        """
        raise NotImplementedError

    def gradient_norm(self) -> float:
        """Global norm of the gradient. The gradient is a sum over the batch."""
        raise NotImplementedError

    def take_step(self, scale: float) -> None:
        """Update the parameters with the gradient's mean over the batch, and then the averaged weights.

        Parameters
        ----------
        scale : float
            Factor of the gradient.
        """
        raise NotImplementedError

    def measure(self, positions: Sequence[int]) -> tuple[float, float]:
        """Sum of the loss (not smoothed) and number of correct answers on some validation texts."""
        raise NotImplementedError

    def predict(self, inputs: tuple[Any, ...]) -> NDArray[Any]:
        """Logits of a batch, without dropout."""
        raise NotImplementedError

    def use_average(self) -> AbstractContextManager[None]:
        """Use the averaged weights, if they exist, instead of the parameters until the end of the block."""
        raise NotImplementedError

    def get_weights(self) -> dict[str, NDArray[Any]]:
        """Parameters by structural name."""
        raise NotImplementedError

    def size(self) -> int:
        """Number of the model's parameters."""
        return sum(values.size for values in self.get_weights().values())

    def collect_state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return parameters, averages and the optimizer's moments by name, and entries for a resume file's header."""
        raise NotImplementedError

    def restore_state(self, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any]) -> None:
        """Restore the state that `collect_state` returned.

        Parameters
        ----------
        tensors : mapping of str to numpy.ndarray
        header : mapping
            Header of the resume file.
        """
        raise NotImplementedError

    def state_shapes(self) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
        """Shapes of a state's required arrays, and of its optional arrays."""
        raise NotImplementedError


def new_totals() -> dict[str, Any]:
    return {"loss": 0.0, "correct": 0.0, "reviews": 0, "seconds": 0.0}
