"""Positions of the elements of tensors, as one node for each tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from .by_identity import ByIdentity
from .letters import letters_of
from .operations import FRESH, JOINS, MOVES, POOLS, argument
from .origins import Origins
from .positions import Like, Moved, Node, Nothing, Pair, Root, Spread, nodes_in, with_nodes

_RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
_PLUS = {"add", "add_", "sub"}


class Places:
    """Follows the positions of tensors' elements through operations.

    Parameters
    ----------
    origins : Origins

    Attributes
    ----------
    grids : dict of str to list
        Rows and columns of patches by the name of a picture.
    """

    def __init__(self, origins: Origins) -> None:
        self._origin_of: Callable[[Any], Any] = origins.of
        self._known: Callable[[Any], Any] = origins.known
        self.running: Callable[[], str | None] = lambda: None  # path of the running module
        self._nodes: Any = ByIdentity()
        self.grids: dict[str, list[tuple[int, int]]] = {}

    def node_of(self, tensor: Any) -> Node | None:
        node = self._nodes.get(tensor)
        if node is None and tensor.is_floating_point() and tensor.dim() == 3 and self._known(tensor) is not None:
            node = self._nodes[tensor] = Root(tensor.shape, origin=self._origin_of(tensor))
        result: Node | None = node
        return result

    def pair(self, query: Any, key: Any) -> Pair | None:
        """Note scores of queries (..., Tq, d) and keys (..., Tk, d).

        Parameters
        ----------
        query, key : tensors
        """
        one, other = self.node_of(query), self.node_of(key)
        if one is None or other is None:
            return None
        stack = "ABCDEFGH"[:query.dim() - 2]
        if key.dim() == 4 and query.shape[1] != key.shape[1]:  # grouped heads
            groups = query.shape[1] // key.shape[1]
            shape = (key.shape[0], query.shape[1], *key.shape[2:])
            other = Moved(torch.Tensor.repeat_interleave, (other, groups, 1), {}, 0, shape, False)
        return Pair(one, other, (*query.shape[:-1], key.shape[-2]), (f"{stack}qd", f"{stack}kd", f"{stack}qk"))

    def made_of(self, output: Any, query: Any) -> None:
        """Give the result of the attention interface, (B, T, H, d), the positions of its queries, (B, H, T, d).

        Parameters
        ----------
        output, query : tensors
        """
        node = self._nodes.get(query)
        shape = tuple(output.shape)
        if node is None or node.pair or len(shape) != 4:
            return
        if tuple(node.shape[:-1]) == (shape[0], shape[2], shape[1]):
            wide = Like(node, (*node.shape[:-1], shape[-1]))
            self._nodes[output] = Moved(torch.Tensor.transpose, (wide, 1, 2), {}, 0, shape, False)

    def _side(self, tensor: Any, own: str, others: tuple[str, str]) -> Node | None:
        """The node of a factor. One without a node has its positions on the axis that the product keeps."""
        node = self._nodes.get(tensor)
        if node is None and tensor.dim() in (3, 4):
            kept = [axis for axis, letter in enumerate(own) if axis and letter in others[1] and letter not in others[0]]
            if len(kept) == 1:
                node = self._nodes[tensor] = Root(tensor.shape, (kept[0],), self._origin_of(tensor))
        result: Node | None = node
        return result

    def _after_mixing(self, weights: Any, result: Any) -> None:
        node = self._nodes.get(weights)
        while isinstance(node, (Like, Moved)) and node.pair:
            node = node.parent if isinstance(node, Like) else next(iter(nodes_in((node.args, node.kwargs))), None)
        if isinstance(node, Pair) and node.one.shape[:-1] == tuple(result.shape[:-1]):
            self._nodes[result] = Like(node.one, result.shape)

    def _place(self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               operands: Sequence[Any], results: Sequence[Any]) -> None:
        if name in POOLS:
            self._pooled(name, operands, results[0])
            return
        if name in FRESH:
            return
        if name in _RECURRENT:  # last states represent a whole sentence
            for last in results[1:]:
                self._nodes[last] = Nothing(last.shape)
            results = results[:1]
        node_of = self._nodes.get if name in MOVES else self.node_of
        known = [(t, n) for t in operands if t.is_floating_point() and (n := node_of(t)) is not None]
        if not known:
            return
        if name not in MOVES:
            known = [(t, self._own_sequence(t, n) if isinstance(n, Moved) else n) for t, n in known]
            if len(known) > 1:  # added learned vectors have no positions
                known.sort(key=lambda one: -self._rank(one[0]))
        if name == "einsum":
            self._projected(args, operands, results[0])
            return
        if name in MOVES:
            self._moved(function, name, args, kwargs, operands, results)
            return
        for result in results:
            node = self._alike(known, operands, tuple(result.shape), name)
            if node is not None:
                self._nodes[result] = node

    def _rank(self, tensor: Any) -> int:
        known = self._known(tensor)
        return 0 if known is None else known.rank

    def _own_sequence(self, tensor: Any, node: Moved) -> Node:
        """Make a new sequence of states that combine several positions (merged patches)."""
        if tensor.dim() != 3 or node.pair or node.checked:
            return node
        node.checked = True
        roots: dict[Root, int] = {}
        node.roots(roots)
        first = next(iter(roots), None)
        if first is None or tensor.shape[0] != first.batch or tensor.shape[1] == first.length:
            return node
        (places,) = node.places(roots, {})
        if (places == places[..., :1]).all():
            return node
        self._nodes[tensor] = Root(tensor.shape, origin=self._origin_of(tensor))
        result: Node = self._nodes[tensor]
        return result

    def _projected(self, args: tuple[Any, ...], operands: Sequence[Any], result: Any) -> None:
        """Follow an einsum with learned parameters."""
        if len(operands) != 2:
            return
        letters = letters_of("einsum", args, operands[0], operands[1], result)
        for at, tensor in enumerate(operands):
            node = self._nodes.get(tensor)
            if letters is not None and node is not None and not node.pair:
                self._nodes[result] = Spread(node, result.shape, (letters[at], letters[2]))

    def _pooled(self, name: str, operands: Sequence[Any], result: Any) -> None:
        of = operands[0]
        known = self._nodes.get(of)
        if result.dim() == 4 and (name == "conv2d" or known is None or (isinstance(known, Root) and len(known.axes) == 2)):
            self._nodes[result] = Root(result.shape, (2, 3))
            if name == "conv2d" and known is None:
                grids = self.grids.setdefault(self._origin_of(of).name, [])
                grids += [] if tuple(result.shape[2:]) in grids else [tuple(result.shape[2:])]
        elif result.dim() == 3 and name == "conv1d":
            self._nodes[result] = Root(result.shape, (2,))

    def _moved(self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               operands: Sequence[Any], results: Sequence[Any]) -> None:
        if self.running() is None:
            return  # sentences that generate() repeats or reorders form a new batch
        if name == "__get__" and results[0].shape == operands[0].shape and results[0].dim() < 2:
            return
        if name in JOINS:
            parts = [self._nodes.get(t) for t in operands]
            roots: dict[Root, int] = {}
            for part in parts:
                if part is not None:
                    part.roots(roots)
            if (results[0].dim() == 3 and (len(roots) > 1 or None in parts)
                    and results[0].shape[:2] != operands[0].shape[:2]):
                return  # a new sequence, from the current places of its elements
        moved = [n for t in operands if (n := self._nodes.get(t)) is not None]
        pair, depth = any(n.pair for n in moved), 1 + max((n.depth for n in moved), default=0)
        given = with_nodes((args, kwargs), self._nodes.get)
        if name == "pad":
            given = ((given[0][0], argument("pad", 1, args, kwargs)), {"value": -1})
        strides = operands[0].stride() if name == "as_strided" else None
        for at, result in enumerate(results):
            self._nodes[result] = Moved(function, given[0], given[1], at, result.shape, pair, strides, depth)

    def _alike(self, known: Any, operands: Sequence[Any], shape: tuple[int, ...], name: str) -> Node | None:
        same = [n for _, n in known if n.shape == shape]
        if same:
            return Like(min(same, key=lambda n: (not n.pair, n.depth)), shape)
        crossed = self._crossed(known, shape) if name in _PLUS else None
        if crossed is not None:
            return crossed
        width = [n for _, n in known if n.shape[:-1] == shape[:-1] and len(n.shape) == len(shape)]
        spread = [n for _, n in known if len(n.shape) == len(shape) and all(a in (1, b) for a, b in zip(n.shape, shape))]
        if not width and any(tuple(t.shape) == shape for t in operands if t.is_floating_point()):
            return None  # made from a tensor of unknown origin
        best = min(width or spread, key=lambda n: (not n.pair, n.depth), default=None)
        return None if best is None else Like(best, shape)

    def _crossed(self, known: Any, shape: tuple[int, ...]) -> Pair | None:
        """(B, Tq, 1, d) + (B, 1, Tk, d): additive scores between two sequences."""
        if len(known) != 2 or any(len(n.shape) != len(shape) or n.pair for _, n in known):
            return None
        one, other = known[0][1], known[1][1]
        letters = "ABCDEFGH"[:len(shape)]
        if one.shape == shape or other.shape == shape:
            return None
        return Pair(Like(one, shape), Like(other, shape), shape, (letters, letters, letters))
