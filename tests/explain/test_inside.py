"""A model opened: its steps give its own answer, and words taken out are gone."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.data.ngrams import known_ngrams
from gluonattn.errors import TextError
from gluonattn.models.cells import CELLS

from ..tolerance import tolerance
from .known import KNOWN, TEXTS, random_model


@pytest.mark.parametrize("recipe, grams", [("default", False), ("default", True), ("post", False)])
@pytest.mark.parametrize("cell", CELLS)
def test_the_steps_give_the_models_own_answer(cell, recipe, grams):
    inside = random_model(cell, grams, recipe)
    for text in TEXTS:
        reading = inside.read(text)
        passed = inside.run(reading)
        logits, weights = inside.predictor.classifier(*inside.predictor.inputs([text]))
        np.testing.assert_allclose(passed.logits, logits, atol=tolerance(8, 14, scale=logits))
        np.testing.assert_allclose(passed.weights, weights, atol=tolerance(8, 14))
        again = inside.decide(passed, np.repeat(passed.weights, 3, axis=0))
        np.testing.assert_allclose(again, np.repeat(passed.probabilities[None], 3, axis=0), atol=tolerance(8, 14))
        words, logits_of = inside.words(reading.example), inside.from_words(reading)
        np.testing.assert_allclose(logits_of(np.repeat(words, 2, axis=0)) + passed.more,
                                   np.repeat(logits, 2, axis=0), atol=tolerance(8, 14, scale=logits))
        derived = inside.from_weights(passed)(passed.weights.astype(float))
        np.testing.assert_allclose(derived, logits, atol=tolerance(8, 14, scale=logits))


def test_ngrams_go_with_the_words_they_were_read_from():
    inside = random_model(grams=True)
    reading = inside.read("최고 영화 또")
    gone = inside.without(reading, {1})
    assert gone.ids.tolist() == reading.example.ids[[0, 2]].tolist() and len(gone.subwords) == 2
    left = sorted(gone.ngrams.tolist())
    # What no character of 영화 has a part in: all of " 최고 " and of " 또 ", the space at each end among them.
    both = {*known_ngrams(["최고"], [[]], KNOWN)[0], *known_ngrams(["또"], [[]], KNOWN)[0]}
    assert left == sorted(both) and len(both) > 8
    np.testing.assert_array_equal(np.sort(inside.masked(reading, {1}).ngrams), left)


def test_masking_keeps_the_place_and_loses_the_word():
    inside = random_model(grams=True)
    reading = inside.read("최고 영화 또")
    masked = inside.masked(reading, {0, 2})
    unknown = inside.predictor.unknown
    assert masked.ids.tolist() == [unknown, reading.example.ids[1], unknown]
    assert [len(s) for s in masked.subwords] == [0, len(reading.example.subwords[1]), 0]
    assert reading.example.ids[0] != unknown  # and the text itself stays


def test_nothing_left_is_one_unknown_word():
    inside = random_model(grams=True)
    reading = inside.read("최고 영화")
    nothing = inside.without(reading, {0, 1})
    assert nothing.ids.tolist() == [inside.predictor.unknown] and len(nothing.subwords[0]) == 0
    assert np.isfinite(inside.probabilities([nothing])).all()


def test_order_is_kept_whatever_the_lengths():
    inside = random_model(grams=True)
    examples = [inside.read(text).example for text in TEXTS * 3]
    alone = np.concatenate([inside.probabilities([example]) for example in examples])
    np.testing.assert_allclose(inside.probabilities(examples), alone, atol=tolerance(8, 14))


def test_a_blank_text_cannot_be_read():
    with pytest.raises(TextError, match="nothing to explain"):
        random_model().read(" ")
