"""Fit `gluonattn.classifier.fitted.FittedAttention`: the model classifies texts without random halves of their words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, require_seed
from ..plain import read_texts
from .fitted import FittedAttention, received_by_heads
from .kinds import open_batch

_TEXTS = 16  # texts in a batch
_PENALTIES = tuple(10.0**power for power in range(-6, 4))  # relative to the mean square of the heads' columns
_LEAST_TEXTS = 10
_MOST_ABLATIONS = 10_000  # more would not fit in memory with long texts
_LEAST = 1e-6  # bounds probabilities, so that log-odds are finite


def fit_attention(predictor: Any, texts: Iterable[str], *, ablations: int = 32, seed: int = 0,
                  progress: Callable[[int, int], None] | None = None) -> FittedAttention:
    """Fit one weight for each head, so that weighted attention predicts the log-odds lost without random words.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
        The model. It stays unchanged.
    texts : iterable of str
        A few hundred texts. Texts of one word are skipped. A fifth of the rest is held out.
    ablations : int, default 32
        Number of random halves of the words that are taken out of each text.
    seed : int, default 0
    progress : callable or None
        Called with (texts done, texts in all).

    Raises
    ------
    OptionError
        If there are fewer than 10 texts of two words or more, the model has no attention, or a number is out of range.
    """
    texts = read_texts(texts, "fit_attention")
    if not 2 <= ablations <= _MOST_ABLATIONS:
        raise OptionError("ablations is the number of sets of words to take out of each text, from 2 to "
                          f"{_MOST_ABLATIONS:,}; got {ablations}.")
    rng, shape, found = np.random.default_rng(require_seed(seed)), (0, 0), []
    for first in range(0, len(texts), _TEXTS):
        batch, _ = open_batch(predictor, texts[first : first + _TEXTS])
        gone = [rng.random((ablations, len(encoded.tokens))) < 0.5 for encoded in batch.encoded_texts]
        for number, (passed, own, said) in enumerate(zip(batch.passes, gone, batch.without(gone))):
            if own.shape[1] < 2:
                continue
            received, target = received_by_heads(batch, number), int(passed.probabilities.argmax())
            shape = (received.shape[0], received.shape[1])
            lost = _log_odds(passed.probabilities[target]) - _log_odds(said[:, target])
            found.append((own @ received.reshape(-1, own.shape[1]).T, lost))
        if progress:
            progress(min(first + _TEXTS, len(texts)), len(texts))
    if len(found) < _LEAST_TEXTS:
        raise OptionError(f"{len(found)} of {len(texts)} texts have two words or more, and at least {_LEAST_TEXTS} are "
                          "needed to learn from: give a few hundred.")
    order = rng.permutation(len(found))
    held = [found[i] for i in order[: len(order) // 5]]
    learnt = [found[i] for i in order[len(order) // 5 :]]
    weights = _solve(learnt, _choose_penalty(learnt))
    even = np.zeros(shape)
    even[-1] = 1
    return FittedAttention(tuple(map(tuple, weights.reshape(shape).tolist())), len(learnt), ablations,
                           _agreement(held, weights), _agreement(held, even.ravel()), len(held))


def _log_odds(probability: Any) -> Any:
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.log(p) - np.log1p(-p)


def _choose_penalty(parts: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> float:
    """Choose the penalty that best predicts a fourth of the texts from the rest."""
    inner, outer = parts[len(parts) // 4 :], parts[: len(parts) // 4]
    return max(_PENALTIES, key=lambda penalty: _agreement(outer, _solve(inner, penalty)))


def _solve(parts: Sequence[tuple[NDArray[Any], NDArray[Any]]], penalty: float) -> NDArray[Any]:
    """Solve least squares over all texts, each centred on its own mean."""
    columns = np.concatenate([x - x.mean(axis=0) for x, _ in parts])
    lost = np.concatenate([y - y.mean() for _, y in parts])
    square = columns.T @ columns
    return np.linalg.solve(square + (penalty * np.trace(square) / len(square) + 1e-12) * np.eye(len(square)),
                           columns.T @ lost)


def _agreement(parts: Sequence[tuple[NDArray[Any], NDArray[Any]]], weights: NDArray[Any]) -> float:
    """Mean correlation over texts. A text with constant measurements or predictions has none and is skipped."""
    found = [np.corrcoef(x @ weights, y)[0, 1] for x, y in parts if np.ptp(y) > _LEAST and np.ptp(x @ weights) > 0]
    return float(np.mean(found)) if found else 0.0
