"""The methods of opened models against their formulas, transformers' own attentions, and captum."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.opened.batch import WordBatch
from gluonattn.classifier.opened.derivatives import log_odds
from gluonattn.classifier.opened.methods import METHODS, _integrated
from gluonattn.classifier.opened.opening import open_classifier

from .conftest import CLOSE, TEXT

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]


@pytest.fixture(scope="module", params=["Bert", "Electra", "Roberta"])
def opened(request, classifiers):
    return open_classifier(*classifiers(request.param, classes=3))


def by_words(opened, text: str, scores) -> np.ndarray:
    """Sums over the pieces whose offsets lie in a word, by transformers' own offsets."""
    encoded, words = opened.steps.read(text), []
    offsets = opened.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    for word in encoded.tokens:
        words.append(sum(score for score, (start, end) in zip(scores, offsets)
                         if start < end and start < word.end and end > word.start))
    return np.array(words)


def run_eager(opened, text: str):
    """transformers' own output, eager, with attentions that are part of the graph."""
    model = opened.network.model
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    model.eval()
    try:
        return model(**{k: v for k, v in opened.tokenizer(text, return_tensors="pt").items()}, output_attentions=True)
    finally:
        model.set_attn_implementation(before)
        model.train()


def scores_of(opened, method: str, text: str, target: int) -> np.ndarray:
    batch = WordBatch(opened.network, opened.steps, [opened.steps.read(text)])
    return METHODS[method].run(batch, [target])[0].scores


def test_attention_and_rollout_are_of_transformers_own_attentions(opened):
    attentions = [a[0].detach().double().numpy() for a in run_eager(opened, TEXT).attentions]
    expected = by_words(opened, TEXT, attentions[-1].mean(0)[0])
    assert scores_of(opened, "attention", TEXT, 0) == pytest.approx(expected, abs=CLOSE)
    rolled = np.eye(len(attentions[0][0]))
    for layer in attentions:
        mixed = layer.mean(0) / 2 + np.eye(len(rolled)) / 2
        rolled = mixed @ rolled
    assert scores_of(opened, "rollout", TEXT, 0) == pytest.approx(by_words(opened, TEXT, rolled[0]), abs=CLOSE)


@pytest.mark.parametrize("target", [0, 2])
def test_attention_gradient_is_what_the_paper_says(opened, target):
    import torch

    output = run_eager(opened, TEXT)
    slopes = torch.autograd.grad(log_odds(output.logits, target).sum(), output.attentions)
    relevance = torch.eye(output.attentions[0].shape[-1])
    for weights, slope in zip(output.attentions, slopes):
        relevance = relevance + (weights * slope).clamp(min=0).mean(1)[0] @ relevance
    first = relevance[0].detach().double().numpy() - np.eye(len(relevance))[0]
    assert scores_of(opened, "attention-gradient", TEXT, target) == pytest.approx(by_words(opened, TEXT, first), abs=CLOSE)


def test_norm_is_of_the_values_that_the_last_layer_mixes(classifiers):
    import torch

    opened = open_classifier(*classifiers("Bert"))
    states: list = []
    layer = opened.network.model.bert.encoder.layer[-1].attention.self
    hook = layer.value.register_forward_hook(lambda module, args, output: states.append(output.detach()))
    attention = run_eager(opened, TEXT).attentions[-1][0].detach()
    hook.remove()
    values = states[0][0].reshape(len(attention[0]), len(attention), -1)  # (T, heads, head_dim)
    brought = torch.einsum("hk,khd->khd", attention[:, 0], values).flatten(1).norm(dim=-1)
    assert scores_of(opened, "norm", TEXT, 0) == pytest.approx(by_words(opened, TEXT, brought.tolist()), abs=CLOSE)


def test_gradient_input_is_transformers_own_gradient_at_its_embeddings(opened):
    import torch

    model, ids = opened.network.model, opened.tokenizer(TEXT, return_tensors="pt")
    model.eval()
    vectors = model.get_input_embeddings()(ids["input_ids"]).detach().requires_grad_()
    logits = model(**{k: v for k, v in ids.items() if k != "input_ids"}, inputs_embeds=vectors).logits
    slope = torch.autograd.grad(log_odds(logits, 1).sum(), vectors)[0]
    model.train()
    expected = (slope * vectors)[0].sum(-1).detach().tolist()
    assert scores_of(opened, "gradient-input", TEXT, 1) == pytest.approx(by_words(opened, TEXT, expected), abs=CLOSE)


def test_leave_one_out_takes_all_pieces_of_a_word_and_no_other(opened):
    import torch

    model, encoded = opened.network.model, opened.tokenizer(TEXT, return_offsets_mapping=True)
    model.eval()
    whole, expected = torch.tensor([encoded["input_ids"]]), []
    with torch.no_grad():
        p = model(whole).logits.softmax(-1)[0, 0]
        for word in opened.steps.read(TEXT).tokens:
            kept = [i for i, (start, end) in zip(encoded["input_ids"], encoded["offset_mapping"])
                    if not (start < end and start < word.end and end > word.start)]
            assert len(kept) < len(encoded["input_ids"])
            expected.append(float(p - model(torch.tensor([kept])).logits.softmax(-1)[0, 0]))
    model.train()
    assert scores_of(opened, "leave-one-out", TEXT, 0) == pytest.approx(expected, abs=CLOSE)


def test_integrated_gradients_are_captums(opened):
    captum = pytest.importorskip("captum.attr", reason="needs captum: pip install captum")
    import torch

    model, encoded = opened.network.model, opened.steps.read(TEXT)
    ids = torch.tensor(encoded.ids[None])
    masked = torch.tensor(np.where(encoded.owner < 0, encoded.ids, opened.steps.stand_in)[None])
    model.eval()
    layer = captum.LayerIntegratedGradients(lambda given: log_odds(model(given).logits, 2), model.get_input_embeddings())
    expected = layer.attribute(ids, masked, n_steps=20, method="gausslegendre")[0].sum(-1).detach().tolist()
    model.train()
    batch = WordBatch(opened.network, opened.steps, [encoded])
    found = _integrated(batch, 0, 2, steps=(20,))
    assert found.scores == pytest.approx(by_words(opened, TEXT, expected), abs=1e-4)


def test_integrated_gradients_add_up(opened):
    batch = WordBatch(opened.network, opened.steps, [opened.steps.read(TEXT)])
    scores, notes = METHODS["integrated-gradients"].run(batch, [1])[0]
    assert scores.sum() == pytest.approx(notes["difference"] - notes["missing"], abs=CLOSE)
    assert abs(notes["missing"]) <= max(0.01 * abs(notes["difference"]), 1e-4)
