"""The factors of the two branches."""

import numpy as np
import pytest

from gluonattn.training.weighing import scaled, weigh, weigh_branches


def drawn(texts, seed=0):
    """Two sets of logits whose plain sum is the truth, and classes drawn from it."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, texts, 3))
    odds = np.exp(first + second)
    classes = (odds.cumsum(1) / odds.sum(1, keepdims=True) > rng.random((texts, 1))).argmax(1)
    return first, second, classes


def test_factors_of_logits_that_are_too_sure_are_found():
    first, second, classes = drawn(20_000)
    assert weigh(2 * first, second / 3, classes) == pytest.approx((0.5, 3.0), rel=0.1)


def test_a_few_texts_move_little_and_factors_stay_positive():
    first, second, classes = drawn(5)
    assert all(0.2 < factor < 5 for factor in weigh(first, second, classes))
    assert all(factor > 0 for factor in weigh(-first, second, classes))


def test_float32_logits_are_weighed_alike():
    first, second, classes = drawn(2000)
    exact = weigh(first, 4 * second, classes)
    assert weigh(first.astype("f4"), (4 * second).astype("f4"), classes) == pytest.approx(exact, rel=1e-3)


def test_the_factors_of_a_run_scale_its_weights(make_run):
    run = make_run(ngrams=True)
    network, ngrams = weigh_branches(run)
    weights = {"head.weight": np.ones((2, 3), "f4"), "ngram_scores.weight": np.ones((4, 2), "f4"),
               "bigru.x": np.ones(3, "f4")}
    found = scaled(weights, network, ngrams)
    assert found["head.weight"][0, 0] == pytest.approx(network)
    assert found["ngram_scores.weight"][0, 0] == pytest.approx(ngrams)
    assert (found["bigru.x"] == 1).all() and all(v.dtype == np.float32 for v in found.values())
