"""What one attention layer did in one forward pass, and passes of one cached generation joined. numpy only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from ..reference import Projection, attention_weights, merge_heads


@dataclass
class Call:
    """One attention layer's work in one forward pass.

    Attributes
    ----------
    layer : str
        Dotted path of the module.
    kind : {"self", "encoder", "decoder", "cross"}
    weights : shape (B, H, Tq, Tk), or None where the layer gave none
    problem : str or None
        What is wrong with the weights, in words.
    queries, keys, values : shape (B, H, T, head_dim), or None
        After every rotation, with grouped keys repeated: exactly what is multiplied.
    scale : float
        What dot products are multiplied with.
    bias : broadcastable to (B, H, Tq, Tk), or None
        Added to the scores; -inf (or very low) where a query may not look.
    padding : bool, shape (B, Tk), or None
        True at keys that are padding, where the layer was told.
    context : shape (B, Tq, width), or None
        The module's own result of mixing the values.
    projection : Projection or None
        What `context` has already gone through, where only that is to be seen.
    outside : tuple of str
        Names of keys appended by the layer itself that stand for no token.
    """

    layer: str
    kind: str
    weights: np.ndarray | None
    problem: str | None = None
    queries: np.ndarray | None = None
    keys: np.ndarray | None = None
    values: np.ndarray | None = None
    scale: float = 1.0
    bias: np.ndarray | None = None
    padding: np.ndarray | None = None
    context: np.ndarray | None = None
    projection: Projection | None = None
    outside: tuple[str, ...] = ()


@dataclass
class Pass:
    """One forward pass: its calls in order, and what is known of the two sides, "source" and "target"."""

    whole: bool = False  # of the model given, not of a part of it
    open: bool = True
    calls: list[Call] = field(default_factory=list)
    ids: dict[str, np.ndarray] = field(default_factory=dict)  # (B, T)
    padding: dict[str, np.ndarray] = field(default_factory=dict)  # (B, T), True at padding
    steps: int = 0  # positions that cached steps added

    @property
    def size(self) -> int:
        """Sentences in the batch."""
        return next((len(c.weights) for c in self.calls if c.weights is not None), 0)


class Checked(NamedTuple):
    """How far a layer is from its own formula, over the queries that may look somewhere."""

    layer: str
    kind: str
    heads: int
    weights_error: float  # |weights - softmax(scale Q K^T + bias)|, largest
    context_error: float  # |weights V - what the module went on with|, largest; NaN where it cannot be seen


def kind_of_path(path: str) -> str:
    """The kind that a module's place in the model suggests."""
    words = path.lower()
    if any(w in words for w in ("cross", "encoder_attn", "encdec", "multihead_attn", "src_attn", "inter_attn")):
        return "cross"
    return "decoder" if "decoder" in words else "encoder" if "encoder" in words else "self"


def checked(call: Call) -> Checked | None:
    """Hold a call to its formula; None where its vectors were not captured."""
    if call.weights is None or call.queries is None or call.keys is None:
        return None
    bias = None if call.bias is None else np.maximum(call.bias, np.finfo(np.float32).min)
    expected = attention_weights(call.queries, call.keys, scale=call.scale, bias=bias)
    rows = np.broadcast_to(_may_look(call), call.weights.shape[:3])[..., None]
    off = np.abs(np.where(rows, call.weights - expected, 0))
    context = float("nan")
    if call.context is not None and call.values is not None:
        mixed = merge_heads(np.where(rows, call.weights, 0) @ call.values)
        mixed = mixed if call.projection is None else call.projection(mixed)
        valid = rows[:, 0]
        context = float(np.max(np.abs(np.where(valid, mixed - call.context, 0)), initial=0))
    return Checked(call.layer, call.kind, call.weights.shape[1], float(off.max(initial=0)), context)


def _may_look(call: Call) -> np.ndarray:
    """Rows (B, 1 or H, Tq) with at least one key that is not masked; others are whatever the framework made."""
    if call.bias is None:
        return np.ones((1, 1, 1), dtype=bool)
    return np.broadcast_to(call.bias > -1e4, np.broadcast_shapes(call.bias.shape, (1, 1, 1, 1))).any(-1)


def joined(passes: list[Pass]) -> list[Pass]:
    """Passes in which each step of a cached generation continues the one before, as one pass."""
    found: list[Pass] = []
    for each in passes:
        if not each.calls:
            continue
        if found and _continues(found[-1], each):
            found[-1] = _append(found[-1], each)
        else:
            found.append(each)
    return found


def _continues(before: Pass, after: Pass) -> bool:
    """Whether a step's decoder looks back on exactly the positions of the passes before it."""
    first = {c.layer: c for c in reversed(before.calls) if c.kind == "decoder" and c.weights is not None}
    steps = [c for c in after.calls if c.kind == "decoder" and c.weights is not None]
    return bool(steps) and all(
        c.layer in first and c.weights.shape[0] == first[c.layer].weights.shape[0]  # type: ignore[union-attr]
        and c.weights.shape[3] == first[c.layer].weights.shape[2] + c.weights.shape[2]  # type: ignore[union-attr]
        for c in steps
    )


def _append(before: Pass, after: Pass) -> Pass:
    steps = {(c.layer, c.kind): c for c in after.calls}
    calls = [_longer(c, steps[c.layer, c.kind]) if (c.layer, c.kind) in steps else c for c in before.calls]
    ids = {**before.ids, **after.ids}
    growing = "target" if "target" in ids else "source"
    if growing in before.ids and growing in after.ids:
        ids[growing] = np.concatenate([before.ids[growing], after.ids[growing]], 1)
    new = next(c.weights.shape[2] for c in after.calls if c.kind == "decoder" and c.weights is not None)
    return Pass(before.whole or after.whole, after.open, calls, ids, {**before.padding, **after.padding},
                before.steps + new)


def _longer(call: Call, step: Call) -> Call:
    """The rows of a step below those before; keys that came later get no weight from earlier rows."""
    if call.weights is None or step.weights is None:
        return call if step.weights is not None else step
    grown = step.weights.shape[3] - call.weights.shape[3]
    before = np.pad(call.weights, ((0, 0), (0, 0), (0, 0), (0, grown)))
    parts = {}
    if call.queries is not None and step.queries is not None:
        parts = {"queries": np.concatenate([call.queries, step.queries], 2), "keys": step.keys, "values": step.values}
    if call.context is not None and step.context is not None:
        parts["context"] = np.concatenate([call.context, step.context], 1)
    shape = (*call.weights.shape[:2], call.weights.shape[2], step.weights.shape[3])
    old = np.zeros((1, 1, 1, 1)) if call.bias is None else call.bias
    old = np.broadcast_to(old, (*np.broadcast_shapes(old.shape, (1, 1, 1, 1))[:2], *call.weights.shape[2:]))
    old = np.pad(old, ((0, 0), (0, 0), (0, 0), (0, grown)), constant_values=-np.inf)
    new = np.zeros((1, 1, 1, 1)) if step.bias is None else step.bias
    old, new = np.broadcast_to(old, shape), np.broadcast_to(new, (*shape[:2], *step.weights.shape[2:]))
    return replace(step, weights=np.concatenate([before, step.weights], 2), bias=np.concatenate([old, new], 2),
                   **parts)
