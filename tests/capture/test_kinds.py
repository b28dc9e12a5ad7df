"""The kind of attention follows from the tensors, whatever modules are called and however long their inputs are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gluonattn.capture.calls import Call, Pass
from gluonattn.capture.kinds import settled
from gluonattn.capture.origins import Origin
from gluonattn.errors import CaptureError

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
from gluonattn.capture.torch import capture  # noqa: E402

from ..tolerance import tolerance  # noqa: E402

pytestmark = pytest.mark.torch
nn = torch.nn
WIDTH, HEADS, LENGTH = 16, 4, 5
NAMES = ("attention", "self_attn", "cross_attn", "encoder_attn", "multihead_attn", "decoder")
WORDS, OTHERS = list("가나다라마"), list("abcde")


def numbers(length=LENGTH, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(1, length, WIDTH)).astype(np.float32))


class Hand(nn.Module):
    """Attention written by hand."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, query, key, value):
        q, k, v = (f(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for f, x in
                   ((self.q, query), (self.k, key), (self.v, value)))
        weights = (q @ k.transpose(-1, -2)).softmax(-1)
        return (weights @ v).transpose(1, 2).flatten(2), weights


# From x (and y) to queries and keys; True is attention of x to itself.
INPUTS = {
    "the same": (lambda m, x, y: (x, x), True),
    "a copy": (lambda m, x, y: (x, x.clone()), True),
    "a view": (lambda m, x, y: (x, x.view(1, LENGTH, WIDTH)), True),
    "with positions": (lambda m, x, y: (x + m.place, x + m.place), True),
    "positions in the queries only": (lambda m, x, y: (x + m.place, x), True),
    "two norms": (lambda m, x, y: (m.norm(x), m.other_norm(x)), True),
    "two projections": (lambda m, x, y: (m.first(x), m.second(x)), True),
    "another": (lambda m, x, y: (x, y), False),
    "both normed": (lambda m, x, y: (m.norm(x), m.norm(y)), False),
    "a residual": (lambda m, x, y: (x + m.first(x), y * 2), False),
    "learned queries": (lambda m, x, y: (m.queries.expand(1, -1, -1), x), False),
    "halves": (lambda m, x, y: torch.cat([x, y], 1).chunk(2, 1), False),
    "a pile": (lambda m, x, y: m.first(torch.stack([x, y])).unbind(), False),
    "of a pile": (lambda m, x, y: (m.first(torch.stack([x, y]))[0], torch.stack([x, y])[1]), False),
    "one of a pile twice": (lambda m, x, y: (torch.stack([x, y])[1],) * 2, True),
    "added to zeros": (lambda m, x, y: (x, torch.zeros_like(x) + y), False),
    "added to new zeros": (lambda m, x, y: (x, x.new_zeros(x.shape).add_(y)), False),
    "written into a tensor": (lambda m, x, y: (x, torch.empty_like(x).copy_(y)), False),
    "written over a copy": (lambda m, x, y: (x, (x * 1).copy_(y)), False),
    "assigned to zeros": (lambda m, x, y: (x, assigned(torch.zeros_like(x), y)), False),
    "noise of its shape": (lambda m, x, y: (x, x + torch.randn_like(x)), True),
    "x assigned to zeros": (lambda m, x, y: (x, assigned(torch.zeros_like(x), x)), True),
    "turned round": (lambda m, x, y: (x, x.flip(1)), False),
    "turned round twice": (lambda m, x, y: (x, m.first(x.flip(1)).flip(1)), True),
    "features turned round": (lambda m, x, y: (x, x.flip(-1)), True),
    "rolled": (lambda m, x, y: (x, x.roll(1, 1)), False),
    "rolled and back": (lambda m, x, y: (x, x.roll(2, dims=1).roll(-2, dims=1)), True),
    "features rolled": (lambda m, x, y: (x, torch.roll(x, 1, -1)), True),
    "picked in another order": (lambda m, x, y: (x, x[:, torch.tensor([4, 3, 2, 1, 0])]), False),
    "picked by index_select": (lambda m, x, y: (x, x.index_select(1, torch.tensor([4, 3, 2, 1, 0]))), False),
}


def assigned(target, value):
    target[:] = value
    return target


class Block(nn.Module):
    def __init__(self, made, name, how):
        super().__init__()
        self.made, self.name = made, name
        self.place = nn.Parameter(torch.randn(LENGTH, WIDTH))
        self.queries = nn.Parameter(torch.randn(1, LENGTH, WIDTH))
        self.norm, self.other_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.first, self.second = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        setattr(self, name, nn.MultiheadAttention(WIDTH, HEADS, batch_first=True) if how == "nn" else Hand())
        nn.init.normal_(self.other_norm.weight)

    def forward(self, x, y):
        query, key = self.made(self, x, y)
        return getattr(self, self.name)(query, key, key)[0]


@pytest.mark.parametrize("how", ["nn", "hand"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("given", INPUTS)
def test_the_kind_is_what_the_tensors_say(given, name, how):
    torch.manual_seed(0)
    made, own = INPUTS[given]
    model = Block(made, name, how).eval()
    with torch.no_grad(), capture(model, attention=[] if how == "nn" else [name]) as recorder:
        model(numbers(), numbers(seed=2))
    (one,) = settled(recorder.passes)
    assert [c.kind for c in one.calls] == (["self"] if own else ["cross"])
    if own:
        (record,) = recorder.records("가나다라마", WORDS)
        assert record.kind == "self" and [t.text for t in record.queries] == WORDS
    else:
        (record,) = recorder.records("가나다라마", WORDS, target_texts="abcde", target_tokens=OTHERS)
        assert record.kind == "cross" and [t.text for t in record.queries] == OTHERS
        assert [t.text for t in record.keys] == WORDS
        with pytest.raises(CaptureError, match="target side: give target_texts and target_tokens"):
            recorder.records("가나다라마", WORDS)


@pytest.mark.parametrize("own", [True, False])
def test_equal_numbers_do_not_make_two_sequences_one(own):
    model = Block(lambda m, x, y: (x, x if own else y), "attention", "nn").eval()
    with torch.no_grad(), capture(model) as recorder:
        model(numbers(), numbers())
    (one,) = settled(recorder.passes)
    assert [c.kind for c in one.calls] == (["self"] if own else ["cross"])


def test_captures_inside_each_other_record_the_same():
    model = Block(lambda m, x, y: (x, y), "attention", "nn").eval()
    with torch.no_grad(), capture(model) as outer, capture(model) as inner:
        model(numbers(), numbers(seed=2))
    one, other = (r.records("가나다라마", WORDS, target_texts="abcde", target_tokens=OTHERS)[0] for r in (outer, inner))
    assert one.kind == other.kind == "cross" and (one.weights == other.weights).all()


class Both(nn.Module):
    """An encoder and a decoder whose names say the contrary of what they do."""

    def __init__(self, how):
        super().__init__()
        made = (lambda: nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)) if how == "nn" else Hand
        self.words, self.letters = nn.Embedding(20, WIDTH), nn.Embedding(20, WIDTH)
        self.decoder, self.cross_attn, self.encoder = made(), made(), made()
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, source, target):
        x, y = self.words(source), self.letters(target)
        x = self.norm(x + self.decoder(x, x, x)[0])
        y = self.norm(self.cross_attn(y, y, y)[0] + y)
        return self.encoder(y, x, x)[0] + y


@pytest.mark.parametrize("how", ["nn", "hand"])
@pytest.mark.parametrize("same", [False, True])
def test_source_and_target_of_ones_own_model_are_told_apart_by_what_they_were_made_of(how, same):
    torch.manual_seed(0)
    model = Both(how).eval()
    source = torch.arange(LENGTH)[None]
    target = source if same else source + 7
    with torch.no_grad():
        before = model(source, target)
        with capture(model, attention=[] if how == "nn" else ["Hand"]) as recorder:
            during = model(source, target)
        assert (model(source, target) == before).all() and (before - during).abs().max() < tolerance(16, 8)
    records = recorder.records("가나다라마", WORDS, target_texts="abcde", target_tokens=OTHERS)
    assert [(r.kind, r.source["layers"]) for r in records] == [
        ("encoder", ["decoder"]), ("decoder", ["cross_attn"]), ("cross", ["encoder"])]
    assert [t.text for t in records[0].queries] == WORDS and [t.text for t in records[1].keys] == OTHERS


def test_one_tensor_given_as_both_sides_is_two_sequences():
    torch.manual_seed(0)
    model = nn.Transformer(WIDTH, HEADS, 1, 1, 32, batch_first=True).eval()
    with torch.no_grad(), capture(model) as recorder:
        model(numbers(), numbers())
        x = numbers()
        model(x, x)
    records = recorder.records(["가나다라마"] * 2, [WORDS] * 2, target_texts=["abcde"] * 2, target_tokens=[OTHERS] * 2)
    assert [r.kind for r in records] == ["encoder", "decoder", "cross"] * 2
    with torch.no_grad(), capture(model) as recorder:  # in two calls
        model.decoder(x, model.encoder(x))
    kinds = [r.kind for r in recorder.records("가나다라마", WORDS, target_texts="abcde", target_tokens=OTHERS)]
    assert kinds == ["encoder", "decoder", "cross"]


def test_two_texts_that_one_encoder_reads_are_two_sentences():
    class Twins(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, HEADS, 32, batch_first=True), 2)

        def forward(self, one, other):
            return self.encoder(one).mean(1) - self.encoder(other).mean(1)

    model = Twins().eval()
    with torch.no_grad(), capture(model) as recorder:
        model(numbers(), numbers(seed=2))
    one, other = recorder.records(["가나다라마", "abcde"], [WORDS, OTHERS])
    assert one.weights.shape == other.weights.shape == (2, HEADS, LENGTH, LENGTH)
    assert [t.text for t in one.keys] == WORDS and [t.text for t in other.keys] == OTHERS
    with pytest.raises(CaptureError, match=r"2 sentences .* 1 texts came \(1 of one, 1 of other\)"):
        recorder.records("가나다라마", [WORDS])


def test_attention_is_found_without_being_named_and_naming_narrows_it():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.named, self.hidden, self.other = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True), Hand(), Block(
                lambda m, x, y: (x, x), "inside", "hand")

        def forward(self, x):
            x = x + self.named(x, x, x)[0]
            return self.other(x + self.hidden(x, x, x)[0], x)

    model = Mixed().eval()
    for named, layers, left in (((), ["named", "hidden", "other.inside"], []),
                                (["hidden"], ["named", "hidden"], ["other.inside"]),
                                (["other"], ["named", "other"], ["hidden"]),
                                (["Hand"], ["named", "hidden", "other.inside"], [])):
        with torch.no_grad(), capture(model, attention=named) as recorder:
            model(numbers())
        (record,) = recorder.records("가나다라마", WORDS)
        assert record.source["layers"] == layers
        table = recorder.found()
        assert [f.layer for f in table if f.heads] == layers and [f.layer for f in table if not f.heads] == left
        assert {(f.heads, f.queries, f.keys) for f in table if f.heads} == {(HEADS, LENGTH, LENGTH)}


def test_a_row_that_is_no_distribution_is_named_with_its_cause():
    model = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).eval()
    mask = torch.zeros(LENGTH, LENGTH, dtype=bool)
    mask[2] = True
    x = numbers()
    with torch.no_grad(), capture(model) as recorder:
        model(x, x, x, attn_mask=mask)
    with pytest.raises(CaptureError, match="row 2 of sentence 0 .head 0. may look nowhere, for its mask hides every key"):
        recorder.records("가나다라마", WORDS)
    padding = np.array([[False, False, True, False, False]])
    assert len(recorder.records("가나다라마", WORDS, padding=padding)[0].queries) == 4

    class Fixed(nn.Module):
        def __init__(self, weights):
            super().__init__()
            self.weights = weights

        def forward(self, x):
            return x, self.weights

    even = torch.full((1, HEADS, LENGTH, LENGTH), 1 / LENGTH)
    for value, said in ((0.0, "sums to 0: these are no attention weights"), (float("nan"), "is not finite"),
                        (-0.2, "negative weights"), (0.5, "sums to 2.500, not 1, though the model is in evaluation mode")):
        wrong = even.clone()
        wrong[0, 1, 3] = value
        model = Fixed(wrong).eval()
        with torch.no_grad(), capture(model, attention="Fixed") as recorder:
            model(x)
        with pytest.raises(CaptureError, match=rf"the model: row 3 of sentence 0 .head 1. .*{said}") as error:
            recorder.records("가나다라마", WORDS)
        assert "model.eval()" not in str(error.value)


def test_a_sentence_of_padding_alone_is_named():
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, HEADS, 32, batch_first=True), 1).eval()
    with torch.no_grad(), capture(model) as recorder:
        model(numbers().expand(2, -1, -1))
    padding = np.array([[False] * LENGTH, [True] * LENGTH])
    with pytest.raises(CaptureError, match="source sentence 1 .* is all padding"):
        recorder.records(["가나다라마", ""], [WORDS, []], padding=padding)


@pytest.mark.parametrize("hints", list(itertools.product(["self", "cross", "encoder", "decoder"], repeat=2)))
def test_hints_never_outweigh_sequences(hints):
    x, y = Origin("x"), Origin("y")
    weights = np.full((1, 1, 2, 2), 0.5, np.float32)
    calls = [Call("a", hints[0], weights, rows=x, columns=x), Call("b", hints[1], weights, rows=x, columns=y)]
    (one,) = settled([Pass(calls=calls)])
    assert [c.kind for c in one.calls] == ["decoder", "cross"] and one.sides == {x: "target", y: "source"}
    told = [Call("a", kind, weights) for kind in ("encoder", "decoder", "cross")]  # by a framework that follows no tensor
    (one,) = settled([Pass(calls=told, ids={"source": np.zeros((1, 2)), "target": np.ones((1, 2))})])
    assert [c.kind for c in one.calls] == ["encoder", "decoder", "cross"] and set(one.ids) == {"source", "target"}
    (alone,) = settled([Pass(calls=told[1:2], ids={"target": np.ones((1, 2))})])
    assert alone.ids["source"].all() and alone.calls[0].kind == "decoder"
    apart = settled([Pass(calls=[calls[0], Call("b", hints[1], weights, rows=y, columns=y)])])
    assert len(apart) == 2 and all(p.calls[0].kind != "cross" for p in apart)
