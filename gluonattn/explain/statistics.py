"""How sure a figure is: bootstrap intervals, paired tests, calibration. numpy and scipy only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_AT_ONCE = 1_000_000  # sentences drawn at once; bounds memory


class Figure(NamedTuple):
    """A mean and its 95 % interval; NaN where there was nothing to count."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def apart(self, other: Figure) -> bool:
        """Whether the two intervals have nothing in common."""
        return self.low > other.high or other.low > self.high


def figure(values, *, resamples: int = 1000, seed: int = 0) -> Figure:
    """Mean of values with its bootstrap interval (percentiles 2.5 and 97.5).

    Parameters
    ----------
    values : array, shape (sentences,) or (seeds, sentences)
        With two axes, training seeds and sentences are both drawn anew
        (Efron and Tibshirani 1993, two levels crossed). NaNs are left out.
    resamples : int, default 1000
    seed : int, default 0

    Returns
    -------
    Figure
    """
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    real = ~np.isnan(table)
    if not real.any():
        return Figure(float("nan"), float("nan"), float("nan"))
    filled, real = np.where(real, table, 0), real.astype(np.float64)
    rng = np.random.default_rng(seed)
    seeds, sentences = table.shape
    means: list[float] = []
    while len(means) < resamples:
        part = min(resamples - len(means), max(1, _AT_ONCE // sentences))
        rows = rng.multinomial(seeds, np.full(seeds, 1 / seeds), part).astype(np.float64)  # (part, seeds)
        drawn = rng.integers(sentences, size=(part, sentences)) + sentences * np.arange(part)[:, None]
        columns = np.bincount(drawn.ravel(), minlength=part * sentences).reshape(part, sentences)
        total, count = (((rows @ each) * columns).sum(axis=1) for each in (filled, real))
        means.extend(np.divide(total, count, out=np.full(part, np.nan), where=count > 0))
    low, high = np.nanpercentile(means, [2.5, 97.5])
    return Figure(float(filled.sum() / real.sum()), float(low), float(high))


def draws(units: int, *, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """How often each unit (a word, a sentence) stands in the sample and in each bootstrap resample of it.

    Statistics that are computed from the same draws can be subtracted: ``(draws @ hits) / (draws @ tries)`` is a rate and
    its bootstrap distribution, resampled by unit however many tries a unit has.

    Returns
    -------
    numpy.ndarray, shape (1 + resamples, units)
        The first row is the sample itself: all ones.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(units, np.full(units, 1 / units), resamples)
    return np.concatenate([np.ones((1, units)), drawn])


def interval(drawn: np.ndarray) -> Figure:
    """The figure of a statistic computed from `draws`: its value in the sample and percentiles 2.5 and 97.5.

    Parameters
    ----------
    drawn : numpy.ndarray, shape (1 + resamples,)
        NaN where a resample has nothing to count.
    """
    if np.isnan(drawn[0]):
        return Figure(float("nan"), float("nan"), float("nan"))
    low, high = np.nanpercentile(drawn[1:], [2.5, 97.5])
    return Figure(float(drawn[0]), float(low), float(high))


def intervals(drawn: np.ndarray) -> np.ndarray:
    """`interval` of many statistics at once: (1 + resamples, ...) to an object array (...) of Figure."""
    flat = drawn.reshape(len(drawn), -1)
    found = np.empty(flat.shape[1], dtype=object)
    for i in range(flat.shape[1]):
        found[i] = interval(flat[:, i])
    return found.reshape(drawn.shape[1:])


def bootstrap_p(drawn: np.ndarray) -> float:
    """Two-sided p of a difference computed from `draws` being 0: how far its distribution lies on one side of 0.

    At least 2 / (1 + resamples); NaN where the sample has nothing to count.
    """
    rest = drawn[1:][~np.isnan(drawn[1:])]
    if np.isnan(drawn[0]) or not len(rest):
        return float("nan")
    least = min(int((rest <= 0).sum()), int((rest >= 0).sum()))
    return min(1.0, 2 * (1 + least) / (1 + len(rest)))


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided p of McNemar's test: are two models wrong equally often on the same texts?

    McNemar 1947, with the binomial distribution of the texts only one of them
    gets right.

    Parameters
    ----------
    first, second : numpy.ndarray of bool, shape (texts,)
        Whether each was right.
    """
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if not only_first + only_second:
        return 1.0
    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """p-values of several tests, corrected so that one false alarm among all stays at the level (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate([min(1.0, (len(p) - i) * p[k]) for i, k in enumerate(order)])
    return corrected.tolist()


def calibration(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> tuple[float, list[dict]]:
    """Expected calibration error and the reliability curve behind it (Guo et al. 2017).

    Parameters
    ----------
    confidence : numpy.ndarray, shape (texts,)
        Probability of the predicted label.
    right : numpy.ndarray of bool, shape (texts,)
    bins : int, default 15
        Of equal width from 0 to 1.

    Returns
    -------
    error : float
        Mean gap between confidence and accuracy, bins counted by their texts.
    curve : list of dict
        confidence, accuracy, texts of each bin that has any.
    """
    place = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    curve = [{"confidence": float(confidence[place == b].mean()), "accuracy": float(right[place == b].mean()),
              "texts": int((place == b).sum())} for b in np.unique(place)]
    error = sum(part["texts"] * abs(part["confidence"] - part["accuracy"]) for part in curve) / len(place)
    return float(error), curve


def rank_agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's tau-b of two lists of scores; NaN where one of them orders nothing."""
    from scipy.stats import kendalltau

    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(kendalltau(first, second).statistic)
