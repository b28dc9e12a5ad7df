from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gluonattn.record import Token
from gluonattn.text import align, cover

from .contract import check_contract, spans, texts, tries


def _align(text, surfaces):
    return spans(align(text, [(surface, None) for surface in surfaces]))


@pytest.mark.parametrize("text, expected", [
    ("비해", [("비하", 0, 2), ("어", 1, 2)]),
    ("줘서", [("주", 0, 1), ("어서", 0, 2)]),
    ("봤는데", [("보", 0, 1), ("았", 0, 1), ("는데", 1, 3)]),
    ("했다", [("하", 0, 1), ("였", 0, 1), ("다", 1, 2)]),
    ("했다", [("하", 0, 1), ("았", 0, 1), ("다", 1, 2)]),
    ("재밌닼", [("재밌다", 0, 3)]),
    ("재밌닼", [("재밌", 0, 2), ("다", 2, 3), ("ㅋ", 2, 3)]),
    ("가져", [("가지", 0, 2), ("어", 1, 2)]),
    ("간", [("가", 0, 1), ("ㄴ", 0, 1)]),  # the letter as a keyboard types it
    ("간", [("가", 0, 1), ("ᆫ", 0, 1)]),  # and as a final consonant
    ("나와서", [("나오", 0, 2), ("아서", 1, 3)]),
    ("했닼크", [("하", 0, 1), ("였", 0, 1), ("다", 1, 3)]),  # 크 matches nothing: it goes to its left neighbour
    ("명작다", [("명작", 0, 2), ("이", 1, 2), ("다", 2, 3)]),  # 이 is heard, not written
])
def test_rewritten_surfaces_get_the_characters_they_came_from(text, expected):
    assert _align(text, [surface for surface, _, _ in expected]) == expected


def test_a_rewritten_word_does_not_steal_its_twin_further_on():
    """The 하 of 했다 is in the first word, though 하 itself stands only in the second."""
    assert _align("했다 하다", ["하", "았", "다", "하", "다"]) == [
        ("하", 0, 1), ("았", 0, 1), ("다", 1, 2), ("하", 3, 4), ("다", 4, 5)
    ]


def test_rewritten_words_in_a_sentence_leave_the_others_alone():
    text = "친구가 추천해줘서 봤는데 최고!"
    surfaces = ["친구", "가", "추천", "하", "어", "주", "어서", "보", "았", "는데", "최고", "!"]
    found = {surface: text[start:end] for surface, start, end in _align(text, surfaces)}
    assert found["친구"] == "친구" and found["추천"] == "추천" and found["최고"] == "최고" and found["!"] == "!"
    assert (found["하"], found["주"], found["어서"]) == ("해", "줘", "줘서")
    assert (found["보"], found["았"], found["는데"]) == ("봤", "봤", "는데")


def test_decomposed_surfaces_of_a_composed_text():
    text = "영화를 봤다"
    words = [unicodedata.normalize("NFD", word) for word in ("영화", "를", "봤", "다")]
    assert [span[1:] for span in _align(text, words)] == [(0, 2), (2, 3), (4, 5), (5, 6)]


def test_composed_surfaces_of_a_decomposed_text():
    text = unicodedata.normalize("NFD", "영화를 봤다")
    assert [text[start:end] for _, start, end in _align(text, ["영화를", "봤다"])] == text.split(" ")


def test_what_the_tagger_dropped_comes_back_untagged():
    assert align("영화 최고 ㅋㅋ", [("최고", "NNG")]) == [
        Token("영화", 0, 2), Token("최고", 3, 5, "NNG"), Token("ㅋㅋ", 6, 8)
    ]


def test_tags_and_order_survive_a_rewrite():
    tokens = align("했다", [("하", "VV"), ("았", "EP"), ("다", "EF")])
    assert [(token.text, token.tag) for token in tokens] == [("하", "VV"), ("았", "EP"), ("다", "EF")]


@pytest.mark.parametrize("text", ["", " ", "\u2028\t"])
def test_a_blank_text_has_no_tokens(text):
    assert align(text, [("어", "EC")]) == []


@tries(300)
@given(texts, st.lists(texts, max_size=10))
def test_any_surfaces_on_any_text_keep_the_contract(text, surfaces):
    tokens = align(text, [(surface, "X") for surface in surfaces])
    check_contract(text, tokens)
    if text.strip():
        tagged = [token.text for token in tokens if token.tag == "X"]
        assert tagged == [surface for surface in surfaces if surface.strip()]


@tries(300)
@given(st.data())
def test_substrings_in_order_get_their_exact_spans(data):
    """However the tagger cuts, and whatever it rewrites nothing of."""
    text = data.draw(texts)
    cuts = data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)}
    ends = sorted(cuts)
    pieces = [(a, b) for a, b in zip(ends, ends[1:]) if text[a:b].strip()]
    assert [span[1:] for span in _align(text, [text[a:b] for a, b in pieces])] == pieces


@tries(200)
@given(texts.filter(lambda text: text.strip()))
def test_a_text_rewritten_letter_by_letter_stays_in_its_word(text):
    """Each word is decomposed: its token covers that word and no other."""
    words = [Token(*span) for span in spans(cover(text, []))]
    # An accent or a vowel that begins a word may be that of the word before.
    assume(not any(unicodedata.combining(word.text[0]) or "\u1160" <= word.text[0] <= "\u11ff" for word in words))
    tokens = align(text, [(unicodedata.normalize("NFD", word.text), None) for word in words])
    assert [token[1:3] for token in tokens] == [word[1:3] for word in words]


@tries(200)
@given(st.data())
def test_cover_adds_exactly_the_loose_runs(data):
    text = data.draw(texts)
    kept = []
    for i in sorted(data.draw(st.sets(st.integers(0, max(0, len(text) - 1)), max_size=5))):
        if text and not text[i].isspace():
            kept.append(Token(text[i], i, i + 1, "X"))
    tokens = cover(text, kept)
    check_contract(text, tokens)
    assert [token for token in tokens if token.tag == "X"] == kept
    added = [token for token in tokens if token.tag is None]
    assert all(token.text == text[token.start : token.end] and not any(map(str.isspace, token.text))
               for token in added)
    assert sum(len(token.text) for token in tokens) == sum(not c.isspace() for c in text)
