"""The uncertainty of figures: bootstrap intervals, paired tests, calibration. Only numpy and scipy are needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import offer_extra, require_seed
from .metrics import tie_close

RESAMPLES = 10_000
_CHUNK_UNITS = 1_000_000  # units drawn at once; bounds memory
_MAX_CACHED_UNITS = 4_000_000  # the largest cached table of resamples; 32 MB
_KIND_COST = 25  # drawing one kind costs as much as drawing this many units
# Two standard errors of the 2.5th percentile, as a fraction of the interval's width, for normally distributed
# values: 2 sqrt(0.025 x 0.975 / n) / density(1.96) standard deviations. The interval is 3.92 of them wide.
_END_ERROR = 1.36 / math.sqrt(RESAMPLES)


class Figure(NamedTuple):
    """A mean and its 95 % interval. NaN if there was nothing to count."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        mean, low, high = self.spell()
        return f"{mean} [{low}, {high}]"

    @property
    def sign(self) -> int:
        """1 or -1 if the whole interval is on that side of 0. 0 if it contains 0 or is missing."""
        return int(self.low > 0) - int(self.high < 0)

    def spell(self, digits: int = 3, *, factor: float = 1, sign: str = "") -> tuple[str, str, str]:
        """Mean, low and high as text. The interval's ends have no more digits than `RESAMPLES` resamples support.

        Parameters
        ----------
        digits : int, default 3
            Maximum number of decimals.
        factor : float, default 1
            Multiplies the numbers. 100 gives per cent.
        sign : {"", "+"}, default ""
            "+" adds a sign to positive numbers too.
        """
        error = factor * _END_ERROR * (self.high - self.low)
        end_digits = digits if not error > 0 else max(0, min(digits, math.floor(-math.log10(error))))
        mean, low, high = (f"{round(factor * x, digits_of) + 0.0:{sign}.{digits_of}f}"  # no -0
                           for x, digits_of in zip(self, (digits, end_digits, end_digits)))
        return mean, low, high


def figure(values: Any, *, resamples: int = RESAMPLES, seed: int = 0) -> Figure:
    """Mean of values with its bootstrap interval (percentiles 2.5 and 97.5).

    To compare two figures of the same texts, give the differences of their values. Two separate intervals do not
    compare them.

    Parameters
    ----------
    values : array, shape (sentences,) or (seeds, sentences)
        With two axes, both training seeds and sentences are resampled
        (Efron and Tibshirani 1993, two crossed levels). NaNs are left out.
    resamples : int, default 10,000
    seed : int, default 0

    Returns
    -------
    Figure
    """
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    is_present = ~np.isnan(table)
    if not is_present.any():
        return Figure(float("nan"), float("nan"), float("nan"))
    seeds = len(table)
    both = np.concatenate([np.where(is_present, table, 0), is_present])  # sums and counts
    rng = np.random.default_rng(require_seed(seed))
    rows = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples)
    means: list[float] = []
    for columns, kinds in _resample(both, resamples, rng, seed):
        sums = (columns @ kinds.T).reshape(-1, 2, seeds) * rows[len(means) : len(means) + len(columns), None]
        total, count = sums.sum(axis=-1).T
        means.extend(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))
    low, high = np.nanpercentile(means, [2.5, 97.5])
    return Figure(float(both[:seeds].sum() / is_present.sum()), float(low), float(high))


def _resample(values: NDArray[Any], resamples: int, rng: np.random.Generator,
              seed: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """How often each column of `values` was drawn, (part of the resamples, columns), and the columns.

    Equal columns are drawn as one kind where that is faster. Correct and wrong answers, for example, are few kinds.
    """
    size = values.shape[1]
    kinds, times = np.unique(values, axis=1, return_counts=True)
    if len(times) * _KIND_COST < size:
        for part in _parts(resamples, len(times)):
            yield rng.multinomial(size, times / size, part).astype(np.float64), kinds
    elif size * resamples <= _MAX_CACHED_UNITS:
        yield _draw_cached(size, resamples, seed), values
    else:
        for part in _parts(resamples, size):
            yield _draw(size, part, rng), values


def _parts(resamples: int, size: int) -> Iterator[int]:
    largest = max(1, _CHUNK_UNITS // size)
    for done in range(0, resamples, largest):
        yield min(largest, resamples - done)


def _draw(size: int, resamples: int, rng: np.random.Generator) -> NDArray[Any]:
    drawn = rng.integers(size, size=(resamples, size)) + size * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size).astype(np.float64)


@lru_cache(maxsize=4)
def _draw_cached(size: int, resamples: int, seed: int) -> NDArray[Any]:
    """The draws of `_draw`, cached for further figures of the same texts."""
    rng = np.random.default_rng([seed, 1])
    return np.concatenate([_draw(size, part, rng) for part in _parts(resamples, size)])


def draws(units: int, *, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[Any]:
    """How often each unit (a word, a sentence) occurs in the sample and in each bootstrap resample of it.

    Statistics that are computed from the same draws can be subtracted. ``(draws @ hits) / (draws @ tries)`` is a rate with
    its bootstrap distribution, resampled by unit, however many tries a unit has.

    Parameters
    ----------
    units : int
        Number of units in the sample.
    resamples : int, default `RESAMPLES`
    seed : int, default 0

    Returns
    -------
    numpy.ndarray, shape (1 + resamples, units)
        The first row is the sample itself: all ones.
    """
    rng = np.random.default_rng(require_seed(seed))
    drawn = rng.multinomial(units, np.full(units, 1 / units), resamples)
    return np.concatenate([np.ones((1, units)), drawn])


def rate(drawn: NDArray[Any], sums: NDArray[Any], counted: NDArray[Any]) -> NDArray[Any]:
    """Compute sums / counted in each draw of units.

    Parameters
    ----------
    drawn : numpy.ndarray, shape (draws, units)
        As `draws` returns it.
    sums : numpy.ndarray, shape (units, ...)
    counted : numpy.ndarray, shape (units,), or the first axes of `sums`

    Returns
    -------
    numpy.ndarray, shape (draws, ...)
        NaN if nothing was counted.
    """
    total = np.tensordot(drawn, counted, (1, 0))
    total = total.reshape(*total.shape, *(1,) * (sums.ndim - counted.ndim))
    top = np.tensordot(drawn, sums, (1, 0))
    return np.divide(top, total, out=np.full_like(top, np.nan), where=np.broadcast_to(total > 0, top.shape))


def interval(drawn: NDArray[Any]) -> Figure:
    """The figure of a statistic computed from `draws`: its value in the sample, and percentiles 2.5 and 97.5.

    Parameters
    ----------
    drawn : numpy.ndarray, shape (1 + resamples,)
        The statistic in the sample and in each resample. NaN if there was nothing to count.
    """
    if np.isnan(drawn[0]):
        return Figure(float("nan"), float("nan"), float("nan"))
    low, high = np.nanpercentile(drawn[1:], [2.5, 97.5])
    return Figure(float(drawn[0]), float(low), float(high))


def intervals(drawn: NDArray[Any]) -> NDArray[Any]:
    """`interval` of many statistics at once: (1 + resamples, ...) to an object array (...) of Figure."""
    flat = drawn.reshape(len(drawn), -1)
    figures = np.empty(flat.shape[1], dtype=object)
    for i in range(flat.shape[1]):
        figures[i] = interval(flat[:, i])
    return figures.reshape(drawn.shape[1:])


def bootstrap_p(drawn: NDArray[Any]) -> float:
    """Two-sided p-value of a difference computed from `draws`, for the hypothesis that it is 0.

    It is computed from the fraction of the bootstrap distribution on one side of 0.

    At least 2 / (1 + resamples); NaN if the sample has nothing to count.
    """
    rest = drawn[1:][~np.isnan(drawn[1:])]
    if np.isnan(drawn[0]) or not len(rest):
        return float("nan")
    least = min(int((rest <= 0).sum()), int((rest >= 0).sum()))
    return min(1.0, 2 * (1 + least) / (1 + len(rest)))


def mcnemar(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Exact two-sided p-value of McNemar's test: whether two models are wrong equally often on the same texts.

    McNemar 1947, with the binomial distribution of the texts that only one of
    the models gets right.

    Parameters
    ----------
    first, second : numpy.ndarray of bool, shape (texts,)
        Whether each model was correct on each text.
    """
    with offer_extra("measure", "McNemar's test"):
        from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if not only_first + only_second:
        return 1.0
    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """p-values of several tests, corrected so that the chance of any false positive stays at the level (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate([min(1.0, (len(p) - i) * p[k]) for i, k in enumerate(order)])
    result: list[float] = corrected.tolist()
    return result


def calibration(confidence: NDArray[Any], correct: NDArray[Any], bins: int = 15) -> tuple[float, list[dict[str, Any]]]:
    """Expected calibration error and the reliability curve it is computed from (Guo et al. 2017).

    Parameters
    ----------
    confidence : numpy.ndarray, shape (texts,)
        Probability of the predicted label.
    correct : numpy.ndarray of bool, shape (texts,)
    bins : int, default 15
        Number of bins of equal width from 0 to 1.

    Returns
    -------
    error : float
        Mean gap between confidence and accuracy, weighted by the number of texts in each bin.
    curve : list of dict
        "confidence", "accuracy" and "texts" of each bin that is not empty.
    """
    place = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    curve = [{"confidence": float(confidence[place == b].mean()), "accuracy": float(correct[place == b].mean()),
              "texts": int((place == b).sum())} for b in np.unique(place)]
    error = sum(part["texts"] * abs(part["confidence"] - part["accuracy"]) for part in curve) / len(place)
    return float(error), curve


def rank_agreement(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Kendall's tau-b of two lists of scores; NaN if all scores of one list are equal.

    Scores that float32 cannot distinguish are tied; see `gluonattn.metrics.tie_close`.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (n,)
    """
    with offer_extra("measure", "Kendall's tau"):
        from scipy.stats import kendalltau

    first, second = tie_close(first), tie_close(second)
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(kendalltau(first, second).statistic)
