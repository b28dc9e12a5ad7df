"""Assemble the weights of a module's softmaxes to one matrix from every query to every key.

Most weights are already between whole sequences. If a layer attends within windows, blocks or chunks, or only to a few
keys, each weight is put at the place of its query and key. Keys to which no query may attend are marked in the bias.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .calls import Call
from .positions import Like, Moved, Node, Pair, Root, nodes_in
from .rows import whole_rows
from .scattering import Part, is_learned, placed
from .shares import Shares


def calls_of(path: str, kind: str, found: list[Shares], to_numpy: Callable[[Any], NDArray[Any]],
             training: bool) -> list[Call]:
    """Make the calls of a layer from the softmaxes of one run of it.

    Parameters
    ----------
    path, kind : str
    found : list of Shares
        In the order in which they were used.
    to_numpy : callable of a tensor
    training : bool
    """
    calls: list[Call] = []
    parts = [part for shares in found if (part := _part(shares, to_numpy)) is not None]
    for part in parts:
        call = _call(path, kind, part, to_numpy)
        call.training = training
        if not (calls and merged(calls[-1], call)):
            calls.append(call)
    return calls


def merged(before: Call, after: Call) -> bool:
    """Whether a call has further rows of the previous call. If so, they are merged into it.

    Parameters
    ----------
    before, after : Call
        Calls of one layer. `before` receives the rows.
    """
    if before.covered is None or after.covered is None or before.pooled or after.pooled:
        return False
    one, other = before.weights, after.weights
    assert one is not None and other is not None
    if one.shape[:3] != other.shape[:3] or before.rows != after.rows or before.covered.shape != after.covered.shape:
        return False
    if (after.covered >= before.covered).all():  # the same rows again: a separate attention
        return False
    if one.shape[3] != other.shape[3]:
        return False
    rows = after.covered[:, None, :, None]
    before.weights = np.where(rows, other, one)
    before.bias = np.where(rows, np.broadcast_to(after.bias,  # type: ignore[arg-type]
                                                  (*rows.shape[:1], 1, *one.shape[2:])),
                           np.broadcast_to(before.bias,  # type: ignore[arg-type]
                                            (*rows.shape[:1], 1, *one.shape[2:])))
    if before.nowhere is not None or after.nowhere is not None:
        lost, its = (np.zeros(one.shape[:3], bool) if c.nowhere is None else c.nowhere for c in (before, after))
        before.nowhere = np.where(after.covered[:, None], its, lost)
    before.covered = before.covered | after.covered
    before.local |= after.local
    before.queries = before.keys = before.values = None
    return True


def is_whole(shares: Shares) -> bool:
    """Whether weights are (B, H, Tq, Tk), or (B * H, Tq, Tk), and the queries are a whole sequence."""
    roots: dict[Root, int] = {}
    shares.node.roots(roots)
    pair = _product(shares.node)
    weights = shares.weights
    if not roots or pair is None or shares.axis != weights.dim() - 1 or _beside_learned(pair.other):
        return False
    first, known = next(iter(roots)), weights.shape[-1] in {root.length for root in roots}
    if weights.dim() == 4:
        result: bool = weights.shape[0] == first.batch and weights.shape[2] == first.length
        return result
    # With a cache, keys come from several passes and their positions are unknown. A single token attends to itself.
    alone = tuple(weights.shape[1:]) == (1, 1)
    return (weights.dim() == 3 and weights.shape[1] == first.length and not weights.shape[0] % first.batch
            and (alone or not known))


def _beside_learned(keys: Node) -> bool:
    """Whether keys are those of a sequence together with learned vectors."""
    roots: dict[Root, int] = {}
    keys.roots(roots)
    learned = [is_learned(root) for root in roots]
    return any(learned) and not all(learned)


def _product(node: Node) -> Pair | None:
    """The product that made scores, if they were at most reshaped since."""
    while not isinstance(node, Pair):
        if isinstance(node, Like):
            node = node.parent
        elif isinstance(node, Moved) and getattr(node.function, "__name__", "") in ("view", "reshape"):
            node = nodes_in(node.args)[0]
        else:
            return None
    return node


def _part(shares: Shares, to_numpy: Callable[[Any], NDArray[Any]]) -> Part | None:
    roots: dict[Root, int] = {}
    shares.node.roots(roots)
    if not roots:
        return None
    if is_whole(shares):
        first = next(iter(roots))
        weights = whole_rows(to_numpy(shares.weights))
        if weights.ndim == 3:
            weights = weights.reshape(first.batch, -1, *weights.shape[1:])
        nowhere = None if shares.nowhere is None else shares.nowhere.cpu().numpy().reshape(weights.shape[:3])
        return Part(shares, weights, None, np.ones((first.batch, first.length), dtype=bool), nowhere=nowhere)
    return placed(shares, roots, to_numpy)


def _call(path: str, kind: str, part: Part, to_numpy: Callable[[Any], NDArray[Any]]) -> Call:
    shares, scores = part.shares, part.shares.scores
    rows = scores.rows if scores else shares.columns
    columns = scores.columns if scores else shares.columns
    if part.swapped:
        rows, columns = columns, rows
    rows, columns = part.between[0] or rows, part.between[1] or columns
    call = Call(path, kind, part.weights, rows=rows, columns=columns, outside=part.outside, how=shares.how,
                covered=None if part.covered.all() else part.covered, pooled=part.pooled, nowhere=part.nowhere)
    if part.seen is not None:
        call.bias = np.where(part.seen, 0.0, -np.inf).astype(np.float32)
        call.local = not part.seen[part.covered.nonzero()[0], 0, part.covered.nonzero()[1]].all()
        return call
    if scores is None:
        return call
    if scores.bias is not None and scores.followed:
        bias = to_numpy(scores.bias)
        call.bias = _fitted(bias, part.weights.shape)
    if scores.followed and scores.queries is not None:
        batch, heads = part.weights.shape[:2]
        parts = [_by_head(to_numpy(x), batch, heads) for x in (scores.queries, scores.keys, shares.values)
                 if x is not None]
        if len(parts) == 3 and all(p is not None for p in parts):
            call.queries, call.keys, call.values = parts
            call.scale, call.softcap = scores.scale, scores.cap or None
    return call


def _fitted(bias: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Make a bias broadcastable to (B, H, Tq, Tk)."""
    batch, heads = shape[:2]
    if bias.ndim == 3 and bias.shape[0] == batch * heads:
        return bias.reshape(batch, heads, *bias.shape[1:])
    while bias.ndim < 4:
        bias = bias[None]
    return bias


def _by_head(array: NDArray[Any], batch: int, heads: int) -> NDArray[Any] | None:
    if array.ndim == 3 and array.shape[0] == batch * heads:
        return array.reshape(batch, heads, *array.shape[1:])
    if array.ndim == 4 and array.shape[0] in (1, batch) and array.shape[1] in (1, heads):
        return np.broadcast_to(array, (batch, heads, *array.shape[2:]))
    return None
