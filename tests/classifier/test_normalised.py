"""Normalised AOPC: against all orders, and that what only scales a model changes nothing."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from gluonattn.classifier.attribution import METHODS
from gluonattn.classifier.batch import Batch
from gluonattn.classifier.normalised import measure_normalised, normalised_aopc, orders_reach

from ..tolerance import tolerance
from .known import TEXTS, bag_of_words, random_model

TARGETS = [0, 1, 0, 1, 0]
CLOSE = tolerance(8, 12)  # both directions' states, a step of a word behind the other
LONG = "최고 최악 좋다 별로 영화 그냥 또 최고 좋다 영화 별로 또"


def batch_of(steps, texts=TEXTS) -> Batch:
    return Batch(steps, [steps.read(text) for text in texts])


def random_scores(batch, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.random(len(encoded.tokens)) for encoded in batch.encoded_texts]


@pytest.mark.parametrize("cell", ["mlp", "multi-head"])
def test_limits_are_those_of_all_orders(cell):
    batch = batch_of(random_model(cell, grams=True))
    found = normalised_aopc(batch, {"random": random_scores(batch)}, TARGETS)
    assert found.exact.all()
    for i, encoded in enumerate(batch.encoded_texts):
        alone = Batch(batch.steps, [encoded])
        reached = [orders_reach(alone, [order], [TARGETS[i]])[0] for order in permutations(range(len(encoded.tokens)))]
        assert found.low[i] == pytest.approx(min(reached), abs=CLOSE)
        assert found.high[i] == pytest.approx(max(reached), abs=CLOSE)
        if len(encoded.tokens) > 1:
            expected = (found.raw["random"][i] - min(reached)) / (max(reached) - min(reached))
            assert found.normalised["random"][i] == pytest.approx(expected, abs=1e-4)
        else:
            assert np.isnan(found.normalised["random"][i])  # one word has one order


def test_raw_is_the_mean_of_taking_out_one_token_after_the_other():
    steps = bag_of_words()
    batch = batch_of(steps, ["최고 최악 영화"])
    p = lambda *words: batch.without([np.array([[w in words for w in ("최고", "최악", "영화")]])])[0][0, 1]  # noqa: E731
    whole = batch.passes[0].probabilities[1]
    expected = np.mean([whole - p("최악"), whole - p("최악", "영화"), whole - p("최고", "최악", "영화")])
    found = normalised_aopc(batch, {"own": [np.array([0.1, 0.9, 0.5])]}, [1])
    assert found.raw["own"][0] == pytest.approx(expected, abs=CLOSE)


def test_a_beam_that_holds_every_set_is_exact_and_a_narrow_one_lies_inside():
    batch = batch_of(random_model("mlp", grams=True), [TEXTS[2], TEXTS[1]])
    scores = {"random": random_scores(batch)}
    exact, wide, narrow = (normalised_aopc(batch, scores, [0, 1], exact=n, beam=b) for n, b in ((8, 1), (0, 64), (0, 1)))
    assert exact.exact.all() and not wide.exact.any()
    assert wide.low == pytest.approx(exact.low, abs=CLOSE) and wide.high == pytest.approx(exact.high, abs=CLOSE)
    assert (narrow.low >= exact.low - CLOSE).all() and (narrow.high <= exact.high + CLOSE).all()


def test_every_method_lies_between_the_limits_also_where_these_are_of_a_beam():
    batch = batch_of(random_model("dot"), [LONG, *TEXTS])
    scores = {str(seed): random_scores(batch, seed) for seed in range(20)}
    found = normalised_aopc(batch, scores, [1, *TARGETS], beam=1)
    assert found.exact.tolist() == [False, *[True] * 5]
    values = np.array(list(found.normalised.values()))
    assert np.nanmin(values) >= 0 and np.nanmax(values) <= 1


def test_an_order_that_is_right_is_near_1_and_its_opposite_near_0():
    """In a bag of words without words that speak against it, the strongest first is the best order there is."""
    steps = bag_of_words()
    batch = batch_of(steps, ["최고 좋다 영화 또"])
    right = np.array([4.0, 3.0, 1.0, 2.0])
    found = normalised_aopc(batch, {"right": [right], "wrong": [-right]}, [1])
    assert found.normalised["right"][0] == pytest.approx(1, abs=1e-4) and found.normalised["wrong"][0] < 0.01


def test_what_only_makes_a_model_surer_moves_raw_figures_and_leaves_the_order_of_methods():
    """Two models that differ in how far they move: raw AOPC says that one is more faithful, normalised does not."""
    timid, bold = bag_of_words(), bag_of_words()
    timid.predictor.checkpoint.weights["head.weight"] /= 100
    timid = type(timid)(timid.predictor)
    texts = ["최고 좋다 영화 또", "별로 최악 그냥 별로"]
    found = [measure_normalised(one.predictor, texts, ["leave-one-out", "random"]) for one in (timid, bold)]
    raw, normalised = ([np.mean(own[kind]["leave-one-out"]) for own in found] for kind in ("raw", "normalised"))
    assert raw[1] > 10 * raw[0] and normalised[0] == pytest.approx(normalised[1], abs=0.1)


def test_measuring_a_model_has_a_number_for_each_text_and_method():
    seen = []
    found = measure_normalised(random_model("mlp").predictor, TEXTS, progress=lambda *done: seen.append(done))
    assert list(found["normalised"]) == list(METHODS) and seen == [(5, 5)]
    assert all(len(own) == len(TEXTS) for own in (*found["raw"].values(), *found["normalised"].values(), found["low"]))
