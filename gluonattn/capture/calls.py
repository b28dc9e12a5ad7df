"""What one attention layer did in one forward pass, and passes of one cached generation joined. numpy only."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from ..reference import Projection, merge_heads, softmax

NOWHERE = -1e4  # scores lowered by as much or more are masked


@dataclass
class Call:
    """One attention layer's work in one forward pass.

    Attributes
    ----------
    layer : str
        Dotted path of the module.
    kind : {"self", "encoder", "decoder", "cross"}
        What the layer's class says; `kinds.settled` says what the sequences are.
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
    rows, columns : hashable, or None
        The sequences that queries and keys were made of; None where nothing told.
    declared : bool
        The user said the kind.
    training : bool
        The layer was in training mode.
    softcap : float or None
        Scores go through softcap * tanh(score / softcap).
    advice : str or None
        What makes this layer give weights, where it gave none or something else.
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
    rows: Hashable = None
    columns: Hashable = None
    declared: bool = False
    training: bool = False
    softcap: float | None = None
    advice: str | None = None

    def looks(self) -> np.ndarray | None:
        """(B or 1, H or 1, Tq), False at queries whose mask lets them look nowhere; None without a mask."""
        if self.bias is None:
            return None
        return np.broadcast_to(self.bias > NOWHERE, np.broadcast_shapes(self.bias.shape, (1, 1, 1, 1))).any(-1)


@dataclass(eq=False)
class Generation:
    """One call of ``generate()``."""

    beams: int = 1
    copies: int = 1  # of each sentence: num_return_sequences
    padding: np.ndarray | None = None  # (B, T), True at the padding of what it was given
    ids: np.ndarray | None = None  # (B, T), what it returned


@dataclass
class Pass:
    """One forward pass: its calls in order, and what is known of the sequences in it.

    `ids` and `padding` are by sequence; in what `kinds.settled` gives, by side: "source" and "target".
    """

    whole: bool = False  # of the model given, not of a part of it
    open: bool = True
    calls: list[Call] = field(default_factory=list)
    ids: dict[Hashable, np.ndarray] = field(default_factory=dict)  # (B, T)
    padding: dict[Hashable, np.ndarray] = field(default_factory=dict)  # (B, T), True at padding
    steps: int = 0  # positions that later steps of a generation added
    generation: Generation | None = None
    sides: dict[Hashable, str] = field(default_factory=dict)  # of the sequences

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
    scores = call.scale * (call.queries @ np.swapaxes(call.keys, -1, -2))
    if call.softcap:
        scores = call.softcap * np.tanh(scores / call.softcap)
    if call.bias is not None:
        scores = scores + np.maximum(call.bias, np.finfo(np.float32).min)
    expected = softmax(scores)
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
    looks = call.looks()
    return np.ones((1, 1, 1), dtype=bool) if looks is None else looks


def joined(passes: list[Pass]) -> list[Pass]:
    """Passes in which each step of a generation continues the one before, as one pass.

    A step may be given the new token and look back on a cache (which may be longer than the text, or hold its last
    tokens only), or be given all tokens anew. A cache of just the right length is also understood where
    ``generate()`` was not called.
    """
    found: list[Pass] = []
    for each in passes:
        if not each.calls:
            continue
        last = found[-1] if found else None
        if last is not None and _repeats(last, each):
            found[-1] = _longer_pass(last, each, new=each.ids[_growing(each)].shape[1] - last.ids[_growing(each)].shape[1],
                                     anew=True)
        elif last is not None and _continues(last, each):
            found[-1] = _longer_pass(last, each, new=_decoder(each)[0].weights.shape[2], anew=False)  # type: ignore[union-attr]
        else:
            found.append(replace(each, calls=[_fitted(c, 0) if _grows(c) else c for c in each.calls])
                         if each.generation else each)
    return found


def _decoder(one: Pass) -> list[Call]:
    return [c for c in one.calls if _grows(c)]


def _grows(call: Call) -> bool:
    return call.kind == "decoder" and call.weights is not None


def _growing(one: Pass) -> str:
    return "target" if "target" in one.ids else "source"


def _same_generation(before: Pass, after: Pass) -> bool:
    return before.generation is not None and before.generation is after.generation


def _repeats(before: Pass, after: Pass) -> bool:
    """Whether a step reads all tokens of the steps before it again."""
    old, new = before.ids.get(_growing(after)), after.ids.get(_growing(after))
    return (_same_generation(before, after) and old is not None and new is not None and len(old) == len(new)
            and new.shape[1] > old.shape[1] and bool((new[:, :old.shape[1]] == old).all()) and bool(_decoder(after))
            and all(c.weights.shape[2] == new.shape[1] for c in _decoder(after)))  # type: ignore[union-attr]


def _continues(before: Pass, after: Pass) -> bool:
    """Whether a step's decoder looks back on the positions of the passes before it."""
    first = {c.layer: c for c in reversed(_decoder(before))}
    steps = _decoder(after)
    if not steps or any(c.layer not in first or len(c.weights) != len(first[c.layer].weights)  # type: ignore[arg-type]
                        for c in steps):
        return False
    keys = {c.layer: c.weights.shape[3] for c in before.calls if c.weights is not None and not _grows(c)}
    if any(c.weights is not None and keys.get(c.layer, c.weights.shape[3]) != c.weights.shape[3]
           for c in after.calls if not _grows(c)):
        return False  # it looks at another source
    if _same_generation(before, after):
        return True
    return all(c.weights.shape[3] - len(c.outside) == first[c.layer].weights.shape[2] + c.weights.shape[2]  # type: ignore[union-attr]
               for c in steps)


def _longer_pass(before: Pass, after: Pass, *, new: int, anew: bool) -> Pass:
    steps = {(c.layer, c.kind): c for c in after.calls}

    def longer(call: Call) -> Call:
        step = steps.get((call.layer, call.kind))
        if step is None:
            return call
        return _fitted(step, 0) if anew and _grows(step) else step if anew else _longer(call, step)

    ids = {**before.ids, **after.ids}
    growing = _growing(after)
    if not anew and growing in before.ids and growing in after.ids:
        ids[growing] = np.concatenate([before.ids[growing], after.ids[growing]], 1)
    return replace(after, whole=before.whole or after.whole, calls=[longer(c) for c in before.calls], ids=ids,
                   padding={**before.padding, **after.padding}, steps=before.steps + new)


def _fitted(call: Call, before: int) -> Call:
    """A call whose keys are the positions so far: spare places of a static cache go, what a window left is empty."""
    if call.outside:
        return _behind(_fitted(_without(call), before), call)
    weights = call.weights
    assert weights is not None
    total, length = before + weights.shape[2], weights.shape[3]
    if length == total:
        return call
    if length < total:
        lost = total - length
        bias = np.zeros((1, 1, 1, 1)) if call.bias is None else call.bias
        bias = np.broadcast_to(bias, (*bias.shape[:2], *weights.shape[2:]))
        return replace(call, weights=_padded(weights, left=lost), bias=_padded(bias, left=lost, value=-np.inf))
    spare = weights[..., total:] if call.bias is None else None
    masked = (call.bias is not None and call.bias.shape[3] == length and bool((call.bias[..., total:] <= NOWHERE).all()))
    if not masked and (spare is None or spare.any()):
        return call
    return replace(call, weights=weights[..., :total], bias=None if call.bias is None else call.bias[..., :total],
                   keys=None if call.keys is None else call.keys[:, :, :total],
                   values=None if call.values is None else call.values[:, :, :total])


def _longer(call: Call, step: Call) -> Call:
    """The rows of a step below those before; keys that came later get no weight from earlier rows."""
    if call.weights is None or step.weights is None:
        return call if step.weights is not None else step
    if step.outside:
        return _behind(_longer(_without(call), _without(step)), call, step)
    if _grows(step):
        step = _fitted(step, call.weights.shape[2])
    grown = step.weights.shape[3] - call.weights.shape[3]  # type: ignore[union-attr]
    before = _padded(call.weights, right=grown)
    parts = {}
    if call.queries is not None and step.queries is not None:
        parts = {"queries": np.concatenate([call.queries, step.queries], 2)}
        for name in ("keys", "values"):
            old, new = getattr(call, name), getattr(step, name)
            kept = step.weights.shape[3] - new.shape[2]  # type: ignore[union-attr]  # a window has let go of these
            parts[name] = np.concatenate([old[:, :, :kept], new], 2) if kept > 0 else new
    if call.context is not None and step.context is not None:
        parts["context"] = np.concatenate([call.context, step.context], 1)
    shape = (*call.weights.shape[:2], call.weights.shape[2], step.weights.shape[3])  # type: ignore[union-attr]
    old = np.zeros((1, 1, 1, 1)) if call.bias is None else call.bias
    old = np.broadcast_to(old, (*np.broadcast_shapes(old.shape, (1, 1, 1, 1))[:2], *call.weights.shape[2:]))
    old = _padded(old, right=grown, value=-np.inf)
    new = np.zeros((1, 1, 1, 1)) if step.bias is None else step.bias
    old, new = np.broadcast_to(old, shape), np.broadcast_to(new, (*shape[:2], *step.weights.shape[2:]))  # type: ignore[union-attr]
    return replace(step, weights=np.concatenate([before, step.weights], 2), bias=np.concatenate([old, new], 2),  # type: ignore[list-item]
                   **parts)


def _without(call: Call) -> Call:
    """A call without the keys that stand for no token."""
    count = len(call.outside)
    bias = call.bias if call.bias is None or call.bias.shape[3] == 1 else call.bias[..., :-count]
    return replace(call, weights=call.weights[..., :-count], bias=bias, outside=())  # type: ignore[index]


def _behind(call: Call, *parts: Call) -> Call:
    """The keys that stand for no token behind the others again, from the calls that a call was made of."""
    outside = parts[0].outside
    count = len(outside)
    tail = np.concatenate([part.weights[..., -count:] for part in parts], 2)  # type: ignore[index]
    bias = call.bias if call.bias is None or call.bias.shape[3] == 1 else _padded(call.bias, right=count)
    return replace(call, weights=np.concatenate([call.weights, tail], 3), bias=bias, outside=outside)  # type: ignore[list-item]


def _padded(array: np.ndarray, *, left: int = 0, right: int = 0, value: float = 0.0) -> np.ndarray:
    return np.pad(array, ((0, 0), (0, 0), (0, 0), (left, right)), constant_values=value)
