from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import CaptureError
from gluonattn.reference import softmax

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
from gluonattn.capture.torch import capture  # noqa: E402

from ..tolerance import tolerance  # noqa: E402

pytestmark = pytest.mark.torch
nn = torch.nn
WIDTH, HEADS, LAYERS = 16, 4, 2
TEXTS = ["나는 영화를 보았다", "재미있다"]
TOKENS = [["나", "는", "영화", "를", "보았다"], ["재미", "있다"]]
TARGETS = ["I saw it", "fun"]
TARGET_TOKENS = [["<s>", "I", "saw", "it"], ["<s>", "fun"]]


def seeded(make):
    torch.manual_seed(0)
    return make().eval()


def encoder(**options):
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 32, batch_first=True, **options)
    return nn.TransformerEncoder(layer, LAYERS)


def decoder():
    return nn.TransformerDecoder(nn.TransformerDecoderLayer(WIDTH, HEADS, 32, batch_first=True), LAYERS)


def transformer():
    return nn.Transformer(WIDTH, HEADS, LAYERS, LAYERS, 32, batch_first=True)


def batch(length=5, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(2, length, WIDTH)).astype(np.float32))


PADDING = torch.tensor([[False] * 5, [False] * 2 + [True] * 3])
TARGET_PADDING = torch.tensor([[False] * 4, [False] * 2 + [True] * 2])


def causal(length):
    return nn.Transformer.generate_square_subsequent_mask(length)


RUNS = {
    "encoder": (encoder, lambda m: m(batch()), None),
    "encoder, padded": (encoder, lambda m: m(batch(), src_key_padding_mask=PADDING), ~PADDING),
    "encoder, norm first": (lambda: encoder(norm_first=True), lambda m: m(batch(), src_key_padding_mask=PADDING), ~PADDING),
    "encoder, causal": (encoder, lambda m: m(batch(), mask=causal(5), is_causal=True), None),
    "decoder": (decoder, lambda m: m(batch(4), batch(5, 2), tgt_mask=causal(4)), None),
    "transformer": (transformer, lambda m: m(batch(), batch(4, 2), tgt_mask=causal(4)), None),
    "transformer, padded": (transformer, lambda m: m(
        batch(), batch(4, 2), tgt_mask=causal(4), src_key_padding_mask=PADDING, tgt_key_padding_mask=TARGET_PADDING.float()
        * -1e9, memory_key_padding_mask=PADDING), ~TARGET_PADDING),
}


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_outputs_and_settings_are_the_same_before_during_and_after(name, fast):
    make, run, valid = RUNS[name]
    model = seeded(make)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    torch.backends.mha.set_fastpath_enabled(fast)
    try:
        with torch.no_grad():
            before = run(model)
            with capture(model, vectors=True) as recorder:
                during = run(model)
            assert torch.backends.mha.get_fastpath_enabled() == fast
            with pytest.raises(ZeroDivisionError), capture(model):
                run(model)
                raise ZeroDivisionError
            assert torch.backends.mha.get_fastpath_enabled() == fast
            after = run(model)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    valid = torch.ones(before.shape[:2], dtype=bool) if valid is None else valid[:, : before.shape[1]]
    assert (before[valid] == after[valid]).all()
    assert (before[valid] - during[valid]).abs().max() < tolerance(WIDTH, 12, scale=before[valid].numpy())
    assert not model.training and all((v == state[k]).all() for k, v in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert recorder.passes and recorder.verify()
    for layer in recorder.verify():
        assert layer.heads == HEADS and max(layer.weights_error, layer.context_error) < tolerance(WIDTH, 2)


def test_records_of_all_three_kinds_with_padding():
    model = seeded(transformer)
    with torch.no_grad(), capture(model, vectors=True) as recorder:
        RUNS["transformer, padded"][1](model)
    records = recorder.records(TEXTS, TOKENS, target_texts=TARGETS, target_tokens=TARGET_TOKENS)
    shapes = {(r.kind, r.text): r.weights.shape for r in records}
    assert shapes == {
        ("encoder", TEXTS[0]): (2, 4, 5, 5), ("encoder", TEXTS[1]): (2, 4, 2, 2),
        ("decoder", TEXTS[0]): (2, 4, 4, 4), ("decoder", TEXTS[1]): (2, 4, 2, 2),
        ("cross", TEXTS[0]): (2, 4, 4, 5), ("cross", TEXTS[1]): (2, 4, 2, 2),
    }
    assert len(records) == 6
    cross = next(r for r in records if r.kind == "cross")
    assert cross.queries[1].text == "I" and cross.query_text == "I saw it" and cross.keys[2][:3] == ("영화", 3, 5)
    assert cross.source["layers"] == ["decoder.layers.0.multihead_attn", "decoder.layers.1.multihead_attn"]
    assert cross.queries_vectors.shape == (2, 4, 4, 4) and cross.keys_vectors.shape == (2, 4, 5, 4)
    decoder_record = next(r for r in records if r.kind == "decoder")
    assert (np.triu(decoder_record.weights[0, 0], 1) == 0).all()
    assert [r.kind for r in recorder.records(TEXTS, TOKENS, kind="encoder")] == ["encoder", "encoder"]


def test_weights_are_those_the_module_gives_when_asked():
    attention = seeded(lambda: nn.MultiheadAttention(WIDTH, HEADS, kdim=6, vdim=10))
    query, key, value = torch.randn(3, 2, WIDTH), torch.randn(5, 2, 6), torch.randn(5, 2, 10)
    with torch.no_grad():
        _, expected = attention(query, key, value, average_attn_weights=False)
        with capture(attention, vectors=True) as recorder:
            for asked, shape in ((dict(need_weights=False), None), (dict(), (2, 3, 5)),
                                 (dict(average_attn_weights=False), (2, 4, 3, 5))):
                _, given = attention(query, key, value, **asked)
                assert (None if given is None else tuple(given.shape)) == shape
            attention(query[:, 0], key[:, 0], value[:, 0])  # without a batch
    assert all((p.calls[0].weights == expected.numpy()[: len(p.calls[0].weights)]).all() for p in recorder.passes[:3])
    assert recorder.passes[3].calls[0].weights.shape == (1, 4, 3, 5)
    assert all(max(layer.weights_error, layer.context_error) < tolerance(WIDTH, 2) for layer in recorder.verify())


def test_keys_the_module_adds_itself_are_named():
    attention = seeded(lambda: nn.MultiheadAttention(WIDTH, HEADS, add_bias_kv=True, add_zero_attn=True, batch_first=True))
    with torch.no_grad(), capture(attention) as recorder:
        attention(batch(), batch(), batch(), key_padding_mask=PADDING)
    first, second = recorder.records(TEXTS, TOKENS)
    assert first.weights.shape == (1, 4, 5, 7) and second.weights.shape == (1, 4, 2, 4)
    assert [t.text for t in second.keys] == ["재미", "있다", "[bias]", "[zero]"]


class Own(nn.Module):
    """A hand-written attention module."""

    def __init__(self, gives="heads"):
        super().__init__()
        self.qkv, self.num_heads, self.gives = nn.Linear(WIDTH, 3 * WIDTH), HEADS, gives

    def forward(self, x):
        q, k, v = (p.unflatten(-1, (HEADS, -1)).transpose(1, 2) for p in self.qkv(x).chunk(3, -1))
        weights = (4 * q @ k.transpose(-1, -2)).softmax(-1)
        if self.gives == "uniform":
            weights = torch.full_like(weights, 1 / weights.shape[-1])
        given = {"mean": weights.mean(1), "none": None}.get(self.gives, weights)
        return (weights @ v).transpose(1, 2).flatten(2), given


class Stack(nn.Module):
    def __init__(self, *kinds):
        super().__init__()
        self.blocks = nn.ModuleList(Own(kind) for kind in kinds)
        self.skip = None

    def forward(self, x):
        for i, block in enumerate(self.blocks):
            if i != self.skip:
                x = x + block(x)[0]
        return x


@pytest.mark.parametrize("named", ["Own", ["blocks.*"], {"blocks.?": "encoder"}])
def test_hand_written_modules_by_class_or_path(named):
    model = seeded(lambda: Stack("heads", "heads"))
    with torch.no_grad(), capture(model, attention=named) as recorder:
        model(batch())
    record = recorder.records(TEXTS, TOKENS, padding=PADDING.numpy())[0]
    assert record.weights.shape == (2, 4, 5, 5)
    assert record.kind == ("encoder" if isinstance(named, dict) else "self")


@pytest.mark.parametrize("gives", ["mean", "none"])
@pytest.mark.parametrize("named", ["Own", ()])
def test_weights_are_taken_where_they_are_computed_whatever_a_module_gives(gives, named):
    with torch.no_grad(), capture(seeded(lambda: Stack("heads", "heads"))) as expected:
        expected.modules[""](batch())
    with torch.no_grad(), capture(seeded(lambda: Stack("heads", gives)), attention=named) as recorder:
        recorder.modules[""](batch())
    one, other = (r.records(TEXTS, TOKENS, padding=PADDING.numpy())[0] for r in (expected, recorder))
    assert one.weights.shape == (2, 4, 5, 5) and (one.weights == other.weights).all()


class HandsOut(Own):
    def forward(self, x):
        q, k, v = (p.unflatten(-1, (HEADS, -1)).transpose(1, 2) for p in self.qkv(x).chunk(3, -1))
        scores = (4 * q @ k.transpose(-1, -2)).numpy()  # torch sees nothing of it
        weights = torch.from_numpy(softmax(scores))
        return (weights @ v).transpose(1, 2).flatten(2), {"mean": weights.mean(1), "none": None}.get(self.gives, weights)


@pytest.mark.parametrize("gives, said", [
    ("heads", None), ("mean", r"blocks.0 gave weights averaged over its 4 heads: make it return \(B, heads"),
    ("none", r"blocks.0 gave no weights"),
])
def test_weights_that_cannot_be_followed_are_taken_from_what_is_handed_out(gives, said):
    model = seeded(lambda: Stack("heads"))
    model.blocks[0] = seeded(lambda: HandsOut(gives))
    with torch.no_grad(), capture(model, attention="HandsOut") as recorder:
        model(batch())
    if said is None:
        assert recorder.records(TEXTS, TOKENS, padding=PADDING.numpy())[0].weights.shape == (1, 4, 5, 5)
        return
    with pytest.raises(CaptureError, match=said):
        recorder.records(TEXTS, TOKENS)


def test_a_bypassed_layer_and_a_model_that_never_ran_are_named():
    model = seeded(lambda: Stack("heads", "heads"))
    model.skip = 0
    with torch.no_grad(), capture(model, attention="Own") as recorder:
        with pytest.raises(CaptureError, match="the model was not run"):
            recorder.check()
        model(batch())
    with pytest.raises(CaptureError, match="blocks.0 was bypassed"):
        recorder.records(TEXTS, TOKENS)
    with pytest.raises(CaptureError, match=r"Linear holds no nn.MultiheadAttention: name its own"), capture(nn.Linear(2, 2)):
        pass


def test_uniform_weights_are_warned_of_and_said_in_the_record():
    model = seeded(lambda: Stack("heads", "uniform"))
    with torch.no_grad(), capture(model, attention="Own") as recorder:
        model(batch())
    with pytest.warns(UserWarning, match="uniform weights in blocks.1"):
        records = recorder.records(TEXTS, TOKENS, padding=PADDING.numpy())
    assert records[0].source["uniform"] == ["blocks.1"]


def test_training_mode_is_named_and_left_alone():
    model = seeded(encoder).train()
    with torch.no_grad(), capture(model) as recorder:
        model(batch())
    assert model.training
    with pytest.raises(CaptureError, match="call model.eval"):
        recorder.records(TEXTS, TOKENS, padding=PADDING.numpy())


def test_what_does_not_fit_is_said():
    model = seeded(encoder)
    with torch.no_grad(), capture(model) as recorder:
        model(batch(), src_key_padding_mask=PADDING)
        model(batch(), src_key_padding_mask=PADDING)
    assert len(recorder.records(TEXTS * 2, TOKENS * 2)) == 4
    with pytest.raises(CaptureError, match="4 sentences went through the model, 2 texts came"):
        recorder.records(TEXTS, TOKENS)
    with pytest.raises(CaptureError, match="sentence 1 has 1 tokens, the model saw 2 positions and 3 of padding"):
        recorder.records(TEXTS * 2, [TOKENS[0], ["재미있다"]] * 2)


def test_a_pass_that_failed_leaves_nothing():
    model = seeded(encoder)
    with torch.no_grad(), capture(model) as recorder:
        with pytest.raises(AssertionError):
            model(torch.zeros(2, 5, 3))
        model(batch())
    assert len(recorder.records(TEXTS, TOKENS, padding=PADDING.numpy())) == 2
