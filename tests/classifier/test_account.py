"""The account of a decision: its parts add up, whatever the cell, the recipe and the text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier.account import MOST_PATHS, account_of
from gluonattn.classifier.attribution import attribute
from gluonattn.classifier.batch import pass_through
from gluonattn.models.cells import CELLS

from ..tolerance import tolerance
from .known import TEXTS, bag_of_words, random_model
from .known import values as values_of_words

KINDS = [("default", False), ("default", True), ("default", "evidence"), ("post", False)]


def difference(steps, encoded, target: int) -> float:
    logits = steps.predictor.classifier(*steps.predictor.pad([encoded.example]))[0][0].astype(float)
    return logits[target] - np.delete(logits, target).mean()


def check(steps, text: str, target: int) -> None:
    encoded = steps.read(text)
    found, expected = account_of(steps, encoded, target), difference(steps, encoded, target)
    near = 1e-5 * max(1.0, abs(expected))
    assert abs(found.difference - expected) < near
    assert abs(found.bias + found.read.sum() + found.padding + found.beside.sum() - expected) < near
    assert abs(found.nothing + found.entered.sum() - expected) < near
    if found.paths is not None:
        np.testing.assert_allclose(found.paths.sum(axis=1), found.words + found.evidence.sum(axis=1), atol=1e-9)


@pytest.mark.parametrize(("recipe", "grams"), KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_parts_add_up_to_the_difference_of_the_logits(cell, recipe, grams):
    steps = random_model(cell, grams, recipe)
    for text in TEXTS:
        for target in (0, 1):
            check(steps, text, target)


_made: dict = {}


@settings(max_examples=60)
@given(text=st.text("최고영화또좋다별로 ", min_size=1, max_size=40).filter(str.strip), seed=st.integers(0, 4),
       kind=st.sampled_from(KINDS), cell=st.sampled_from(list(CELLS)), target=st.integers(0, 1))
def test_they_add_up_for_any_text(text, seed, kind, cell, target):
    key = (seed, kind, cell)
    if key not in _made:
        _made[key] = random_model(cell, kind[1], kind[0], seed)
    check(_made[key], text, target)


def test_with_three_classes_a_class_stands_against_the_mean_of_the_others():
    from gluonattn.classifier.forward_steps import ForwardSteps

    from .known import predictor_of

    steps = ForwardSteps(predictor_of({"cell": "mlp", "classes": 3}))
    for target in range(3):
        check(steps, TEXTS[1], target)


def test_what_is_read_is_what_the_weights_let_through():
    """Without attention on a token nothing is read of it, in whatever row."""
    steps = random_model("none")
    found = account_of(steps, steps.read(TEXTS[2]), 1)
    off = ~np.eye(found.read.shape[-1], dtype=bool)
    assert not found.read[:, off].any() and found.read.any()


def test_where_words_decide_alone_the_account_is_their_values():
    steps = bag_of_words()
    found = account_of(steps, steps.read(TEXTS[1]), 1)
    expected = 6.0 * values_of_words(steps, TEXTS[1]) / 4
    np.testing.assert_allclose(found.entered, expected, atol=tolerance(64))
    np.testing.assert_allclose(found.paths, np.diag(expected), atol=tolerance(64))
    assert abs(found.nothing) < tolerance(64) and not found.evidence.any()


def test_an_unknown_word_without_evidence_brings_nothing():
    steps = random_model("mlp")
    found = account_of(steps, steps.read("최고 모르는 영화"), 1)
    assert found.words[1] == 0 and found.words[0] != 0


def test_evidence_enters_by_its_n_grams():
    steps = random_model("mlp", "evidence")
    found = account_of(steps, steps.read(TEXTS[2]), 1)
    assert found.evidence.shape == (6, 6) and (np.abs(found.evidence).max(axis=0) > 0).all()


def test_of_a_long_text_the_tokens_are_told_apart_and_not_the_paths():
    steps = random_model("mlp", "evidence")
    check(steps, "최고 영화 " * MOST_PATHS, 1)
    assert account_of(steps, steps.read("최고 영화 " * MOST_PATHS), 1).paths is None


def test_as_json_it_still_adds_up():
    steps = random_model("mlp", "evidence")
    found = account_of(steps, steps.read(TEXTS[2]), 1)
    plain = found.to_json()
    total = plain["nothing"] + np.sum(plain["words"]) + np.sum(plain["evidence"]) + np.sum(plain["beside"])
    assert abs(total - plain["difference"]) < 1e-4


@pytest.mark.parametrize("grams", [False, "evidence"])
@pytest.mark.parametrize("text", TEXTS)
def test_with_attention_pooling_the_bars_are_the_decision(grams, text):
    """A bar is weight times what the head makes of the state; no maximum and no query has a part."""
    steps = random_model("pooling", grams)
    encoded = steps.read(text)
    passed, found = pass_through(steps, encoded), account_of(steps, encoded, 1)
    weights, states = passed.weights[0, 0].astype(float), passed.states[0].astype(float)
    np.testing.assert_allclose(weights, np.broadcast_to(weights[0], weights.shape), atol=tolerance(64, 64))
    head = steps.gradient.weight("head.weight").astype(float)
    asked = head[1] - head[0]
    bars = weights[0] * (states @ (asked[: len(asked) // 2] + asked[len(asked) // 2 :]))
    np.testing.assert_allclose(found.read.sum(axis=(0, 1)), bars, atol=tolerance(64, 64))
    np.testing.assert_allclose(attribute(steps, encoded, "attention-gradient", 1).scores, bars, atol=tolerance(64, 64))
    assert bars.sum() + found.bias == pytest.approx(difference(steps, encoded, 1), abs=tolerance(64, 64))
