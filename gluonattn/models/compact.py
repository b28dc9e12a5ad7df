"""Store weights in a quarter of their size, for the bundled model.

Tables are stored in 8 bits with one factor per row: 127 is the largest value of
the row. Everything else is stored in 16-bit floats. With two classes the linear
branch has opposite scores, and one of them is stored. Predictions differ in the
third digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

TABLES = ("embedding.weight", "subword_embedding.weight")
_SCORES = "ngram_scores.weight"
_FACTORS = ".factors"


def compact(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Compress weights to fewer bits.

    Parameters
    ----------
    weights : mapping of str to numpy.ndarray
        As in a `Checkpoint`. Integers stay unchanged.
    """
    found: dict[str, NDArray[Any]] = {}
    for name, values in weights.items():
        if name == _SCORES and values.shape[1] == 2 and (values[:, 0] == -values[:, 1]).all():
            values = values[:, :1]
        if name in TABLES:
            largest = np.abs(values).max(axis=1, keepdims=True).astype(np.float32)
            factors = np.where(largest > 0, largest / 127, np.float32(1))
            found[name] = np.clip(np.rint(values / factors), -127, 127).astype(np.int8)
            found[name + _FACTORS] = factors
        else:
            found[name] = values.astype(np.float16) if values.dtype.kind == "f" else values
    return found


def expand(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Restore 32-bit floats from the result of `compact`. Other weights stay unchanged.

    Raises
    ------
    ValueError
        If a table and its factors do not belong together.
    """
    found = {}
    for name, values in weights.items():
        if name.endswith(_FACTORS):
            if name[: -len(_FACTORS)] not in weights:
                raise ValueError(f"{name} are factors of a table that is not there")
            continue
        if name + _FACTORS in weights:
            factors = weights[name + _FACTORS]
            if values.dtype != np.int8 or values.ndim != 2 or factors.shape != (len(values), 1):
                raise ValueError(f"{name} and its factors do not belong together")
            values = values.astype(np.float32) * factors
        if name == _SCORES and values.dtype.kind == "f" and values.ndim == 2 and values.shape[1] == 1:
            values = np.concatenate([values, -values], axis=1)
        found[name] = values.astype(np.float32) if values.dtype == np.float16 else values
    return found
