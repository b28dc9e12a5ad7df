"""What a module's softmaxes say, as one matrix from every query to every key.

Weights mostly lie between whole sequences as they are. Where a layer attends within windows, blocks or chunks, or to a few
keys only, each weight is put where its query and key stand; what no query may look at is marked in the bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .calls import Call
from .origins import LEARNED
from .positions import Like, Moved, Node, Pair, Root, nodes_in
from .rows import whole_rows
from .shares import Shares

SINK = "[sink]"


@dataclass(eq=False)
class Part:
    """Weights of one softmax at their true positions.

    Attributes
    ----------
    weights : (B, H, Tq, Tk + outside)
    seen : bool, (B or 1, 1, Tq, Tk + outside), or None
        Where queries may look; None where the scores say so themselves.
    covered : bool, (B, Tq)
        Queries that the softmax was computed for.
    between : origins of rows and columns
        As the positions told; None where they did not.
    """

    shares: Shares
    weights: np.ndarray
    seen: np.ndarray | None
    covered: np.ndarray
    outside: tuple[str, ...] = ()
    swapped: bool = False
    pooled: bool = False
    between: tuple[Any, Any] = (None, None)  # origins of rows and columns, where their places told


def calls_of(path: str, kind: str, found: list[Shares], to_numpy, training: bool) -> list[Call]:
    """The calls of a layer from the softmaxes of one run of it.

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
    """Whether a call's rows are some of those of the call before it, which they then became a part of.

    Parameters
    ----------
    before, after : Call
        Of one layer; `before` takes the rows over.
    """
    if before.covered is None or after.covered is None or before.pooled or after.pooled:
        return False
    one, other = before.weights, after.weights
    assert one is not None and other is not None
    if one.shape[:3] != other.shape[:3] or before.rows != after.rows or before.covered.shape != after.covered.shape:
        return False
    if (after.covered >= before.covered).all():  # the same rows again: attention of its own
        return False
    if one.shape[3] != other.shape[3]:
        return False
    rows = after.covered[:, None, :, None]
    before.weights = np.where(rows, other, one)
    before.bias = np.where(rows, np.broadcast_to(after.bias,  # type: ignore[arg-type]
                                                  (*rows.shape[:1], 1, *one.shape[2:])),
                           np.broadcast_to(before.bias,  # type: ignore[arg-type]
                                            (*rows.shape[:1], 1, *one.shape[2:])))
    before.covered = before.covered | after.covered
    before.local |= after.local
    before.queries = before.keys = before.values = None
    return True


def is_whole(shares: Shares) -> bool:
    """Whether weights are (B, H, Tq, Tk), or (B * H, Tq, Tk), from a whole sequence to whatever its keys are."""
    roots: dict[Root, int] = {}
    shares.node.roots(roots)
    pair = _product(shares.node)
    weights = shares.weights
    if not roots or pair is None or shares.axis != weights.dim() - 1 or _beside_learned(pair.other):
        return False
    first, known = next(iter(roots)), weights.shape[-1] in {root.length for root in roots}
    if weights.dim() == 4:
        return weights.shape[0] == first.batch and weights.shape[2] == first.length 
    # With a cache keys come from several passes, and their own positions are not told.
    return weights.dim() == 3 and weights.shape[1] == first.length and not weights.shape[0] % first.batch and not known


def _beside_learned(keys: Node) -> bool:
    """Whether keys are those of a sequence beside vectors that the model has learned."""
    roots: dict[Root, int] = {}
    keys.roots(roots)
    learned = [_is_learned(root) for root in roots]
    return any(learned) and not all(learned)


def _is_learned(root: Root) -> bool:
    return root.origin is not None and root.origin.name == LEARNED


def _product(node: Node) -> Pair | None:
    """The product that scores are, where they were at most viewed otherwise since."""
    while not isinstance(node, Pair):
        if isinstance(node, Like):
            node = node.parent
        elif isinstance(node, Moved) and getattr(node.function, "__name__", "") in ("view", "reshape"):
            node = nodes_in(node.args)[0]
        else:
            return None
    return node


def _part(shares: Shares, to_numpy) -> Part | None:
    roots: dict[Root, int] = {}
    shares.node.roots(roots)
    if not roots:
        return None
    if is_whole(shares):
        first = next(iter(roots))
        weights = whole_rows(to_numpy(shares.weights))
        if weights.ndim == 3:
            weights = weights.reshape(first.batch, -1, *weights.shape[1:])
        return Part(shares, weights, None, np.ones((first.batch, first.length), dtype=bool))
    return _placed(shares, roots, to_numpy)


class _Places:
    """Positions of one side, decoded: which root, which sentence, which position of it."""

    def __init__(self, numbers: np.ndarray, roots: dict[Root, int], axis: int):
        self.valid = numbers >= 0
        starts = np.array(list(roots.values()))
        self.root = np.clip(np.searchsorted(starts, numbers, side="right") - 1, 0, None)
        lengths = np.array([root.length for root in roots])[self.root]
        inside = numbers - starts[self.root]
        self.sentence, self.position = np.divmod(np.where(self.valid, inside, 0), lengths)
        self.lengths, self.batches = [r.length for r in roots], [r.batch for r in roots]
        counts = np.bincount(self.root[self.valid].ravel(), minlength=len(starts))
        self.origins = [root.origin for root in roots]
        # What a model has learned stands beside a sequence, however often it is looked at.
        self.main = int(np.where([_is_learned(root) for root in roots], np.minimum(counts, 1), 2 * counts).argmax())
        self.axis = axis

    def turned(self) -> _Places:
        """Sentences and positions the other way round: (T, B, ...)."""
        self.sentence, self.position = self.position, self.sentence
        self.lengths, self.batches = self.batches, self.lengths
        return self


def _placed(shares: Shares, roots: dict[Root, int], to_numpy) -> Part | None:
    places = [np.array(p.numpy()) for p in shares.node.places(roots, {})]
    if len(places) == 2:  # what stands for no position has one query, a state of a whole sentence
        places = [p for p in places if (p >= 0).any()]
    varying = [_varies(p, shares.axis) for p in places]
    if not any(varying):
        return None  # over features of one position: a router, a classifier, a vocabulary
    weights = to_numpy(shares.weights)
    if len(places) == 1:
        places = [np.where(places[0] >= 0, 0, -1), places[0]]
        pooled, swapped = True, False
    else:
        pooled, swapped = False, varying[0] and not varying[1]
        if swapped:
            places.reverse()
    columns = _Places(places[1], roots, shares.axis)
    rows = _Places(places[0], roots, shares.axis)
    if not _coordinate_varies(columns.position, columns.valid, shares.axis):
        columns.turned()
        rows.turned()
    if pooled:
        rows.sentence, rows.position, rows.valid = columns.sentence, np.zeros_like(columns.position), columns.valid
        rows.lengths, rows.batches, rows.root = [1] * len(roots), columns.batches, columns.root
        rows.main = columns.main
    return _scattered(shares, weights, rows, columns, swapped, pooled)


def _scattered(shares, weights, rows: _Places, columns: _Places, swapped: bool, pooled: bool) -> Part | None:
    length, batch = rows.lengths[rows.main], rows.batches[rows.main]
    others = [i for i in np.unique(columns.root[columns.valid]) if i != columns.main]
    sizes = [columns.lengths[columns.main], *(columns.lengths[i] for i in others)]
    offsets = np.zeros(len(columns.lengths), dtype=int)
    for i, start in zip(others, np.cumsum(sizes)):
        offsets[i] = start
    total = int(sum(sizes))
    valid = rows.valid & columns.valid & (rows.root == rows.main) & (rows.sentence == columns.sentence)
    head, heads = _heads(rows, columns, valid, shares.axis, offsets, total)
    if head is None or rows.position[valid].max(initial=0) >= length or rows.sentence[valid].max(initial=0) >= batch:
        return None
    at = (rows.sentence[valid], head[valid], rows.position[valid], columns.position[valid] + offsets[columns.root[valid]])
    matrix = np.zeros((batch, heads, length, total), dtype=np.float32)
    np.add.at(matrix, at, weights[valid])
    seen = np.zeros((batch, 1, length, total), dtype=bool)
    seen[at[0], 0, at[2], at[3]] = True
    covered = seen.any((1, 3))
    names = tuple(f"[{i}]" for i in range(total - sizes[0]))
    matrix, names = _with_sink(matrix, covered, names, _has_sink(shares, rows, columns, weights))
    if len(names) > total - sizes[0]:
        seen = np.concatenate([seen, covered[:, None, :, None]], -1)
    pooled = pooled or (length == 1 and shares.scores is not None and shares.scores.rows == shares.scores.columns)
    between = (None, None) if pooled else (rows.origins[rows.main], columns.origins[columns.main])
    return Part(shares, whole_rows(matrix), seen, covered, names, swapped, pooled, between)


def _has_sink(shares: Shares, rows: _Places, columns: _Places, weights: np.ndarray) -> bool:
    """Whether each row has a share that went to no position, always at the same place."""
    others = tuple(i for i in range(weights.ndim) if i != shares.axis)
    never = ~columns.valid.any(others)
    if not never.any():
        return False
    rest = np.compress(never, weights, shares.axis).sum(shares.axis)
    looked = rows.valid.any(shares.axis)
    return bool(looked.any()) and float(np.median(rest[looked])) > 1e-7


def _with_sink(matrix: np.ndarray, covered: np.ndarray, names: tuple[str, ...], sink: bool):
    if not sink:
        return matrix, names
    rest = np.clip(1 - matrix.sum(-1, keepdims=True), 0, None) * covered[:, None, :, None]
    return np.concatenate([matrix, rest], -1), (*names, SINK)


def _heads(rows: _Places, columns: _Places, valid: np.ndarray, axis: int, offsets, total: int):
    """Number of the head of each element, and how many there are."""
    shape = valid.shape
    numbers = (rows.sentence * (rows.position.max() + 1) + rows.position) * total + columns.position + offsets[columns.root]
    numbers = np.where(valid, numbers, -1)
    free = [i for i in range(len(shape)) if shape[i] > 1 and i != axis and not _varies(numbers, i)]
    if len(free) == 1:
        steps = np.arange(shape[free[0]]).reshape([-1 if i == free[0] else 1 for i in range(len(shape))])
        return np.broadcast_to(steps, shape), shape[free[0]]
    flat = numbers[valid]
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    counts = np.diff(np.r_[starts, len(ordered)])
    if not len(counts) or (counts != counts[0]).any():
        return None, 0
    ranks = np.empty(len(flat), dtype=int)
    ranks[order] = np.arange(len(flat)) - np.repeat(starts, counts)
    head = np.zeros(shape, dtype=int)
    head[valid] = ranks
    return head, int(counts[0])


def _varies(numbers: np.ndarray, axis: int) -> bool:
    """Whether positions differ along an axis, where there are some."""
    if numbers.shape[axis] < 2:
        return False
    first, second = np.moveaxis(numbers, axis, 0)[:-1], np.moveaxis(numbers, axis, 0)[1:]
    return bool(((first != second) & (first >= 0) & (second >= 0)).any())


def _coordinate_varies(numbers: np.ndarray, valid: np.ndarray, axis: int) -> bool:
    return _varies(np.where(valid, numbers, -1), axis) or numbers.shape[axis] < 2


def _call(path: str, kind: str, part: Part, to_numpy) -> Call:
    shares, scores = part.shares, part.shares.scores
    rows = scores.rows if scores else shares.columns
    columns = scores.columns if scores else shares.columns
    if part.swapped:
        rows, columns = columns, rows
    rows, columns = part.between[0] or rows, part.between[1] or columns
    call = Call(path, kind, part.weights, rows=rows, columns=columns, outside=part.outside, how=shares.how,
                covered=None if part.covered.all() else part.covered, pooled=part.pooled)
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


def _fitted(bias: np.ndarray, shape) -> np.ndarray | None:
    """A bias broadcastable to (B, H, Tq, Tk)."""
    batch, heads = shape[:2]
    if bias.ndim == 3 and bias.shape[0] == batch * heads:
        return bias.reshape(batch, heads, *bias.shape[1:])
    while bias.ndim < 4:
        bias = bias[None]
    return bias


def _by_head(array: np.ndarray, batch: int, heads: int) -> np.ndarray | None:
    if array.ndim == 3 and array.shape[0] == batch * heads:
        return array.reshape(batch, heads, *array.shape[1:])
    if array.ndim == 4 and array.shape[0] in (1, batch) and array.shape[1] in (1, heads):
        return np.broadcast_to(array, (batch, heads, *array.shape[2:]))
    return None
