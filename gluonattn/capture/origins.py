"""Which token sequence a tensor was made of, whatever the framework computes with.

Whether a layer attends to itself or to something else cannot be read from a name or a shape. So every tensor that a
model makes while it is captured keeps the name of the input whose positions it has; queries and keys of one origin are
self-attention, of two they are cross-attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

WEAK, INPUT, TOKENS = range(3)  # masks, positions and the like; an input of the model; ids that a tokenizer made


class Origin(NamedTuple):
    """A sequence: the input it came in as, and what was done to it that changed its positions.

    Attributes
    ----------
    name : str
        Path and argument of the module that was called with it ("decoder.input_ids").
    via : tuple of str
        Operations after which it is another sequence: ids shifted by one are not the ids that came in.
    """

    name: str
    via: tuple[str, ...] = ()

    def after(self, step: str) -> Origin:
        return self if self.via[-1:] == (step,) else Origin(self.name, (*self.via[-3:], step))

    def undone(self, step: str, inverse: str) -> Origin:
        """After a step, or before the step that it undoes.

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
    """What is known of one tensor."""

    origin: Origin
    rank: int
    scores: bool = False  # a product of two sequences
    shares: bool = False  # a softmax of such a product: attention weights


class Attended(NamedTuple):
    """Attention that a module computed: where, and from which sequence to which.

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
    store, columns : mappings that know tensors by identity, not by value
    learned : callable
        Whether a tensor is a parameter of the model.
    attended : callable of two origins and the weights
        Told of every attention that is computed, from which sequence to which.
    """

    def __init__(self, store: Any, columns: Any, learned: Callable[[Any], bool],
                 attended: Callable[[Origin, Origin, Any], None] = lambda rows, columns, weights: None) -> None:
        self._made, self._columns = store, columns  # columns of scores and weights: the sequence of their keys
        self._learned, self._attended = learned, attended
        self._tokens: set[Origin] = set()

    def of(self, tensor: Any) -> Origin:
        known = None if tensor is None else self._made.get(tensor)
        return UNKNOWN if known is None else known.origin

    def known(self, tensor: Any) -> Made | None:
        result: Made | None = self._made.get(tensor)
        return result

    def note(self, tensor: Any, made: Made) -> None:
        """Keep what is known of a tensor.

        Parameters
        ----------
        tensor : tensor
        made : Made
        """
        self._made[tensor] = made

    def between(self, weights: Any) -> tuple[Origin, Origin] | None:
        """The sequences that weights lie between, where they were seen being made."""
        known, columns = self.known(weights), self._columns.get(weights)
        return None if known is None or columns is None or not known.shares else (known.origin, columns)

    def is_tokens(self, origin: Origin) -> None:
        """From here on this origin is what a tensor is said to be made of, whatever is added to it."""
        self._tokens.add(origin)

    def first(self, tensors: Iterable[Any]) -> Made | None:
        """The origin of what is computed from several tensors: the first of the highest rank.

        x + attention(x, y) has the positions of x, and so has attention(x, y), whose scores are made of x first.
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
        """A result of an operation takes over what is known of its operands.

        Parameters
        ----------
        result : tensor
        made : Made
            Of the operands together.
        operands : sequence of tensors
        """
        self.note(result, made)
        if made.scores or made.shares:
            columns = next((c for t in operands if (c := self._columns.get(t)) is not None), None)
            if columns is not None:
                self._columns[result] = columns

    def product(self, left: Any, right: Any, results: Sequence[Any], made: Made, *, many: bool) -> Made:
        """Two sequences multiplied are scores; weights multiplied with a sequence are its mixture.

        Parameters
        ----------
        left, right, results : tensors
        made : Made
            Of the operands together.
        many : bool
            There is an axis before the two that are multiplied (a batch, or heads).
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
