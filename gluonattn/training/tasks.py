"""The interface between the training loop and a task. Each task has a subclass in its own room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .run import Run
    from .settings import TrainingSettings


class Task:
    """The examples, model, loss and correct answers of a task.

    Attributes
    ----------
    unit : str
        Name of the examples.
    stage : str
        Name of a stage before the training itself. Empty for the training.
    best : str
        The figure in an epoch's history by which the best epoch is chosen. Higher is better.
    keep_step_losses : bool
        Whether the run keeps the loss of every step.
    settings : TrainingSettings
    """

    unit = "examples"
    stage = ""
    best = "valid_accuracy"
    keep_step_losses = False

    def __init__(self, settings: TrainingSettings):
        self.settings = settings

    def build(self, **model: Any) -> Any:
        """Build the model. ``model(*inputs)`` returns logits and weights."""
        raise NotImplementedError

    def loss(self, smoothing: float) -> Any:
        """Make a block that maps (logits, targets) to the losses (B,)."""
        raise NotImplementedError

    def correct(self, F: Any, logits: Any, targets: Any) -> Any:
        """Return 1 for each example with a correct answer, else 0; shape (B,).

        Parameters
        ----------
        F : module
            mxnet.nd, mxnet.sym or torch.
        logits, targets : array, shape (B, ...)
        """
        raise NotImplementedError

    def figures(self, run: Run) -> dict[str, float]:
        """More figures of an epoch, with names that begin with "valid_". The averaged weights are in use during the call.

        Parameters
        ----------
        run : Run
        """
        return {}

    def masks(self, model: Any, inputs: tuple[NDArray[Any], ...], rng: np.random.Generator) -> tuple[NDArray[Any], ...]:
        """Dropout masks for `forward`, float32. Dropout without a mask here is drawn by the framework.

        Parameters
        ----------
        model : HybridBlock or torch.nn.Module
            Its method `masks` gives their shapes and rates. Without that method there are no masks.
        inputs : tuple of arrays
            Inputs of the model. The first has shape (B, T).
        rng : numpy.random.Generator
        """
        if not hasattr(model, "masks"):
            return ()
        return tuple(dropout_mask(shape, rate, rng) for shape, rate in model.masks(*inputs[0].shape))

    def sparse_parameters(self, model: Any) -> Sequence[str]:
        """Names of tables for which torch, on the CPU, updates only the rows of a batch.

        Parameters
        ----------
        model : torch.nn.Module
        """
        return ()

    def forward(self, model: Any, inputs: tuple[Any, ...], masks: tuple[Any, ...]) -> Any:
        """Compute the logits in training.

        Parameters
        ----------
        model : HybridBlock
        inputs : tuple of arrays
        masks : tuple of arrays
            Dropout masks, as `masks` returns them.
        """
        return model(*inputs, *masks)[0]


def dropout_mask(shape: Sequence[int], rate: float, rng: np.random.Generator) -> NDArray[Any]:
    """Draw a dropout mask: 0 for dropped values, 1 / (1 - rate) for kept ones, float32.

    Parameters
    ----------
    shape : sequence of int
    rate : float
        Fraction of dropped values, in steps of 1/65536.
    rng : numpy.random.Generator
    """
    least = round(rate * 65536)
    numbers = np.frombuffer(rng.bytes(2 * math.prod(shape)), np.uint16).reshape(shape)
    return (numbers >= least) * np.float32(65536 / (65536 - least))
