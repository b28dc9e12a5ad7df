"""Attention of modules that nobody prepared: hand-written, compiled, in half precision, pooled, third-party."""

# ruff: noqa: E501
from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
from gluonattn.capture.found import as_text  # noqa: E402
from gluonattn.capture.torch import capture  # noqa: E402

from ..tolerance import tolerance  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::UserWarning")]
nn, F = torch.nn, torch.nn.functional
WIDTH, HEADS, LENGTH, WORDS = 16, 4, 5, 50
TOKENS = list("가나다라마")
TEXT = "".join(TOKENS)
MASK = torch.tensor([[True] * LENGTH, [True] * 3 + [False] * 2])


def heads(x, count=HEADS):
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


class Fused(nn.Module):
    """How most models are written today."""

    def __init__(self, how="plain"):
        super().__init__()
        self.how = how
        self.q, self.k, self.v = nn.Linear(WIDTH, WIDTH), *(
            nn.Linear(WIDTH, WIDTH // 2 if how == "grouped" else WIDTH) for _ in range(2))
        self.o = nn.Linear(WIDTH, WIDTH)

    def parts(self, x):
        groups = HEADS // 2 if self.how == "grouped" else HEADS
        return heads(self.q(x)), heads(self.k(x), groups), heads(self.v(x), groups)

    def forward(self, x):
        mask = {"masked": MASK[:, None, None], "biased": torch.linspace(-2, 1, LENGTH).expand(LENGTH, LENGTH)}.get(self.how)
        options = {"enable_gqa": True} if self.how == "grouped" else {}
        mixed = F.scaled_dot_product_attention(*self.parts(x), attn_mask=mask, is_causal=self.how == "causal",
                                               scale=0.7 if self.how == "scaled" else None, **options)
        return self.o(mixed.transpose(1, 2).flatten(2))


def expected(model: Fused, x):
    """softmax(scale QKᵀ + bias), head by head."""
    with torch.no_grad():
        q, k, _ = (part.double() for part in model.parts(x))
    k = k.repeat_interleave(HEADS // k.shape[1], 1)
    scores = q @ k.mT * (0.7 if model.how == "scaled" else q.shape[-1] ** -0.5)
    if model.how == "masked":
        scores = scores.masked_fill(~MASK[:, None, None], -torch.inf)
    if model.how == "biased":
        scores = scores + torch.linspace(-2, 1, LENGTH)
    if model.how == "causal":
        scores = scores.masked_fill(torch.ones(LENGTH, LENGTH).triu(1).bool(), -torch.inf)
    return scores.softmax(-1).numpy()


class Spelled(Fused):
    """Attention spelled out, in one of the ways in which people do."""

    def forward(self, x):
        q, k, v = self.parts(x)
        scale = q.shape[-1] ** -0.5
        flat = [p.flatten(0, 1) for p in (q, k, v)]
        if self.how == "baddbmm":
            scores = torch.baddbmm(torch.zeros(1, 1, 1), flat[0], flat[1].mT, beta=0, alpha=scale)
            mixed = torch.bmm(nn.Softmax(-1)(scores), flat[2]).unflatten(0, (len(x), HEADS))
        elif self.how == "einsum":
            scores = torch.einsum("bqhd,bkhd->bhqk", *(p.transpose(1, 2) for p in (q, k)))
            mixed = torch.einsum("bhqk,bkhd->bhqd", torch.softmax(scores * scale, -1), v.transpose(1, 2))
        elif self.how == "by hand":
            scores = (q @ k.mT) * scale
            grown = torch.exp(scores - scores.amax(-1, keepdim=True))
            mixed = (grown / grown.sum(-1, keepdim=True)) @ v
        elif self.how == "keys first":
            scores = k @ q.mT * scale
            mixed = scores.softmax(-2).mT @ v
        elif self.how == "summed":
            shares = F.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1)
            mixed = (shares.unsqueeze(-1) * v.unsqueeze(2)).sum(3)
        else:
            mixed = F.log_softmax(q.mul(scale).matmul(k.mT), -1).exp() @ v
        return self.o(mixed.transpose(1, 2).flatten(2))


def numbers(seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(2, LENGTH, WIDTH)).astype(np.float32))


@pytest.mark.parametrize("kind, how", [
    *((Fused, how) for how in ("plain", "causal", "masked", "biased", "scaled", "grouped")),
    *((Spelled, how) for how in ("baddbmm", "einsum", "by hand", "keys first", "summed", "log"))])
def test_weights_of_hand_written_modules_are_their_softmax(kind, how):
    torch.manual_seed(0)
    model, x = kind(how).eval(), numbers()
    with torch.no_grad():
        before = model(x)
        with capture(model, vectors=True) as recorder:
            during = model(x)
    assert torch.equal(before, during) and not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    (call,) = recorder.passes[0].calls
    assert np.abs(call.weights - expected(model, x)).max() < tolerance(WIDTH, 4)
    assert recorder.records([TEXT] * 2, [TOKENS] * 2, padding=None if how != "masked" else ~MASK.numpy())
    (one,) = recorder.found()
    assert (one.heads, one.queries, one.keys, one.module) == (HEADS, LENGTH, LENGTH, kind.__name__)
    assert kind.__name__ in as_text(recorder.found())


class Masked(Fused):
    """A mask that comes after the softmax: what values are mixed by is not what left it."""

    def forward(self, x):
        q, k, v = self.parts(x)
        shares = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)
        seen = MASK[:, None, None].float()
        if self.how == "filled":
            shares = shares.masked_fill(seen == 0, 0)
        elif self.how == "flat":
            shares = (shares.flatten(0, 1) * seen.expand(-1, HEADS, -1, -1).flatten(0, 1)).unflatten(0, (len(x), HEADS))
        else:
            shares = shares * seen
        shares = F.dropout(shares / shares.sum(-1, keepdim=True), 0.5, self.training)
        return self.o((shares @ v).transpose(1, 2).flatten(2))


@pytest.mark.parametrize("how", ["multiplied", "filled", "flat"])
def test_weights_are_those_that_values_are_mixed_by(how):
    torch.manual_seed(0)
    model, x = Masked(how).eval(), numbers()
    with torch.no_grad(), capture(model) as recorder:
        model(x)
    (call,) = recorder.passes[0].calls
    plain = Fused("masked").eval()
    plain.load_state_dict(model.state_dict())
    assert np.abs(call.weights - expected(plain, x)).max() < tolerance(WIDTH, 4)


class Beside(Fused):
    """Each token looks at all tokens and at some that the model has learned."""

    def __init__(self, how="plain"):
        super().__init__(how)
        self.learned = nn.Embedding(2, WIDTH)

    def forward(self, x):
        learned = self.learned(torch.arange(2)[None].expand(len(x), -1))
        both = (learned, x) if self.how == "before" else (x, learned)
        q, k, v = heads(self.q(x)), *(torch.cat([heads(f(part)) for part in both], 2) for f in (self.k, self.v))
        shares = (q @ k.mT).softmax(-1)
        self.shares = shares.detach().numpy()
        return self.o((shares @ v).transpose(1, 2).flatten(2))


@pytest.mark.parametrize("how", ["before", "behind"])
def test_keys_that_a_model_has_learned_stand_behind_those_of_the_tokens(how):
    torch.manual_seed(0)
    model, x = Beside(how).eval(), numbers()
    with torch.no_grad(), capture(model) as recorder:
        model(x)
    tokens = slice(2, None) if how == "before" else slice(0, LENGTH)
    learned = slice(0, 2) if how == "before" else slice(LENGTH, None)
    for row, record in enumerate(recorder.records([TEXT] * 2, [TOKENS] * 2)):
        assert [t.text for t in record.keys] == [*TOKENS, "[0]", "[1]"] and record.kind == "self"
        assert np.abs(record.weights[0, :, :, :LENGTH] - model.shares[row, ..., tokens]).max() < tolerance(WIDTH)
        assert np.abs(record.weights[0, :, :, LENGTH:] - model.shares[row, ..., learned]).max() < tolerance(WIDTH)


@pytest.mark.parametrize("make", [lambda: torch.compile(Fused()), lambda: nn.DataParallel(Fused()),
                                  lambda: Fused().bfloat16(), lambda: Spelled("einsum").half(),
                                  lambda: nn.Sequential(nn.Identity(), Fused())],
                         ids=["compiled", "parallel", "bfloat16", "float16", "inside"])
def test_what_wraps_a_module_hides_nothing(make):
    torch.manual_seed(0)
    model = make().eval()
    kind = next(model.parameters()).dtype
    x = numbers().to(kind)
    inner = next(m for m in model.modules() if isinstance(m, Fused))
    with torch.no_grad(), capture(model) as recorder:
        model(x)
    (call,) = recorder.passes[0].calls
    room = 0.02 if kind == torch.bfloat16 else 0.005 if kind == torch.float16 else tolerance(WIDTH, 4)
    assert np.abs(call.weights - expected(inner, x)).max() < room
    assert np.abs(call.weights.sum(-1) - 1).max() < tolerance(64)


def test_nested_tensors_are_sentences_of_their_own_length():
    class Jagged(Fused):
        def forward(self, x):
            q, k, v = (f(x).unflatten(-1, [HEADS, -1]).transpose(1, 2) for f in (self.q, self.k, self.v))
            return F.scaled_dot_product_attention(q, k, v)

    torch.manual_seed(0)
    model, x = Jagged().eval(), numbers()
    jagged = torch.nested.nested_tensor([x[0], x[1, :3]], layout=torch.jagged)
    with torch.no_grad(), capture(model) as recorder:
        model(jagged)
    (call,) = recorder.passes[0].calls
    model.how = "masked"
    assert np.abs(call.weights - expected(model, x))[:, :, :3].max() < tolerance(WIDTH, 4)


class Pooled(nn.Module):
    """The tutorial's classifier: a recurrent network, a score for each word, their weighted sum."""

    def __init__(self, how):
        super().__init__()
        self.how, self.embed = how, nn.Embedding(WORDS, WIDTH)
        self.rnn = nn.LSTM(WIDTH, WIDTH, bidirectional=True, batch_first=True)
        self.hidden, self.score, self.out = nn.Linear(2 * WIDTH, WIDTH), nn.Linear(WIDTH, 1, bias=False), nn.Linear(2 * WIDTH, 2)

    def forward(self, ids, lengths=None):
        states = self.embed(ids)
        if lengths is not None:
            states, last = self.rnn(nn.utils.rnn.pack_padded_sequence(states, lengths, batch_first=True))
            states, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        else:
            states, last = self.rnn(states)
        if self.how in ("last state", "last word"):
            query = last[0].transpose(0, 1).flatten(1) if self.how == "last state" else states[:, -1]
            scores = torch.bmm(states, query.unsqueeze(2)).squeeze(2)
        else:
            scores = self.score(torch.tanh(self.hidden(states))).squeeze(-1)
        if lengths is not None:
            scores = scores.masked_fill(~MASK, -torch.inf)
        self.shares = F.softmax(scores, dim=1)
        if self.how == "sum":
            mixed = (self.shares.unsqueeze(-1) * states).sum(1)
        else:
            mixed = torch.bmm(states.transpose(1, 2), self.shares.unsqueeze(2)).squeeze(2)
        return self.out(mixed).softmax(-1)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("how", ["bmm", "sum", "last state", "last word"])
def test_one_weight_for_each_word_is_a_record_with_one_query(how, packed):
    torch.manual_seed(0)
    model = Pooled(how).eval()
    ids = torch.randint(0, WORDS, (2, LENGTH))
    lengths = torch.tensor([LENGTH, 3]) if packed else None
    with torch.no_grad(), capture(model) as recorder:
        model(ids, lengths)
    records = recorder.records([TEXT, TEXT[:3]] if packed else [TEXT] * 2, [TOKENS, TOKENS[:3]] if packed else [TOKENS] * 2,
                               padding=~MASK.numpy() if packed else None) if how != "last word" or not packed else []
    for record, shares in zip(records, model.shares.numpy()):
        assert record.weights.shape == (1, 1, 1, len(record.keys)) and record.kind == "self"
        assert np.abs(record.weights[0, 0, 0] - shares[:len(record.keys)]).max() < tolerance(64)
        assert record.queries[0].text == ("마" if how == "last word" else "[query]")


class Mixture(nn.Module):
    """A router over experts, a vocabulary and a classifier: softmaxes that are no attention."""

    def __init__(self, experts, how):
        super().__init__()
        self.how, self.embed, self.attend = how, nn.Embedding(WORDS, WIDTH), Fused()
        self.router, self.vocabulary = nn.Linear(WIDTH, experts), nn.Linear(WIDTH, WORDS)
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(experts))

    def forward(self, ids):
        x = self.attend(self.embed(ids))
        shares = self.router(x).softmax(-1)
        made = torch.stack([expert(x) for expert in self.experts], -2)
        if self.how == "einsum":
            x = torch.einsum("bte,bted->btd", shares, made)
        elif self.how == "sum":
            x = (shares.unsqueeze(-1) * made).sum(-2)
        else:
            x = torch.matmul(shares.unsqueeze(-2), made).squeeze(-2)
        words = self.vocabulary(x).softmax(-1)
        return (words @ self.embed.weight).mean(1).softmax(-1)


@pytest.mark.parametrize("experts", [3, LENGTH])
@pytest.mark.parametrize("how", ["einsum", "sum", "matmul"])
def test_routers_vocabularies_and_classifiers_are_no_attention(how, experts):
    torch.manual_seed(0)
    with torch.no_grad(), capture(Mixture(experts, how).eval()) as recorder:
        recorder.modules[""](torch.randint(0, WORDS, (2, LENGTH)))
    assert [(f.layer, f.queries, f.keys) for f in recorder.found()] == [("attend", LENGTH, LENGTH)]


def test_an_exception_leaves_nothing_behind():
    class Fails(Fused):
        def forward(self, x):
            super().forward(x)
            raise ZeroDivisionError

    model = Fails().eval()
    with torch.no_grad(), pytest.raises(ZeroDivisionError), capture(model):
        model(numbers())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert torch.overrides._get_current_function_mode() is None


@pytest.mark.parametrize("flash", [False, True])
def test_x_transformers(flash):
    x_transformers = pytest.importorskip("x_transformers", reason="needs x-transformers: pip install x-transformers")
    torch.manual_seed(0)
    model = x_transformers.TransformerWrapper(num_tokens=WORDS, max_seq_len=16, attn_layers=x_transformers.Decoder(
        dim=WIDTH, depth=2, heads=HEADS, attn_dim_head=8, attn_flash=flash)).eval()
    ids = torch.randint(0, WORDS, (2, LENGTH))
    with torch.no_grad():
        before = model(ids)
        _, own = model(ids, return_attn=True) if not flash else (None, None)
        with capture(model, vectors=True) as recorder:
            assert torch.equal(model(ids), before)
    calls = [c for p in recorder.passes for c in p.calls]
    assert [c.weights.shape for c in calls] == [(2, HEADS, LENGTH, LENGTH)] * 2
    assert all((np.triu(c.weights[0, 0], 1) == 0).all() for c in calls)
    for call, theirs in zip(calls, own or []):
        assert np.abs(call.weights - theirs.numpy()).max() < tolerance(64)
    assert not flash or all(c.weights_error < tolerance(8, 4) for c in recorder.verify())


@pytest.fixture(scope="module")
def timm():
    """timm imports torchvision, whose wheels are built for CUDA: beside a CPU build of torch it misses two operators.

    timm's Transformers use neither, so it is enough that torch knows their names.
    """
    if not find_spec("timm"):
        pytest.skip("needs timm: pip install timm")
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        assert "torchvision::nms does not exist" in str(error)
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
        known = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            known.define(f"{name}(Tensor boxes) -> Tensor")
    import timm

    return timm


@pytest.mark.parametrize("fused", [False, True])
def test_timm(timm, fused):
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=3).eval()
    for block in model.blocks:
        block.attn.fused_attn = fused
    picture = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        before = model(picture)
        with capture(model, vectors=True) as recorder:
            assert torch.equal(model(picture), before)
    (record, _) = recorder.records_by_position()
    assert record.weights.shape == (2, 3, 5, 5) and record.source["grid"] == [2, 2]
    assert [t.text for t in record.keys] == ["[0]", "0,0", "0,1", "1,0", "1,1"]
    checks = recorder.verify()
    assert len(checks) == 2 and all(c.weights_error < tolerance(64, 4) for c in checks)
