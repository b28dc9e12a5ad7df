"""AttnLRP: its rules conserve relevance, outputs stay, lxt says the same."""

from __future__ import annotations

import importlib
import sys
import types

import numpy as np
import pytest

from gluonattn.classifier.opened.batch import WordBatch
from gluonattn.classifier.opened.derivatives import log_odds
from gluonattn.classifier.opened.methods import METHODS
from gluonattn.classifier.opened.opening import open_classifier
from gluonattn.classifier.opened.relevance import divide, follow_rules, keep_share, normalise
from gluonattn.errors import OptionError

from .conftest import CLOSE, TEXT
from .modules import BagOfVectors, Pooled
from .test_methods import by_words
from .test_opening import assert_same, state_of

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]


def scores_of(opened, target: int) -> np.ndarray:
    batch = WordBatch(opened.network, opened.steps, [opened.steps.read(TEXT)])
    return METHODS["attnlrp"].run(batch, [target])[0].scores


def relevance(output, given):
    """Input times derivative, where what comes out carries its own value as relevance."""
    import torch

    slopes = torch.autograd.grad(output.sum(), given)
    return [float((one * slope).sum()) for one, slope in zip(given, slopes)]


def test_each_rule_conserves_relevance_and_changes_no_number():
    import torch

    torch.manual_seed(0)
    x, y = (torch.randn(5, 8, dtype=torch.float64, requires_grad=True) for _ in range(2))
    bent = torch.nn.functional.gelu(x)
    assert torch.equal(keep_share(x, bent), bent)
    assert relevance(keep_share(x, bent), [x]) == pytest.approx([float(bent.sum())])
    product = divide(x, 2) @ divide(y, 2).T
    assert torch.equal(product, x @ y.T)
    assert sum(relevance(product, [x, y])) == pytest.approx(float(product.sum()))
    weight = torch.randn(8, dtype=torch.float64)
    normal = normalise(x, (8,), weight)
    assert normal.detach().numpy() == pytest.approx(torch.layer_norm(x, (8,), weight).detach().numpy())
    assert relevance(normal, [x]) == pytest.approx([float(normal.sum())])


def test_without_attention_and_bias_all_relevance_reaches_the_words(tokenizers):
    import torch

    own = tokenizers["wordpiece"]

    class Deep(BagOfVectors):
        def forward(self, input_ids):
            states = torch.tanh(torch.nn.functional.gelu(self.table(input_ids)))
            return self.head(torch.nn.functional.layer_norm(states, (8,)).mean(1))

    model = Deep(len(own))
    torch.nn.init.zeros_(model.head.bias)
    opened = open_classifier(model, own, ["가", "나"])
    row = opened.steps.read(TEXT)
    odds, _ = opened.network.derive((row.ids, row.types), opened.network.vectors(row.ids)[None], 1)
    vectors = opened.network.vectors(row.ids)
    with follow_rules(model):
        _, slopes = opened.network.derive((row.ids, row.types), vectors[None], 1)
    assert float((vectors * slopes[0]).sum()) == pytest.approx(float(odds[0]), abs=CLOSE)


@pytest.mark.parametrize("family", ["Bert", "Roberta", "GPT2", "DebertaV2"])
def test_outputs_and_the_model_stay(family, classifiers):
    import torch

    model, tokenizer = classifiers(family, classes=3)
    opened, before = open_classifier(model, tokenizer), state_of(model)
    row = opened.steps.read(TEXT)
    logits = opened.network.logits([(row.ids, row.types)])
    with follow_rules(model):
        assert opened.network.logits([(row.ids, row.types)]) == pytest.approx(logits, abs=CLOSE)
    first = scores_of(opened, 1)
    with pytest.raises(ZeroDivisionError), follow_rules(model):
        1 / 0  # noqa: B018
    assert_same(before, state_of(model))
    assert (scores_of(opened, 1) == first).all() and np.isfinite(first).all()
    assert not torch.overrides._get_current_function_mode_stack()


def test_eager_and_fused_attention_have_one_relevance(classifiers):
    model, tokenizer = classifiers("Bert")
    opened = open_classifier(model, tokenizer)
    found = []
    for implementation in ("eager", "sdpa"):
        model.set_attn_implementation(implementation)
        found.append(scores_of(opened, 0))
    assert found[0] == pytest.approx(found[1], abs=CLOSE * max(1, np.abs(found[0]).max()))


def lxt_patches(monkeypatch):
    """lxt's patches. Its package has a BERT for an older transformers, and fails to import beside a newer one."""
    lxt = pytest.importorskip("lxt", reason="needs lxt: pip install lxt")
    package = types.ModuleType("lxt.efficient")
    package.__path__ = [f"{lxt.__path__[0]}/efficient"]
    monkeypatch.setitem(sys.modules, "lxt.efficient", package)
    return importlib.import_module("lxt.efficient.patches")


def test_lxt_says_the_same(classifiers, monkeypatch):
    patches = lxt_patches(monkeypatch)
    import torch
    from transformers.activations import GELUActivation
    from transformers.models.bert import modeling_bert

    model, tokenizer = classifiers("Bert")
    opened = open_classifier(model, tokenizer)
    found, ids = scores_of(opened, 1), opened.tokenizer(TEXT, return_tensors="pt")
    with monkeypatch.context() as patch:  # lxt changes classes: here they are set back
        for kind, forward in ((torch.nn.LayerNorm, patches.layer_norm_forward), (GELUActivation, None),
                              (torch.nn.Tanh, None)):
            if forward is None:
                patch.setattr(kind, "original_forward", kind.forward, raising=False)
            patch.setattr(kind, "forward", forward or patches.non_linear_forward)
        for name in ("eager_attention_forward", "ALL_ATTENTION_FUNCTIONS"):
            patch.setattr(modeling_bert, name, getattr(modeling_bert, name))
        model.set_attn_implementation("eager")
        patch.setattr(modeling_bert, "eager_attention_forward",
                      patches.wrap_attention_forward(modeling_bert.eager_attention_forward))
        model.eval()
        vectors = model.get_input_embeddings()(ids["input_ids"]).detach().requires_grad_()
        logits = model(**{k: v for k, v in ids.items() if k != "input_ids"}, inputs_embeds=vectors).logits
        slope = torch.autograd.grad(log_odds(logits, 1).sum(), vectors)[0]
    expected = by_words(opened, TEXT, (slope * vectors)[0].sum(-1).tolist())
    assert found == pytest.approx(expected, abs=CLOSE * max(1, np.abs(expected).max()))


def test_what_cannot_be_followed_says_so(tokenizers):
    own = tokenizers["wordpiece"]
    with pytest.raises(OptionError, match="MultiheadAttention.*leave-one-out"):
        open_classifier(Pooled(len(own)), own, ["가", "나"]).explain(TEXT, method="attnlrp")
