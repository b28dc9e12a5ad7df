from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from gluonattn.errors import CaptureError

from .conftest import MODELS

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
from gluonattn.capture.huggingface import capture  # noqa: E402

from ..tolerance import tolerance  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
TEXTS = ["가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집", "재밌다ㅋㅋ 👍🏽 최고"]
TARGETS = ["정말 좋은 영화", "별로예요"]
BOTH_SIDES = ("bart", "t5")
KINDS = {"gpt2": "decoder", "llama": "decoder"}


def outputs(model, tokenizer, side="right"):
    tokenizer.padding_side = side
    inputs = tokenizer(TEXTS, return_tensors="pt", padding=True)
    inputs.pop("token_type_ids", None)
    if model.config.is_encoder_decoder:
        tokenizer.padding_side = "right"
        targets = tokenizer(TARGETS, return_tensors="pt", padding=True)
        inputs = {**inputs, "decoder_input_ids": targets["input_ids"], "decoder_attention_mask": targets["attention_mask"]}
    with torch.no_grad():
        result = model(**inputs)
    return result[0]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("how", ["sdpa", "eager"])
def test_nothing_changes_and_weights_are_what_queries_and_keys_make(build, name, how):
    model, tokenizer = build(name, attn_implementation=how)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    before = outputs(model, tokenizer)
    with capture(model, vectors=True) as recorder:
        during = outputs(model, tokenizer)
    with pytest.raises(ZeroDivisionError), capture(model):
        raise ZeroDivisionError
    after = outputs(model, tokenizer)
    assert model.config._attn_implementation == how
    assert (after == before).all() and (during - before).abs().max() < (1e-4 if how == "sdpa" else 1e-12)
    assert all((v == state[k]).all() for k, v in model.state_dict().items()) and not model.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    kinds = {"encoder", "decoder", "cross"} if name in BOTH_SIDES else {KINDS.get(name, "encoder")}
    found = recorder.verify()
    assert {layer.kind for layer in found} == kinds
    assert all(max(layer.weights_error, layer.context_error) < tolerance(48, 2) and layer.heads == 4 for layer in found)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", MODELS)
def test_records_stand_on_the_raw_text_whatever_the_padding(build, name, side):
    model, tokenizer = build(name)
    with capture(model, vectors=True) as recorder:
        outputs(model, tokenizer, side)
    records = recorder.records(TEXTS, tokenizer, target_texts=TARGETS if name in BOTH_SIDES else None)
    assert len(records) == (6 if name in BOTH_SIDES else 2)
    for record in records:
        assert record.layers == 2 and record.heads == 4 and record.normalised
        assert record.queries_vectors.shape[:3] == (2, 4, len(record.queries))
        for tokens, text in ((record.queries, record.query_text), (record.keys, record.key_text)):
            covered = {i for t in tokens for i in range(t.start, t.end)}
            assert covered >= {i for i, c in enumerate(text) if not c.isspace()}
    first = records[0]
    ids = tokenizer(TEXTS[0])["input_ids"]
    assert len(first.queries) == len(ids) and first.text == TEXTS[0]
    if name != "t5":  # its tokenizer puts nothing in front
        assert first.queries[0][:3] == (tokenizer.convert_ids_to_tokens(ids[0]), 0, 0)
    assert first.queries[-1].start == first.queries[-1].end == len(TEXTS[0])


def test_byte_level_pieces_are_shown_as_hangul(build):
    model, tokenizer = build("gpt2")
    text = "뷁 영화 👍🏽"
    with torch.no_grad(), capture(model) as recorder:
        model(**tokenizer(text, return_tensors="pt"))
    (record,) = recorder.records(text, tokenizer)
    assert [t.text for t in record.queries[1:4]] == ["뷁¹", "뷁²", "뷁³"]
    assert all((t.start, t.end) == (0, 1) for t in record.queries[1:4])
    assert "영화" in "".join(t.text for t in record.queries) and "Ġ" not in "".join(t.text for t in record.queries)
    merged = record.merge()
    assert merged.weights.sum(-1) == pytest.approx(1, abs=1e-4)
    assert [t.text for t in merged.queries] == ["<s>", "뷁", "영화", "👍🏽", "</s>"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["bert", "gpt2", "t5"])
def test_decomposed_text_keeps_its_own_spans(build, name, form):
    model, tokenizer = build(name)
    text = unicodedata.normalize(form, "영화가 정말 재미있다")
    inputs = dict(tokenizer(text, return_tensors="pt"))
    inputs.pop("token_type_ids", None)
    if name == "t5":
        inputs["decoder_input_ids"] = inputs["input_ids"]
    with torch.no_grad(), capture(model) as recorder:
        model(**inputs)
    record = recorder.records(text, tokenizer, target_texts=text if name == "t5" else None)[0]
    assert [t.text for t in record.merge().keys if t.start < t.end] == text.split()


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_what_a_decoder_generates_is_one_record_with_its_prompt(build, name):
    model, tokenizer = build(name)
    tokenizer.padding_side = "left"
    inputs = tokenizer(TEXTS, return_tensors="pt", padding=True)
    inputs.pop("token_type_ids", None)
    options = dict(max_new_tokens=5, min_new_tokens=5, do_sample=False)
    before = model.generate(**inputs, **options)
    with capture(model, vectors=True) as recorder:
        generated = model.generate(**inputs, **options)
    assert (before == generated).all()
    records = recorder.records(TEXTS, tokenizer)
    for i, record in enumerate(records):
        prompt = int(inputs["attention_mask"][i].sum())
        assert len(record.queries) == prompt + 4 and record.text.startswith(TEXTS[i])
        assert (np.triu(record.weights[1, 2], 1) == 0).all() and record.normalised
        # The same tokens in one pass, without a cache, give the same weights.
        whole = generated[i, inputs["input_ids"].shape[1] - prompt : -1][None]
        with torch.no_grad(), capture(model) as again:
            model(whole)
        assert np.abs(again.passes[0].calls[1].weights[0] - record.weights[1]).max() < tolerance(48, 8)
    assert all(max(layer.weights_error, layer.context_error) < tolerance(48, 2) for layer in recorder.verify())


@pytest.mark.parametrize("name, options", [
    ("gpt2", {"guidance_scale": 1.5}), ("llama", {"guidance_scale": 1.5}), ("bart", {"guidance_scale": 1.5}),
    ("gpt2", {"assistant_model": "another"}), ("llama", {"assistant_model": "another"}),
])
def test_what_generate_read_and_did_not_keep_is_no_record(build, name, options):
    model, tokenizer = build(name)
    other, _ = build(name)
    for weights in other.parameters():
        torch.nn.init.normal_(weights)
    options = {name: other if value == "another" else value for name, value in options.items()}
    inputs = tokenizer(TEXTS[1:], return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with capture(model) as recorder:
        model.generate(**inputs, **options, max_new_tokens=6, min_new_tokens=6, do_sample=False, num_beams=1)
    with pytest.raises(CaptureError, match="not among those it returned.*run the model once on the ids"):
        recorder.records(TEXTS[1:], tokenizer)


@pytest.mark.parametrize("name", BOTH_SIDES)
def test_what_an_encoder_decoder_generates_has_all_three_kinds(build, name):
    model, tokenizer = build(name)
    tokenizer.padding_side = "right"
    inputs = tokenizer(TEXTS, return_tensors="pt", padding=True)
    inputs.pop("token_type_ids", None)
    with capture(model) as recorder:
        model.generate(**inputs, max_new_tokens=6, min_new_tokens=6, do_sample=False, num_beams=1)
    records = recorder.records(TEXTS, tokenizer)
    assert sorted(r.kind for r in records) == ["cross", "cross", "decoder", "decoder", "encoder", "encoder"]
    cross = [r for r in records if r.kind == "cross"]
    assert cross[0].weights.shape == (2, 4, 6, len(tokenizer(TEXTS[0])["input_ids"]))
    assert cross[1].weights.shape == (2, 4, 6, len(tokenizer(TEXTS[1])["input_ids"]))
    with capture(model) as recorder:
        model.generate(**inputs, max_new_tokens=6, num_beams=2, do_sample=False)
    assert len(recorder.records(TEXTS, tokenizer)) == 6


def test_target_texts_are_spelled_where_none_is_given(build):
    model, tokenizer = build("bart")
    with capture(model) as recorder:
        outputs(model, tokenizer)
    cross = [r for r in recorder.records(TEXTS, tokenizer) if r.kind == "cross"]
    assert [r.target_text for r in cross] == TARGETS


def test_truncated_input_is_placed_all_the_same(build):
    model, tokenizer = build("bert")
    inputs = tokenizer(TEXTS[0], return_tensors="pt", truncation=True, max_length=8)
    with torch.no_grad(), capture(model) as recorder:
        model(**inputs)
    (record,) = recorder.records(TEXTS[0], tokenizer)
    whole = tokenizer(TEXTS[0], return_offsets_mapping=True)["offset_mapping"]
    assert [(t.start, t.end) for t in record.queries[1:7]] == whole[1:7]


def test_attention_that_gets_around_the_lookup_is_followed(build):
    model, tokenizer = build("gpt2")
    inputs = tokenizer(TEXTS[0], return_tensors="pt")
    with torch.no_grad(), capture(model) as recorder:
        model(**inputs)
    (expected,) = recorder.records(TEXTS[0], tokenizer)
    for layer in model.transformer.h:
        layer.attn.reorder_and_upcast_attn = True
    with torch.no_grad(), capture(model, vectors=True) as recorder:
        model(**inputs)
    (record,) = recorder.records(TEXTS[0], tokenizer)
    assert np.abs(record.weights - expected.weights).max() < tolerance(48, 2)
    assert {f.how for f in recorder.found()} == {"softmax"}
    assert all(layer.weights_error < tolerance(48, 2) for layer in recorder.verify())
    with pytest.raises(CaptureError, match="expected a transformers model, got Linear"), capture(torch.nn.Linear(1, 1)):
        pass
