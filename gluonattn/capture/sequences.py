"""The sequence of the results of torch's operations: that of their operands, a part of it, or two concatenated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from .operations import (
    ATTENTION,
    COPIES,
    CUTS,
    JOINS,
    LOOKUPS,
    PRODUCTS,
    REORDERS,
    SAME_IDS,
    SOFTMAX,
    argument,
    reordered,
    tensors,
)
from .origins import INPUT, LEARNED, WEAK, Made, Origin, Origins


class Sequences:
    """Passes origins from the operands of an operation to its results.

    Parameters
    ----------
    origins : Origins

    Attributes
    ----------
    padded : dict of Origin to int
        Sequences that the model itself padded at the end, with their original length.
    parameters : callable
        Returns names and parameters of the model.
    """

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.padded: dict[Origin, int] = {}
        self.parameters: Callable[[], Iterable[tuple[str, Any]]] = dict[str, Any]().items
        self._maybe_padded: dict[Origin, int] = {}

    def assigned(self, args: tuple[Any, ...]) -> None:
        """Follow a write into a part of a tensor."""
        target, value = args[0], args[-1]
        if isinstance(value, torch.Tensor) and self.origins.known(target) is None:
            known = self.origins.known(value)
            if known is not None:
                step = None if target.is_floating_point() else known.origin.after("assigned")
                self.origins.note(target, known if step is None else known._replace(origin=step))

    def take_over(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], operands: list[Any],
                  results: list[Any]) -> None:
        """Give results the origins of their operands.

        Parameters
        ----------
        name : str
            Name of the operation.
        args : tuple
        kwargs : dict
        operands, results : list of tensors
        """
        made = self.origins.first(operands[1:2] if name == "copy_" else operands)
        if made is None:
            made = self._learned(name, args, kwargs)
            if made is None:
                return
        if made.rank == WEAK and name in LOOKUPS and results[0].is_floating_point() and made.origin.name != LEARNED:
            made = made._replace(rank=INPUT) if any(not t.is_floating_point() for t in operands) else made
        if name in PRODUCTS and max(PRODUCTS[name]) < len(operands):
            left, right = (operands[i] for i in PRODUCTS[name])
            made = self.origins.product(left, right, results, made, many=left.dim() > 2)
            for one in results:
                self.origins.note(one, made)
            return
        if name in ATTENTION:
            made = self.origins.known(operands[0]) or made
        elif name in JOINS:
            made = self._joined(operands, made)
        elif name in SOFTMAX and made.scores:
            made = made._replace(scores=False, shares=True)
        for one in results:
            origin = made.origin
            if name == "pad":
                origin = self._padded(origin, operands[0], argument("pad", 1, args, kwargs))
            if not one.is_floating_point() and name not in SAME_IDS and name != "__getitem__":
                origin = origin.after(name.strip("_"))
            elif name in CUTS:
                origin = self._cut(origin, operands[0], one)
            if (name in REORDERS and one.is_floating_point() and one.dim() == operands[0].dim() == 3
                    and one.shape[:2] == operands[0].shape[:2]):
                step = reordered(name, args, kwargs)
                origin = origin.undone(*step) if step else origin
            its = made if origin is made.origin else made._replace(origin=origin)
            if name == "copy_":
                self._base_takes_over(one, its)
            if name == "copy_" or self.origins.known(one) is None or one is not operands[0]:
                self.origins.takes_over(one, its, operands)

    def _base_takes_over(self, part: Any, made: Made) -> None:
        """After a write into a new tensor, give the whole tensor the same origin, unless it has one."""
        base = part._base
        if base is not None and self.origins.known(base) is None:
            self.origins.note(base, made)

    def _learned(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Made | None:
        """Make a sequence of learned queries and keys, which are the same for every sentence."""
        first = next(iter(tensors(args[:1])), None)
        if name == "embedding":
            ids, first = first, argument("weight", 1, args, kwargs)
            if ids is None or ids.dim() != 2 or not (ids == ids[:1]).all():
                return None
        elif name not in COPIES:
            return None
        if not isinstance(first, torch.nn.Parameter):
            return None
        name = next((name for name, parameter in self.parameters() if parameter is first), "of no module")
        return Made(Origin(LEARNED, (name,)), WEAK)

    def _joined(self, operands: Sequence[Any], made: Made) -> Made:
        """Two concatenated sequences are a third one. A tensor without an origin (a learned token) changes nothing."""
        floats = [t for t in operands if t.is_floating_point()]
        parts = dict.fromkeys(k.origin for t in floats if (k := self.origins.known(t)) is not None and k.rank >= INPUT)
        if len(parts) == 1 and floats[0].dim() == 3 and (known := self.origins.known(floats[0])) is not None:
            self._maybe_padded.setdefault(known.origin, int(floats[0].shape[1]))  # removed positions were padding
        if len(parts) > 1:
            first, *others = parts
            return made._replace(origin=Origin(first.name, (*first.via, *(f"and {o}" for o in others))))
        return made

    def _padded(self, origin: Origin, tensor: Any, widths: Any) -> Origin:
        """Ids or states that are padded at the end are still the same sequence. Padded in front, they are another."""
        ids = not tensor.is_floating_point() and tensor.dim() == 2
        along = widths[:2] if ids else widths[2:4] if tensor.dim() == 3 else (0, 0)
        if not any(along):
            return origin
        if along[0]:
            return origin.after("padded in front")
        self.padded.setdefault(origin, int(tensor.shape[1]))
        return origin

    def _cut(self, origin: Origin, whole: Any, part: Any) -> Origin:
        """A slice of positions is a new sequence. A slice of features is not."""
        piled = any(step.startswith("and ") for step in origin.via) and whole.shape[1:] == part.shape
        cut = whole.dim() == part.dim() and whole.shape[:2] != part.shape[:2]
        if part.dim() == 3 and (cut or piled) and whole.is_floating_point():
            begin = part.storage_offset() if part.layout == torch.strided else 0
            length = self.padded.get(origin, self._maybe_padded.get(origin))
            if begin == 0 and part.shape[1] == length and part.shape[0] == whole.shape[0]:
                self.padded[origin] = part.shape[1]
                return origin  # without its padding again
            return origin.after(f"positions {begin}:{tuple(part.shape[:2])}")
        return origin
