"""The weights of the network and the linear branch relative to each other, fitted on validation.

Both are overconfident, and both favour the most frequent classes. A factor for each and a bias for each class (temperature
and vector scaling: Guo et al. 2017) make the sum more accurate and calibrate its probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..training.run import Run


def weigh(network: NDArray[Any], ngrams: NDArray[Any], classes: NDArray[Any]) -> tuple[float, float, list[float]]:
    """Fit the factors and biases that maximise the likelihood of the sum of two sets of logits.

    Parameters
    ----------
    network, ngrams : numpy.ndarray, shape (texts, classes)
        Logits.
    classes : numpy.ndarray, int, shape (texts,)
        The true classes.

    Returns
    -------
    network, ngrams : float
        Positive factors, regularised towards 1 for few texts.
    bias : list of float
        Added to the logits of each class, regularised towards 0.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    network, ngrams = network.astype(np.float64), ngrams.astype(np.float64)
    rows = np.arange(len(classes))

    def loss(values: NDArray[Any]) -> float:
        logits = np.exp(values[0]) * network + np.exp(values[1]) * ngrams + values[2:]
        result: float = (logsumexp(logits, axis=1) - logits[rows, classes]).sum() + (values**2).sum()
        return result

    first, second, *bias = minimize(loss, np.zeros(2 + network.shape[1])).x.tolist()
    return float(np.exp(first)), float(np.exp(second)), bias


def weigh_branches(run: Run) -> dict[str, Any]:
    """Run `weigh` on a run's validation texts, with the results by name. Without a linear branch, only `network` counts."""
    from ..data.batches import plan_batches

    texts, targets, offsets = run.valid
    logits = np.zeros_like(targets)
    for positions in plan_batches(texts.lengths, run.settings.batch_size):
        logits[positions] = run.predict(run.arrays(run.valid, positions)[0])
    ngrams = np.zeros_like(logits) if offsets is None else offsets
    return dict(zip(("network", "ngrams", "bias"), weigh(logits, ngrams, targets.argmax(1))))


def scaled(weights: Mapping[str, NDArray[Any]], network: float, ngrams: float, bias: Any) -> dict[str, NDArray[Any]]:
    """A model's weights with the factors and biases applied.

    Parameters
    ----------
    weights : mapping of str to numpy.ndarray
    network, ngrams : float
        Factors, as `weigh` gives them.
    bias : sequence of float
        One for each class.
    """
    factors = {"head.weight": network, "head.bias": network, "ngram_scores.weight": ngrams}
    found = {name: values * np.float32(factors[name]) if name in factors else values
             for name, values in weights.items()}
    found["head.bias"] = found["head.bias"] + np.array(bias, np.float32)
    return found
