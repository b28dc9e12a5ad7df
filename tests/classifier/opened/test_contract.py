"""Models of transformers, and torch modules of one's own, against the contract that ours keep too."""

from __future__ import annotations

import pytest

from gluonattn.classifier.opened.batch import WordBatch
from gluonattn.classifier.opened.methods import METHODS
from gluonattn.classifier.opened.opening import open_classifier

from ..contract import check_batch, check_predictor
from .conftest import FAMILIES, TEXT

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
TEXTS = [TEXT, "별로", "또 좋다 또 최고 영화 그냥"]


def methods_of(family: str) -> dict:
    """DeBERTa's own attention does not hand out its values."""
    return {name: own for name, own in METHODS.items() if (family, name) != ("DebertaV2", "norm")}


@pytest.mark.parametrize("family", FAMILIES)
def test_batches_of_transformers_keep_the_contract(family, classifiers):
    opened = open_classifier(*classifiers(family, classes=3))
    batch = WordBatch(opened.network, opened.steps, [opened.steps.read(text) for text in TEXTS])
    check_batch(batch, methods_of(family), [0, 1, 2])


@pytest.mark.parametrize("family", ["Bert", "GPT2"])
def test_explanations_of_transformers_keep_the_contract(family, classifiers, tmp_path):
    check_predictor(open_classifier(*classifiers(family)), METHODS, TEXT, tmp_path)


@pytest.mark.parametrize("units", ["eojeol", "words"])
def test_explanations_by_either_unit_keep_the_contract(units, classifiers, tmp_path):
    opened = open_classifier(*classifiers("Electra"), units=units)
    assert len(opened.explain(TEXT).keys) == (8 if units == "eojeol" else 9)  # the comma
    check_predictor(opened, {name: METHODS[name] for name in ("leave-one-out", "rollout")}, TEXT, tmp_path)
