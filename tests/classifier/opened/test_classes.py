"""Several classes: one for all others, and one against another."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.opened.methods import METHODS
from gluonattn.classifier.opened.opening import open_classifier
from gluonattn.errors import OptionError
from gluonattn.views.terminal import to_terminal

from .conftest import CLOSE, TEXT
from .modules import BagOfVectors

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
THREE = ["부정", "긍정", "보통"]


@pytest.fixture(scope="module")
def opened(classifiers):
    return open_classifier(*classifiers("Bert", classes=3))


def test_of_two_classes_the_other_is_all_others(classifiers):
    opened = open_classifier(*classifiers("Bert"))
    for method in METHODS:
        one, two = opened.explain(TEXT, method, "긍정"), opened.explain(TEXT, method, "긍정", "부정")
        assert two.attributions[method] == pytest.approx(one.attributions[method], abs=CLOSE)
        before = two.source["explanation"]["honesty"]["before"]
        assert before == pytest.approx(one.prediction.probabilities["긍정"], abs=CLOSE)


def test_against_asks_which_of_two_as_if_there_were_no_others(opened):
    record = opened.explain(TEXT, "leave-one-out", "긍정", "보통")
    about, p = record.source["explanation"], record.prediction.probabilities
    share = p["긍정"] / (p["긍정"] + p["보통"])
    assert about["honesty"]["before"] == pytest.approx(share, abs=CLOSE) and (about["target"], about["against"]) == (1, 2)
    assert set(p) == set(THREE) and sum(p.values()) == pytest.approx(1)  # the prediction is the model's own
    for i, score in enumerate(record.attributions["leave-one-out"]):
        without = record.drop(i).prediction.probabilities
        assert score == pytest.approx(share - without["긍정"] / (without["긍정"] + without["보통"]), abs=CLOSE)
    assert "긍정 : 보통 goes from" in to_terminal(record, colours="none")


@pytest.mark.parametrize("method", ["gradient-input", "integrated-gradients", "leave-one-out"])
def test_the_other_way_round_is_the_negative(method, opened):
    one, other = opened.explain(TEXT, method, "부정", "보통"), opened.explain(TEXT, method, "보통", "부정")
    assert one.attributions[method] == pytest.approx(-other.attributions[method], abs=CLOSE)


def test_a_bag_of_vectors_against_one_class_has_the_difference_of_the_two(tokenizers):
    import torch

    module, tokenizer = BagOfVectors(len(tokenizers["wordpiece"])), tokenizers["wordpiece"]
    module.head = torch.nn.Linear(8, 3)
    opened = open_classifier(module, tokenizer, THREE)
    encoded = opened.steps.read(TEXT)
    each = (module.table.weight[encoded.ids] @ (module.head.weight[0] - module.head.weight[2])).detach().numpy()
    for method in ("gradient-input", "integrated-gradients"):
        found = opened.explain(TEXT, method, "부정", "보통").attributions[method]
        start = 0 if method == "gradient-input" else each[0] * 0 + (
            module.table.weight[opened.steps.stand_in] @ (module.head.weight[0] - module.head.weight[2])).item()
        expected = encoded.sum_words(each - start) / len(each)
        assert found == pytest.approx(expected, abs=CLOSE) and np.abs(expected).max() > 0.01


def test_what_cannot_stand_against_each_other_says_so(opened):
    with pytest.raises(OptionError, match="both '긍정'"):
        opened.explain(TEXT, "default", "긍정", "긍정")
    with pytest.raises(OptionError, match="unknown against '나쁨'"):
        opened.explain(TEXT, "default", "긍정", "나쁨")
    with pytest.raises(OptionError, match="give a method too"):
        opened.explain(TEXT, None, None, "긍정")
    label = opened.predict([TEXT])[0].label
    with pytest.raises(OptionError, match="give a target too"):
        opened.explain(TEXT, "default", None, label)
