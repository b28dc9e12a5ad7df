"""What generate() made, step by step, is what one pass over the same tokens gives, however it was searched for."""

# ruff: noqa: E501
from __future__ import annotations

import inspect

import numpy as np
import pytest

from gluonattn.errors import CaptureError

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
from gluonattn.capture.huggingface import capture  # noqa: E402

from ..tolerance import tolerance  # noqa: E402
from .test_architectures import TOKENIZER, WORDS, built  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.huggingface, pytest.mark.filterwarnings("ignore")]
ROOM = tolerance(32, 64)
STEPS = 6
DECODERS = ["GPT2LMHeadModel", "LlamaForCausalLM", "Gemma2ForCausalLM", "BloomForCausalLM", "GPTNeoForCausalLM"]
BOTH = ["BartForConditionalGeneration", "T5ForConditionalGeneration"]
HOW = {
    "greedy": {}, "sampled": dict(do_sample=True), "static cache": dict(cache_implementation="static"),
    "no cache": dict(use_cache=False), "beams": dict(num_beams=3), "beams, no cache": dict(num_beams=3, use_cache=False),
    "two of three beams": dict(num_beams=3, num_return_sequences=2), "two samples": dict(do_sample=True, num_return_sequences=2),
    "sampled beams": dict(num_beams=2, do_sample=True), "with a penalty": dict(repetition_penalty=1.5),
}


def prompts(both: bool):
    torch.manual_seed(3)
    ids = torch.randint(5, WORDS, (2, 7))
    mask = torch.ones_like(ids)
    hidden = (0, slice(5, None)) if both else (0, slice(None, 2))
    ids[hidden] = mask[hidden] = 0
    return ids, mask


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", [*DECODERS, *BOTH])
def test_every_step_has_its_row(transformers, name, how):
    both = name in BOTH
    model = built(transformers, name, attn_implementation="eager")
    ids, mask = prompts(both)
    asked = dict(max_new_tokens=STEPS, min_new_tokens=STEPS, suppress_tokens=[0], **{"num_beams": 1, "do_sample": False, **HOW[how]})
    try:
        torch.manual_seed(0)
        before = model.generate(ids, attention_mask=mask, **asked)
    except (ValueError, NotImplementedError, RuntimeError) as error:  # RuntimeError: Gemma 2 before transformers 4.51
        pytest.skip(f"{name} does not generate so: {str(error)[:80]}")
    torch.manual_seed(0)
    with capture(model) as recorder:
        made = model.generate(ids, attention_mask=mask, **asked)
    assert torch.equal(before, made)
    copies = len(made) // 2
    records = recorder.records([TOKENIZER.text(row) for row in ids], TOKENIZER)
    expected = passed_at_once(model, ids, mask, made, copies, both)
    assert len(records) == len(expected) == len(made) * (3 if both else 1)
    for one, other in zip(records, expected):
        assert one.kind == other.kind and one.weights.shape == other.weights.shape
        assert np.abs(one.weights - other.weights).max() < ROOM


def passed_at_once(model, ids, mask, made, copies: int, both: bool):
    """Records of the same tokens in one pass; the last one generated was never read."""
    read = made[:, :-1]
    if both:
        given = dict(input_ids=ids.repeat_interleave(copies, 0), attention_mask=mask.repeat_interleave(copies, 0),
                     decoder_input_ids=read)
    else:
        mask = (read > 0).long()
        given = dict(input_ids=read, attention_mask=mask)
        if "position_ids" in inspect.signature(model.forward).parameters:
            given["position_ids"] = (mask.cumsum(-1) - 1).clamp(0)
    with torch.no_grad(), capture(model) as recorder:
        model(**given)
    return recorder.records([TOKENIZER.text(row) for row in given["input_ids"]], TOKENIZER)


@pytest.mark.parametrize("early", [False, True])
def test_a_beam_that_ended_is_not_read_on(transformers, early):
    model = built(transformers, "GPT2LMHeadModel", attn_implementation="eager")
    ids, mask = prompts(False)
    free = model.generate(ids, attention_mask=mask, max_new_tokens=8, num_beams=3, do_sample=False, eos_token_id=None)
    end = int(free[0, 9])  # becomes the end of sentences
    with capture(model) as recorder:
        made = model.generate(ids, attention_mask=mask, max_new_tokens=8, num_beams=3, do_sample=False, eos_token_id=end,
                              pad_token_id=0, early_stopping=early)
    for record, row, start in zip(recorder.records([TOKENIZER.text(row) for row in ids], TOKENIZER), made, (2, 0)):
        kept = [int(i) for i in row[start:] if i]
        first = 7 - start
        kept = kept[:first + kept[first:].index(end)] if end in kept[first:] else kept[:-1]
        assert [t.text for t in record.queries] == list(TOKENIZER.text(kept)) and record.normalised


def test_the_answers_of_a_generation_are_given_as_they_were_asked_for(transformers):
    model = built(transformers, "GPT2LMHeadModel")
    ids, mask = prompts(False)
    for asked in ({}, {"return_dict_in_generate": True}):
        with capture(model):
            made = model.generate(ids, attention_mask=mask, max_new_tokens=2, num_beams=2, **asked)
        assert isinstance(made, torch.Tensor) != bool(asked)


@pytest.mark.parametrize("options", [{"penalty_alpha": 0.6, "top_k": 3}, {"prompt_lookup_num_tokens": 2},
                                     {"assistant_model": True}], ids=str)
def test_searches_that_throw_away_what_they_read_give_whole_records_or_an_error(transformers, options):
    model = built(transformers, "GPT2LMHeadModel", attn_implementation="eager")
    ids, mask = prompts(False)
    ids, mask = ids[1:], mask[1:]
    if "assistant_model" in options:
        options = {"assistant_model": built(transformers, "GPT2LMHeadModel")}
    try:
        with capture(model) as recorder:
            made = model.generate(ids, attention_mask=mask, max_new_tokens=STEPS, min_new_tokens=STEPS, do_sample=False, **options)
    except (ValueError, OSError) as error:
        pytest.skip(f"this transformers does not search so: {str(error)[:80]}")
    try:
        (record,) = recorder.records([TOKENIZER.text(ids[0])], TOKENIZER)
    except CaptureError as error:
        wanted = "contrastive search" if "penalty_alpha" in options else "drafts that it throws away"
        assert wanted in str(error) and "run the model once on the ids that came out" in str(error)
        return
    assert "penalty_alpha" not in options
    (expected,) = passed_at_once(model, ids, mask, made, 1, False)
    assert np.abs(record.weights - expected.weights).max() < ROOM
