from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

from gluonattn.metrics import (
    RESOLUTION,
    entropy,
    jensen_shannon,
    mean_distance,
    offsets,
    received,
    rollout,
    strongest_pairs,
    tie_close,
    top_k_overlap,
)

from .tolerance import tolerance


@st.composite
def rows(draw, queries=None, keys=None):
    """A (queries, keys) matrix whose rows sum to 1; zeros and one-hot rows are common."""
    queries = queries or draw(st.integers(1, 6))
    keys = keys or draw(st.integers(1, 6))
    raw = draw(arrays(np.float64, (queries, keys), elements=st.sampled_from([0, 0, 1e-9, 0.1, 0.5, 1, 3])))
    raw[raw.sum(1) == 0, draw(st.integers(0, keys - 1))] = 1
    return raw / raw.sum(1, keepdims=True)


@st.composite
def two_of_one_shape(draw):
    shape = {"queries": draw(st.integers(1, 5)), "keys": draw(st.integers(1, 6))}
    return draw(rows(**shape)), draw(rows(**shape))


@given(rows())
def test_received_is_the_mean_over_queries_and_keeps_the_mass(weights):
    expected = [
        sum(weights[q, k] for q in range(len(weights))) / len(weights) for k in range(weights.shape[1])
    ]
    assert received(weights) == pytest.approx(expected)
    assert received(weights[None, None]).shape == (1, 1, weights.shape[1])
    assert received(weights).sum() == pytest.approx(1)


@given(rows(), st.integers(0, 40), st.booleans())
def test_strongest_pairs_are_those_of_a_full_sort(weights, n, diagonal):
    square = weights.shape[0] == weights.shape[1]
    everything = [
        (q, k, w)
        for q, row in enumerate(weights)
        for k, w in enumerate(row)
        if diagonal or not square or q != k
    ]
    expected = sorted(everything, key=lambda pair: -pair[2])[:n]  # sorted keeps reading order in ties
    assert strongest_pairs(weights, n, diagonal=diagonal) == expected


def test_strongest_pairs_leave_the_matrix_alone():
    weights = np.eye(3, dtype=np.float32)
    weights.flags.writeable = False
    assert strongest_pairs(weights, 1) == [(0, 1, 0.0)]
    assert (weights == np.eye(3)).all()


@given(rows())
def test_entropy_is_scipys(weights):
    assert entropy(weights) == pytest.approx(scipy_entropy(weights, axis=-1), abs=1e-12)
    assert (entropy(weights) >= -1e-12).all()


@given(rows())
def test_relative_entropy_is_the_share_of_the_uniform(weights):
    keys = weights.shape[1]
    relative = entropy(weights, relative=True)
    assert relative.shape == weights.shape[:1]
    assert ((relative > -1e-9) & (relative < 1 + 1e-9)).all()
    if keys > 1:
        assert relative == pytest.approx(entropy(weights) / math.log(keys))


@pytest.mark.parametrize("keys", [1, 2, 60])
def test_entropy_of_uniform_and_one_hot_rows(keys):
    uniform, one_hot = np.full((1, keys), 1 / keys, np.float32), np.eye(keys)[:1]
    assert entropy(uniform)[0] == pytest.approx(math.log(keys), abs=tolerance(keys))
    assert entropy(uniform, relative=True)[0] == pytest.approx(1 if keys > 1 else 0)
    assert entropy(one_hot)[0] == 0


@given(two_of_one_shape())
def test_jensen_shannon_is_scipys_symmetric_and_bounded(pair):
    p, q = pair
    found = jensen_shannon(p, q)
    # scipy gives the square root; its own rounding may turn a tiny negative into NaN
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num(jensenshannon(p, q, axis=-1)) ** 2
    assert found == pytest.approx(expected, abs=1e-9)
    assert found == pytest.approx(jensen_shannon(q, p), abs=1e-12)
    assert ((found >= 0) & (found <= math.log(2) + 1e-12)).all()
    assert jensen_shannon(p, p) == pytest.approx(0, abs=1e-12)


def test_jensen_shannon_reaches_ln_2_where_nothing_is_shared():
    assert jensen_shannon(np.array([1, 0, 0]), np.array([0, 0.5, 0.5])) == pytest.approx(math.log(2))


@st.composite
def with_noise(draw, size=1.0):
    """Steps that float32 tells apart, and the same with rounding errors of float32 on them, times `size`."""
    steps = np.array(draw(st.lists(st.integers(0, 9), min_size=1, max_size=12)), dtype=float)
    exact = size * (steps + 1) / 10
    # A share of each number, as rounding is: one of a fixed size was more than float32 has where all numbers are small.
    noise = np.random.default_rng(draw(st.integers(0, 999))).uniform(-4, 4, len(steps)) * np.finfo(np.float32).eps
    return exact, exact * (1 + noise)


@given(with_noise(), st.sampled_from([1e-20, 1e-3, 1.0, 1e6]), st.sampled_from([None, 0]))
def test_values_that_float32_cannot_tell_apart_are_tied(found, size, scale):
    exact, noisy = found
    tied = tie_close(size * noisy, scale)
    assert (np.equal.outer(tied, tied) == np.equal.outer(exact, exact)).all()
    assert (np.argsort(tied, kind="stable") == np.argsort(exact, kind="stable")).all()
    assert (tie_close(size * exact, scale) == size * exact).all()  # what is exact stays
    assert tied.sum() == pytest.approx(size * noisy.sum(), rel=1e-12)
    assert (tie_close(1e-9 * noisy, 1.0) == tie_close(1e-9 * noisy, 1.0)[0]).all()  # small differences of large numbers


def test_values_without_an_order_stay_as_they_are():
    odd = np.array([np.nan, 1, np.inf, 1 + RESOLUTION / 2, -np.inf, np.nan])
    np.testing.assert_array_equal(np.isfinite(tie_close(odd)), np.isfinite(odd))
    assert tie_close(odd)[1] == tie_close(odd)[3] and tie_close(odd)[2] == np.inf
    assert tie_close(np.zeros((0, 3))).shape == (0, 3) and tie_close(np.ones((2, 3))).shape == (2, 3)


@given(with_noise(), st.integers(1, 12))
def test_rounding_does_not_choose_the_strongest(found, n):
    exact, noisy = found
    assert top_k_overlap(exact, noisy, n) == 1
    first, second = (strongest_pairs(one.astype(np.float32)[None], n, diagonal=True) for one in found)
    assert [pair[:2] for pair in first] == [pair[:2] for pair in second]


@given(st.permutations(range(6)), st.permutations(range(6)), st.integers(1, 9))
def test_top_k_overlap_counts_common_entries(p, q, k):
    p, q = np.array(p), np.array(q)
    k_used = min(k, 6)
    common = {i for i in range(6) if p[i] >= 6 - k_used} & {i for i in range(6) if q[i] >= 6 - k_used}
    assert top_k_overlap(p, q, k) == pytest.approx(len(common) / k_used)
    assert top_k_overlap(p, p, k) == 1


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_rollout_follows_the_formula_and_its_rows_sum_to_1(layers, heads, tokens, seed):
    weights = np.random.default_rng(seed).dirichlet(np.ones(tokens), (layers, heads, tokens))
    joint = [[float(i == j) for j in range(tokens)] for i in range(tokens)]
    for layer in range(layers):
        step = [
            [sum(weights[layer, h, i, j] for h in range(heads)) / heads + (i == j) for j in range(tokens)]
            for i in range(tokens)
        ]
        step = [[w / sum(row) for w in row] for row in step]
        joint = [
            [sum(step[i][m] * joint[m][j] for m in range(tokens)) for j in range(tokens)]
            for i in range(tokens)
        ]
    found = rollout(weights)
    assert found == pytest.approx(np.array(joint))
    assert found.sum(1) == pytest.approx(1)


def test_rollout_of_tokens_that_look_only_at_themselves_is_the_identity():
    assert rollout(np.broadcast_to(np.eye(4), (3, 2, 4, 4))) == pytest.approx(np.eye(4))


def test_distance_and_offsets_are_from_the_nearest_own_key():
    own = np.array([[1, 0, 0, 0], [0, 1, 1, 0]], dtype=bool)
    assert offsets(own).tolist() == [[0, 1, 2, 3], [-1, 0, 0, 1]]
    weights = np.array([[0.5, 0, 0, 0.5], [0.25, 0.25, 0.25, 0.25]])
    assert mean_distance(weights, own) == pytest.approx([1.5, 0.5])
    eye = np.eye(5, dtype=bool)
    assert mean_distance(eye.astype(float)[None], eye) == pytest.approx(np.zeros((1, 5)))
