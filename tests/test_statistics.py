"""Intervals, paired tests and calibration, against scipy, counting and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, false_discovery_control, norm

from gluonattn import statistics
from gluonattn.errors import OptionError
from gluonattn.statistics import (
    RESAMPLES,
    Figure,
    bootstrap_p,
    calibration,
    draws,
    figure,
    holm,
    interval,
    intervals,
    mcnemar,
    rank_agreement,
)


def test_an_interval_is_scipys():
    values = np.random.default_rng(0).normal(3, 2, 400)
    own = figure(values, resamples=4000)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, random_state=1).confidence_interval
    assert own.mean == pytest.approx(values.mean())
    assert own.low == pytest.approx(theirs.low, abs=0.02) and own.high == pytest.approx(theirs.high, abs=0.02)


def test_seeds_widen_an_interval_when_they_differ():
    rng = np.random.default_rng(0)
    sentences = rng.normal(size=300)
    alike = np.stack([sentences] * 5)
    apart = alike + np.array([-1, -0.5, 0, 0.5, 1])[:, None]
    own, wide = figure(alike), figure(apart)
    assert own.high - own.low == pytest.approx(2 * 1.96 / 300**0.5, rel=0.15)
    spread = norm.ppf(0.975) * 2 * (apart.mean(axis=1).std() / 5**0.5)
    assert wide.high - wide.low == pytest.approx(spread, rel=0.25)


def test_what_cannot_be_asked_is_left_out():
    found = figure([1.0, np.nan, 3.0])
    assert found.mean == 2 and 1 <= found.low <= found.high <= 3
    assert all(np.isnan(figure([np.nan, np.nan])))


def test_an_interval_lies_on_one_side_of_0_or_holds_it():
    assert (Figure(1, 0.5, 2).sign, Figure(-1, -2, -0.5).sign, Figure(1, 0, 2).sign, Figure(0, -1, 1).sign) == (1, -1, 0, 0)
    assert figure([np.nan]).sign == 0


def test_mcnemar_counts_only_where_one_is_right():
    first = np.array([1, 1, 1, 1, 1, 1, 0, 1, 0], bool)
    second = np.array([0, 0, 0, 0, 0, 1, 1, 1, 0], bool)
    assert mcnemar(first, second) == pytest.approx(2 * (1 + 6) / 2**6)  # 5 against 1
    assert mcnemar(first, second) == mcnemar(second, first)
    assert mcnemar(first, first) == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_monotone_and_between_no_correction_and_bonferroni(p):
    found = np.array(holm(p))
    assert (found >= np.array(p) - 1e-12).all() and (found <= np.minimum(1, len(p) * np.array(p)) + 1e-12).all()
    assert (np.diff(found[np.argsort(p, kind="stable")]) >= 0).all()
    assert (found >= false_discovery_control(p) - 1e-9).all()  # which is less strict


def test_holm_of_a_textbook_case():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_calibration_of_a_model_that_knows_how_sure_to_be_is_near_0():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 50_000)
    error, curve = calibration(confidence, rng.random(50_000) < confidence)
    assert error < 0.01 and sum(part["texts"] for part in curve) == 50_000
    error, curve = calibration(np.full(100, 0.9), np.arange(100) < 60)
    assert error == pytest.approx(0.3)
    assert curve == [{"confidence": pytest.approx(0.9), "accuracy": 0.6, "texts": 100}]
    assert calibration(np.ones(4), np.ones(4, bool))[0] == 0  # the highest confidence has a bin


def test_ranks_agree_from_minus_1_to_1():
    assert rank_agreement(np.array([1.0, 2, 3]), np.array([2.0, 4, 9])) == pytest.approx(1)
    assert rank_agreement(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert np.isnan(rank_agreement(np.array([1.0, 1]), np.array([1.0, 2]))) and np.isnan(
        rank_agreement(np.array([1.0]), np.array([1.0])))


def test_statistics_of_the_same_draws_are_paired():
    """Two columns that differ by 0.1 in every unit: each varies, their difference does not."""
    first = np.random.default_rng(0).normal(size=200)
    drawn = draws(200, resamples=3000)
    assert (drawn[0] == 1).all() and (drawn.sum(1) == 200).all()
    mean, more = drawn @ first / 200, drawn @ (first + 0.1) / 200
    own, alone = interval(mean), figure(first, resamples=3000)
    assert own.mean == pytest.approx(alone.mean)
    assert own.low == pytest.approx(alone.low, abs=0.01) and own.high == pytest.approx(alone.high, abs=0.01)
    assert interval(more - mean) == pytest.approx((0.1, 0.1, 0.1))
    assert bootstrap_p(more - mean) == pytest.approx(2 / 3001) and bootstrap_p(mean - more) == bootstrap_p(more - mean)
    assert intervals(np.stack([mean, more], 1))[1] == interval(more)


def test_bootstrap_p_is_the_normal_one_for_a_mean():
    values = np.random.default_rng(1).normal(0.1, 1, 400)
    expected = 2 * norm.sf(abs(values.mean()) / (values.std() / 20))
    assert bootstrap_p(draws(400, resamples=5000) @ values / 400) == pytest.approx(expected, rel=0.25)
    assert bootstrap_p(np.zeros(100)) == 1 and np.isnan(bootstrap_p(np.full(100, np.nan)))
    assert np.isnan(interval(np.full(100, np.nan)).mean)


def as_float32_might(values, seed):
    """The same scores with the rounding of another order of sums."""
    noise = np.random.default_rng(seed).uniform(-1, 1, len(values)) * np.finfo(np.float32).eps
    return values + noise * np.abs(values).max(initial=0)


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=12), st.integers(0, 99),
       st.sampled_from([1e-12, 0.1, 1000.0]))
def test_rounding_is_not_ranked(scores, seed, size):
    """Two removals that leave the same text differ by 3e-8."""
    first, second = size * np.array(scores, dtype=float).T / 7
    found = rank_agreement(as_float32_might(first, seed), as_float32_might(second, seed + 1))
    np.testing.assert_equal(found, rank_agreement(first, second))


@given(st.integers(40, 400), st.sampled_from([0.001, 0.02, 0.15]), st.booleans(), st.integers(0, 99))
@example(73, 0.02, True, 0)  # a step of 0.00027 between 0.7110 and 0.7107
@settings(max_examples=12, deadline=None)
def test_the_ends_of_an_interval_have_no_more_digits_than_the_resamples_hold(size, spread, few, seed):
    """Other draws give the same text, but for a unit in the last place or two (of which each is right to one)."""
    rng = np.random.default_rng(seed)
    values = 0.7 + spread * (rng.random(size) < 0.4 if few else rng.normal(size=size))
    drawn = [figure(values, seed=n) for n in (1, 2)]
    for factor in (1, 100):
        for digits in (2, 3, 4):
            first, second = (found.spell(digits, factor=factor) for found in drawn)
            assert first[0] == second[0] == f"{factor * values.mean():.{digits}f}"
            for one, other in zip(first[1:], second[1:]):
                places = min(len(end.partition(".")[2]) for end in (one, other))
                unit = 10**-places
                # Means of yes and no have steps of their own; the ends of a step are each rounded by half a unit.
                step = factor * spread / size + unit if few else 0
                assert places <= digits and abs(float(one) - float(other)) < max(2.01 * unit, 1.01 * step)
    assert Figure(0.12345, 0.10004, 0.10004).spell(4) == ("0.1235", "0.1000", "0.1000")
    assert Figure(0.5, -0.0004, 0.9).spell(3) == ("0.500", "0.0", "0.9") and str(figure([np.nan])) == "nan [nan, nan]"
    assert Figure(12.3, 2.4, 32.7).spell(2, sign="+") == ("+12.30", "+2", "+33") and RESAMPLES == 10_000


@pytest.mark.parametrize("seeds", [1, 3])
def test_answers_of_few_kinds_are_drawn_like_any(seeds):
    """Right or wrong is drawn by kind, and numbers that differ a little one by one: the same distribution."""
    rng = np.random.default_rng(0)
    right = (rng.random((seeds, 2000)) < 0.8).astype(float)
    right[:, ::50] = np.nan
    own, alone = figure(right), figure(right + rng.uniform(-1e-9, 1e-9, right.shape))
    assert own.mean == pytest.approx(alone.mean)
    assert own.low == pytest.approx(alone.low, abs=0.001) and own.high == pytest.approx(alone.high, abs=0.001)
    assert own == figure(right)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "0", None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(OptionError, match="seed must be a whole number from 0 to 4294967295; got"):
        statistics.draws(3, resamples=5, seed=seed)
    with pytest.raises(OptionError, match="seed must be"):
        statistics.figure(np.ones((2, 3)), resamples=5, seed=seed)
