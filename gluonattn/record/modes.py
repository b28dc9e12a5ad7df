"""Derived weights for the same tokens: attention rollout, value-weighted attention, the difference of two records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from ..errors import RecordError, choose
from .record import AttentionRecord

MODES = ("weights", "rollout", "value-weighted")


def change_mode(record: AttentionRecord, mode: str) -> AttentionRecord:
    """Convert a record to one of `MODES`.

    Parameters
    ----------
    record : AttentionRecord
    mode : {"weights", "rollout", "value-weighted"}
        A cross record has no rollout and stays unchanged.

    Raises
    ------
    OptionError
        If the mode is unknown.
    RecordError
        If the record lacks what the mode needs.
    """
    choose("mode", mode, dict.fromkeys(MODES))
    if mode == "rollout" and record.kind != "cross":
        return roll_out(record)
    return weigh_by_values(record) if mode == "value-weighted" else record


def roll_out(record: AttentionRecord) -> AttentionRecord:
    """Attention rollout: each layer's row is the share of input tokens that reached it, averaged over heads.

    Raises
    ------
    RecordError
        If queries and keys are not the same tokens, as in a cross record.
    """
    if record.queries != record.keys or record.kind == "cross":
        raise RecordError(f"rollout needs self-attention; this record is of kind {record.kind!r} with "
                          f"{len(record.queries)} queries and {len(record.keys)} keys.")
    return _replace_weights(record, metrics.rollouts(record.weights)[:, None], "rollout")


def weigh_by_values(record: AttentionRecord, output: NDArray[Any] | None = None) -> AttentionRecord:
    """Make a record with weights ||weight x value||, each row scaled to sum to 1.

    Parameters
    ----------
    record : AttentionRecord
        A record with values (capture with ``vectors=True``).
    output : numpy.ndarray, shape (layers, width, heads * head_dim), or None
        Output projections. With them, heads are summed before the norm (`metrics.value_weighted`).

    Raises
    ------
    RecordError
        If the record has no values.
    """
    if record.values is None:
        raise RecordError("value-weighted attention needs the record's values: capture(model, vectors=True).")
    norms = metrics.value_weighted(record.weights, record.values, output)
    row_sums = norms.sum(-1, keepdims=True)
    return _replace_weights(record, norms / np.where(row_sums > 0, row_sums, 1), "value-weighted")


def subtract_weights(record_a: AttentionRecord, record_b: AttentionRecord) -> NDArray[Any]:
    """Weights of b minus those of a.

    Parameters
    ----------
    record_a, record_b : AttentionRecord

    Returns
    -------
    numpy.ndarray, float32, shape (layers, heads, queries, keys)

    Raises
    ------
    RecordError
        If they do not have the same tokens, layers and heads.
    """
    if record_a.queries != record_b.queries or record_a.keys != record_b.keys:
        raise RecordError("a difference needs two records of the same tokens; merge both to eojeol, which may be the same.")
    if record_a.weights.shape != record_b.weights.shape:
        raise RecordError(
            f"a difference needs as many layers and heads on both sides; got {record_a.weights.shape[:2]} and "
            f"{record_b.weights.shape[:2]}.")
    difference: NDArray[Any] = record_b.weights - record_a.weights
    return difference


def _replace_weights(record: AttentionRecord, weights: NDArray[Any], mode: str) -> AttentionRecord:
    return replace(record, weights=weights, queries_vectors=None, keys_vectors=None, values=None,
                   source={**record.source, "mode": mode})
