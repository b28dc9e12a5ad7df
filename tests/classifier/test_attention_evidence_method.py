"""Attention times evidence, against both taken by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.account import evidence_for
from gluonattn.classifier.attribution import attribute, received
from gluonattn.classifier.batch import pass_through
from gluonattn.classifier.forward_steps import ForwardSteps

from ..tolerance import tolerance
from .known import TEXTS, predictor_of, random_model


def linear_logit(steps, text: str, column: int) -> float:
    """Of the n-gram model, from its tables."""
    from gluonattn.data.ngrams import ngram_numbers, text_ngrams

    evidence = steps.predictor.evidence
    rows = ngram_numbers(text_ngrams(text, text.split()), evidence.known)
    rows = rows[rows > 0]
    return evidence.scores[rows, column].astype(float).sum() / np.sqrt(evidence.squares[rows].astype(float).sum() + 1e-12)


@pytest.mark.parametrize("text", TEXTS)
def test_evidence_sums_to_the_logit_of_the_linear_model(text):
    steps = random_model("mlp", "evidence")
    encoded = steps.read(text)
    expected = linear_logit(steps, text, 0)
    assert evidence_for(steps, encoded, 1).sum() == pytest.approx(expected, abs=1e-4)
    assert evidence_for(steps, encoded, 0).sum() == pytest.approx(-expected, abs=1e-4)


def test_with_three_classes_it_is_that_of_the_class_less_the_mean_of_the_others():
    steps = ForwardSteps(predictor_of({"cell": "mlp", "classes": 3, "evidence": 18}))
    logits = np.array([linear_logit(steps, TEXTS[2], column) for column in range(3)])
    for target in range(3):
        expected = logits[target] - np.delete(logits, target).mean()
        assert evidence_for(steps, steps.read(TEXTS[2]), target).sum() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("grams", ["evidence", True])
def test_scores_are_the_product(grams):
    steps = random_model("mlp", grams)
    encoded = steps.read(TEXTS[2])
    weights = received(steps, pass_through(steps, encoded))[: len(encoded.tokens)]
    np.testing.assert_allclose(attribute(steps, encoded, "attention-evidence", 1).scores,
                               weights * evidence_for(steps, encoded, 1), atol=tolerance(64, 64))


def test_of_a_model_that_reads_no_n_grams_it_is_attention_and_says_so():
    steps = random_model("mlp")
    encoded = steps.read(TEXTS[2])
    found = attribute(steps, encoded, "attention-evidence", 1)
    np.testing.assert_array_equal(found.scores, attribute(steps, encoded, "attention", 1).scores)
    assert found.notes == {"evidence": "none"}
