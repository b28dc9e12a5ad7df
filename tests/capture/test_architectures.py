"""Small random models of many architectures: what is recorded is right, and what cannot be says what to do instead.

No architecture may end in a traceback, lose a part in silence, or be sent to a cure that does not help.
"""

from __future__ import annotations

import inspect
import re
import warnings

import numpy as np
import pytest

from gluonattn.errors import CaptureError

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
from gluonattn.capture import torch as by_torch  # noqa: E402
from gluonattn.capture.huggingface import capture  # noqa: E402

from ..tolerance import tolerance  # noqa: E402
from .zoo import NO_ATTENTION  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
WORDS = 60
FLAT = dict(vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
GROUPED = {**FLAT, "num_key_value_heads": 2, "pad_token_id": 0}
GPT = dict(vocab_size=WORDS, n_embd=32, n_layer=2, n_head=4)
TWO = dict(vocab_size=WORDS, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
           decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, pad_token_id=0, eos_token_id=2, bos_token_id=1,
           decoder_start_token_id=0)
T5 = dict(vocab_size=WORDS, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=0, pad_token_id=0)
BLOCKS = dict(block_size=4, num_random_blocks=1)
# model class: its sizes
MODELS = {
    "BertModel": FLAT, "RobertaModel": FLAT, "AlbertModel": {**FLAT, "embedding_size": 16}, "MPNetModel": FLAT,
    "DistilBertModel": dict(vocab_size=WORDS, dim=32, n_layers=2, n_heads=4, hidden_dim=48),
    "DebertaV2Model": {**FLAT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "BigBirdModel": {**FLAT, **BLOCKS}, "LongformerModel": {**FLAT, "attention_window": 4},
    "FunnelModel": dict(vocab_size=WORDS, block_sizes=[1, 1], d_model=32, n_head=4, d_head=8, d_inner=48),
    "XLNetModel": dict(vocab_size=WORDS, d_model=32, n_layer=2, n_head=4, d_inner=48),
    "FNetModel": FLAT, "CanineModel": {**FLAT, "num_hash_buckets": 64}, "YosoModel": FLAT,
    "SqueezeBertModel": {**FLAT, "embedding_size": 32}, "RoFormerModel": FLAT,
    "GPT2LMHeadModel": GPT, "GPTJForCausalLM": {**GPT, "rotary_dim": 4},
    "GPTNeoForCausalLM": dict(vocab_size=WORDS, hidden_size=32, num_layers=2, num_heads=4,
                              attention_types=[[["global", "local"], 1]]),
    "BloomForCausalLM": dict(vocab_size=WORDS, hidden_size=32, n_layer=2, n_head=4),
    "FalconForCausalLM": dict(vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4),
    "MptForCausalLM": dict(vocab_size=WORDS, d_model=32, n_layers=2, n_heads=4),
    "LlamaForCausalLM": GROUPED, "MistralForCausalLM": {**GROUPED, "sliding_window": 4},
    "Gemma2ForCausalLM": {**GROUPED, "head_dim": 8, "sliding_window": 4},
    "GptOssForCausalLM": {**GROUPED, "head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1, "sliding_window": 4},
    "MambaForCausalLM": dict(vocab_size=WORDS, hidden_size=32, num_hidden_layers=2),
    "BartForConditionalGeneration": TWO, "MarianMTModel": {**TWO, "decoder_vocab_size": WORDS},
    "BigBirdPegasusForConditionalGeneration": {**TWO, **BLOCKS}, 
    "LEDForConditionalGeneration": {**TWO, "attention_window": 4},
    "T5ForConditionalGeneration": T5, "MT5ForConditionalGeneration": T5, "UMT5ForConditionalGeneration": T5,
    "LongT5ForConditionalGeneration": {**T5, "local_radius": 4},
}
PAIRS = [("BertModel", "BertModel"), ("BertModel", "GPT2LMHeadModel"), ("MPNetModel", "BertModel"),
         ("BigBirdModel", "BertModel"), ("YosoModel", "BertModel")]
LENGTH, SHORT = 9, 6  # sentences of a batch; both sides of a model are equally long


class Letters:
    """A slow tokenizer whose id i is the i-th syllable, and 0 padding."""

    is_fast = False
    unk_token = "[UNK]"

    def convert_ids_to_tokens(self, ids):
        return ["[PAD]" if i == 0 else chr(ord("가") + i) for i in ids]

    def text(self, ids) -> str:
        return "".join(chr(ord("가") + int(i)) for i in ids if i)


TOKENIZER = Letters()


def config_of(transformers, name):
    return getattr(transformers, name).config_class(**MODELS[name])


def built(transformers, name, **options):
    torch.manual_seed(0)
    if isinstance(name, tuple):
        both = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
            *(config_of(transformers, one) for one in name), decoder_start_token_id=0, pad_token_id=0)
        model = transformers.EncoderDecoderModel._from_config(both, **options)
    else:
        model = getattr(transformers, name)._from_config(config_of(transformers, name), **options)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def inputs_of(model):
    torch.manual_seed(1)
    ids, targets = torch.randint(5, WORDS, (2, LENGTH)), torch.randint(5, WORDS, (2, LENGTH))
    mask = torch.ones_like(ids)
    ids[1, SHORT:] = mask[1, SHORT:] = 0
    given = dict(input_ids=ids, attention_mask=mask)
    if "attention_mask" not in inspect.signature(model.forward).parameters:  # FNet, before transformers 5
        del given["attention_mask"]
    return {**given, "decoder_input_ids": targets} if model.config.is_encoder_decoder else given


LOOKS_AT_PADDING = {(("BertModel", "GPT2LMHeadModel"), "cross"), ("BigBirdPegasusForConditionalGeneration", "encoder")}


@pytest.mark.parametrize("name", [*MODELS, *PAIRS], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_records_are_right_or_the_error_says_what_works(transformers, name):
    if not isinstance(name, tuple) and not hasattr(transformers, name):
        pytest.skip(f"this transformers has no {name}")
    model = built(transformers, name)
    given = inputs_of(model)
    with torch.no_grad():
        before = model(**given)[0]
        with capture(model) as recorder:
            during = model(**given)[0]
        assert torch.equal(model(**given)[0], before)
    assert (during - before)[0].abs().max() < 1e-3  # the first sentence has no padding
    texts = [TOKENIZER.text(row) for row in given["input_ids"]]
    kinds = ["encoder", "decoder", "cross"] if model.config.is_encoder_decoder else None
    targets = [TOKENIZER.text(row) for row in given["decoder_input_ids"]] if kinds else None
    try:
        records = recorder.records(texts, TOKENIZER, target_texts=targets)
    except CaptureError as error:
        said = str(error)
        if "records_by_position()" in said:
            shapes = [r.weights.shape for r in recorder.records_by_position()]
            assert len(set(shapes)) > 1  # its layers see sequences of several lengths
        else:
            assert any(words in said for words in NO_ATTENTION)
        records = []
        for kind in re.findall(r"kind='(\w+)'", said):
            part = recorder.records(texts, TOKENIZER, target_texts=targets, kind=kind)
            assert part and {r.kind for r in part} == {kind}
    if recorder.without:  # YOSO's encoder hashes: what is left are those that look at it
        kinds = ["decoder", "cross"]
        assert all(r.source["without_weights"] == recorder.without for r in records)
    if records:
        assert [r.kind for r in records] == (kinds * 2 if kinds else [records[0].kind] * 2)
    for record in records:
        assert record.layers == 2
        if (name, record.kind) in LOOKS_AT_PADDING:
            assert record.normalised or record.source["dropped_mass"] > 0.1
        else:
            assert np.abs(record.weights.sum(-1) - 1).max() < 1e-3
        assert [t.text for t in record.queries] == list(record.query_text)
        own = [t.text for t in record.keys if t.text != "[sink]"]
        assert own == list(record.key_text)
        assert np.ptp(record.weights) > 1e-3  # not uniform, not a bias of zeros


@pytest.mark.parametrize("how", [{}, {"use_cache": False}, {"cache_implementation": "static"}], ids=str)
@pytest.mark.parametrize("name", ["LlamaForCausalLM", "MistralForCausalLM", "Gemma2ForCausalLM", "GptOssForCausalLM"])
def test_what_is_generated_is_one_record_whatever_the_cache(transformers, name, how):
    if not hasattr(transformers, name):
        pytest.skip(f"this transformers has no {name}")
    model = built(transformers, name)
    ids = torch.randint(5, WORDS, (2, 7))
    mask = torch.ones_like(ids)
    ids[0, :2] = mask[0, :2] = 0
    generate = model.generate
    try:
        model.generate(ids, attention_mask=mask, max_new_tokens=6, min_new_tokens=6, do_sample=False, **how)
    except RuntimeError as error:  # Gemma 2 with a static cache, in transformers 4.50
        pytest.skip(f"this transformers cannot generate so, captured or not: {error}")
    with capture(model, vectors=True) as recorder:
        made = model.generate(ids, attention_mask=mask, max_new_tokens=6, min_new_tokens=6, do_sample=False, **how)
    assert model.generate == generate and "generate" not in model.__dict__
    records = recorder.records([TOKENIZER.text(row) for row in ids], TOKENIZER)
    assert [len(r.queries) for r in records] == [10, 12]
    room = tolerance(32, 16)
    checks = recorder.verify()  # before 4.51 there is no attention interface, so a context is not to be seen: NaN
    assert checks and all(one.weights_error < room and not one.context_error >= room for one in checks)
    whole = made[:, :-1]
    with torch.no_grad(), capture(model) as again:
        model(whole, attention_mask=(whole > 0).long())
    for one, other in zip(records, again.records([TOKENIZER.text(row) for row in whole], TOKENIZER)):
        assert np.abs(one.weights - other.weights).max() < tolerance(32, 16)


def test_texts_of_a_generation_are_counted(transformers):
    model = built(transformers, "BartForConditionalGeneration")
    ids = inputs_of(model)["input_ids"]
    texts = [TOKENIZER.text(row) for row in ids]
    with capture(model) as recorder:
        model.generate(ids, max_new_tokens=3, num_beams=1)
    with pytest.raises(CaptureError, match="2 sentences .* 1 texts came: "):
        recorder.records(texts[:1], TOKENIZER)


@pytest.mark.parametrize("length", [4, 5, 7])
def test_text_and_picture_never_share_a_record(transformers, length):
    sides = {k: v for k, v in FLAT.items() if k != "vocab_size"}
    torch.manual_seed(0)
    model = transformers.CLIPModel(transformers.CLIPConfig(
        text_config={**FLAT, "eos_token_id": 2}, vision_config={**sides, "image_size": 8, "patch_size": 4},
        projection_dim=16)).eval()
    ids, picture = torch.randint(5, WORDS, (2, length)), torch.randn(2, 3, 8, 8)  # a picture is 5 positions
    texts = [TOKENIZER.text(row) for row in ids]
    with torch.no_grad(), capture(model) as recorder:
        model(input_ids=ids, pixel_values=picture)
    with pytest.raises(CaptureError, match="attends over pixel_values") as error:
        recorder.records(texts, TOKENIZER)
    part = re.search(r"capture\(model\.([\w.]+)\)", str(error.value))[1]
    with torch.no_grad(), capture(model.get_submodule(part)) as recorder:
        model(input_ids=ids, pixel_values=picture)
    records = recorder.records(texts, TOKENIZER)
    assert [r.text for r in records] == texts and all(r.weights.shape == (2, 4, length, length) for r in records)


class Classifier(torch.nn.Module):
    """What people build around a pretrained model."""

    def __init__(self, transformers):
        super().__init__()
        self.bert = built(transformers, "BertModel")
        self.head = torch.nn.Linear(32, 2)

    def forward(self, ids, mask):
        return self.head(self.bert(ids, attention_mask=mask).last_hidden_state[:, 0])


def test_ones_own_classifier_around_a_model_is_captured(transformers):
    model = Classifier(transformers).eval()
    given = inputs_of(model.bert)
    texts = [TOKENIZER.text(row) for row in given["input_ids"]]
    with torch.no_grad(), capture(model) as recorder:
        model(given["input_ids"], given["attention_mask"])
    assert [len(r.queries) for r in recorder.records(texts, TOKENIZER)] == [LENGTH, SHORT]
    with pytest.raises(CaptureError, match="capture it with gluonattn.capture.huggingface"), by_torch.capture(model):
        pass


def test_rows_of_a_model_that_trains_or_looks_nowhere(transformers):
    model = built(transformers, "BertModel")
    given = inputs_of(model)
    texts = [TOKENIZER.text(row) for row in given["input_ids"]]
    with torch.no_grad(), capture(model) as recorder:
        model.train()(**given)
    said = r"encoder.layer.0.*in training mode dropout acts on weights; call model.eval\(\)"
    interface = {found.how for found in recorder.found()} == {"attention interface"}
    if interface:  # it hands out what dropout left
        with pytest.raises(CaptureError, match=said):
            recorder.records(texts, TOKENIZER)
    else:  # before transformers 4.51 the softmax itself is followed, which dropout comes after
        for record in recorder.records(texts, TOKENIZER):
            assert np.abs(record.weights.sum(-1) - 1).max() < tolerance(LENGTH, 1)
    model.eval()
    for low in (float("-inf"), torch.finfo(torch.float32).min):
        mask = torch.zeros(2, 1, LENGTH, LENGTH)
        mask[0, 0, 3] = low
        if not interface:
            continue  # this BERT refuses a mask for each query, captured or not
        with torch.no_grad(), capture(model) as recorder:
            model(given["input_ids"], attention_mask=mask)
        with pytest.raises(CaptureError, match="encoder.layer.0.*row 3 of sentence 0 .*may look nowhere") as error:
            recorder.records(texts, TOKENIZER)
        assert "eval()" not in str(error.value)
    given["attention_mask"][0] = 0
    with torch.no_grad(), capture(model) as recorder:
        model(**given)
    with warnings.catch_warnings(), pytest.raises(CaptureError, match="source sentence 0 .* is all padding"):
        warnings.simplefilter("ignore")
        recorder.records(texts, TOKENIZER)


@pytest.mark.parametrize("asked", [False, True])
def test_t5_attention_by_name_gives_weights_or_says_how(transformers, asked):
    model = built(transformers, "T5ForConditionalGeneration")
    getattr(model, "set_attn_implementation", lambda how: None)("eager")  # T5 of 4.50 has no other
    given = inputs_of(model)
    with torch.no_grad(), by_torch.capture(model, attention=["T5Attention"]) as recorder:
        model(**given, output_attentions=asked)
    sides = [[list(TOKENIZER.text(row)) for row in given[name]] for name in ("input_ids", "decoder_input_ids")]
    texts, targets = (["".join(t) for t in side] for side in sides)

    def records():
        return recorder.records(texts, sides[0], target_texts=targets, target_tokens=sides[1],
                                padding=(given["input_ids"] == 0).numpy())

    try:
        found = records()
    except CaptureError as error:
        assert not asked and "Call the model with output_attentions=True" in str(error)
        return
    assert [r.kind for r in found] == ["encoder", "decoder", "cross"] * 2
    assert all(np.abs(r.weights.sum(-1) - 1).max() < 1e-4 for r in found)


def test_a_sound_has_no_tokens_and_its_decoder_has(transformers):
    config = transformers.WhisperConfig(**{**TWO, "num_mel_bins": 8, "max_source_positions": LENGTH})
    torch.manual_seed(0)
    model = transformers.WhisperForConditionalGeneration(config).eval()
    targets = torch.randint(5, WORDS, (2, LENGTH))  # as long as the sound
    with torch.no_grad(), capture(model) as recorder:
        model(input_features=torch.randn(2, 8, 2 * LENGTH), decoder_input_ids=targets)
    texts = [TOKENIZER.text(row) for row in targets]
    with pytest.raises(CaptureError, match=r"attends over input_features.*kind='decoder'"):
        recorder.records(["", ""], TOKENIZER, target_texts=texts)
    records = recorder.records(["", ""], TOKENIZER, target_texts=texts, kind="decoder")
    assert [r.query_text for r in records] == texts and {r.kind for r in records} == {"decoder"}


SIZES = [((32, 32), (32, 32)), ((32, 32), (16, 24)), ((16, 24),), ((8, 32), (32, 16), (24, 24))]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_pictures_of_different_shapes_read_as_one_sequence_are_records_of_their_own(transformers, sizes):
    """Pixtral puts the patches of all pictures behind one another: its own weights are (1, heads, all, all)."""
    torch.manual_seed(0)
    model = transformers.PixtralVisionModel(transformers.PixtralVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, image_size=32, patch_size=8,
        attn_implementation="eager")).eval()
    pictures = torch.randn(len(sizes), 3, 32, 32)
    with torch.no_grad():
        own = model(pictures, image_sizes=list(sizes), output_attentions=True).attentions
        with capture(model) as recorder:
            model(pictures, image_sizes=list(sizes))
    records = recorder.records_by_position()
    assert len(records) == len(sizes)
    start = 0
    for record, (height, width) in zip(records, sizes):
        rows, columns = height // 8, width // 8
        end = start + rows * columns
        assert record.source["grid"] == [rows, columns]
        assert [token.text for token in record.keys] == [f"{i},{j}" for i in range(rows) for j in range(columns)]
        for layer, weights in enumerate(own):
            np.testing.assert_array_equal(record.weights[layer], weights[0, :, start:end, start:end].numpy())
        start = end
