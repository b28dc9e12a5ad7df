"""The block that was trained, in MXNet."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...models.checkpoint import set_weights
from ...models.numpy_ops import compute_in_numpy, raise_interrupt
from ...runtime import device as choose_device
from ...runtime import mx
from ..network import build


class MxnetClassifier:
    """A hybridized Gluon block behind numpy arrays.

    Parameters
    ----------
    recipe : str
    model : dict
    weights : mapping of str to numpy.ndarray
    device : str, default "auto"
        As in `gluonattn.runtime.device`.
    """

    parallel = False  # MXNet is not promised thread-safe

    def __init__(self, recipe: str, model: dict, weights: Mapping[str, np.ndarray], device: str = "auto"):
        self._device = choose_device(device)
        self.block = build(recipe, **model)
        set_weights(self.block, weights, self._device)
        if self._device.device_type == "cpu":
            compute_in_numpy(self.block)
        self.block.hybridize(static_alloc=True)

    def __call__(self, *arrays):
        """As `gluonattn.classifier.engines.forward.forward`, on numpy arrays."""
        inputs = (mx.nd.array(array, ctx=self._device, dtype=array.dtype) for array in arrays)
        logits, weights = self.block(*inputs)
        found = logits.asnumpy(), weights.asnumpy()
        raise_interrupt()
        return found
