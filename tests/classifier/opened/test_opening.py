"""What can be opened, what is refused with a cure, and that nothing of a model changes."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from gluonattn.classifier.opened.methods import METHODS
from gluonattn.classifier.opened.opening import is_transformers_folder, open_classifier
from gluonattn.errors import CheckpointError, OptionError, RecordError, TextError

from .conftest import CLOSE, FAMILIES, TEXT
from .modules import BagOfVectors, Pooled, Recurrent

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
LABELS = ["부정", "긍정"]


def state_of(model) -> dict:
    """All that a look may not change: modes, hooks, weights, their flags and gradients, and how attention is computed."""
    return {
        "modes": [module.training for module in model.modules()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in model.modules()],
        "weights": {name: p.detach().clone() for name, p in model.named_parameters()},
        "flags": [p.requires_grad for p in model.parameters()],
        "gradients": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "attention": getattr(getattr(model, "config", None), "_attn_implementation", None),
        "attributes": [sorted(vars(m)) for m in model.modules()],
    }


def assert_same(before: dict, after: dict) -> None:
    for name, value in before.items():
        if name == "weights":
            assert all((value[key] == after[name][key]).all() for key in value)
        elif name == "gradients":
            assert all((a is None and b is None) or (a == b).all() for a, b in zip(value, after[name]))
        else:
            assert value == after[name], name


def mixed_up(model):
    """A model in the middle of training: some parts frozen, some in evaluation mode, gradients there."""
    import torch

    model.train()
    for i, module in enumerate(model.modules()):
        module.training = bool(i % 3)
    for i, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(bool(i % 2))
        parameter.grad = torch.ones_like(parameter) if i % 4 == 1 else None
    return model


@pytest.mark.parametrize("family", ["Bert", "GPT2", "DebertaV2"])
def test_nothing_of_a_model_or_tokenizer_changes(family, classifiers):
    model, tokenizer = classifiers(family)
    mixed_up(model)
    tokenizer.backend_tokenizer.enable_truncation(7)
    try:
        before, backend = state_of(model), tokenizer.backend_tokenizer.to_str()
        opened = open_classifier(model, tokenizer)
        opened.predict([TEXT])
        for method in METHODS:
            if (family, method) != ("DebertaV2", "norm"):
                opened.explain(TEXT, method)
        assert_same(before, state_of(model))
        assert tokenizer.backend_tokenizer.to_str() == backend
    finally:
        tokenizer.backend_tokenizer.no_truncation()


@pytest.mark.parametrize("method", METHODS)
def test_nothing_changes_where_the_model_raises(method, classifiers):
    model, tokenizer = classifiers("Bert")
    opened, before = open_classifier(mixed_up(model), tokenizer), state_of(model)
    calls = 0

    def raise_later(module, args):
        nonlocal calls
        calls += 1
        if calls > at:
            raise RuntimeError("out of memory, say")

    for at in range(4):
        calls = 0
        hook = model.bert.encoder.layer[1].register_forward_pre_hook(raise_later)
        try:
            with pytest.raises(RuntimeError, match="out of memory"):
                opened.explain(TEXT, method)
        except pytest.fail.Exception:
            assert at > 1  # this method asks less often
        finally:
            hook.remove()
        assert_same(before, state_of(model))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_prediction_is_the_models_own(family, classifiers):
    import torch

    model, tokenizer = classifiers(family, classes=3)
    texts = [TEXT, "최고", "  띄어쓰기가   이상한\t글 ", "좋다 좋다"]
    found = open_classifier(model, tokenizer).predict(texts)
    model.eval()
    for text, one in zip(texts, found):
        with torch.no_grad():
            own = model(**{k: v for k, v in tokenizer(text, return_tensors="pt").items()}).logits.softmax(-1)[0]
        assert list(one.probabilities) == ["부정", "긍정", "보통"] and list(one.probabilities.values()) == pytest.approx(
            own.tolist(), abs=CLOSE)


def test_a_folder_is_opened_with_its_labels_and_its_tokenizer(classifiers, tmp_path):
    model, tokenizer = classifiers("Electra")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert is_transformers_folder(tmp_path) and not is_transformers_folder(tmp_path / "none")
    opened, direct = open_classifier(tmp_path), open_classifier(model, tokenizer)
    assert opened.labels == LABELS and opened.name == tmp_path.name
    assert opened.predict([TEXT])[0].probabilities == pytest.approx(direct.predict([TEXT])[0].probabilities, abs=CLOSE)


def test_folders_that_are_no_classifier_say_what_they_are(classifiers, tokenizers, transformers, tmp_path):
    with pytest.raises(CheckpointError, match="no folder of a transformers model"):
        open_classifier(tmp_path / "missing")
    model, tokenizer = classifiers("Bert")
    model.bert.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    with pytest.raises(CheckpointError, match="BertModel, which is no text classifier: fine-tune"):
        open_classifier(tmp_path / "base")
    headless = json.loads((tmp_path / "base" / "config.json").read_text())
    headless["architectures"] = ["BertForSequenceClassification"]
    (tmp_path / "base" / "config.json").write_text(json.dumps(headless))
    with pytest.raises(CheckpointError, match="lacks weights of its model"):
        open_classifier(tmp_path / "base")
    model.save_pretrained(tmp_path / "cut")
    with pytest.raises(CheckpointError, match="has no tokenizer"):
        open_classifier(tmp_path / "cut")
    tokenizer.save_pretrained(tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot open"):
        open_classifier(tmp_path / "cut")


def test_what_is_no_classifier_or_does_not_fit_is_refused_with_a_cure(classifiers, tokenizers):
    model, tokenizer = classifiers("Bert")
    with pytest.raises(OptionError, match="expected a folder or a torch module"):
        open_classifier(7, tokenizer)
    with pytest.raises(OptionError, match="needs the tokenizer"):
        open_classifier(model)
    with pytest.raises(OptionError, match="to another model"):
        open_classifier(model, tokenizers["unigram"])
    with pytest.raises(OptionError, match="gives a BaseModelOutput.*fine-tuned first"):
        open_classifier(model.bert, tokenizer, LABELS)
    with pytest.raises(OptionError, match="one number for each text"):
        open_classifier(classifiers("Bert", num_labels=1, classes=1)[0], tokenizer, ["나쁨"])
    with pytest.raises(OptionError, match="2 classes; got 3 different labels"):
        open_classifier(model, tokenizer, ["a", "b", "c"])
    with pytest.raises(OptionError, match="2 classes; got 1 different"):
        open_classifier(model, tokenizer, ["a", "a"])
    with pytest.raises(OptionError, match="labels must be a list"):
        open_classifier(model, tokenizer, "ab")
    with pytest.raises(OptionError, match="unit"):
        open_classifier(model, tokenizer, units="morphemes")
    with pytest.raises(OptionError, match="computes where it is"):
        open_classifier(model, tokenizer, device="cpu")
    several = copy.deepcopy(model)
    several.config.problem_type = "multi_label_classification"
    with pytest.raises(OptionError, match="several labels"):
        open_classifier(several, tokenizer)


def test_a_tokenizer_whose_special_tokens_are_others_is_of_another_model_and_the_cure_works(classifiers):
    model, tokenizer = classifiers("Bert")
    model.config.pad_token_id = 3
    with pytest.raises(OptionError, match=r"model\.config\.pad_token_id = 0"):
        open_classifier(model, tokenizer)
    model.config.pad_token_id = 0
    open_classifier(model, tokenizer)
    model.resize_token_embeddings(len(tokenizer) + 200)
    with pytest.raises(OptionError, match="resize_token_embeddings"):
        open_classifier(model, tokenizer)
    model.resize_token_embeddings(len(tokenizer))
    open_classifier(model, tokenizer)


@pytest.mark.parametrize("family, positions", [("Bert", 64), ("Roberta", 65), ("GPT2", 64)])
def test_a_text_longer_than_the_positions_is_refused_and_the_cure_works(family, positions, classifiers):
    model, tokenizer = classifiers(family)
    long = "좋다 " * 200
    opened = open_classifier(model, tokenizer)
    for ask in (opened.explain, lambda text: opened.predict(["좋다", text])):
        with pytest.raises(TextError, match=f"positions for {positions}: .*max_length={positions}"):
            ask(long)
    record = open_classifier(model, tokenizer, max_length=positions).explain(long, "leave-one-out")
    counts = record.source["tokens"]
    assert counts["in_text"] == 200 and counts["seen"] == len(record.keys) < 200
    with pytest.raises(OptionError, match=f"from 1 to {positions}"):
        open_classifier(model, tokenizer, max_length=positions + 1)
    tokens = len(tokenizer("좋다")["input_ids"])
    fits = "좋다 " * 300
    while len(tokenizer(fits)["input_ids"]) > positions:
        fits = fits[:-3]
    assert tokens and opened.predict([fits])[0].label in LABELS  # one that just fits is read whole
    assert len(opened.explain(fits).keys) == len(fits.split())


@pytest.mark.parametrize("kind", [Recurrent, Pooled, BagOfVectors])
def test_a_torch_module_of_ones_own_is_explained_by_what_it_has(kind, tokenizers):
    module, tokenizer = kind(len(tokenizers["wordpiece"])), tokenizers["wordpiece"]
    with pytest.raises(OptionError, match="no labels for its 2 classes"):
        open_classifier(module, tokenizer)
    opened = open_classifier(module, tokenizer, LABELS)
    for method in ("leave-one-out", "gradient-input", "integrated-gradients", "random"):
        record = opened.explain(TEXT, method)
        assert np.isfinite(record.attributions[method]).all()
    if kind is Pooled:
        assert record.weights.shape == (2, 4, 8, 8) and record.source["head_reads"] == ["all"]
        assert opened.explain(TEXT, "rollout").attributions["rollout"].sum() > 0
        with pytest.raises(OptionError, match="returns the attention weights that it uses"):
            opened.explain(TEXT, "attention-gradient")
    else:
        assert record.source["cell"] == "none" and (record.weights[0, 0] == np.eye(8)).all()
        with pytest.raises(OptionError, match="needs attention between pieces"):
            opened.explain(TEXT, "rollout")


def test_ones_own_head_on_a_transformer_is_explained_over_all_layers(classifiers):
    import torch

    model, tokenizer = classifiers("Bert")

    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = model.bert, torch.nn.Linear(32, 3)

        def forward(self, input_ids, attention_mask):
            return self.head(self.body(input_ids, attention_mask=attention_mask)[0].mean(1))

    record = open_classifier(Mean(), tokenizer, ["가", "나", "다"]).explain(TEXT, "attention-gradient")
    assert record.weights.shape == (2, 4, 8, 8) and record.source["head_reads"] == ["all"]
    assert record.attributions["attention-gradient"].sum() > 0


def test_a_bag_of_vectors_has_the_scores_that_its_formula_says(tokenizers):
    """Logits are means of what each piece has by itself, so gradient x input is each word's share of the difference."""
    module, tokenizer = BagOfVectors(len(tokenizers["wordpiece"])), tokenizers["wordpiece"]
    opened = open_classifier(module, tokenizer, LABELS)
    encoded = opened.steps.read(TEXT)
    way = module.head.weight[1] - module.head.weight[0]
    each = (module.table.weight[encoded.ids] @ way).detach().numpy()
    record = opened.explain(TEXT, "gradient-input", "긍정")
    assert record.attributions["gradient-input"] == pytest.approx(encoded.sum_words(each) / len(each), abs=CLOSE)


def test_weights_cannot_be_edited_and_the_error_says_what_can_be_asked(classifiers):
    record = open_classifier(*classifiers("Bert")).explain(TEXT)
    with pytest.raises(RecordError, match="Ask drop or replace"):
        record.edit(record.weights)


def test_tokenizers_of_the_library_alone_are_taken(classifiers):
    model, tokenizer = classifiers("Bert")
    opened = open_classifier(model, tokenizer.backend_tokenizer)
    assert [token.text for token in opened.explain(TEXT).keys] == TEXT.split()
