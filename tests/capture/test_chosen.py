"""Chosen layers, heads and tokens: the same numbers as all of them, and little memory."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.capture.chosen import chosen_attention
from gluonattn.capture.huggingface import capture
from gluonattn.errors import CaptureError, OptionError, RecordError

from ..tolerance import tolerance
from .conftest import SIZES

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
TEXT = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
CLOSE = tolerance(SIZES["hidden_size"], SIZES["num_hidden_layers"])


def made(transformers, tokenizers, name: str, **options):
    import torch

    torch.manual_seed(0)
    family = {"Bert": ("wordpiece", SIZES), "GPT2": ("bytes", dict(n_embd=32, n_layer=2, n_head=4)),
              "Llama": ("unigram", {**SIZES, "num_key_value_heads": 2}), "Albert": ("wordpiece", SIZES),
              "DebertaV2": ("wordpiece", SIZES)}[name]
    tokenizer = tokenizers[family[0]]
    config = getattr(transformers, f"{name}Config")(vocab_size=len(tokenizer), **{**family[1], **options})
    return getattr(transformers, f"{name}Model")(config).train(), tokenizer


def whole_of(model, tokenizer):
    with capture(model.eval()) as recorder:
        model(**{k: v for k, v in tokenizer(TEXT, return_tensors="pt").items() if k != "token_type_ids"})
    return recorder.records([TEXT], tokenizer)[0]


@pytest.mark.parametrize("name", ["Bert", "GPT2", "Llama", "Albert"])
def test_what_is_chosen_is_a_part_of_all(name, transformers, tokenizers):
    model, tokenizer = made(transformers, tokenizers, name)
    found = chosen_attention(model, tokenizer, TEXT, layers=[-1], heads=[2, 0], queries=[3, 0, -1])
    assert model.training and all(module.training for module in model.modules())
    whole = whole_of(model, tokenizer)
    assert found.weights == pytest.approx(whole.weights[[-1]][:, [2, 0]][:, :, [3, 0, -1]], abs=CLOSE)
    assert found.queries == tuple(whole.queries[i] for i in (3, 0, -1)) and found.keys == whole.keys
    assert found.normalised and found.source["chosen"]["layers"] == [1]
    assert chosen_attention(model, tokenizer, TEXT).weights == pytest.approx(whole.weights, abs=CLOSE)


def test_the_tokens_that_receive_most_are_kept_and_what_is_lost_is_said(transformers, tokenizers):
    model, tokenizer = made(transformers, tokenizers, "Bert")
    whole = whole_of(model, tokenizer)
    best = np.sort(np.argsort(-whole.weights.sum((0, 1, 2)), kind="stable")[:4])
    found = chosen_attention(model, tokenizer, TEXT, top=4)
    assert found.keys == tuple(whole.keys[i] for i in best)
    assert found.weights == pytest.approx(whole.weights[..., best], abs=CLOSE)
    assert found.source["dropped_mass"] == pytest.approx(float((1 - whole.weights[..., best].sum(-1)).max()), abs=1e-4)


def test_what_is_not_there_or_too_large_is_refused(transformers, tokenizers, monkeypatch):
    model, tokenizer = made(transformers, tokenizers, "Bert")
    for wrong in ({"layers": [2]}, {"heads": [4]}, {"queries": [500]}):
        with pytest.raises(RecordError, match=next(iter(wrong))[:3]):
            chosen_attention(model, tokenizer, TEXT, **wrong)
    with pytest.raises(OptionError, match="at least 1; got 0"):
        chosen_attention(model, tokenizer, TEXT, top=0)
    monkeypatch.setattr("gluonattn.capture.chosen.LARGEST", 100)
    with pytest.raises(OptionError, match="--top 64"):
        chosen_attention(model, tokenizer, TEXT)
    with pytest.raises(CaptureError, match="its own code"):
        chosen_attention(*made(transformers, tokenizers, "DebertaV2"), TEXT)


def test_a_long_text_takes_little_more_than_what_is_kept(transformers, tokenizers):
    import torch

    model, tokenizer = made(transformers, tokenizers, "Bert", max_position_embeddings=1024)
    held: list[int] = []
    found = torch.Tensor.softmax

    def softmax(scores, axis):
        held.append(scores.numel())
        return found(scores, axis)

    text = " ".join([TEXT] * 60)
    torch.Tensor.softmax = softmax
    try:
        record = chosen_attention(model, tokenizer, text, layers=[0], heads=[1], top=16, max_length=1000)
    finally:
        torch.Tensor.softmax = found
    assert record.weights.shape == (1, 1, 1000, 16)
    assert max(held) <= 128 * 1000  # some rows of one head, never all


@pytest.mark.parametrize("name", ["Bert", "GPT2"])
def test_a_pair_knows_its_sentences(name, transformers, tokenizers):
    from gluonattn.record.pairs import share_mass, sides_of

    model, tokenizer = made(transformers, tokenizers, name)
    first, second = "정말로 좋은 영화", "그냥 별로"
    record = chosen_attention(model, tokenizer, first, pair=second)
    sides = sides_of(record, record.keys)
    for side, sentence in ((0, first), (1, second)):  # pieces of bytes share a character
        places = {i for token, own in zip(record.keys, sides) if own == side for i in range(token.start, token.end)}
        assert "".join(record.text[i] for i in sorted(places)) == sentence.replace(" ", "")
    model.eval()
    expected = model(**tokenizer(first, second, return_tensors="pt")).last_hidden_state.shape[1]
    assert len(record.keys) == expected and record.normalised
    assert share_mass(record).weights.sum(-1) == pytest.approx(1, abs=1e-4)
