"""Our own models against the contract that all models that can be explained have."""

from __future__ import annotations

import pytest

from gluonattn.classifier.attribution import METHODS
from gluonattn.classifier.batch import Batch

from .contract import check_batch, check_predictor
from .known import TEXTS, random_model


@pytest.mark.parametrize("grams", [False, True, "evidence"], ids=str)
def test_batches_of_ours_keep_the_contract(grams):
    steps = random_model("multi-head", grams=grams)
    batch = Batch(steps, [steps.read(text) for text in TEXTS])
    check_batch(batch, METHODS, [0, 1, 0, 1, 1])


def test_explanations_of_ours_keep_the_contract(tmp_path):
    check_predictor(random_model("mlp", grams=True).predictor, METHODS, TEXTS[2], tmp_path)
