"""A classifier's forward pass as a list of steps, for a program that implements only the operations."""

from __future__ import annotations

from typing import Any, Callable

from ..classifier.engines.forward import decide, inputs_of, mask_of, states_of, weights_of, words_of
from ..models.backend import Backend

_ARITHMETIC = {"__add__": "add", "__sub__": "subtract", "__mul__": "multiply", "__truediv__": "divide"}
# The operations of assets/tensors.js: all that a model without n-gram tables can use.
OPERATIONS = tuple(name for name in vars(Backend) if not name.startswith("_") and name not in ("bag", "count", "dropout"))


class Value:
    """The result of a step, identified by its number.

    Parameters
    ----------
    graph : GraphBackend
    number : int
    """

    def __init__(self, graph: GraphBackend, number: int):
        self.graph, self.number = graph, number


class GraphBackend:
    """A `Backend` that records each operation.

    Attributes
    ----------
    nodes : list of dict
        ``{"to": number, "does": name of the operation, "with": arguments}``. An argument that is the result of an earlier
        step is ``{"at": number}``.
    """

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.count_of_values = 0

    def value(self) -> Value:
        """Create a new value."""
        self.count_of_values += 1
        return Value(self, self.count_of_values - 1)

    def note(self, does: str, *given: Any) -> Value:
        """Add a step and return its result.

        Parameters
        ----------
        does : str
            Name of the operation.
        *given
            The arguments: values, numbers, strings, None, or lists of them.
        """
        made = self.value()
        self.nodes.append({"to": made.number, "does": does, "with": [_written(one) for one in given]})
        return made



def _written(given: Any) -> Any:
    if isinstance(given, Value):
        return {"at": given.number}
    return [_written(one) for one in given] if isinstance(given, (list, tuple)) else given


def _noting(name: str) -> Callable[..., Value]:
    return lambda self, *given: self.note(name, *given)


for _name in OPERATIONS:
    setattr(GraphBackend, _name, _noting(_name))
setattr(GraphBackend, "dropout", lambda self, values, rate: values)  # noqa: B010 (nothing is trained here)
for _name, _does in _ARITHMETIC.items():
    setattr(Value, _name, lambda self, other, does=_does: self.graph.note(does, self, other))


def graph_of(model: dict[str, Any]) -> dict[str, Any]:
    """The forward pass of the default recipe as a graph.

    Parameters
    ----------
    model : dict
        Every keyword argument of the recipe's class.

    Returns
    -------
    dict
        "nodes" as in `GraphBackend`. The numbers of the given values, "inputs" by name, and of the results, "weights" and
        "logits". "deciding" is the first step that reads attention weights.
    """
    graph: Any = GraphBackend()  # its operations are set by name, below the class
    recipe = "default"
    inputs = {name: graph.value() for name in inputs_of(model)}
    ids, valid_length, *more = inputs.values()
    mask = mask_of(graph, recipe, ids, valid_length)
    states = states_of(graph, recipe, model, words_of(graph, model, ids, *more), valid_length)
    weights = weights_of(graph, model, states, mask)
    deciding = len(graph.nodes)
    logits = decide(graph, recipe, model, states, weights, mask)
    return {"nodes": graph.nodes, "inputs": {name: value.number for name, value in inputs.items()},
            "weights": weights.number, "logits": logits.number, "deciding": deciding}
