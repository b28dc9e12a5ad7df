"""A row whose mask hides every key is told of, whatever hides it, wherever it is computed."""

from __future__ import annotations

import pytest

from gluonattn.errors import CaptureError

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
from gluonattn.capture import huggingface  # noqa: E402
from gluonattn.capture.torch import capture  # noqa: E402

from .test_architectures import LENGTH as WORDS_EACH  # noqa: E402
from .test_architectures import TOKENIZER, built  # noqa: E402
from .test_own_modules import HEADS, LENGTH, TEXT, TOKENS, WIDTH, Fused, numbers  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::UserWarning")]
nn = torch.nn
LOW = [-1e4, -1e9, torch.finfo(torch.float32).min, float("-inf")]
BLIND = (0, 3)  # this query of this sentence sees no key


def seen(blind: bool):
    mask = torch.ones(2, 1, LENGTH, LENGTH).tril().bool()
    mask[BLIND[0], :, BLIND[1]] &= not blind
    return mask


def masked(how: str, scores, mask, low: float):
    if how == "added":
        return scores + torch.zeros(mask.shape).masked_fill(~mask, low)
    if how == "where":
        return torch.where(mask, scores, torch.tensor(low))
    if how == "where not":
        return torch.where(~mask, torch.tensor(low), scores)
    if how == "written":
        scores = scores.clone()
        scores[~mask.expand_as(scores)] = low
        return scores
    if how == "subtracted" and low != float("-inf"):
        return scores - (~mask).float() * -low
    if how == "scaled behind":
        return scores.masked_fill(~mask, 2 * low if low > -1e30 else low) * 0.5
    if how == "flat":
        return scores.masked_fill(~mask, low).flatten(0, 1)
    if how == "flat, biased":
        flat = (scores + torch.linspace(0, 1, LENGTH)).flatten(0, 1)
        return flat.unflatten(0, (2, HEADS)).masked_fill(~mask, low)
    return scores.masked_fill(~mask, low)


class Blind(Fused):
    """Attention with a mask of its own."""

    def __init__(self, how: str, low: float, blind: bool):
        super().__init__()
        self.how, self.low, self.blind = how, low, blind

    def forward(self, x):
        q, k, v = self.parts(x)
        if self.how == "fused":
            added = torch.zeros(2, 1, LENGTH, LENGTH).masked_fill(~seen(self.blind), self.low)
            return self.o(nn.functional.scaled_dot_product_attention(q, k, v, added).transpose(1, 2).flatten(2))
        scores = masked(self.how, (q @ k.mT) * q.shape[-1] ** -0.5, seen(self.blind), self.low)
        if self.how == "by hand":
            grown = torch.exp(scores - scores.amax(-1, keepdim=True))
            shares = grown / grown.sum(-1, keepdim=True)
        elif self.how == "by logarithm":
            shares = torch.exp(scores - scores.logsumexp(-1, keepdim=True))
        else:
            shares = scores.softmax(-1)
        mixed = shares.unflatten(0, (2, HEADS)) @ v if shares.dim() == 3 else shares @ v
        return self.o(mixed.transpose(1, 2).flatten(2))


class Listed(nn.Module):
    """torch's own layer, told by a mask."""

    def __init__(self, how: str, low: float, blind: bool):
        super().__init__()
        self.how, self.low, self.blind = how, low, blind
        self.attend = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x):
        hidden = torch.zeros(2, 1, LENGTH, LENGTH).masked_fill(~seen(self.blind), self.low)
        return self.attend(x, x, x, attn_mask=hidden.expand(-1, HEADS, -1, -1).flatten(0, 1))[0]


HOWS = ["added", "filled", "where", "where not", "written", "subtracted", "scaled behind", "flat", "flat, biased", "by hand",
        "by logarithm", "fused"]


@pytest.mark.parametrize("vectors", [False, True])
@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("make, how", [*((Blind, how) for how in HOWS), (Listed, "layer")])
def test_a_row_that_sees_no_key_is_told_of_and_others_are_not(make, how, low, vectors):
    for blind in (False, True):
        torch.manual_seed(0)
        with torch.no_grad(), capture(make(how, low, blind).eval(), vectors=vectors) as recorder:
            recorder.modules[""](numbers())
        if not blind:
            assert len(recorder.records([TEXT] * 2, [TOKENS] * 2)) == 2
            continue
        with pytest.raises(CaptureError, match=r"row 3 of sentence 0 .*(may look nowhere|is not finite)"):
            recorder.records([TEXT] * 2, [TOKENS] * 2)


@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("how", ["added", "filled"])
def test_one_weight_for_each_word_that_sees_no_word_is_told_of(how, low):
    class Pool(nn.Module):
        def __init__(self):
            super().__init__()
            self.score = nn.Linear(WIDTH, 1)

        def forward(self, x):
            mask = torch.tensor([[False] * LENGTH, [True] * LENGTH])
            return (masked(how, self.score(x).squeeze(-1), mask, low).softmax(-1).unsqueeze(-1) * x).sum(1)

    with torch.no_grad(), capture(Pool().eval()) as recorder:
        recorder.modules[""](numbers())
    with pytest.raises(CaptureError, match="row 0 of sentence 0.*(may look nowhere|not finite)"):
        recorder.records([TEXT] * 2, [TOKENS] * 2)


def _below(model, mask):
    """DeBERTa takes one row for each query only below its embeddings."""
    return model.encoder.register_forward_pre_hook(lambda m, args: (args[0], mask, *args[2:]))


FAMILIES = ["BertModel", "MPNetModel", "DebertaV2Model", "RoFormerModel", "T5ForConditionalGeneration",
            "MT5ForConditionalGeneration", "SqueezeBertModel"]


@pytest.mark.huggingface
@pytest.mark.parametrize("vectors", [False, True])
@pytest.mark.parametrize("kind", FAMILIES)
def test_a_row_of_a_family_that_sees_no_key_is_told_of(transformers, kind, vectors):
    model = built(transformers, kind)
    model = model.get_encoder() if model.config.is_encoder_decoder else model
    given = torch.randint(5, 50, (2, WORDS_EACH))
    texts = [TOKENIZER.text(row) for row in given]
    if kind != "DebertaV2Model":
        try:
            with torch.no_grad():
                model(input_ids=given, attention_mask=torch.zeros(2, 1, WORDS_EACH, WORDS_EACH))
        except (ValueError, RuntimeError) as error:  # before transformers 4.51
            pytest.skip(f"this {kind} takes no mask for each query, captured or not: {error}")
    for blind in (False, True):
        mask = torch.ones(2, 1, WORDS_EACH, WORDS_EACH)
        mask[0, 0, 3] = float(not blind)
        told = torch.zeros(mask.shape).masked_fill(mask == 0, torch.finfo(torch.float32).min)
        hook = _below(model, mask[:, 0]) if kind == "DebertaV2Model" else None
        with torch.no_grad(), huggingface.capture(model, vectors=vectors) as recorder:
            model(input_ids=given, attention_mask=None if hook else told)
        if hook:
            hook.remove()
        if not blind:
            assert len(recorder.records(texts, TOKENIZER)) == 2
            continue
        with pytest.raises(CaptureError, match="row 3 of sentence 0 .*(may look nowhere|sums to 0)"):
            recorder.records(texts, TOKENIZER)
