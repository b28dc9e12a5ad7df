"""Tests of faithfulness, tested: on models whose right answer is known, and against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier.adversary import _divergence_of_one, find_adversary
from gluonattn.classifier.attribution import attribute
from gluonattn.classifier.batch import pass_through
from gluonattn.classifier.faithfulness import (
    SHARES,
    conicity,
    decision_flip,
    deletion_test,
    erasure,
    highest_weight,
    permutation,
    top,
    uniform_change,
)
from gluonattn.metrics import jensen_shannon
from gluonattn.models.cells import CELLS
from gluonattn.statistics import rank_agreement

from ..tolerance import tolerance
from .known import SCALE, TEXTS, bag_of_words, blind_to_attention, random_model, values

LONG = "최고 최악 좋다 별로 영화 그냥 또 최고 좋다 영화 별로 또"


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def p_of(each, kept):
    """p of "1" in the bag of words that has only these words left."""
    return sigmoid(SCALE * np.mean(each[sorted(kept)]) if kept else 0.0)


@settings(max_examples=30, deadline=None)
@given(st.permutations(LONG.split()), st.integers(0, 99))
def test_erasure_of_a_bag_of_words_is_what_the_formula_says(words, seed):
    steps, text = bag_of_words(), " ".join(words)
    each, everything = values(steps, text), set(range(len(words)))
    scores = np.random.default_rng(seed).random(len(words))
    found = erasure(steps, [steps.read(text)], [scores], [1])
    for i, share in enumerate(SHARES):
        chosen = top(scores, share)
        assert found.comprehensiveness[0, i] == pytest.approx(p_of(each, everything) - p_of(each, everything - chosen),
                                                              abs=tolerance(8, 14))
        assert found.sufficiency[0, i] == pytest.approx(p_of(each, everything) - p_of(each, chosen), abs=tolerance(8, 14))
    masked = erasure(steps, [steps.read(text)], [scores], [1], "mask")
    for i, share in enumerate(SHARES):
        left = each.copy()
        left[list(top(scores, share))] = 0  # the unknown word counts nothing, and keeps its place
        assert masked.comprehensiveness[0, i] == pytest.approx(sigmoid(SCALE * each.mean()) - sigmoid(
            SCALE * left.mean()), abs=tolerance(8, 14))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(LONG.split()), min_size=2, max_size=10), st.integers(0, 99))
def test_exact_importances_are_at_least_as_comprehensive_as_any_others(words, seed):
    """Masking: what the top words of a sum carry is what is lost without them."""
    steps = bag_of_words()
    encoded = steps.read(" ".join(words))
    exact = attribute(steps, encoded, "integrated-gradients", 1).scores
    other = np.random.default_rng(seed).random(len(words))
    best, found = erasure(steps, [encoded] * 2, [exact, other], [1, 1], "mask").comprehensiveness
    assert (best >= found - tolerance(8, 14)).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(LONG.split()), min_size=1, max_size=8), st.integers(0, 99))
def test_the_decision_flips_where_removing_one_after_another_says(words, seed):
    steps = bag_of_words()
    encoded = steps.read(" ".join(words))
    each, scores = values(steps, " ".join(words)), np.random.default_rng(seed).random(len(words))
    target = int(steps.probabilities([encoded.example])[0].argmax())
    order, expected = np.argsort(-scores), 1.0
    for k in range(1, len(words) + 1):
        kept = set(order[k:].tolist())
        p = steps.probabilities([steps.without(encoded, set(order[:k].tolist()))])[0]
        assert p[1] == pytest.approx(p_of(each, kept), abs=tolerance(8, 14))
        if p.argmax() != target:
            expected = k / len(words)
            break
    assert decision_flip(steps, [encoded], [scores], [target])[0] == pytest.approx(expected)


def test_many_texts_at_once_are_measured_like_each_alone():
    steps = random_model(grams=True)
    encoded_texts = [steps.read(text) for text in TEXTS]
    scores = [attribute(steps, r, "random").scores for r in encoded_texts]
    targets = [1, 0, 1, 0, 1]
    together = erasure(steps, encoded_texts, scores, targets)
    flips = decision_flip(steps, encoded_texts, scores, targets)
    for i in range(len(TEXTS)):
        alone = erasure(steps, encoded_texts[i : i + 1], scores[i : i + 1], targets[i : i + 1])
        np.testing.assert_allclose(alone.comprehensiveness[0], together.comprehensiveness[i], atol=tolerance(8, 14))
        assert decision_flip(steps, encoded_texts[i : i + 1], scores[i : i + 1], targets[i : i + 1])[0] == flips[i]


@pytest.mark.parametrize("sharp", [0.1, 1, 30])
def test_a_model_that_ignores_attention_lets_any_attention_stand(sharp):
    steps = blind_to_attention(sharp)
    for text in TEXTS[:3]:
        passed = pass_through(steps, steps.read(text))
        rng = np.random.default_rng(0)
        assert permutation(steps, passed, 1, rng) == pytest.approx(0, abs=tolerance(8, 14))
        assert uniform_change(steps, passed, 1) == pytest.approx(0, abs=tolerance(8, 14))
        found = find_adversary(steps, passed, rng)
        assert found.divergence == pytest.approx(found.bound, abs=tolerance(8))
        assert found.change == pytest.approx(0, abs=tolerance(8, 14))


def test_against_sharp_weights_the_divergence_reaches_ln_2():
    steps = blind_to_attention(1000)
    passed = pass_through(steps, steps.read(LONG))
    assert highest_weight(passed) > 0.99
    assert find_adversary(steps, passed, np.random.default_rng(0)).divergence == pytest.approx(math.log(2), abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(CELLS)), st.integers(0, 99), st.sampled_from([*TEXTS[:3], LONG]))
def test_an_adversary_keeps_the_decision_and_says_how_far_it_went(cell, seed, text):
    steps = random_model(cell, seed=seed)
    passed = pass_through(steps, steps.read(text))
    found = find_adversary(steps, passed, np.random.default_rng(seed))
    np.testing.assert_allclose(found.weights.sum(axis=-1), 1, atol=tolerance(12))
    assert (found.weights >= 0).all() and found.weights.shape == passed.weights.shape
    moved = np.abs(steps.decide(passed, found.weights)[0] - passed.probabilities).sum() / 2
    assert moved == pytest.approx(found.change, abs=tolerance(8, 14)) and moved <= 0.05 + tolerance(8, 14)
    assert found.divergence == pytest.approx(jensen_shannon(passed.weights, found.weights).mean(), abs=tolerance(12, 2))
    assert -1e-9 <= found.divergence <= found.bound + tolerance(12) and found.bound <= math.log(2) + tolerance(12)


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=9))
def test_the_divergence_from_all_weight_on_one_token_has_a_closed_form(parts):
    row = np.array(parts) / sum(parts)
    np.testing.assert_allclose(_divergence_of_one(row), jensen_shannon(row, np.eye(len(row))), atol=1e-9)


def test_a_single_token_has_no_other_attention():
    steps = random_model()
    passed, rng = pass_through(steps, steps.read("영화")), np.random.default_rng(0)
    assert math.isnan(permutation(steps, passed, 1, rng)) and math.isnan(find_adversary(steps, passed, rng).divergence)


def test_conicity_is_1_where_all_states_are_one_and_lower_elsewhere():
    steps = bag_of_words()
    assert conicity(pass_through(steps, steps.read("최고 최고 최고")), 3) == pytest.approx(1, abs=tolerance(3))
    assert conicity(pass_through(steps, steps.read("최고 최고 최악")), 3) == pytest.approx(1 / 3, abs=tolerance(3))


def test_deletion_test_asks_the_model():
    steps, text = bag_of_words(), "최고 영화 또 그냥 좋다 영화 또 그냥 영화 또"
    each = values(steps, text)
    encoded = steps.read(text)
    found = deletion_test(steps, encoded, attribute(steps, encoded, "integrated-gradients", 1).scores, 1)
    everything = set(range(10))
    assert found.tokens == 2 and found.before == pytest.approx(p_of(each, everything), abs=tolerance(8, 14))
    assert found.after == pytest.approx(p_of(each, everything - {0, 4}), abs=tolerance(8, 14))
    assert found.after < found.low <= found.random <= found.high


def rounding_otherwise(steps, seed):
    """The same model where sums are rounded in another order: probabilities are off by some 1e-7."""
    rng, exact = np.random.default_rng(seed), steps.predictor.probabilities
    steps.predictor.probabilities = lambda examples: (p := exact(examples)) + rng.uniform(-1.2e-7, 1.2e-7, p.shape)
    return steps


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(LONG.split()), min_size=1, max_size=8), st.integers(0, 99))
def test_rounding_decides_nothing(words, seed):
    """Words of a bag that stand twice are worth the same, and no test takes noise for a difference."""
    text = " ".join(words)
    exact, noisy = bag_of_words(), rounding_otherwise(bag_of_words(), seed)
    scores = []
    for steps in (exact, noisy):
        encoded = steps.read(text)
        found = attribute(steps, encoded, "leave-one-out", 1).scores
        each = values(steps, text)
        assert (np.equal.outer(found, found) == np.equal.outer(each, each))[np.equal.outer(each, each)].all()
        scores.append(found)
    for share in SHARES:
        assert top(scores[0], share) == top(scores[1], share)
    assert decision_flip(exact, [encoded], scores[:1], [1]) == decision_flip(noisy, [encoded], scores[1:], [1])
    assert deletion_test(exact, encoded, scores[0], 1).further == deletion_test(noisy, encoded, scores[1], 1).further
    np.testing.assert_equal(*(rank_agreement(one, values(exact, text)) for one in scores))


@pytest.mark.parametrize("word", ["최고", "또", "처음보는말"])
def test_where_all_words_are_alike_no_words_take_the_decision_further_than_random_ones(word):
    for seed in range(5):
        steps = rounding_otherwise(bag_of_words(), seed)
        encoded = steps.read(" ".join([word] * 6))
        scores = attribute(steps, encoded, "leave-one-out", 1).scores
        assert len(set(scores)) == 1 and deletion_test(steps, encoded, scores, 1).further == 0
        assert math.isnan(rank_agreement(scores, np.arange(6.0)))


def test_a_tie_does_not_flip_the_decision():
    steps = bag_of_words()
    encoded = steps.read("처음보는말 처음보는말 처음보는말")  # 0.5 and 0.5, whatever is left of it
    for seed in range(5):
        for target in (0, 1):
            assert decision_flip(rounding_otherwise(steps, seed), [encoded], [np.arange(3.0)], [target])[0] == 1


def test_top_takes_at_least_one_and_rounds_up():
    scores = np.array([0.1, 0.5, 0.5, 0.9])
    assert top(scores, 0.01) == {3} and top(scores, 0.5) == {3, 1} and top(scores, 0.51) == {3, 1, 2}
    assert top(np.ones(10), 0.2) == {0, 1}
