"""Tokens of a tokenizer stand where the tokenizer says they do, however its ids were cut or what was typed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluonattn.capture.pieces import composes, continuation, hf_tokens
from gluonattn.capture.placing import place, spelled

from ..tolerance import tolerance

pytestmark = pytest.mark.huggingface
KINDS = ["wordpiece", "bytes", "unigram"]
WORDS = st.lists(st.sampled_from(["좋다", "뷁", "정말", "별로", "영화가", "[MASK]", "[UNK]", "ㅋㅋ", "👍🏽", "a!", "<s>",
                                  "  "]), min_size=1, max_size=7).map(" ".join)


@pytest.fixture(scope="session")
def masked(tokenizers):
    """The tokenizers with a token for [MASK]."""
    import copy

    made = {}
    for name, tokenizer in tokenizers.items():
        made[name] = copy.deepcopy(tokenizer)
        made[name].add_special_tokens({"mask_token": "[MASK]"})
    return made


def spans(tokens):
    return [(t.start, t.end) for t in tokens]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(text=WORDS, kind=st.sampled_from(KINDS), data=st.data())
def test_ids_cut_anywhere_have_the_spans_of_the_whole(masked, text, kind, data):
    tokenizer = masked[kind]
    whole = tokenizer(text)["input_ids"]
    found = hf_tokens(tokenizer, text, whole)
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    for token, (start, end) in zip(found, offsets):
        if end > start:
            assert start <= token.start and end <= token.end and not text[start:token.start].strip()
    for side in ("right", "left"):
        length = data.draw(st.integers(min_value=2 + (kind != "unigram"), max_value=max(3, len(whole))))
        tokenizer.truncation_side = side
        cut = tokenizer(text, truncation=True, max_length=length)["input_ids"]
        inner = [s for s in spans(hf_tokens(tokenizer, text, cut)) if s[0] < s[1]]
        tokenizer.truncation_side = "right"
        all_inner = [s for s in spans(found) if s[0] < s[1]]
        assert inner == (all_inner[:len(inner)] if side == "right" else all_inner[len(all_inner) - len(inner):])
    bare = tokenizer(text, add_special_tokens=False)["input_ids"]
    if bare:
        assert [s for s in spans(hf_tokens(tokenizer, text, bare)) if s[0] < s[1]] == all_inner


@pytest.mark.parametrize("length", [3, 4, 5])
def test_an_unknown_word_at_the_cut_spans_itself_alone(masked, length):
    tokenizer, text = masked["wordpiece"], "좋다 뷁쉛 정말 별로"
    whole = hf_tokens(tokenizer, text, tokenizer(text)["input_ids"])
    (unknown,) = [t for t in whole if t.text == "[UNK]"]
    assert (unknown.start, unknown.end) == (3, 5)
    at = whole.index(unknown)
    cut = tokenizer(text, truncation=True, max_length=at + 2)["input_ids"]
    assert hf_tokens(tokenizer, text, cut)[at] == unknown
    slow = place(text, ["좋", "##다", "[UNK]", "[SEP]"])  # without offsets
    assert spans(slow) == [(0, 1), (1, 2), (3, 5), (5, 5)]


def test_marks_that_were_typed_stand_where_they_were_typed(masked):
    text = "좋다 [MASK] 정말 [UNK]"
    for kind in KINDS:
        tokenizer = masked[kind]
        found = hf_tokens(tokenizer, text, tokenizer(text)["input_ids"])
        assert ("[MASK]", 3, 9) in [t[:3] for t in found]
        assert spans(found) == sorted(spans(found))
        assert all(t.start == t.end for t in (found[0], found[-1]) if t.text in ("[CLS]", "<s>", "[SEP]", "</s>"))
    assert ("[UNK]", 13, 18) in [t[:3] for t in hf_tokens(masked["wordpiece"], text, masked["wordpiece"](text)["input_ids"])]


@pytest.mark.parametrize("form", ["NFKC", "NFKD", "NFC", "NFD"])
@pytest.mark.parametrize("model", ["Unigram", "BPE", "WordPiece"])
def test_letters_that_a_normaliser_composes_stay_in_the_span(transformers, form, model):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    unknown = {} if model == "Unigram" else {"unk_token": "[UNK]"}
    made = Tokenizer(getattr(models, model)(**unknown))
    made.normalizer = getattr(normalizers, form)()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    options = dict(vocab_size=80, special_tokens=["[UNK]"])
    trainer = {"Unigram": trainers.UnigramTrainer(unk_token="[UNK]", **options), "BPE": trainers.BpeTrainer(**options),
               "WordPiece": trainers.WordPieceTrainer(**options)}[model]
    made.train_from_iterator(["쓰다 ㅆㅡ ㅆㅡㄴ 한글 가나 ｶﾞ ㅋㅋ ㅠㅠ é"] * 4, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]")
    for text in ("ㅆㅡ", "ㅆㅡㄱ ㅋㅋ", "ㅎㅏㄴㄱㅡㄹ", unicodedata.normalize("NFD", "한글 가나"), "ｶﾞ", "e\u0301 ㅠㅠ",
                 "가나ㅆㅡ"):
        found = hf_tokens(tokenizer, text, tokenizer(text)["input_ids"])
        covered = {i for t in found for i in range(t.start, t.end)}
        assert covered == {i for i, c in enumerate(text) if not c.isspace()}, (text, found)
    if form in ("NFKC", "NFKD"):
        (first, *_) = hf_tokens(tokenizer, "ㅆㅡ", tokenizer("ㅆㅡ")["input_ids"])
        assert (first.start, first.end) == (0, 2)


def test_only_what_becomes_one_letter_composes():
    assert composes("ㅆ", "ㅡ") and composes("ᄒ", "ᅡ") and composes("ｶ", "ﾞ") and composes("e", "\u0301")
    assert not composes("ㅋ", "ㅋ") and not composes("가", "나") and not composes("ㅠ", "ㅠ") and not composes("a", "b")


@given(st.lists(st.sampled_from(["##다", "좋다", "##", "###", "다@@", "영화"]), min_size=1, max_size=5))
def test_hashes_are_taken_away_only_where_they_mark_a_continuation(pieces):
    plain = spelled(pieces, continuation=None).replace(" ", "")
    assert plain == "".join(p[:-2] if p.endswith("@@") else p for p in pieces)
    marked = spelled(pieces, continuation="##").replace(" ", "")
    assert marked == "".join(
        p[2:] if p.startswith("##") and len(p) > 2 else p[:-2] if p.endswith("@@") else p for p in pieces)


def test_a_continuation_first_goes_on_with_the_prompt(masked):
    assert spelled(["##다", "좋다"]) == "다 좋다" and spelled(["정말", "##로", "##다"]) == "정말로다"
    assert continuation(masked["wordpiece"]) == "##"
    assert continuation(masked["bytes"]) is None and continuation(masked["unigram"]) is None
    from gluonattn.capture.hf_recorder import spell

    tokenizer = masked["wordpiece"]
    going_on = next(i for i in range(len(tokenizer)) if tokenizer.convert_ids_to_tokens(i).startswith("##"))
    word = next(i for i in range(len(tokenizer)) if (p := tokenizer.convert_ids_to_tokens(i)).isalpha() and p[0] >= "가")
    piece, other = tokenizer.convert_ids_to_tokens([going_on, word])
    assert spell(tokenizer, [going_on, word]) == f"{piece[2:]} {other}"
    assert spell(tokenizer, [going_on], after="좋") == piece[2:]
    assert spell(tokenizer, [word], after="좋") == f" {other}"


def test_hashes_in_the_text_itself_are_letters():
    assert spans(place("## 제목", ["##", "제목"])) == [(0, 2), (3, 5)]
    assert spans(place("##제목", ["##제목"])) == [(0, 4)] and spans(place("좋다", ["좋", "##다"])) == [(0, 1), (1, 2)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(blanks=st.tuples(*[st.integers(0, 3)] * 3), kind=st.sampled_from(KINDS))
def test_blanks_are_no_unit_of_their_own(masked, blanks, kind):
    import numpy as np

    from gluonattn.record import AttentionRecord, Token
    from gluonattn.text.merge import merge_into

    text = " " * blanks[0] + "좋다" + " " * (blanks[1] + 1) + "정말" + " " * blanks[2]
    tokens = hf_tokens(masked[kind], text, masked[kind](text)["input_ids"])
    weights = np.random.default_rng(0).dirichlet(np.ones(len(tokens)), (1, 1, len(tokens)))
    record = AttentionRecord(text, tokens, tokens, weights)
    words = [Token(w, at, at + 2) for w, at in (("좋다", blanks[0]), ("정말", blanks[0] + 3 + blanks[1]))]
    for merged in (record.merge(), merge_into(record, lambda _: words)):
        assert [t.text for t in merged.keys if t.start < t.end] == ["좋다", "정말"]
        assert merged.weights.sum(-1) == pytest.approx(1, abs=tolerance(32))
