"""The work of one attention layer in one forward pass, and the joined passes of a cached generation. numpy only."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..reference import Projection, merge_heads, softmax

NOWHERE = -1e4  # scores that are lowered by at least this are masked


@dataclass
class Call:
    """One attention layer's work in one forward pass.

    Attributes
    ----------
    layer : str
        Dotted path of the module.
    kind : {"self", "encoder", "decoder", "cross"}
        The kind that the layer's class suggests. `kinds.settled` finds the kind from the sequences.
    weights : shape (B, H, Tq, Tk), or None if the layer gave none
    problem : str or None
        A fault of the weights, in words.
    queries, keys, values : shape (B, H, T, head_dim), or None
        After rotary embedding, with grouped keys repeated: exactly the factors of the product.
    scale : float
        Factor of the dot products.
    bias : broadcastable to (B, H, Tq, Tk), or None
        Added to the scores; -inf (or very low) where a query may not attend.
    padding : bool, shape (B, Tk), or None
        True at keys that are padding, if the layer was told.
    context : shape (B, Tq, width), or None
        The module's own mixture of the values.
    projection : Projection or None
        The projection of `context`, if only the projected context is visible.
    outside : tuple of str
        Names of keys that the layer itself appended and that are no tokens.
    rows, columns : hashable, or None
        The sequences from which queries and keys were made; None if unknown.
    declared : bool
        Whether the user gave the kind.
    training : bool
        Whether the layer was in training mode.
    softcap : float or None
        Scores become softcap * tanh(score / softcap).
    advice : str or None
        How to make this layer return weights, if it returned none or something else.
    how : str
        How the weights were taken, in words.
    covered : bool, shape (B, Tq), or None
        Queries that have a row, if they came in parts.
    pooled : bool
        Whether there is one query that is not a token, with one weight for each key.
    local : bool
        Whether some queries can never attend to some keys (windows, blocks).
    sinks : broadcastable to (B, H, Tq, 1), or None
        Scores of the sink, which is the last of `outside`.
    beside : int
        Number of positions that the model added to its input and that are left out.
    nowhere : bool, shape (B, H, Tq), or None
        True at queries for which every key is masked.
    """

    layer: str
    kind: str
    weights: NDArray[Any] | None
    problem: str | None = None
    queries: NDArray[Any] | None = None
    keys: NDArray[Any] | None = None
    values: NDArray[Any] | None = None
    scale: float = 1.0
    bias: NDArray[Any] | None = None
    padding: NDArray[Any] | None = None
    context: NDArray[Any] | None = None
    projection: Projection | None = None
    outside: tuple[str, ...] = ()
    rows: Hashable = None
    columns: Hashable = None
    declared: bool = False
    training: bool = False
    softcap: float | None = None
    advice: str | None = None
    how: str = "a hook"
    covered: NDArray[Any] | None = None
    pooled: bool = False
    local: bool = False
    sinks: NDArray[Any] | None = None
    beside: int = 0
    nowhere: NDArray[Any] | None = None

    def looks(self) -> NDArray[Any] | None:
        """(B or 1, H or 1, Tq), False at queries for which every key is masked; None without a mask."""
        lit = None if self.nowhere is None else ~self.nowhere
        if self.bias is None:
            return lit
        looks = np.broadcast_to(self.bias > NOWHERE, np.broadcast_shapes(self.bias.shape, (1, 1, 1, 1))).any(-1)
        result: NDArray[Any] | None = looks if lit is None else looks & lit
        return result


@dataclass(eq=False)
class Generation:
    """One call of ``generate()``."""

    beams: int = 1
    copies: int = 1  # of each sentence: num_return_sequences
    padding: NDArray[Any] | None = None  # (B, T), True at the padding of the input
    ids: NDArray[Any] | None = None  # (B, T), what it returned
    rows: NDArray[Any] | None = None  # (B, steps), the row of a sentence in each step's batch; -1 after its end
    ended: NDArray[Any] | None = None  # (B, T), True after the end of a sentence while others continue
    contrastive: bool = False  # it evaluates several candidates for each token and keeps one


@dataclass
class Pass:
    """One forward pass: its calls in order, and information about its sequences.

    `ids` and `padding` are by sequence. In the result of `kinds.settled` they are by side: "source" and "target".
    """

    whole: bool = False  # of the given model, not of a part of it
    open: bool = True
    calls: list[Call] = field(default_factory=list)
    ids: dict[Hashable, NDArray[Any]] = field(default_factory=dict)  # (B, T)
    padding: dict[Hashable, NDArray[Any]] = field(default_factory=dict)  # (B, T), True at padding
    steps: int = 0  # number of positions that later steps of a generation added
    generation: Generation | None = None
    sides: dict[Hashable, str] = field(default_factory=dict)  # of the sequences

    @property
    def size(self) -> int:
        """Number of sentences in the batch."""
        return next((len(c.weights) for c in self.calls if c.weights is not None), 0)


class Checked(NamedTuple):
    """The deviation of a layer from its formula, over the queries with at least one visible key."""

    layer: str
    kind: str
    heads: int
    weights_error: float  # largest |weights - softmax(scale Q K^T + bias)|
    context_error: float  # largest |weights V - the output of the attention|; NaN if the output is not visible


def kind_of_path(path: str) -> str:
    """The kind that a module's path in the model suggests."""
    words = path.lower()
    if any(w in words for w in ("cross", "encoder_attn", "encdec", "multihead_attn", "src_attn", "inter_attn")):
        return "cross"
    return "decoder" if "decoder" in words else "encoder" if "encoder" in words else "self"


def checked(call: Call) -> Checked | None:
    """Compare a call with its formula. None if its vectors were not captured."""
    if call.weights is None or call.queries is None or call.keys is None:
        return None
    scores = call.scale * (call.queries @ np.swapaxes(call.keys, -1, -2))
    if call.softcap:
        scores = call.softcap * np.tanh(scores / call.softcap)
    if call.bias is not None:
        bias = call.bias if call.sinks is None or call.bias.shape[-1] == 1 else call.bias[..., :-1]
        scores = scores + np.maximum(bias, np.finfo(np.float32).min)
    if call.sinks is not None:
        sinks = np.broadcast_to(call.sinks, (*scores.shape[:3], 1))
        scores = np.concatenate([scores, sinks], -1)
    expected = softmax(scores)
    rows = np.broadcast_to(_may_look(call), call.weights.shape[:3])[..., None]
    off = np.abs(np.where(rows, call.weights - expected, 0))
    context = float("nan")
    if call.context is not None and call.values is not None:
        mixed = merge_heads(np.where(rows, call.weights, 0)[..., :call.values.shape[2]] @ call.values)
        mixed = mixed if call.projection is None else call.projection(mixed)
        valid = rows[:, 0]
        context = float(np.max(np.abs(np.where(valid, mixed - call.context, 0)), initial=0))
    return Checked(call.layer, call.kind, call.weights.shape[1], float(off.max(initial=0)), context)


def _may_look(call: Call) -> NDArray[Any]:
    """Rows (B, 1 or H, Tq) with at least one key that is not masked. The values of other rows are arbitrary."""
    looks = call.looks()
    return np.ones((1, 1, 1), dtype=bool) if looks is None else looks
