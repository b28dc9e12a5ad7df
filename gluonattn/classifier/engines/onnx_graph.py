"""The same classifier as an ONNX graph: each operation adds a node."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ...models.backend import Array, Backend, Number
from ...models.cells import CELLS
from .forward import forward, inputs_of

# Read by every onnxruntime since 1.11 (2022).
_OPSET, _IR = 15, 8


def onnx_model(recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]],
               notes: Mapping[str, Any] | None = None) -> onnx.ModelProto:
    """The classifier with any batch, length and number of n-grams.

    Inputs are ids (batch, length) and valid_length (batch,), int32, and the model's other inputs: evidence
    (batch, length, channels), float32; or subwords (batch, length, subwords) and ngrams (batch, ngrams), int32.
    Outputs are logits and weights, float32.

    Parameters
    ----------
    recipe : str
    model : dict
    weights : mapping of str to numpy.ndarray
        As `gluonattn.classifier.engines.choice.prepare` gives them.
    notes : mapping or None
        Stored in the model's metadata as JSON, one entry for each key.

    Returns
    -------
    onnx.ModelProto
    """
    graph = OnnxGraph(weights)
    axes: dict[str, list[Any]] = {
        "ids": ["batch", "length"], "valid_length": ["batch"], "subwords": ["batch", "length", "subwords"],
        "ngrams": ["batch", "ngrams"], "evidence": ["batch", "length", model.get("evidence")]}
    names = inputs_of(model)
    kinds = {"evidence": TensorProto.FLOAT}
    inputs = [helper.make_tensor_value_info(name, kinds.get(name, TensorProto.INT32), axes[name]) for name in names]
    logits, attention = forward(graph, recipe, model, *(_Value(graph, name) for name in names))
    graph.name(logits, "logits")
    graph.name(attention, "weights")
    heads = CELLS[model["cell"]].heads(model["num_heads"])
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", model["classes"]]),
        helper.make_tensor_value_info("weights", TensorProto.FLOAT, ["batch", heads, "length", "length"]),
    ]
    built = helper.make_model(
        helper.make_graph(graph.nodes, "gluonattn", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="gluonattn", ir_version=_IR)
    helper.set_model_props(built, {key: json.dumps(value) for key, value in (notes or {}).items()})
    onnx.checker.check_model(built)
    return built


class _Value:
    """The output of a node."""

    def __init__(self, graph: OnnxGraph, name: str) -> None:
        self._graph, self.name = graph, name

    def __add__(self, other: Array) -> Array:
        return self._graph.node("Add", self, other)

    def __sub__(self, other: Array) -> Array:
        return self._graph.node("Sub", self, other)

    def __mul__(self, other: Array) -> Array:
        return self._graph.node("Mul", self, other)

    def __truediv__(self, other: Array) -> Array:
        return self._graph.node("Div", self, other)


class OnnxGraph(Backend):
    """Nodes and constants of a graph; its methods are the operations that `forward` uses."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._weights = weights
        self._taken: set[str] = set()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, *inputs: Array, outputs: int = 1, **attributes: Any) -> Array:
        """Add a node to the graph.

        Parameters
        ----------
        kind : str
            Name of an ONNX operator.
        *inputs
            Values. A number becomes a float constant; None is an input that is left out.
        outputs : int, default 1
        **attributes
            The operator's attributes.

        Returns
        -------
        _Value
            The first output.
        """
        names = ["" if x is None else x.name if isinstance(x, _Value) else self._constant(np.float32(x)).name
                 for x in inputs]
        found = [_Value(self, f"{kind.lower()}_{len(self.nodes)}_{i}") for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, names, [v.name for v in found], **attributes))
        return found[0]

    def name(self, value: _Value, name: str) -> None:
        """Make a value an output of the graph.

        Parameters
        ----------
        value : _Value
        name : str
            Name of the output.
        """
        self.nodes.append(helper.make_node("Identity", [value.name], [name]))

    def weight(self, name: str) -> Array:
        return self._named(name, self._weights[name])

    def embed(self, name: str, ids: Array) -> Array:
        return self.node("Gather", self.weight(f"{name}.weight"), ids)

    def bag(self, name: str, numbers: Array) -> Array:
        return self.node("ReduceSum", self.embed(name, numbers), self._integers(-2), keepdims=0)

    def count(self, numbers: Array) -> Array:
        real = self.node("Greater", numbers, self._constant(np.int32(0)))
        return self.sum(self._float(real))

    def linear(self, inputs: Array, weight: str, bias: str | None = None) -> Array:
        transposed = self._named(f"{weight}.T", np.ascontiguousarray(self._weights[weight].T))
        product = self.node("MatMul", inputs, transposed)
        return product if bias is None else product + self.weight(bias)

    def mask(self, ids: Array, valid_length: Array | None) -> Array:
        ones = self.node("ConstantOfShape", self.node("Shape", ids),
                         value=numpy_helper.from_array(np.ones(1, np.float32)))
        if valid_length is None:
            return ones
        places = self.node("CumSum", ones, self._constant(np.int64(1)))  # 1, 2, ... in each row
        real = self.node("LessOrEqual", places, self.expand(self._float(valid_length), 1))
        return self._float(real)

    def recurrent(self, inputs: Array, valid_length: Array | None, prefixes: tuple[str, str]) -> Array:
        parts = [[_update_first(self._weights[prefix + name]) for prefix in prefixes]
                 for name in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")]
        weight_in, weight_h, bias_in, bias_h = (np.stack(part) for part in parts)
        states = self.node(
            "GRU", self.node("Transpose", inputs, perm=[1, 0, 2]), self._constant(weight_in),
            self._constant(weight_h), self._constant(np.concatenate([bias_in, bias_h], axis=1)), valid_length,
            hidden_size=weight_h.shape[2], direction="bidirectional", linear_before_reset=1)  # (T, 2, B, H)
        states = self.node("Transpose", states, perm=[2, 0, 1, 3])
        return self._reshape(states, 0, 0, -1)

    def additive(self, query: Array, key: Array, v: Array) -> Array:
        together = self.node("Tanh", self.expand(query, 2) + self.expand(key, 1))  # (B, T, T, U)
        return self._reshape(self.node("MatMul", together, self.node("Transpose", v, perm=[1, 0])), 0, 0, -1)

    def softmax(self, scores: Array, mask: Array) -> Array:
        return self.node("Softmax", self.hide(scores, mask), axis=-1) * mask

    def hide(self, scores: Array, mask: Array) -> Array:
        return self.node("Where", self._true(mask), scores, -1e18)

    def greatest(self, values: Array) -> Array:
        return self.node("ReduceMax", values, axes=[-1], keepdims=1)

    def largest(self, values: Array, mask: Array) -> Array:
        values = self.node("Where", self._true(self.expand(mask, 2)), values, -1e9)
        return self.node("ReduceMax", values, axes=[1], keepdims=0)

    def identity(self, values: Array) -> Array:
        length = self.node("Gather", self.node("Shape", values), self._integers(1, 1))
        zeros = self.node("ConstantOfShape", length, value=numpy_helper.from_array(np.zeros(1, np.float32)))
        return self.node("EyeLike", zeros)

    def split_heads(self, values: Array, heads: int) -> Array:
        return self.node("Transpose", self._reshape(values, 0, 0, heads, -1), perm=[0, 2, 1, 3])

    def merge_heads(self, values: Array) -> Array:
        return self._reshape(self.node("Transpose", values, perm=[0, 2, 1, 3]), 0, 0, -1)

    def matmul(self, first: Array, second: Array) -> Array:
        return self.node("MatMul", first, second)

    def swap(self, values: Array) -> Array:
        return self.node("Transpose", values, perm=[0, 1, 3, 2])

    def expand(self, values: Array, axis: int) -> Array:
        return self.node("Unsqueeze", values, self._integers(axis))

    def flatten(self, values: Array) -> Array:
        return self.node("Flatten", values)

    def concat(self, parts: Sequence[Array]) -> Array:
        return self.node("Concat", *parts, axis=-1)

    def sum(self, values: Array) -> Array:
        return self.node("ReduceSum", values, self._integers(-1), keepdims=1)

    def sqrt(self, values: Array) -> Array:
        return self.node("Sqrt", values)

    def at_least(self, values: Array, least: Number) -> Array:
        return self.node("Max", values, least)

    def dropout(self, values: Array, rate: float) -> Array:
        return values

    def _float(self, value: Array) -> Array:
        return self.node("Cast", value, to=TensorProto.FLOAT)

    def _true(self, value: Array) -> Array:
        return self.node("Cast", value, to=TensorProto.BOOL)

    def _reshape(self, value: Array, *shape: int) -> Array:
        return self.node("Reshape", value, self._integers(*shape))  # 0 keeps an axis

    def _integers(self, *values: int) -> Array:
        return self._constant(np.array(values, np.int64))

    def _constant(self, values: Array) -> Array:
        return self._named(f"constant_{len(self.constants)}", np.asarray(values))

    def _named(self, name: str, values: Array) -> Array:
        if name not in self._taken:
            self._taken.add(name)
            self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return _Value(self, name)


def _update_first(values: Array) -> Array:
    """ONNX wants a GRU's gates as update, reset, new; here they are reset, update, new."""
    reset, update, new = np.split(values, 3)
    return np.concatenate([update, reset, new])
