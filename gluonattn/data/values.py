"""Read one value of a row as text or as a label."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from ..errors import DataError
from ..plain import plain

_FRACTION = re.compile(r"([+-]?\d+)\.(\d+)", re.ASCII)


def as_text(path: object, line: int, column: str, value: Any) -> str:
    """A row's value as text. JSON lines may have numbers, and null or NaN for a missing value.

    Parameters
    ----------
    path : path
    line : int
    column : str
        The place of the value, for messages.
    value : object

    Raises
    ------
    DataError
        If it is a list, an object, true, false or infinite.
    """
    if _is_missing(value):
        return ""
    if isinstance(value, str):
        return value
    if _is_number(value):
        return str(value)
    raise DataError(
        f"{path}, line {line}: expected text in {column!r}, got a {type(value).__name__} ({value!r:.40}). Name the "
        "right columns with --text-column and --label-column."
    )


def label_text(value: Any, where: str) -> str:
    """Normalise a label, so that different spellings of one class are equal.

    Whole numbers lose their fraction and other numbers their trailing zeros (1, 1.0 and "1.0" are "1", "4.50" is "4.5").
    Hangul is composed; surrounding white space and invisible characters are removed. A missing label (None, NaN) is "".

    Parameters
    ----------
    value : object
        From a file or a caller: str, number, bool or None.
    where : str
        Its place, for messages.

    Raises
    ------
    DataError
        If it is a list, an object or infinite.
    """
    if _is_missing(value):
        return ""
    if isinstance(value, str):
        found = plain(value).strip()
        return _strip_zeros(found)
    if _is_number(value):
        return str(int(value)) if value == int(value) else _strip_zeros(str(value))
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    raise DataError(
        f"{where}: expected a label (text or a number), got a {type(value).__name__} ({value!r:.40}). Name the right "
        "column with --label-column."
    )


def _strip_zeros(label: str) -> str:
    """Remove the trailing zeros of a decimal number. Other labels stay unchanged."""
    found = _FRACTION.fullmatch(label)
    if not found:
        return label
    whole, fraction = found[1], found[2].rstrip("0")
    return f"{whole.lstrip('+')}.{fraction}" if fraction else str(int(whole))


def _is_missing(value: Any) -> bool:
    """Whether a value is missing: None, NaN, and pandas' markers."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(_is_real(value) and value != value)


def _is_number(value: Any) -> bool:
    return _is_real(value) and math.isfinite(value)


def _is_real(value: Any) -> bool:
    return isinstance(value, (Real, Decimal)) and not isinstance(value, bool)
