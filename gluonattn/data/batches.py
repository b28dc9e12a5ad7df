"""Batches of similar length, in the order of GluonNLP's `FixedBucketSampler`; needs neither MXNet nor GluonNLP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BUCKET_EDGES = [*np.arange(0.05, 0.96, 0.05), 0.98, 0.99, 1.0]


def plan_batches(lengths: Sequence[int] | NDArray[Any], batch_size: int, seed: int | None = None) -> list[list[int]]:
    """Plan batches of texts with similar length.

    Parameters
    ----------
    lengths : sequence of int, or numpy.ndarray
        All positive.
    batch_size : int
        Texts in a batch.
    seed : int or None
        Seed that shuffles the batches and the texts in them; None keeps one fixed order.

    Returns
    -------
    list of list of int
        Positions of the texts of each batch; every position once. The order is that of
        ``gluonnlp.data.FixedBucketSampler`` for numpy's generator of this seed, so that a run of an earlier version can
        continue.
    """
    counts = np.asarray(lengths)
    if counts.min() < 1:
        raise ValueError("lengths must be positive")
    # Buckets with an equal share of the texts; equal widths would put a few
    # long texts in most of them.
    edges = np.unique(np.quantile(counts, _BUCKET_EDGES, method="higher"))
    bucket_of = np.searchsorted(edges, counts)
    buckets = [members for members in (np.flatnonzero(bucket_of == i).tolist() for i in range(len(edges))) if members]
    places = [(bucket, first) for bucket in reversed(range(len(buckets)))
              for first in range(0, len(buckets[bucket]), batch_size)]
    if seed is not None:
        generator = np.random.RandomState(seed % 2**32)
        for one in (places, *buckets):
            generator.shuffle(one)
    return [buckets[bucket][first : first + batch_size] for bucket, first in places]
