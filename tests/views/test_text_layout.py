from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.record import Token
from gluonattn.text import tokenizer
from gluonattn.views.fonts import advance
from gluonattn.views.text_layout import set_text

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"


def laid(text, tokens=None, width=200.0):
    tokens = tokenizer("whitespace")(text) if tokens is None else tokens
    return set_text(text, tokens, size=10, width=width)


def test_every_character_is_set_where_the_ones_before_it_end():
    layout = laid("가나 다", width=500)
    first, second = layout.words
    assert (first.text, first.place.left) == ("가나", 0)
    assert first.place.right == pytest.approx(advance("가나", 10))
    assert second.place.left == pytest.approx(advance("가나 ", 10))
    assert layout.lines == 1 and layout.width == pytest.approx(advance("가나 다", 10))


def test_spaces_are_kept_as_typed():
    assert laid("가    나").words[1].place.left == pytest.approx(advance("가    ", 10))
    assert laid("  가").words[0].place.left == pytest.approx(advance("  ", 10))


@given(st.lists(st.text("가나다ㅋ!a", min_size=1, max_size=9), min_size=1, max_size=12), st.floats(60, 300))
def test_lines_break_at_eojeol_and_nothing_is_lost(words, width):
    layout = laid(" ".join(words), width=width)
    narrow = [word for word in words if advance(word, 10) <= width]
    whole = [word.text for word in layout.words]
    assert "".join(whole) == "".join(words)
    if narrow == words:
        assert whole == words
    assert layout.width <= width + 1e-6
    order = [(word.place.line, word.place.left) for word in layout.words]
    assert order == sorted(order)
    for word, following in zip(layout.words, layout.words[1:]):
        if following.place.line == word.place.line:
            assert following.place.left >= word.place.right - 1e-6
        else:  # a new line is begun only for what would not fit
            wide = following.place.right - following.place.left
            gap = advance(" ", 10) * (following.start > word.end)
            assert following.place.line == word.place.line + 1
            assert word.place.right + gap + wide > width - 1e-6 or word.end == following.start


def test_a_word_wider_than_the_line_breaks_between_tokens():
    text = "수준떨어지는연출이야기"
    tokens = [Token(t, text.index(t), text.index(t) + len(t)) for t in ("수준", "떨어지", "는", "연출", "이야기")]
    layout = laid(text, tokens, width=advance("수준떨어지", 10) + 12)
    assert [word.text for word in layout.words] == ["수준떨어지는", "연출이야기"]
    assert all(len(places) == 1 for places in layout.places)


def test_a_token_wider_than_the_line_has_a_place_on_each_of_its_lines():
    text = "ㅋ" * 200
    layout = laid(text, [Token(text, 0, 200)], width=100)
    assert "".join(word.text for word in layout.words) == text
    assert [place.line for place in layout.places[0]] == list(range(layout.lines)) and layout.lines > 10
    assert layout.width <= 100


def test_tokens_stand_where_their_characters_are():
    tokens = tokenizer("mecab")(SENTENCE)
    layout = laid(SENTENCE, tokens, width=10_000)
    for token, (place,) in zip(tokens, layout.places):
        assert place.left == pytest.approx(advance(SENTENCE[: token.start], 10))
        assert place.right == pytest.approx(advance(SENTENCE[: token.end], 10))


def test_tokens_that_overlap_share_their_ground():
    layout = laid("비해", [Token("비하", 0, 2), Token("어", 1, 2)])
    (one,), (two,) = layout.places
    assert one.left < two.left < two.right == one.right


def test_a_token_with_the_space_before_it_stands_on_its_letters():
    (place,) = laid("가 나다", [Token("▁나다", 1, 4)]).places[0]
    assert place.left == pytest.approx(advance("가 ", 10))


def test_special_tokens_are_chips_before_after_and_between_words():
    text = "가나 다"
    tokens = [Token("[CLS]", 0, 0), Token("가나", 0, 2), Token("$", 1, 1), Token("다", 3, 4), Token("[SEP]", 4, 4)]
    layout = laid(text, tokens)
    assert layout.chips == {0: "[CLS]", 2: "$", 4: "[SEP]"}
    lefts = [places[0].left for places in layout.places]
    assert lefts == sorted(lefts)  # one that would tear a word stands after it
    assert [word.text for word in layout.words] == ["가나", "다"]
    places = [places[0] for places in layout.places]
    assert all(a.right <= b.left for a, b in zip(places, places[1:]))


@pytest.mark.parametrize(
    "text, drawn",
    [
        ("$x_2$", "$x_2$"),
        ("a\x00b\u202e\u200d\ud800", "a·b···"),
        (unicodedata.normalize("NFD", "한글"), "한글"),
        ("\u1112\u119e\u11ab", "ㅎㆍㄴ"),
        ("가\t나", "가·나"),
    ],
)
def test_characters_that_cannot_be_seen_are_made_visible(text, drawn):
    layout = laid(text, [Token(text, 0, len(text))])
    assert "".join(word.text for word in layout.words) == drawn


def test_decomposed_syllables_keep_the_offsets_of_their_letters():
    text = unicodedata.normalize("NFD", "한글")
    layout = laid(text, [Token("한", 0, 3), Token("글", 3, 6), Token("ᅡ", 1, 2)])
    (han,), (geul,), (vowel,) = layout.places
    assert han.right == pytest.approx(geul.left) and vowel == han


def test_a_line_break_in_the_text_breaks_the_line():
    layout = laid("가\n\n나")
    assert [(word.text, word.place.line) for word in layout.words] == [("가", 0), ("나", 2)]


@pytest.mark.filterwarnings("ignore:no installed font")
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=30), st.data())
def test_any_text_can_be_set(text, data):
    spans = data.draw(st.lists(st.tuples(*[st.integers(0, len(text))] * 2), min_size=1, max_size=5))
    tokens = [Token(text[min(s) : max(s)], min(s), max(s)) for s in spans]
    layout = laid(text, tokens, width=80)
    assert all(places for places in layout.places)
    assert all(0 <= place.line < layout.lines for places in layout.places for place in places)
