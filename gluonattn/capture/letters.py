"""The axes of a product and of its factors, named by letters as in einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def spread(places: Any, letters: tuple[str, str], shape: Sequence[int]) -> Any:
    """Broadcast the positions of a factor to its product, along the axes that the product keeps.

    Parameters
    ----------
    places : int tensor
    letters : tuple of str
        The axes of the factor and of the product.
    shape : sequence of int
        Shape of the product.
    """
    own, result = letters
    for axis in reversed(range(len(own))):
        if own[axis] not in result:
            places = places.select(axis, 0)
    kept = [c for c in own if c in result]
    places = places.permute([kept.index(c) for c in result if c in kept])
    for axis, letter in enumerate(result):
        if letter not in kept:
            places = places.unsqueeze(axis)
    return places.expand(shape)


def letters_of(name: str, args: Any, one: Any, other: Any, result: Any) -> tuple[str, str, str] | None:
    """The axes of two tensors and of their product, named as in einsum.

    Parameters
    ----------
    name : str
        Name of the operation.
    args : tuple
    one, other, result : tensors
    """
    if name == "einsum":
        if not isinstance(args[0], str):
            return None
        sides, arrow, out = args[0].replace(" ", "").partition("->")
        left, _, right = sides.partition(",")
        if not arrow or "," in right:
            return None
        free = iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        spare = [c for c in free if c not in sides][:8]
        for tensor, letters in ((one, left), (other, right)):
            if "..." in letters and tensor.dim() - len(letters) + 3 > len(spare):
                return None
        shown = [w.replace("...", "".join(spare[:t.dim() - len(w) + 3]) if "..." in w else "")
                 for w, t in ((left, one), (right, other), (out, result))]
        return (shown[0], shown[1], shown[2]) if all(len(set(w)) == len(w) for w in shown) else None
    if one.dim() < 2 or other.dim() < 2 or result.dim() < 2:
        return None
    stack = "ABCDEFGHIJKLMNOP"[:result.dim() - 2]
    return (f"{stack[len(stack) - one.dim() + 2:]}qd", f"{stack[len(stack) - other.dim() + 2:]}dk", f"{stack}qk")
