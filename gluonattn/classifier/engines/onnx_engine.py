"""The ONNX model in onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from ...models.backend import Array
from .onnx_graph import onnx_model


class OnnxClassifier:
    """A classifier in onnxruntime, made in memory from the checkpoint's weights.

    Parameters
    ----------
    recipe : str
    model : dict
    weights : mapping of str to numpy.ndarray
        As `gluonattn.classifier.engines.choice.prepare` gives them.
    """

    parallel = True
    batch_size = 128  # most texts at once
    batch_pairs = 30_000  # most query-key pairs at once, so that intermediate arrays fit into the processor's cache

    def __init__(self, recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # whole batches run in parallel, so each one needs a single thread
        options.log_severity_level = 3  # errors only: the post's recipe does not use valid_length
        self.session = onnxruntime.InferenceSession(
            onnx_model(recipe, model, weights).SerializeToString(), options,
            providers=["CPUExecutionProvider"])
        self._inputs = [one.name for one in self.session.get_inputs()]

    def __call__(self, *arrays: Array) -> tuple[Array, Array]:
        """As `gluonattn.classifier.engines.forward.forward`, on numpy arrays."""
        return tuple(self.session.run(["logits", "weights"], dict(zip(self._inputs, arrays))))
