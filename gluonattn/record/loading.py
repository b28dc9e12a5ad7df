"""Load a saved record."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ..errors import RecordError
from .checks import VECTORS
from .container import read_container
from .record import AttentionRecord
from .schema import check_header


def load_record(path: str | os.PathLike[str]) -> AttentionRecord:
    """Read a record written by `AttentionRecord.save`. Nothing is unpickled.

    Raises
    ------
    RecordError
        If the file is missing, truncated, or not a record.
    """
    path = Path(path)
    header, arrays = read_container(path)
    try:
        prediction = check_header(header)
        if not set(arrays) <= {"weights", *VECTORS} or any(array.dtype.kind != "f" for array in arrays.values()):
            raise RecordError(f"its arrays are {', '.join(f'{name} ({a.dtype})' for name, a in arrays.items())}")
        return AttentionRecord(**{**header, **arrays, "prediction": prediction})
    except (RecordError, msgspec.ValidationError, LookupError, TypeError, AttributeError, ValueError, ArithmeticError,
            RecursionError) as error:
        raise RecordError(
            f"{path} holds a record that does not fit together ({error}). Save it again."
        ) from None
