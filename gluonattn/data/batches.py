"""Batches of similar length, by GluonNLP's bucket sampler."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..runtime import mx, nlp

_BUCKET_EDGES = [*np.arange(0.05, 0.96, 0.05), 0.98, 0.99, 1.0]


def plan_batches(lengths: Sequence[int], batch_size: int, seed: int | None = None) -> list[list[int]]:
    """Positions of each batch: texts of similar length stand together.

    Parameters
    ----------
    lengths : sequence of int, all positive
    batch_size : int
        Texts in a batch.
    seed : int or None
        Shuffles batches and what is in them; None keeps one fixed order.

    Returns
    -------
    list of list of int
        Every position once.
    """
    # Buckets with an equal share of the texts; equal widths would put a few
    # long texts in most of them.
    edges = np.unique(np.quantile(lengths, _BUCKET_EDGES, method="higher")).tolist()
    sampler = nlp.data.FixedBucketSampler(
        lengths, batch_size, num_buckets=None, bucket_keys=edges, shuffle=seed is not None
    )
    state = np.random.get_state()  # the sampler draws from numpy's global generator
    try:
        if seed is not None:
            np.random.seed(seed % 2**32)
        return [list(batch) for batch in sampler]
    finally:
        np.random.set_state(state)


def to_device(array: np.ndarray, device):
    """A numpy array as an MXNet array; it must not be written to afterwards.

    On the CPU it is not copied: `mx.nd.array` copies through MXNet's queue, and so waits for
    the gradient that is being computed.

    Parameters
    ----------
    array : numpy.ndarray
    device : mxnet.Context
    """
    return mx.nd.from_numpy(array, zero_copy=True).as_in_context(device)
