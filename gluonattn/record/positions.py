"""Positions in a record as a user gives them: whole numbers of any type, negative ones from the end."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import RecordError


def position(side: str, wanted: Any, size: int) -> int:
    """A position counted from 0; negative ones count from the end, as in a list.

    Parameters
    ----------
    side : str
        What is counted ("query", "layer"), for messages.
    wanted : int
        Any type that Python accepts as an index, including numpy's integers.
    size : int
        How many there are.

    Raises
    ------
    RecordError
        If it is not a whole number or does not exist.
    """
    try:
        if isinstance(wanted, (bool, np.bool_)):  # a list of booleans is meant as a mask, but would be read as 0 and 1
            raise TypeError
        number = operator.index(wanted)
    except TypeError:
        raise RecordError(
            f"{side} positions are whole numbers from 0 to {size - 1}; got {wanted!r:.60} ({type(wanted).__name__})."
        ) from None
    if not -size <= number < size:
        raise RecordError(f"{side} {number} does not exist: this record has {size}, numbered 0 to {size - 1}.")
    return number % size


def positions(side: str, wanted: Any, size: int) -> list[int]:
    """`position` of several positions, or of a single one.

    Parameters
    ----------
    side : str
        What is counted ("query", "layer"), for messages.
    wanted : int or iterable of int
    size : int
        How many there are.

    Raises
    ------
    RecordError
        If it is neither a whole number nor a collection of them, or one does not exist.
    """
    try:
        given = list(wanted) if isinstance(wanted, Iterable) else [wanted]
    except TypeError:  # an array without an axis
        given = [wanted]
    return [position(side, one, size) for one in given]


def distinct_positions(side: str, wanted: Sequence[int] | None, size: int) -> list[int]:
    """`positions` without repetition, at least one. None is all of them.

    Parameters
    ----------
    side : str
        What is counted ("query", "key"), for messages.
    wanted : int, iterable of int, or None
    size : int
        How many there are.

    Raises
    ------
    RecordError
        If one does not exist or is given twice, or none is given.
    """
    found = list(range(size)) if wanted is None else positions(side, wanted, size)
    if not found or len(set(found)) < len(found):
        raise RecordError(f"expected {side} positions that are all different, at least one; got {found}.")
    return found
