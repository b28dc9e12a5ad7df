"""What every tokenizer promises, and texts that try to break the promise."""

from __future__ import annotations

import unicodedata

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gluonattn.plain import is_blank

SEED_SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"


def check_tokenizer(split, text: str) -> None:
    """Its tokens keep the promise, and its words are their texts."""
    tokens = split(text)
    check_contract(text, tokens)
    assert split.words(text) == [token.text for token in tokens]


def check_contract(text: str, tokens) -> None:
    """Spans inside the text and not empty, starts in order, every visible character covered."""
    covered = bytearray(len(text))
    last = 0
    for token in tokens:
        assert token.text, token
        assert 0 <= token.start < token.end <= len(text), token
        assert token.start >= last, f"{token} starts before its left neighbour"
        last = token.start
        covered[token.start : token.end] = b"\x01" * (token.end - token.start)
    missed = [i for i, c in enumerate(text) if not covered[i] and not is_blank(c)]
    assert not missed, f"characters {missed[:10]} of {text!r} belong to no token"


def spans(tokens) -> list[tuple[str, int, int]]:
    return [(token.text, token.start, token.end) for token in tokens]


_SNIPPETS = [
    "비해", "줘서", "봤는데", "했다", "재밌닼ㅋㅋ", "명작다", "값", "간", "ㅋㅋㅋㅋ", "ㅠ", "ㅏ", "연출,",
    "\x00", "\t", "\r\n", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u2029", "\u200b", "\ufeff", "\u00a0", "\u3000",
    "\ud800", "\udfff", "\ud83d\ude00", "\uffff", "\u0301", "\u115f", "\u3164", "\ud7b0", "\u1160",
    "😀", "👨‍👩‍👧", "❤️", "🇰🇷", "👍🏽", "𝕳", "𠀀", "ﬁ", "Ａ", "½", "İ", "ß", "<b>", "&amp;", '"', "\\", "#", "/",
    unicodedata.normalize("NFD", "영화를"), "가" * 400, "a1" * 200, "!" * 130,
]
_any_character = st.characters(exclude_categories=())  # lone surrogates too
_hangul = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
_piece = st.one_of(
    st.sampled_from(_SNIPPETS), st.text(_any_character, max_size=8), st.text(_hangul, max_size=6), st.just(" ")
)
texts = st.lists(_piece, max_size=12).map("".join)


def tries(examples: int) -> settings:
    """The same examples in each run, and nothing written to the working folder."""
    return settings(
        max_examples=examples, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
