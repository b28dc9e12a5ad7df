"""Weights of heads that are fitted for a model of transformers, and kept in its folder."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.fitted import FILE, NAME
from gluonattn.classifier.fitting import fit_attention
from gluonattn.classifier.opened.opening import open_classifier
from gluonattn.errors import OptionError

from ..test_fitting import TEXTS
from .conftest import CLOSE
from .modules import Recurrent
from .test_opening import assert_same, state_of

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]


def test_heads_of_all_layers_are_fitted_and_explain_takes_them_from_the_folder(classifiers, tmp_path):
    model, tokenizer = classifiers("Bert")
    for one in (model, tokenizer):
        one.save_pretrained(tmp_path)
    opened, before = open_classifier(model, tokenizer), state_of(model)
    found = fit_attention(opened, TEXTS, ablations=8)
    assert_same(before, state_of(model))
    assert np.array(found.weights).shape == (2, 4) and found.held + found.texts == len(TEXTS)
    with pytest.raises(OptionError, match="fit-attention"):
        open_classifier(tmp_path).explain(TEXTS[0], method=NAME)
    found.save(tmp_path / FILE)
    again = open_classifier(tmp_path)
    scores = again.explain(TEXTS[1], method=NAME).attributions[NAME]
    own = opened.network.attend((opened.steps.read(TEXTS[1]).ids, opened.steps.read(TEXTS[1]).types), 0)
    received = opened.steps.read(TEXTS[1]).sum_words(np.einsum("q,lhqk->lhk", own.read, own.weights))
    assert scores == pytest.approx(np.einsum("lh,lhw->w", found.weights, received), abs=CLOSE)


def test_a_model_without_attention_is_refused(tokenizers):
    own = tokenizers["wordpiece"]
    with pytest.raises(OptionError, match="does not return it"):
        fit_attention(open_classifier(Recurrent(len(own)), own, ["가", "나"]), TEXTS)
