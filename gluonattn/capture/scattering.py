"""Put weights within windows, blocks or chunks at the places of their queries and keys in the full matrix. numpy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .origins import LEARNED
from .positions import Root
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
        Keys to which queries may attend; None if the scores already show it.
    covered : bool, (B, Tq)
        Queries for which the softmax was computed.
    between : origins of rows and columns
        Found from the positions; None if unknown.
    nowhere : bool, (B, H, Tq), or None
        Queries whose mask hides every key.
    """

    shares: Shares
    weights: NDArray[Any]
    seen: NDArray[Any] | None
    covered: NDArray[Any]
    outside: tuple[str, ...] = ()
    swapped: bool = False
    pooled: bool = False
    between: tuple[Any, Any] = (None, None)  # origins of rows and columns, if their places show them
    nowhere: NDArray[Any] | None = None


def is_learned(root: Root) -> bool:
    """Whether a sequence is a parameter of the model."""
    return root.origin is not None and root.origin.name == LEARNED


class _Places:
    """Decoded positions of one side: root, sentence and position."""

    def __init__(self, numbers: NDArray[Any], roots: dict[Root, int], axis: int) -> None:
        self.valid = numbers >= 0
        starts = np.array(list(roots.values()))
        self.root = np.clip(np.searchsorted(starts, numbers, side="right") - 1, 0, None)
        lengths = np.array([root.length for root in roots])[self.root]
        inside = numbers - starts[self.root]
        self.sentence, self.position = np.divmod(np.where(self.valid, inside, 0), lengths)
        self.lengths, self.batches = [r.length for r in roots], [r.batch for r in roots]
        counts = np.bincount(self.root[self.valid].ravel(), minlength=len(starts))
        self.origins = [root.origin for root in roots]
        # Learned vectors are not part of a sequence, however often they are attended to.
        self.main = int(np.where([is_learned(root) for root in roots], np.minimum(counts, 1), 2 * counts).argmax())
        self.axis = axis

    def turned(self) -> _Places:
        """Swap sentences and positions: (T, B, ...)."""
        self.sentence, self.position = self.position, self.sentence
        self.lengths, self.batches = self.batches, self.lengths
        return self


def placed(shares: Shares, roots: dict[Root, int], to_numpy: Callable[[Any], NDArray[Any]]) -> Part | None:
    """Put a softmax at its true positions. None if it runs over features of one position.

    Parameters
    ----------
    shares : Shares
    roots : dict of Root to int
        The first number of each root.
    to_numpy : callable of a tensor
    """
    places = [np.array(p.numpy()) for p in shares.node.places(roots, {})]
    if len(places) == 2:  # elements without a position have one query: the state of a whole sentence
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


def _scattered(shares: Any, weights: Any, rows: _Places, columns: _Places, swapped: bool,
               pooled: bool) -> Part | None:
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
    nowhere = _nowhere(shares, at, valid, covered, heads)
    return Part(shares, whole_rows(matrix), seen, covered, names, swapped, pooled, between, nowhere)


def _nowhere(shares: Shares, at: tuple[Any, ...], valid: NDArray[Any], covered: NDArray[Any],
             heads: int) -> NDArray[Any] | None:
    """Queries (B, H, Tq) without a key in any part of the softmax."""
    if shares.nowhere is None:
        return None
    once = [1 if axis == shares.axis else n for axis, n in enumerate(valid.shape)]
    lit = ~np.broadcast_to(shares.nowhere.cpu().numpy().reshape(once), valid.shape)[valid]
    looks = np.zeros((len(covered), heads, covered.shape[1]), dtype=bool)
    looks[tuple(part[lit] for part in at[:3])] = True
    result: NDArray[Any] | None = ~looks & covered[:, None]
    return result


def _has_sink(shares: Shares, rows: _Places, columns: _Places, weights: NDArray[Any]) -> bool:
    """Whether each row has a share without a position, always at the same place."""
    others = tuple(i for i in range(weights.ndim) if i != shares.axis)
    never = ~columns.valid.any(others)
    if not never.any():
        return False
    rest = np.compress(never, weights, shares.axis).sum(shares.axis)
    looked = rows.valid.any(shares.axis)
    return bool(looked.any()) and float(np.median(rest[looked])) > 1e-7


def _with_sink(matrix: NDArray[Any], covered: NDArray[Any], names: tuple[str, ...],
               sink: bool) -> tuple[NDArray[Any], tuple[str, ...]]:
    if not sink:
        return matrix, names
    rest = np.clip(1 - matrix.sum(-1, keepdims=True), 0, None) * covered[:, None, :, None]
    return np.concatenate([matrix, rest], -1), (*names, SINK)


def _heads(rows: _Places, columns: _Places, valid: NDArray[Any], axis: int, offsets: Any,
           total: int) -> tuple[NDArray[Any] | None, int]:
    """The head number of each element, and the number of heads."""
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


def _varies(numbers: NDArray[Any], axis: int) -> bool:
    """Whether positions differ along an axis, among elements that have one."""
    if numbers.shape[axis] < 2:
        return False
    first, second = np.moveaxis(numbers, axis, 0)[:-1], np.moveaxis(numbers, axis, 0)[1:]
    return bool(((first != second) & (first >= 0) & (second >= 0)).any())


def _coordinate_varies(numbers: NDArray[Any], valid: NDArray[Any], axis: int) -> bool:
    return _varies(np.where(valid, numbers, -1), axis) or numbers.shape[axis] < 2
