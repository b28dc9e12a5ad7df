"""One form for texts that are the same, true places in what was typed, and one door for many texts."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.errors import TextError
from gluonattn.plain import is_blank, place, plain, read_texts

from .text.contract import texts, tries

INVISIBLE = [chr(i) for i in (0, 8, 0x1B, 0x7F, 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x180E, 0x200B, 0x200C, 0x200D,
                              0x200F, 0x202E, 0x2060, 0x2066, 0x3164, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xE0041, 0xE0100)]
FORMS = ("NFC", "NFD")


@tries(400)
@given(texts, st.sampled_from(FORMS))
def test_equivalent_texts_have_one_form(text, form):
    assert plain(unicodedata.normalize(form, text)) == plain(text)
    assert plain(plain(text)) == plain(text)
    assert unicodedata.is_normalized("NFC", plain(text))


@tries(400)
@given(st.lists(st.one_of(texts, st.sampled_from(INVISIBLE)), max_size=6).map("".join), st.data())
def test_what_cannot_be_seen_changes_nothing(text, data):
    at = data.draw(st.integers(0, len(text)))
    extra = data.draw(st.text(st.sampled_from(INVISIBLE), max_size=3))
    assert plain(text[:at] + extra + text[at:]) == plain(text)


@tries(400)
@given(st.lists(st.one_of(texts, st.sampled_from(INVISIBLE), st.characters(min_codepoint=0x300, max_codepoint=0x36F),
                          texts.map(lambda text: unicodedata.normalize("NFD", text))), max_size=8).map("".join))
def test_places_are_of_the_typed_text(text):
    read = place(text)
    assert read.text == plain(text)
    spans = [read.span(i, i + 1) for i in range(len(read.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)
    for i, (start, end) in enumerate(spans):  # a place holds what became its character, and little else
        others = [j for j, span in enumerate(spans) if span == (start, end)]
        assert plain(text[start:end]) == "".join(read.text[j] for j in others), (i, text)
    covered = {i for start, end in spans for i in range(start, end)}
    assert all(i in covered or is_blank(character) for i, character in enumerate(text))


def test_a_span_of_nothing_stays_empty():
    read = place("\u200b가\u200b")
    assert read.text == "가" and read.span(0, 0) == (1, 1) and read.span(1, 1) == (2, 2)
    assert place("\u200b").span(0, 0) == (0, 0)


@tries(200)
@given(st.text(st.sampled_from([*INVISIBLE, " ", "\t", "\u3000", "\u2800"])))
def test_nothing_to_see_is_blank(text):
    assert is_blank(text)
    assert not is_blank(text + "가") and not is_blank("\ud800" + text)


def test_plain_text_is_handed_back_as_it_is():
    text = "가지고 있는 이야기에 비해, well 100%"
    assert plain(text) is text and place(text).places is None


GIVEN = ["최고의 영화", "돈이 아깝다", "그냥 그렇다"]
WAYS = {
    "list": list, "tuple": tuple, "generator": lambda items: (item for item in items), "map": lambda items: map(str, items),
    "array of str": np.array, "array of objects": lambda items: np.array(items, dtype=object),
    "series": pd.Series, "shuffled index": lambda items: pd.Series(items, index=[2, 0, 1]),
    "index with gaps": lambda items: pd.Series([items[0], None, *items[1:]], index=[1, 4, 9, 12]).dropna(),
    "text labels": lambda items: pd.Series(items, index=list("bca")),
    "string dtype": lambda items: pd.Series(items, dtype="string"),
    "categorical": lambda items: pd.Series(items, dtype="category"),
    "index": pd.Index, "keys": lambda items: dict.fromkeys(items).keys(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_any_iterable_is_read_in_order(way):
    found = read_texts(way(GIVEN), "predict")
    assert found == GIVEN and all(type(text) is str for text in found)


def test_a_single_string_is_one_text():
    assert read_texts("가나", "predict") == ["가나"] and read_texts(np.str_("가나"), "predict") == ["가나"]


@pytest.mark.parametrize("wrong, said", [
    (b"bytes", "got a bytes"), ({"가": 1}, "got a dict"), ({"가"}, "got a set"), (3, "got int"), (None, "got NoneType"),
    (np.array([["가"]]), "ndarray of 2 dimensions"), (np.array("가"), "of 0 dimensions"),
    (pd.DataFrame({"text": ["가"]}), "DataFrame of 2 dimensions"),
])
def test_what_gives_no_texts_in_an_order_is_refused(wrong, said):
    with pytest.raises(TextError, match=said):
        read_texts(wrong, "predict")


@pytest.mark.parametrize("wrong", [None, 3, float("nan"), b"b", ["가"], pd.NA])
def test_an_item_that_is_no_text_is_named(wrong):
    with pytest.raises(TextError, match=r"expected a text \(str\), got .*number 1, .* of the texts given to predict"):
        read_texts(iter(["가", wrong]), "predict")
