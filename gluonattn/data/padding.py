"""Batches for prediction, in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .examples import Example


def plan_by_length(lengths: Sequence[int], batch_size: int, pairs: int) -> list[list[int]]:
    """Plan batches, shortest texts first.

    Parameters
    ----------
    lengths : sequence of int
    batch_size : int
        Maximum number of texts in a batch.
    pairs : int
        Maximum number of query-key pairs in a batch (texts x longest length
        squared), which bounds memory. A text with more is a batch by itself.

    Returns
    -------
    list of list of int
        Positions of the texts of each batch; every position once.
    """
    batches: list[list[int]] = []
    for position in np.argsort(lengths, kind="stable").tolist():
        size = len(batches[-1]) + 1 if batches else 0
        if batches and size <= batch_size and size * lengths[position] ** 2 <= pairs:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches


def pad_batch(examples: Sequence[Example], padding: int, length: int | None = None) -> tuple[NDArray[Any], ...]:
    """Make padded arrays of examples.

    Parameters
    ----------
    examples : sequence of Example
    padding : int
        Id of the padding token; n-grams are padded with 0.
    length : int or None
        Pad and truncate to exactly this many tokens; None pads to the longest.

    Returns
    -------
    ids : numpy.ndarray, int32, shape (B, T)
    valid_length : numpy.ndarray, int32, shape (B,)
    subwords : numpy.ndarray, int32, shape (B, T, K)
        Like `ngrams`, only if the examples have them.
    ngrams : numpy.ndarray, int32, shape (B, N)
    evidence : numpy.ndarray, float32, shape (B, T, channels)
    """
    rows = [example.ids[:length] for example in examples]
    valid_length = np.array([len(row) for row in rows], np.int32)
    ids = np.full((len(rows), length or valid_length.max()), padding, np.int32)
    real = np.arange(ids.shape[1]) < valid_length[:, None]
    ids[real] = np.concatenate(rows)
    arrays: list[NDArray[Any]] = [ids, valid_length]
    if examples[0].subwords is not None:
        grams = pad_rows([grams for example in examples for grams in (example.subwords or ())[:length]])
        subwords = np.zeros((*ids.shape, grams.shape[1]), np.int32)
        subwords[real] = grams
        arrays.append(subwords)
    if examples[0].ngrams is not None:
        arrays.append(pad_rows([example.ngrams for example in examples if example.ngrams is not None]))
    if examples[0].evidence is not None:
        found = [example.evidence[:length] for example in examples if example.evidence is not None]
        evidence = np.zeros((*ids.shape, found[0].shape[1]), np.float32)
        evidence[real] = np.concatenate(found)
        arrays.append(evidence)
    return tuple(arrays)


def pad_rows(rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Make one array of rows of different lengths, padded with zeros. It has at least one column."""
    lengths = np.array([len(row) for row in rows])
    table = np.zeros((len(rows), max(1, lengths.max())), np.int32)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate(rows)
    return table
