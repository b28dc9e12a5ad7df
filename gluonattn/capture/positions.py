"""The positions and sequences of a tensor's elements, followed through every operation that moves them.

Local attention (windows, blocks, chunks) is computed on tensors with reordered, padded, repeated or concatenated positions
of a sequence. For each tensor, the operations that made it are noted, without its values. If a layer's weights are not
between whole sequences, these operations are run again on position numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from .letters import spread

NOWHERE = -1  # an element without a position: padding, a learned vector


class Node:
    """How a tensor was made.

    Attributes
    ----------
    shape : tuple of int
        Shape of the tensor.
    depth : int
        Number of operations back to a root.
    pair : bool
        Whether its elements belong to two positions (scores), not to one.
    """

    depth = 0
    pair = False
    shape: tuple[int, ...]

    def roots(self, found: dict[Root, int]) -> None:
        """Collect the roots of a node, in order, with the first number of each root's positions."""

    def places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        """Position of each element, or both positions of a pair: int64, in the tensor's shape; NOWHERE for none.

        Parameters
        ----------
        starts : dict of Root to int
            The first number of each root, as `roots` collected them.
        memo : dict
            Cache of computed positions.
        """
        if id(self) not in memo:
            memo[id(self)] = (self, self._places(starts, memo))  # keep the node too, so that its id stays unique
        result: tuple[Any, ...] = memo[id(self)][1]
        return result

    def _places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        raise NotImplementedError


class Root(Node):
    """An original sequence: (B, T, ...), or with positions on other axes, like a picture (B, D, h, w).

    Parameters
    ----------
    shape : sequence of int
    axes : tuple of int, default (1,)
        Axes of its positions.
    origin : Origin or None
        The sequence, if it is known.
    """

    def __init__(self, shape: Sequence[int], axes: tuple[int, ...] = (1,), origin: Any = None) -> None:
        self.shape, self.axes, self.origin = tuple(shape), axes, origin

    @property
    def batch(self) -> int:
        return self.shape[0]

    @property
    def length(self) -> int:
        length = 1
        for axis in self.axes:
            length *= self.shape[axis]
        return length

    def roots(self, found: dict[Root, int]) -> None:
        if self not in found:
            found[self] = sum(r.batch * r.length for r in found)

    def _places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        own = [n if i in (0, *self.axes) else 1 for i, n in enumerate(self.shape)]
        numbers = torch.arange(self.batch * self.length).view(own) + starts[self]
        return (numbers.expand(self.shape).contiguous(),)


class Like(Node):
    """A tensor with the positions of another one: of its shape, of another width, or broadcast.

    Parameters
    ----------
    parent : Node
    shape : sequence of int
    """

    parent: Node

    def __init__(self, parent: Node, shape: Sequence[int]) -> None:
        while isinstance(parent, Like):
            parent = parent.parent
        self.parent, self.shape, self.depth, self.pair = parent, tuple(shape), parent.depth, parent.pair

    def roots(self, found: dict[Root, int]) -> None:
        self.parent.roots(found)

    def _places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        parts = self.parent.places(starts, memo)
        if self.shape[:-1] == self.parent.shape[:-1] and self.shape != self.parent.shape:
            parts = tuple(p[..., :1] for p in parts)
        return tuple(p.expand(self.shape).contiguous() for p in parts)


class Moved(Node):
    """A tensor whose elements were moved: the operation and its arguments, with nodes for tensors.

    Parameters
    ----------
    function : callable
    args : tuple
    kwargs : dict
        What it was called with, nodes in place of tensors.
    at : int
        Which of its results.
    shape : sequence of int
    pair : bool
    strides : tuple of int or None
        Of what ``as_strided`` read.
    depth : int or None
        One more than that of the deepest node among the arguments; None looks for it.
    """

    checked = False  # whether each of its features has one position

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], at: int,
                 shape: Sequence[int], pair: bool, strides: Any = None, depth: int | None = None) -> None:
        self.function, self.args, self.kwargs, self.at = function, args, kwargs, at
        self.shape, self.pair, self.strides = tuple(shape), pair, strides
        self.depth = 1 + max((n.depth for n in nodes_in((args, kwargs))), default=0) if depth is None else depth

    def roots(self, found: dict[Root, int]) -> None:
        for node in nodes_in((self.args, self.kwargs)):
            node.roots(found)

    def _places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        found = []
        for side in range(1 + self.pair):
            given = _with_places((self.args, self.kwargs), side, starts, memo)
            if self.strides is not None:  # as_strided reads memory, not elements
                base = given[0][0]
                given[0][0] = torch.empty_strided(base.shape, self.strides, dtype=base.dtype).copy_(base)
            result = self.function(*given[0], **given[1])
            found.append(result if isinstance(result, torch.Tensor) else _tensor_at(result, self.at))
        return tuple(found)


class Written(Node):
    """A tensor with a written part.

    Parameters
    ----------
    target : Node
    index : object
        Where it was written.
    value : Node
    """

    def __init__(self, target: Node, index: Any, value: Node) -> None:
        self.target, self.index, self.value = target, index, value
        self.shape, self.pair = target.shape, target.pair or value.pair
        self.depth = 1 + max(target.depth, value.depth)

    def roots(self, found: dict[Root, int]) -> None:
        self.target.roots(found)
        self.value.roots(found)

    def _places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        found = []
        for side in range(1 + self.pair):
            target = _side(self.target.places(starts, memo), side).clone()
            target[self.index] = _side(self.value.places(starts, memo), side)
            found.append(target)
        return tuple(found)


class Nothing(Node):
    """A tensor without positions."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    def _places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        return (torch.full(self.shape, NOWHERE),)


class Pair(Node):
    """Scores: each element belongs to a position of one tensor and a position of another.

    Parameters
    ----------
    one, other : Node
    shape : of the scores
    letters : tuple of str
        Axes of both tensors and of the scores, as einsum names them.
    """

    pair = True

    def __init__(self, one: Node, other: Node, shape: Sequence[int], letters: tuple[str, str, str]) -> None:
        self.one, self.other, self.shape, self.letters = one, other, tuple(shape), letters
        self.depth = 1 + max(one.depth, other.depth)

    def roots(self, found: dict[Root, int]) -> None:
        self.one.roots(found)
        self.other.roots(found)

    def _places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        return tuple(spread(node.places(starts, memo)[0], (own, self.letters[2]), self.shape)
                     for node, own in zip((self.one, self.other), self.letters))


class Spread(Node):
    """The einsum product of a tensor and a learned parameter. The axes that it keeps have the same positions.

    Parameters
    ----------
    parent : Node
    shape : sequence of int
    letters : tuple of str
        Axes of the tensor and of the result, as einsum names them.
    """

    def __init__(self, parent: Node, shape: Sequence[int], letters: tuple[str, str]) -> None:
        self.parent, self.shape, self.letters, self.depth = parent, tuple(shape), letters, parent.depth + 1

    def roots(self, found: dict[Root, int]) -> None:
        self.parent.roots(found)

    def _places(self, starts: Mapping[Root, int], memo: dict[int, Any]) -> tuple[Any, ...]:
        return (spread(self.parent.places(starts, memo)[0], self.letters, self.shape),)


def nodes_in(value: Any) -> list[Node]:
    if isinstance(value, Node):
        return [value]
    if isinstance(value, dict):
        return [n for v in value.values() for n in nodes_in(v)]
    if isinstance(value, (tuple, list)):
        return [n for v in value for n in nodes_in(v)]
    return []


def with_nodes(value: Any, node_of: Callable[[Any], Node | None]) -> Any:
    """Replace tensors by nodes in the arguments of an operation. Indices stay.

    Parameters
    ----------
    value : object
        Arguments, nested in tuples, lists and dictionaries.
    node_of : callable of a tensor
    """
    if isinstance(value, torch.Tensor):
        if not value.is_floating_point():
            return value.detach().cpu()
        return node_of(value) or Nothing(value.shape)
    if isinstance(value, dict):
        return {k: with_nodes(v, node_of) for k, v in value.items()}
    if isinstance(value, tuple) and type(value) is not torch.Size:
        return tuple(with_nodes(v, node_of) for v in value)
    return [with_nodes(v, node_of) for v in value] if isinstance(value, list) else value


def _with_places(value: Any, side: int, starts: Mapping[Root, int], memo: dict[int, Any]) -> Any:
    if isinstance(value, Node):
        return _side(value.places(starts, memo), side)
    if isinstance(value, dict):
        return {k: _with_places(v, side, starts, memo) for k, v in value.items()}
    if isinstance(value, tuple):
        parts = [_with_places(v, side, starts, memo) for v in value]
        return parts if any(isinstance(v, (Node, dict)) for v in value) and side >= 0 else tuple(parts)
    return [_with_places(v, side, starts, memo) for v in value] if isinstance(value, list) else value


def _side(places: tuple[Any, ...], side: int) -> Any:
    return places[min(side, len(places) - 1)]


def _tensor_at(result: Any, at: int) -> Any:
    from .operations import tensors

    return tensors(result)[at]
