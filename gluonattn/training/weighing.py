"""How much the network and the linear branch count beside each other, settled on validation.

Both are trained to be right, and both are surer of themselves than they should
be; a factor for each (temperature scaling: Guo et al. 2017) makes the sum more
accurate and its probabilities honest.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def weigh(network: np.ndarray, ngrams: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    """The factors that make the sum of two sets of logits most likely.

    Parameters
    ----------
    network, ngrams : numpy.ndarray, shape (texts, classes)
        Logits.
    classes : numpy.ndarray, int, shape (texts,)
        The true ones.

    Returns
    -------
    tuple of float
        For `network` and for `ngrams`; both positive, and near 1 where a few texts say little.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    network, ngrams = network.astype(np.float64), ngrams.astype(np.float64)
    rows = np.arange(len(classes))

    def loss(logs):
        logits = np.exp(logs[0]) * network + np.exp(logs[1]) * ngrams
        return (logsumexp(logits, axis=1) - logits[rows, classes]).sum() + (logs**2).sum()

    first, second = np.exp(minimize(loss, np.zeros(2)).x)
    return float(first), float(second)


def weigh_branches(run) -> tuple[float, float]:
    """`weigh` for a run with a linear branch, on its validation texts."""
    from ..data.batches import plan_batches

    examples, targets, offsets = run.valid
    logits = np.zeros_like(offsets)
    for positions in plan_batches([len(e.ids) for e in examples], 2 * run.settings.batch_size):
        logits[positions] = run.model(*run.batchify([examples[i] for i in positions]))[0].asnumpy()
    return weigh(logits, offsets, targets.argmax(1))


def scaled(weights: Mapping[str, np.ndarray], network: float, ngrams: float) -> dict[str, np.ndarray]:
    """A model's weights with the factors in them."""
    factors = {"head.weight": network, "head.bias": network, "ngram_scores.weight": ngrams}
    return {name: values * np.float32(factors[name]) if name in factors else values
            for name, values in weights.items()}
