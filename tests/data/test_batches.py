"""Length-bucketed batches: every position once, similar lengths, repeatable."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.data.batches import plan_batches

lengths_lists = st.lists(st.integers(1, 600), min_size=1, max_size=400)
seeds = st.one_of(st.none(), st.integers(0, 2**63))


@settings(max_examples=80, deadline=None)
@given(lengths_lists, st.integers(1, 64), seeds)
def test_every_position_stands_in_one_batch(lengths, batch_size, seed):
    plan = plan_batches(lengths, batch_size, seed)
    assert sorted(i for batch in plan for i in batch) == list(range(len(lengths)))
    assert max(map(len, plan)) <= batch_size


@settings(max_examples=40, deadline=None)
@given(lengths_lists, st.integers(1, 64), seeds)
def test_the_same_seed_gives_the_same_plan_whatever_numpy_drew_before(lengths, batch_size, seed):
    first = plan_batches(lengths, batch_size, seed)
    np.random.random(7)
    assert plan_batches(lengths, batch_size, seed) == first


@settings(max_examples=40, deadline=None)
@given(lengths_lists, st.integers(1, 64), seeds)
def test_numpys_own_random_numbers_are_left_alone(lengths, batch_size, seed):
    np.random.seed(5)
    expected = np.random.random(3)
    np.random.seed(5)
    plan_batches(lengths, batch_size, seed)
    np.testing.assert_array_equal(np.random.random(3), expected)


def test_numpys_random_state_is_left_alone_after_an_error():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    with pytest.raises(ValueError, match="positive"):
        plan_batches([3, 0, 2], 2, seed=1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@settings(max_examples=40, deadline=None)
@given(lengths_lists, st.integers(1, 64), seeds)
def test_nothing_is_warned_about(lengths, batch_size, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan_batches(lengths, batch_size, seed)


def test_seeds_give_different_plans_and_none_a_fixed_one():
    lengths = list(np.random.default_rng(0).integers(1, 40, 500))
    plans = [plan_batches(lengths, 16, seed) for seed in (None, 1, 2)]
    assert plans[0] != plans[1] != plans[2] != plans[0]


def padding(lengths, plan) -> int:
    return sum(max(lengths[i] for i in batch) * len(batch) for batch in plan) - sum(lengths)


def test_batches_hold_similar_lengths():
    """Lengths spread as those of reviews: bucketing saves nine tenths of a random order's padding."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(2.5, 0.7, 20_000).astype(int), 1, 64).tolist()
    order = rng.permutation(len(lengths)).tolist()
    random_plan = [order[i : i + 128] for i in range(0, len(order), 128)]
    plan = plan_batches(lengths, 128, seed=0)
    assert padding(lengths, plan) < 0.1 * padding(lengths, random_plan)
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in plan]
    assert np.median(spread) <= 2


def test_a_few_long_texts_do_not_lengthen_the_rest():
    lengths = [5] * 990 + [500] * 10
    assert padding(lengths, plan_batches(lengths, 32, seed=0)) == 0


@settings(max_examples=80, deadline=None)
@given(lengths_lists, st.integers(1, 64), seeds)
def test_batches_are_those_of_gluonnlps_sampler(lengths, batch_size, seed):
    """A run that was begun with it goes on with the same batches."""
    from gluonattn.runtime import nlp

    edges = np.unique(np.quantile(lengths, [*np.arange(0.05, 0.96, 0.05), 0.98, 0.99, 1.0], method="higher")).tolist()
    sampler = nlp.data.FixedBucketSampler(lengths, batch_size, num_buckets=None, bucket_keys=edges,
                                          shuffle=seed is not None)
    if seed is not None:
        np.random.seed(seed % 2**32)
    assert plan_batches(lengths, batch_size, seed) == [list(batch) for batch in sampler]
