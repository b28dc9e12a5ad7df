"""The trained block in MXNet: as an engine, and as a symbol with parameters."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...models.backend import Array
from ...models.checkpoint import set_weights
from ...models.numpy_ops import compute_in_numpy, raise_interrupt
from ...runtime import device as choose_device
from ...runtime import mx
from ..network import build
from .forward import inputs_of


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
    batch_size = 256  # most texts at once
    batch_pairs = 500_000  # most query-key pairs at once, which bounds memory

    def __init__(self, recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]],
                 device: str = "auto") -> None:
        self._device = choose_device(device)
        self.block = build(recipe, **model)
        set_weights(self.block, weights, self._device)
        if self._device.device_type == "cpu":
            compute_in_numpy(self.block)
        self.block.hybridize(static_alloc=True)

    def __call__(self, *arrays: Array) -> tuple[Array, Array]:
        """As `gluonattn.classifier.engines.forward.forward`, on numpy arrays."""
        inputs = (mx.nd.array(array, ctx=self._device, dtype=array.dtype) for array in arrays)
        logits, weights = self.block(*inputs)
        found = logits.asnumpy(), weights.asnumpy()
        raise_interrupt()
        return found


def dump_symbol(recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]]) -> tuple[bytes, bytes]:
    """Dump a model for MXNet's other languages: its symbol as JSON, and its parameters in MXNet's binary format.

    Parameters
    ----------
    recipe : str
    model : dict
        Keyword arguments of the recipe's class.
    weights : mapping of str to numpy.ndarray

    Returns
    -------
    symbol, parameters : bytes
        Inputs are named as in `gluonattn.classifier.engines.forward.inputs_of`; outputs are logits and weights.
    """
    block = build(recipe, prefix="gluonattn_", **model)  # without an explicit name, MXNet numbers each block
    set_weights(block, weights, mx.cpu())
    outputs = block(*(mx.sym.var(name) for name in inputs_of(model)))
    symbol = mx.sym.Group(list(outputs))
    used = set(symbol.list_inputs())
    arrays = {f"arg:{name}": one.data() for name, one in block.collect_params().items() if name in used}
    with tempfile.TemporaryDirectory() as folder:  # MXNet writes arrays only to files
        path = Path(folder) / "parameters"
        mx.nd.save(str(path), arrays)
        return symbol.tojson().encode(), path.read_bytes()
