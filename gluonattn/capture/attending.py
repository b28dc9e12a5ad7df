"""Find attention in torch's operations: scores, their softmax, and the values that are multiplied by it.

Modules need not be declared. The product of two activations (or their sum, if a layer with one output follows) is scores.
A softmax over the positions of one of them is attention as soon as it mixes values. The softmax of a router, a classifier
or a vocabulary runs over outputs of one position, and is not attention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from .by_identity import ByIdentity
from .letters import letters_of
from .operations import ATTENTION, MOVES, PRODUCTS, SOFTMAX, argument
from .origins import Origins
from .places import Places
from .positions import Like, Nothing, Pair, Root, Written, with_nodes
from .shares import Scores, Shares, rows_without_keys

_REDUCTIONS = {"sum", "mean", "max", "amax", "min", "amin", "argmax", "argmin", "topk", "sort", "std", "var", "norm",
               "cumsum", "nansum", "median", "all", "any", "log", "multinomial"}
_SUMS = {"sum", "nansum"}
_TIMES, _OVER, _PLUS = {"mul", "mul_", "multiply"}, {"div", "div_", "true_divide"}, {"add", "add_"}
_WEIGHTED = _TIMES | _OVER | {"masked_fill", "masked_fill_", "where", "nan_to_num", "nan_to_num_"}  # shares stay shares
_MINUS = {"sub", "sub_", "subtract"}
_BY_HAND = {"exp", "exp_", "logsumexp", *_SUMS}  # the start of a hand-written softmax
_SHARED = {"exp", "exp_", *_OVER}  # its end
_LINEAR = {"linear", "addmm"}
_SAME_SCORES = {"to", "float", "type", "type_as", "half", "bfloat16", "contiguous", "clone", "detach", "dropout", "double",
                "dropout_", "alpha_dropout"}


class Attending(Places):
    """Follows nodes, scores and shares from operation to operation.

    Parameters
    ----------
    origins : Origins
    found : callable of Shares
        Called once for every softmax that mixes values.
    vectors : bool
        Whether to keep queries, keys and values.
    """

    def __init__(self, origins: Origins, found: Callable[[Shares], None], vectors: bool) -> None:
        super().__init__(origins)
        self._found, self._vectors = found, vectors
        self._scores: Any = ByIdentity()
        self._shares: Any = ByIdentity()
        self._mixed: Any = ByIdentity()  # values times shares, before the sum
        self._grown: Any = ByIdentity()  # exp of scores, with the scores
        self._totals: Any = ByIdentity()  # sums of these over an axis, or their logarithm

    def follow(self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               operands: Sequence[Any], results: Sequence[Any]) -> None:
        result = results[0]
        if name in PRODUCTS and len(operands) > max(PRODUCTS[name]):
            left, right = (operands[i] for i in PRODUCTS[name])
            learned = isinstance(left, torch.nn.Parameter) or isinstance(right, torch.nn.Parameter)
            if not learned and self._product(name, args, kwargs, operands, left, right, result):
                return
        if name in ATTENTION:
            self._fused(name, args, kwargs, result)
            return
        if name in SOFTMAX:
            self._softmax(name, args, kwargs, operands[0], result)
            return
        if name in _BY_HAND or len(self._totals):
            self._by_hand(name, args, kwargs, operands, result)
            if result in self._shares and name in _SHARED:
                return
        if len(self._shares) or len(self._mixed) or len(self._scores):  # otherwise no operation is examined
            marked = [t for t in operands if t in self._shares or t in self._mixed or t in self._scores]
            if marked:
                self._marked(name, args, kwargs, operands, marked, results)
        self._place(function, name, args, kwargs, operands, results)

    def is_scored(self, tensor: Any) -> bool:
        """Whether a tensor is scores between two sequences."""
        return tensor in self._scores

    def assigned(self, args: tuple[Any, ...]) -> None:
        """Follow a write into a part of a tensor."""
        target, index, value = args
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or target.dim() < 3:
            return
        node, before = self._nodes.get(value), self._nodes.get(target)
        if node is not None and (before is None or node.pair or isinstance(before, Written)):
            before = before or Nothing(target.shape)
            self._nodes[target] = Written(before, with_nodes(index, self._nodes.get), node)
            if value in self._scores:
                self._scores[target] = replace(self._scores[value], followed=False)

    # ---- operations of attention

    def _product(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], operands: Sequence[Any],
                 left: Any, right: Any, result: Any) -> bool:
        """Follow a product of two activations: scores, or mixed values."""
        for weights, values in ((left, right), (right, left)):
            if weights in self._shares and values not in self._shares:
                self._mix(self._shares[weights], values)
                self._after_mixing(weights, result)
                return True
        letters = letters_of(name, args, left, right, result)
        if letters is None:
            return False
        one = self._side(left, letters[0], (letters[1], letters[2]))
        other = self._side(right, letters[1], (letters[0], letters[2]))
        if one is None or other is None or one.pair or other.pair or not (self._known(left) and self._known(right)):
            return False
        self._nodes[result] = Pair(one, other, result.shape, letters)
        scores = Scores(self._origin_of(left), self._origin_of(right))
        scores.queries, scores.keys = _factors(left, right, letters) if self._vectors else (None, None)
        scores.followed = scores.queries is not None
        if name.startswith("baddbmm"):
            scores.scale, scores.bias = float(kwargs.get("alpha", 1.0)), operands[0].detach()
            beta = kwargs.get("beta", 1.0)
            scores.bias = None if beta == 0 else scores.bias * beta
        self._scores[result] = scores
        return True

    def _mix(self, shares: Shares, values: Any) -> None:
        if not shares.taken:
            shares.taken = True
            shares.values = values.detach() if self._vectors else None
            self._found(shares)

    def _softmax(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], of: Any, result: Any) -> None:
        node = self.node_of(of)
        axis = argument("dim", 1, args, kwargs)
        if node is None or tuple(node.shape) != tuple(of.shape):
            return
        axis = (of.dim() - 1 if axis is None else int(axis)) % of.dim()
        shares = Shares(result.detach(), node, axis, self._scores.get(of), self._origin_of(of),
                        born=self.running(), nowhere=rows_without_keys(of.detach().amax(axis, keepdim=True)))
        self._shares[result] = shares
        self._nodes[result] = node
        if name.endswith("log_softmax"):
            shares.weights = shares.weights.exp()

    def _by_hand(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], operands: Sequence[Any],
                 result: Any) -> None:
        """Recognise a hand-written softmax: exp(x) / sum(exp(x)), or exp(x - logsumexp(x))."""
        first = operands[0]
        if (name == "logsumexp" and first in self._scores) or (name in _SUMS and first in self._grown):
            axis = argument("dim", 1, args, kwargs)
            axis = axis[0] if isinstance(axis, (tuple, list)) and len(axis) == 1 else axis
            if isinstance(axis, int):
                self._totals[result] = axis % first.dim()
        elif name in ("exp", "exp_") and first in self._scores:
            self._grown[result] = self._scores[first]
            self._nodes[result] = self._nodes.get(first)
            if first in self._totals:
                self._shares_by_hand(first, self._totals[first], result)
        elif len(operands) == 2 and operands[1] in self._totals:
            axis = self._totals[operands[1]]
            if name in _OVER and first in self._grown:
                self._shares_by_hand(first, axis, result)
            elif name in ("sub", "sub_") and first in self._scores:
                self._totals[result] = axis
        elif first in self._totals and first not in self._scores and name in MOVES | _PLUS | {"clamp", "clamp_min"}:
            self._totals[result] = self._totals[first]

    def _shares_by_hand(self, of: Any, axis: int, result: Any) -> None:
        node = self._nodes.get(of)
        if node is not None and tuple(node.shape) == tuple(result.shape):
            scores = self._scores.get(of) or self._grown.get(of)
            nowhere = None if scores is None or scores.highest is None else rows_without_keys(scores.highest)
            self._shares[result] = Shares(result.detach(), node, axis, scores, self._origin_of(of), how="softmax by hand",
                                          nowhere=nowhere)
            self._nodes[result] = node

    def _fused(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        if name != "scaled_dot_product_attention":
            return
        from .fused import weights_of

        query, key = argument("query", 0, args, kwargs), argument("key", 1, args, kwargs)
        node = None if query.is_nested else self.pair(query, key)
        if query.is_nested or node is not None:
            made = weights_of(args, kwargs)
            scores = Scores(self._origin_of(query), self._origin_of(key), made.queries, made.keys, made.scale, made.bias)
            node = node or Pair(Root(made.queries.shape, (2,)), Root(made.keys.shape, (2,)), made.weights.shape,
                                ("ABqd", "ABkd", "ABqk"))
            self._found(Shares(made.weights, node, made.weights.dim() - 1, scores, scores.columns, made.values,
                               "scaled_dot_product_attention"))
            if tuple(result.shape[:-1]) == tuple(query.shape[:-1]) and not query.is_nested:
                self._nodes[result] = Like(self._nodes[query], result.shape)

    def _marked(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], operands: Sequence[Any],
                marked: Any, results: Sequence[Any]) -> None:
        shares = next((self._shares[t] for t in marked if t in self._shares), None)
        mixed = next((self._mixed[t] for t in marked if t in self._mixed), None)
        result = results[0]
        if mixed is not None:
            if name in _SUMS:
                self._mix(*mixed)
            else:
                self._mixed[result] = mixed
        elif shares is not None:
            other = next((t for t in operands if t not in self._shares and t.is_floating_point()), None)
            if name in _TIMES and other is not None and self._spread(operands, result) and not isinstance(
                    other, torch.nn.Parameter):
                self._mixed[result] = (shares, other)
            elif name not in _REDUCTIONS:
                for one in results:
                    self._shares[one] = self._changed_shares(name, shares, operands, one)
        else:
            scores = next(self._scores[t] for t in marked)
            made = self._changed(name, args, kwargs, operands, scores, result)
            for one in results:
                if made is not None:
                    self._scores[one] = made

    def _changed_shares(self, name: str, shares: Shares, operands: Sequence[Any], result: Any) -> Shares:
        """Follow weights through an operation, because the weights that mix values count, not the softmax's result.

        Moving them, dropout and scaling whole rows count as no change.
        """
        of = next(t for t in operands if t in self._shares)
        if name not in _WEIGHTED or result.shape != of.shape or not result.dim():
            return shares
        last = shares.axis == shares.weights.dim() - 1 and result.shape[-1] == shares.weights.shape[-1]
        if not last and result.shape != shares.weights.shape:
            return shares
        axis = result.dim() - 1 if last else shares.axis
        by_row = all(t.dim() + axis < result.dim() or t.shape[axis - result.dim()] == 1 for t in operands if t is not of)
        node = self._nodes.get(of)
        if (by_row and not shares.changed) or node is None or tuple(node.shape) != tuple(result.shape):
            return shares
        scores = None if shares.scores is None else replace(shares.scores, followed=False)
        self._nodes[result] = node
        return replace(shares, weights=result.detach(), node=node, axis=axis, scores=scores, taken=False, changed=True)

    def _spread(self, operands: Sequence[Any], result: Any) -> bool:
        """Whether weights are broadcast over features: an axis of length 1 becomes longer."""
        weights = next(t for t in operands if t in self._shares)
        answer: bool = weights.dim() == result.dim() and weights.shape != result.shape
        return answer

    def _changed(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], operands: Sequence[Any],
                 scores: Scores, result: Any) -> Scores | None:
        """Follow scores through an operation."""
        if name in _REDUCTIONS or (name in _LINEAR and result.shape[:-1] != operands[0].shape[:-1]):
            return None
        if name in _MINUS and len(operands) == 2 and (axes := _once(operands[1], result)):
            return replace(scores, highest=(result + operands[1]).detach().amax(axes, keepdim=True), followed=False)
        if not scores.followed or name in _SAME_SCORES:
            return scores
        others = [a for a in args if not (isinstance(a, torch.Tensor) and self._scores.get(a) is scores)]
        other = others[0] if others else None
        number = float(other) if isinstance(other, (int, float)) or (
            isinstance(other, torch.Tensor) and other.numel() == 1 and other.dim() <= 1) else None
        if name in _TIMES | _OVER and number is not None and isinstance(args[0], torch.Tensor):
            by = number if name in _TIMES else 1 / number
            if scores.cap == 0:  # the factor after a tanh
                return replace(scores, scale=scores.scale * by, cap=by)
            return replace(scores, scale=scores.scale * by, bias=None if scores.bias is None else scores.bias * by)
        if name in ("tanh", "tanh_") and scores.bias is None:
            return replace(scores, cap=0.0)
        if name in _PLUS and isinstance(other, torch.Tensor):
            added = other.detach() * kwargs.get("alpha", 1)
            return replace(scores, bias=added if scores.bias is None else scores.bias + added)
        if name in ("masked_fill", "masked_fill_") and args[0].shape == result.shape:
            low = torch.zeros(()).masked_fill(torch.tensor(True), float("-inf"))
            bias = torch.zeros((), device=result.device) if scores.bias is None else scores.bias
            return replace(scores, bias=torch.where(args[1], low.to(result.device), bias))
        if name == "where" and len(args) == 3 and self._scores.get(args[1]) is scores:
            bias = torch.zeros((), device=result.device) if scores.bias is None else scores.bias
            return replace(scores, bias=torch.where(args[0], bias, torch.full((), float("-inf"), device=result.device)))
        if name == "view" and scores.bias is None and scores.cap is None:
            return scores
        return replace(scores, followed=False)



def _once(one: Any, result: Any) -> list[int]:
    """Axes along which a tensor is broadcast to a result."""
    if one.dim() != result.dim():
        return []
    return [axis for axis, (own, its) in enumerate(zip(one.shape, result.shape)) if own == 1 < its]


def _factors(left: Any, right: Any, letters: tuple[str, str, str]) -> tuple[Any, ...]:
    """Queries (..., Tq, d) and keys (..., Tk, d) of a plain product; otherwise None and None."""
    one, other, out = letters
    shared = [c for c in out if c in one and c in other]
    within = [c for c in one if c in other and c not in out]
    rows, columns = ([c for c in out if c in own and c not in shared] for own in (one, other))
    if len(rows) != 1 or len(columns) != 1 or len(within) != 1 or list(out) != [*shared, *rows, *columns]:
        return None, None
    if set(one) - set(shared) != {*rows, *within} or set(other) - set(shared) != {*columns, *within}:
        return None, None
    return (left.detach().permute([one.index(c) for c in (*shared, *rows, *within)]),
            right.detach().permute([other.index(c) for c in (*shared, *columns, *within)]))
