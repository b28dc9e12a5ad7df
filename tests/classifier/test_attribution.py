"""Attribution methods against exact importances, numerical derivatives and brute force."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier.account import share_out
from gluonattn.classifier.attribution import METHODS, attribute, pooling_shares, received
from gluonattn.classifier.batch import pass_through
from gluonattn.classifier.gradients import COMPLETE, log_odds
from gluonattn.errors import OptionError
from gluonattn.models.cells import CELLS

from ..tolerance import tolerance
from .known import SCALE, TEXTS, WORDS, bag_of_words, random_model, values

TEXT = TEXTS[2]
MODELS = [(cell, grams, "default") for cell in CELLS for grams in (False, True, "evidence")] + [("mlp", False, "post")]


def log_odds_of(steps, text, target=1):
    p = steps.predictor.predict([text])[0].probabilities
    return float(np.log(p[str(target)] / (1 - p[str(target)])))


@pytest.mark.parametrize("cell", ["none", "uniform"])
@pytest.mark.parametrize("text", TEXTS)
def test_importances_of_a_bag_of_words_are_exact(cell, text):
    steps, each = bag_of_words(cell), values(bag_of_words(), text)
    encoded = steps.read(text)
    assert log_odds_of(steps, text) == pytest.approx(SCALE * each.mean(), abs=tolerance(8, 14, scale=SCALE))
    exact = SCALE * each / len(each)
    for target, wanted in ((1, exact), (0, -exact)):
        found = attribute(steps, encoded, "integrated-gradients", target).scores
        np.testing.assert_allclose(found, wanted, atol=tolerance(1, scale=SCALE))
    raw = np.array([WORDS.get(t.text, 0.0) for t in encoded.tokens])
    np.testing.assert_allclose(attribute(steps, encoded, "gradient-input", 1).scores,
                               SCALE / len(each) * (1 - each**2) * raw, atol=tolerance(1, scale=SCALE))


@pytest.mark.parametrize("text", TEXTS)
def test_leave_one_out_is_what_predicting_again_gives(text):
    """No n-grams: the text without the word is the text with the word left out by hand."""
    steps = random_model("mlp")
    words = text.split()
    scores = attribute(steps, steps.read(text), "leave-one-out", 1).scores
    for i, score in enumerate(scores):
        left = " ".join(words[:i] + words[i + 1 :]) or "모르는말"  # nothing left: one unknown word
        whole, without = steps.predictor.predict([text, left])
        assert score == pytest.approx(whole.probabilities["1"] - without.probabilities["1"], abs=tolerance(8, 14))


@pytest.mark.parametrize("cell, grams, recipe", MODELS)
def test_integrated_gradients_are_complete(cell, grams, recipe):
    steps = random_model(cell, grams, recipe)
    for text in TEXTS:
        scores, notes = attribute(steps, steps.read(text), "integrated-gradients", 1)
        assert abs(notes["missing"]) <= max(COMPLETE * abs(notes["difference"]), 1e-4)
        if recipe == "default":  # in the post's, padding takes its own part
            assert scores.sum() + notes["missing"] == pytest.approx(notes["difference"], abs=tolerance(8))
        encoded = steps.read(text)
        ends = np.log(steps.probabilities([steps.unknown_words(encoded), encoded.example])).T
        assert notes["difference"] == pytest.approx(np.diff(ends[1] - ends[0])[0], abs=1e-3)


@pytest.mark.parametrize("cell, grams, recipe", MODELS)
def test_gradient_input_is_a_numerical_derivative(cell, grams, recipe):
    """A token's score is how fast the log-odds rise when its vector (and share of n-grams) grows."""
    steps = random_model(cell, grams, recipe)
    encoded = steps.read(TEXT)
    scores = attribute(steps, encoded, "gradient-input", 1).scores
    words, more, logits_of = steps.words(encoded.example), steps.ngram_logits(encoded), steps.from_words(encoded)
    for i in range(len(encoded.tokens)):
        way = np.zeros_like(words)
        way[0, i] = words[0, i]
        own = sum_of_ngrams(encoded, more, i)

        def value(step, way=way, own=own):
            return log_odds(logits_of(words + step * way) + more.sum(0) + step * own, 1)[0]

        assert scores[i] == pytest.approx((value(1e-5) - value(-1e-5)) / 2e-5, rel=1e-3, abs=tolerance(1, scale=scores))


def sum_of_ngrams(encoded, more, token):
    """Logits of the n-grams that belong to one token."""
    if not len(more):
        return 0.0
    return np.array([share_out(encoded, more[:, k])[token] for k in range(more.shape[1])])


def test_integrated_gradients_are_a_numerical_integral():
    steps = random_model("mlp", seed=4)
    encoded = steps.read(TEXT)
    words, logits_of = steps.words(encoded.example), steps.from_words(encoded)
    start = steps.words(steps.unknown_words(encoded))
    scores = attribute(steps, encoded, "integrated-gradients", 1).scores
    for i in range(len(encoded.tokens)):
        way = np.zeros_like(words)
        way[0, i] = (words - start)[0, i]
        places = (np.arange(400)[:, None, None] + 0.5) / 400
        here = start + places * (words - start)
        up, down = (log_odds(logits_of(here + step * way), 1) for step in (1e-5, -1e-5))
        total = ((up - down) / 2e-5).mean()
        assert scores[i] == pytest.approx(total, abs=0.01 * np.abs(scores).max())


@pytest.mark.parametrize("cell", [cell for cell in CELLS])
def test_attention_gradient_is_a_numerical_derivative(cell):
    steps = random_model(cell, seed=2)
    encoded = steps.read(TEXT)
    passed = pass_through(steps, encoded)
    logits_of, weights = steps.from_weights(passed), passed.weights.astype(float)
    scores = attribute(steps, encoded, "attention-gradient", 0).scores
    for j in range(len(scores)):
        column = np.zeros_like(weights)
        column[..., j] = weights[..., j]
        rise = (log_odds(logits_of(weights + 1e-5 * column), 0) - log_odds(logits_of(weights - 1e-5 * column), 0))[0]
        assert scores[j] == pytest.approx(rise / 2e-5, rel=1e-3, abs=tolerance(1, scale=scores))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(MODELS), st.integers(0, 99), st.sampled_from(TEXTS))
def test_received_attention_is_shared_out_whole(kind, seed, text):
    steps = random_model(*kind, seed=seed)
    passed = pass_through(steps, steps.read(text))
    np.testing.assert_allclose(pooling_shares(steps, passed).sum(axis=1), 1)
    shares = received(steps, passed)
    assert shares.sum() == pytest.approx(1, abs=tolerance(8, 2)) and (shares >= 0).all()


def test_norm_is_the_length_of_what_each_token_brings():
    steps = random_model("multi-head", seed=1)
    encoded = steps.read(TEXT)
    passed = pass_through(steps, encoded)
    shares, size = pooling_shares(steps, passed).mean(axis=0), len(encoded.tokens)
    brought = [sum(shares[i] * np.linalg.norm(np.concatenate([passed.weights[0, h, i, j] * passed.values[0, h, j]
                                                              for h in range(2)])) for i in range(size))
               for j in range(size)]
    np.testing.assert_allclose(attribute(steps, encoded, "norm").scores, brought, rtol=tolerance(8))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_one_finite_score_a_token_and_the_same_again(method):
    steps = random_model("mlp", grams=True)
    for text in TEXTS:
        encoded = steps.read(text)
        first, second = (attribute(steps, encoded, method) for _ in range(2))
        assert first.scores.shape == (len(encoded.tokens),) and np.isfinite(first.scores).all()
        np.testing.assert_array_equal(first.scores, second.scores)
        assert METHODS[method].signed or (first.scores >= 0).all()


def test_ngrams_are_shared_out_by_characters_and_nothing_is_lost():
    steps = random_model(grams=True)
    for text in ["최고  영화ㅋㅋㅋㅋㅋㅋ", " 또 좋다\n", "A İ"]:
        encoded = steps.read(text)
        scores = np.random.default_rng(0).normal(size=len(encoded.spans))
        assert share_out(encoded, scores).sum() == pytest.approx(scores.sum())
    encoded = steps.read("가나 다")
    spans = encoded.spans.tolist()
    one = np.eye(len(spans))[spans.index([1, 4])]  # "나 다": one character of each, and the space of neither
    np.testing.assert_allclose(share_out(encoded, one), [0.5, 0.5])


def test_an_unknown_method_is_named():
    steps = random_model()
    with pytest.raises(OptionError, match="unknown attribution method 'lime': expected one of 'leave-one-out'"):
        attribute(steps, steps.read("영화"), "lime")


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, "값어치", "좋다", "樂", "é", "각각"]), min_size=1, max_size=5), st.data())
def test_scores_are_the_same_however_a_text_is_written(method, words, data):
    """Also what is shared out by characters: a syllable counts once, be it one character or three."""
    steps, text = random_model(grams=True), " ".join(words)
    typed = unicodedata.normalize("NFD", text)
    for invisible in data.draw(st.lists(st.sampled_from("\u200b\u3164\u00ad\x00"), max_size=3)):
        at = data.draw(st.integers(0, len(typed)))
        typed = typed[:at] + invisible * 3 + typed[at:]
    found, plain = (attribute(steps, steps.read(one), method, 1).scores for one in (typed, text))
    np.testing.assert_array_equal(found, plain)
