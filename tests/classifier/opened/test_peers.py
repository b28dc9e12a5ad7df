"""Faithfulness of the same scores as ferret computes it (its AOPC of comprehensiveness and sufficiency)."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types

import numpy as np
import pytest

from gluonattn.classifier.faithfulness import SHARES, erase
from gluonattn.classifier.opened.batch import WordBatch
from gluonattn.classifier.opened.opening import open_classifier

from .conftest import CLOSE

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]


def ferret_measures(monkeypatch):
    """ferret's measures. Its packages load explainers with many requirements, which the measures do not need."""
    found = importlib.util.find_spec("ferret")
    if found is None:
        pytest.skip("needs ferret: pip install ferret-xai")
    root = next(iter(found.submodule_search_locations))
    for name in ("ferret", "ferret.explainers"):
        package = types.ModuleType(name)
        package.__path__ = [root + name[len("ferret"):].replace(".", "/")]
        monkeypatch.setitem(sys.modules, name, package)
    return importlib.import_module("ferret.evaluators.faithfulness_measures")


def test_aopc_of_the_same_scores_is_ferrets(classifiers, monkeypatch):
    measures = ferret_measures(monkeypatch)
    from ferret.explainers.explanation import Explanation

    model, tokenizer = classifiers("Bert", max_position_embeddings=128)
    model.eval()
    known = [word for word in tokenizer.get_vocab() if word.isalpha() and len(word) > 1
             and len(tokenizer(word, add_special_tokens=False)["input_ids"]) == 1
             and tokenizer.decode(tokenizer(word, add_special_tokens=False)["input_ids"]) == word]
    rng = np.random.default_rng(0)
    text = " ".join(rng.choice(sorted(known), 100))  # words of one piece: ferret takes pieces out
    opened = open_classifier(model, tokenizer)
    batch = WordBatch(opened.network, opened.steps, [opened.steps.read(text)])
    assert len(batch.encoded_texts[0].tokens) == 100
    scores = rng.permutation(100) + 1.0
    found = erase(batch, [scores], [1])
    counts = [round(100 * share) for share in SHARES]
    own = Explanation(text, ["[CLS]", *text.split(), "[SEP]"], np.concatenate([[0.0], scores, [0.0]]), "", 1)
    asked = {"removal_args": {"remove_tokens": True, "based_on": "k", "thresholds": counts}}
    for measure, values in ((measures.AOPC_Comprehensiveness_Evaluation, found.comprehensiveness),
                            (measures.AOPC_Sufficiency_Evaluation, found.sufficiency)):
        assert values.mean() == pytest.approx(float(
            measure(model, tokenizer).compute_evaluation(own, target=1, **asked).score), abs=CLOSE)
    assert np.abs(found.comprehensiveness).max() > 1e-3  # they say something
