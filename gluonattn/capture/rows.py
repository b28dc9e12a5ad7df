"""Find rows of attention weights that are not distributions, and the reason. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .calls import Call

TOLERANCE = 1e-4
_HALF = 5e-3  # tolerance for the row sums of half-precision weights


def broken_row(call: Call, hidden: np.ndarray[Any, Any] | None) -> str | None:
    """Describe the first row of a layer that is not a distribution over keys. None if all rows are.

    Parameters
    ----------
    call : Call
    hidden : bool, shape (B, Tq), or None
        True at queries that are padding. Their rows are not checked.
    """
    weights = call.weights
    if weights is None:
        return None
    looked = np.ones(weights.shape[:3], dtype=bool)
    if hidden is not None:
        looked &= ~hidden[:, None]
    if call.covered is not None and call.covered.shape == weights.shape[::2]:
        looked &= call.covered[:, None]
    with np.errstate(invalid="ignore", over="ignore"):
        sums = weights.sum(-1, dtype=np.float64)
        whole = (np.abs(sums - 1) <= TOLERANCE) & (weights.min(-1, initial=0) >= -TOLERANCE)
    looks = call.looks()
    if call.outside:  # a mask does not cover keys that are not tokens
        looks = None if call.nowhere is None else ~call.nowhere
    nowhere = np.zeros(weights.shape[:3], dtype=bool) if looks is None else ~np.broadcast_to(looks, weights.shape[:3])
    wrong = looked & (~whole | nowhere)
    if not wrong.any():
        return None
    sentence, head, query = (int(i) for i in np.argwhere(wrong)[0])
    where = f"{call.layer or 'the model'}: row {query} of sentence {sentence} (head {head})"
    many = f", and {int(wrong.sum()) - 1} rows more" if wrong.sum() > 1 else ""
    row, total = weights[sentence, head, query], float(sums[sentence, head, query])
    advice = f". {call.advice}" if call.advice else ""
    return f"{where} {_cause(call, row, total, bool(nowhere[sentence, head, query]))}{many}{advice}"


def _cause(call: Call, row: np.ndarray[Any, Any], total: float, nowhere: bool) -> str:
    padding = "if it is padding, say so with padding=... (attention_mask on Hugging Face)"
    if nowhere:
        return f"may look nowhere, for its mask hides every key: let it see one key; {padding}"
    if not np.isfinite(row).all():
        bad = f"is not finite (it has {row[~np.isfinite(row)][0]})"
        if call.bias is not None and not call.outside:  # fully masked rows were checked before
            return f"{bad}: its queries or keys are not, so look for NaN in the layer's weights and inputs"
        return f"{bad}: its queries or keys are not, or its mask hides every key; {padding}"
    if row.min() < -TOLERANCE:
        return f"has negative weights ({row.min():.3g}): these are no attention weights but something else the layer returns"
    if call.training:
        return f"sums to {total:.3f}: in training mode dropout acts on weights; call model.eval() first"
    if total == 0:
        return f"sums to 0: these are no attention weights, or the mask hides every key; {padding}"
    return (f"sums to {total:.3f}, not 1, though the model is in evaluation mode: these are no attention weights, or the "
            "layer gives a part of the row to something that it does not return. Such rows are not recorded")


def whole_rows(weights: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Weights in float32. Rows whose sum is slightly off 1 because of half precision are scaled."""
    weights = np.asarray(weights, dtype=np.float32)
    total = weights.sum(-1, keepdims=True)
    if np.abs(total - 1).max(initial=0) <= 1e-5:
        return weights
    near = (np.abs(total - 1) > 1e-5) & (np.abs(total - 1) <= _HALF)
    return np.where(near, weights / np.where(near, total, 1), weights)


def some(names: Sequence[str], most: int = 6) -> str:
    """The first names, and the number of further ones.

    Parameters
    ----------
    names : sequence of str
    most : int, default 6
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
