"""The factors of the two branches."""

import numpy as np
import pytest

from gluonattn.classifier.weighing import scaled, weigh, weigh_branches

from ..tolerance import tolerance


def drawn(texts, seed=0):
    """Two sets of logits whose plain sum is the truth, and classes drawn from it."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, texts, 3))
    odds = np.exp(first + second)
    classes = (odds.cumsum(1) / odds.sum(1, keepdims=True) > rng.random((texts, 1))).argmax(1)
    return first, second, classes


def test_factors_of_logits_that_are_too_sure_are_found():
    first, second, classes = drawn(20_000)
    network, ngrams, bias = weigh(2 * first, second / 3 + [1, 0, 0], classes)
    assert (network, ngrams) == pytest.approx((0.5, 3.0), rel=0.1)
    assert bias[0] - bias[1] == pytest.approx(-3, abs=0.3) and bias[1] - bias[2] == pytest.approx(0, abs=0.1)


def test_a_few_texts_move_little_and_factors_stay_positive():
    first, second, classes = drawn(5)
    assert all(0.2 < factor < 5 for factor in weigh(first, second, classes)[:2])
    assert all(factor > 0 for factor in weigh(-first, second, classes)[:2])


def test_float32_logits_are_weighed_alike():
    first, second, classes = drawn(2000)
    exact = weigh(first, 4 * second, classes)
    found = weigh(first.astype("f4"), (4 * second).astype("f4"), classes)
    np.testing.assert_allclose(np.hstack(found), np.hstack(exact), rtol=1e-3, atol=1e-3)


def test_the_factors_of_a_run_scale_its_weights(make_run):
    run = make_run(ngrams=True)
    factors = weigh_branches(run)
    weights = {"head.weight": np.ones((2, 3), "f4"), "head.bias": np.ones(2, "f4"),
               "ngram_scores.weight": np.ones((4, 2), "f4"), "bigru.x": np.ones(3, "f4")}
    found = scaled(weights, **factors)
    assert found["head.weight"][0, 0] == pytest.approx(factors["network"])
    assert found["ngram_scores.weight"][0, 0] == pytest.approx(factors["ngrams"])
    np.testing.assert_allclose(found["head.bias"], np.array(factors["bias"]) + factors["network"], rtol=tolerance(2))
    assert (found["bigru.x"] == 1).all() and all(v.dtype == np.float32 for v in found.values())
