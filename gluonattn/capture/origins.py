"""The token sequence from which a tensor was made, for any framework.

Names and shapes do not show whether a layer computes self- or cross-attention. Therefore every tensor that a model makes
during capture keeps the name of the input whose positions it has. Queries and keys of one origin are self-attention;
those of two origins are cross-attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

WEAK, INPUT, TOKENS = range(3)  # masks, positions and the like; an input of the model; ids that a tokenizer made


class Origin(NamedTuple):
    """A sequence: the input from which it came, and the operations that changed its positions.

    Attributes
    ----------
    name : str
        Path and argument of the module that received it ("decoder.input_ids").
    via : tuple of str
        Operations after which it is another sequence. For example, ids shifted by one differ from the input's ids.
    """

    name: str
    via: tuple[str, ...] = ()

    def after(self, step: str) -> Origin:
        return self if self.via[-1:] == (step,) else Origin(self.name, (*self.via[-3:], step))

    def undone(self, step: str, inverse: str) -> Origin:
        """The origin after a step. If the step undoes the last one, that one is removed.

        Parameters
        ----------
        step, inverse : str
        """
        return Origin(self.name, self.via[:-1]) if self.via[-1:] == (inverse,) else Origin(self.name, (*self.via[-3:], step))

    def __str__(self) -> str:
        return self.name + (f" ({', '.join(self.via)})" if self.via else "")


UNKNOWN = Origin("a tensor that no input of the model made")
LEARNED = "learned vectors"  # name of the origin of a sequence that is a parameter of the model


class Made(NamedTuple):
    """Information about one tensor."""

    origin: Origin
    rank: int
    scores: bool = False  # a product of two sequences
    shares: bool = False  # a softmax of such a product: attention weights


class Attended(NamedTuple):
    """Attention that a module computed: the module's path and the two sequences.

    Attributes
    ----------
    path : str
    rows, columns : Origin
    """

    path: str
    rows: Origin
    columns: Origin


class Origins:
    """The origin of each tensor, and the rules by which results of operations inherit it.

    Parameters
    ----------
    store, columns : mappings with tensors as keys, by identity
    learned : callable
        Whether a tensor is a parameter of the model.
    attended : callable of two origins and the weights
        Called for every computed attention, with both sequences.
    """

    def __init__(self, store: Any, columns: Any, learned: Callable[[Any], bool],
                 attended: Callable[[Origin, Origin, Any], None] = lambda rows, columns, weights: None) -> None:
        self._made, self._columns = store, columns  # the columns of scores and weights: the sequence of their keys
        self._learned, self._attended = learned, attended
        self._tokens: set[Origin] = set()

    def of(self, tensor: Any) -> Origin:
        known = None if tensor is None else self._made.get(tensor)
        return UNKNOWN if known is None else known.origin

    def known(self, tensor: Any) -> Made | None:
        result: Made | None = self._made.get(tensor)
        return result

    def note(self, tensor: Any, made: Made) -> None:
        """Store information about a tensor.

        Parameters
        ----------
        tensor : tensor
        made : Made
        """
        self._made[tensor] = made

    def between(self, weights: Any) -> tuple[Origin, Origin] | None:
        """The sequences between which weights are, if their computation was followed."""
        known, columns = self.known(weights), self._columns.get(weights)
        return None if known is None or columns is None or not known.shares else (known.origin, columns)

    def is_tokens(self, origin: Origin) -> None:
        """Declare this origin for a tensor. It takes precedence over what is added later."""
        self._tokens.add(origin)

    def first(self, tensors: Iterable[Any]) -> Made | None:
        """The origin of a result of several tensors: the first one of the highest rank.

        x + attention(x, y) has the positions of x. So has attention(x, y), because x comes first in its scores.
        """
        best, best_rank = None, -1
        for tensor in tensors:
            known = self._made.get(tensor)
            if known is not None:
                rank = TOKENS if known.rank >= INPUT and known.origin in self._tokens else known.rank
                if rank > best_rank:
                    best, best_rank = known, rank
        return best

    def takes_over(self, result: Any, made: Made, operands: Sequence[Any]) -> None:
        """Derive the entry of an operation's result from those of its operands.

        Parameters
        ----------
        result : tensor
        made : Made
            Joint entry of the operands.
        operands : sequence of tensors
        """
        self.note(result, made)
        if made.scores or made.shares:
            columns = next((c for t in operands if (c := self._columns.get(t)) is not None), None)
            if columns is not None:
                self._columns[result] = columns

    def product(self, left: Any, right: Any, results: Sequence[Any], made: Made, *, many: bool) -> Made:
        """Note a product: of two sequences it is scores, of weights and a sequence it is a mixture.

        Parameters
        ----------
        left, right, results : tensors
        made : Made
            Joint entry of the operands.
        many : bool
            Whether there is an axis before the two that are multiplied (a batch, or heads).
        """
        one, other = self.known(left), self.known(right)
        if one is None or other is None or self._learned(left) or self._learned(right):
            return (one or other or made)._replace(scores=False, shares=False)
        for weights, its in ((left, one), (right, other)):
            if its.shares:
                self._attended(its.origin, self._columns.get(weights) or its.origin, weights)
                return its._replace(scores=False, shares=False)
        if many:
            for result in results:
                self._columns[result] = other.origin
        return one._replace(scores=many, shares=False)
