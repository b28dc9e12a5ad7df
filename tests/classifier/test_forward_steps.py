"""A model opened: its steps give its own answer, and words taken out are gone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier.batch import Batch, pass_through
from gluonattn.data.ngrams import known_ngrams
from gluonattn.errors import RecordError, TextError
from gluonattn.models.cells import CELLS

from ..tolerance import tolerance
from .known import KNOWN, TEXTS, random_model


@pytest.mark.parametrize("recipe, grams", [("default", False), ("default", True), ("default", "evidence"), ("post", False)])
@pytest.mark.parametrize("cell", CELLS)
def test_the_steps_give_the_models_own_answer(cell, recipe, grams):
    steps = random_model(cell, grams, recipe)
    for text in TEXTS:
        encoded = steps.read(text)
        passed = pass_through(steps, encoded)
        logits, weights = steps.predictor.classifier(*steps.predictor.inputs([text]))
        np.testing.assert_allclose(passed.logits, logits, atol=tolerance(8, 14, scale=logits))
        np.testing.assert_allclose(passed.weights, weights, atol=tolerance(8, 14))
        again = steps.decide(passed, np.repeat(passed.weights, 3, axis=0))
        np.testing.assert_allclose(again, np.repeat(passed.probabilities[None], 3, axis=0), atol=tolerance(8, 14))
        words, logits_of = steps.words(encoded.example), steps.from_words(encoded)
        np.testing.assert_allclose(logits_of(np.repeat(words, 2, axis=0)) + passed.more,
                                   np.repeat(logits, 2, axis=0), atol=tolerance(8, 14, scale=logits))
        derived = steps.from_weights(passed)(passed.weights.astype(float))
        np.testing.assert_allclose(derived, logits, atol=tolerance(8, 14, scale=logits))


def test_ngrams_go_with_the_words_they_were_read_from():
    steps = random_model(grams=True)
    encoded = steps.read("최고 영화 또")
    gone = steps.without(encoded, {1})
    assert gone.ids.tolist() == encoded.example.ids[[0, 2]].tolist() and len(gone.subwords) == 2
    left = sorted(gone.ngrams.tolist())
    # What no character of 영화 has a part in: all of " 최고 " and of " 또 ", the space at each end among them.
    both = {*known_ngrams(["최고"], [[]], KNOWN)[0], *known_ngrams(["또"], [[]], KNOWN)[0]}
    assert left == sorted(both) and len(both) > 8
    np.testing.assert_array_equal(np.sort(steps.masked(encoded, {1}).ngrams), left)


def test_masking_keeps_the_place_and_loses_the_word():
    steps = random_model(grams=True)
    encoded = steps.read("최고 영화 또")
    masked = steps.masked(encoded, {0, 2})
    unknown = steps.predictor.unknown
    assert masked.ids.tolist() == [unknown, encoded.example.ids[1], unknown]
    assert [len(s) for s in masked.subwords] == [0, len(encoded.example.subwords[1]), 0]
    assert encoded.example.ids[0] != unknown  # and the text itself stays


SOME_TEXT = st.text("최고영화또좋다ㅋ \t\u3000", min_size=1, max_size=12).filter(str.strip)
MODELS = [(cell, grams, recipe) for cell in ("mlp", "uniform", "none", "multi-head")
          for grams, recipe in ((False, "default"), (True, "default"), ("evidence", "default"), (False, "post"))]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MODELS), st.integers(0, 9), SOME_TEXT,
       st.sampled_from(["without", "masked"]))
def test_where_nothing_is_left_every_text_is_decided_alike(kind, seed, text, way):
    """By the model's biases alone: neither n-grams of spaces nor the number of words tell the texts apart."""
    steps = random_model(*kind, seed=seed)
    encoded, other = steps.read(text), steps.read("처음")
    left = getattr(steps, way)(encoded, range(len(encoded.tokens)))
    unknown = steps.without(other, {0})._replace(ngrams=np.zeros(0, np.int32) if kind[1] is True else None)
    np.testing.assert_allclose(*steps.probabilities([left, unknown]), atol=tolerance(8, 14))
    gone = np.ones((1, len(encoded.tokens)), bool)
    [found] = Batch(steps, [encoded]).without([gone], "remove" if way == "without" else "mask")
    np.testing.assert_allclose(found, steps.probabilities([unknown]), atol=tolerance(8, 14))


@settings(max_examples=60, deadline=None)
@given(SOME_TEXT, st.data())
def test_what_is_left_of_the_ngrams_was_read_from_no_token_that_is_gone(text, data):
    steps = random_model(grams=True)
    encoded = steps.read(text)
    gone = data.draw(st.sets(st.integers(0, len(encoded.tokens) - 1), min_size=1))
    lost = encoded.lost_ngrams(np.isin(np.arange(len(encoded.tokens)), list(gone))[None])[0]
    characters = {i for token in gone for i in range(encoded.tokens[token].start, encoded.tokens[token].end)}
    for (start, end), went in zip(encoded.spans.tolist(), lost):
        assert went == (bool(characters & set(range(start, end))) or len(gone) == len(encoded.tokens))


@pytest.mark.parametrize("way", ["without", "masked", "encoded_without"])
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_tokens_are_taken_out_by_their_numbers_and_by_nothing_else(way, data):
    """What is no number of a token took another one out, or none, without a word."""
    steps = random_model(grams=True)
    encoded = steps.read(TEXTS[2])
    size, take = len(encoded.tokens), getattr(steps, way)
    where = data.draw(st.integers(0, size - 1))
    found = [take(encoded, one) for one in (
        [where], [where - size], np.array([where], np.uint8), {np.int64(where)}, where, iter([where]))]
    assert len({str(getattr(one, "example", one)) for one in found}) == 1
    for wrong in ([size], [-size - 1], [True], np.arange(size) == where, [float(where)], str(where), None):
        with pytest.raises(RecordError, match="token"):
            take(encoded, wrong)


def test_nothing_left_is_one_unknown_word():
    steps = random_model(grams=True)
    encoded = steps.read("최고 영화")
    nothing = steps.without(encoded, {0, 1})
    assert nothing.ids.tolist() == [steps.predictor.unknown] and len(nothing.subwords[0]) == 0
    assert not len(nothing.ngrams) and np.isfinite(steps.probabilities([nothing])).all()


def test_order_is_kept_whatever_the_lengths():
    steps = random_model(grams=True)
    examples = [steps.read(text).example for text in TEXTS * 3]
    alone = np.concatenate([steps.probabilities([example]) for example in examples])
    np.testing.assert_allclose(steps.probabilities(examples), alone, atol=tolerance(8, 14))


def test_a_blank_text_cannot_be_read():
    with pytest.raises(TextError, match="nothing to explain"):
        random_model().read(" ")
