"""What is read at each token: with the bias it sums to the decision, and with attention pooling it is the decision."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.attribution import attribute
from gluonattn.models.cells import CELLS

from .known import TEXTS, random_model
from .test_account import KINDS, difference


@pytest.mark.parametrize(("recipe", "grams"), KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_bars_the_bias_and_what_goes_past_tokens_sum_to_the_difference(cell, recipe, grams):
    inside = random_model(cell, grams, recipe)
    for text in TEXTS:
        reading = inside.read(text)
        for target in (0, 1):
            found, expected = attribute(inside, reading, "read", target), difference(inside, reading, target)
            total = found.scores.sum() + found.notes["bias"] + found.notes["elsewhere"]
            assert abs(total - expected) < 1e-5 * max(1.0, abs(expected))
            assert (recipe == "post" or grams is True) or found.notes["elsewhere"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("grams", [False, "evidence"])
@pytest.mark.parametrize("text", TEXTS)
def test_with_attention_pooling_a_bar_is_weight_times_what_the_head_makes_of_the_state(grams, text):
    """Nothing else has a part in the decision: no maximum, no query."""
    inside = random_model("pooling", grams)
    reading = inside.read(text)
    passed = inside.run(reading)
    weights, states = passed.weights[0, 0].astype(float), passed.states[0].astype(float)
    np.testing.assert_allclose(weights, np.broadcast_to(weights[0], weights.shape), atol=1e-7)
    head = inside.gradient.weight("head.weight").astype(float)
    asked = head[1] - head[0]
    bars = weights[0] * (states @ (asked[: len(asked) // 2] + asked[len(asked) // 2 :]))
    np.testing.assert_allclose(attribute(inside, reading, "read", 1).scores, bars, atol=1e-5)
