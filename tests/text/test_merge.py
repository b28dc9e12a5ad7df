from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.errors import RecordError
from gluonattn.record import AttentionRecord, Token
from gluonattn.text import tokenizer
from gluonattn.text.merge import measure_overlaps, merge_into, tag_tokens

from ..tolerance import tolerance

TEXT = "수준떨어지는 연출에 비해 👍🏽최고ㅋㅋ"


def cut(text: str, places) -> list[Token]:
    """Tokens that cut a text at the given places, special ones around them."""
    places = sorted({p % (len(text) + 1) for p in places} | {0, len(text)})
    inside = [Token(f"#{text[a:b]}", a, b) for a, b in zip(places, places[1:])]
    return [Token("[CLS]", 0, 0), *inside, Token("[SEP]", len(text), len(text))]


def record_of(text, tokens, seed=0, **parts) -> AttentionRecord:
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(tokens)), (2, 3, len(tokens)))
    return AttentionRecord(text, tokens, tokens, weights, **parts)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@given(st.lists(st.integers(0, 60), max_size=12), st.integers(0, 99))
def test_rows_keep_their_mass_from_any_pieces_to_morphemes_to_eojeol(form, places, seed):
    text = unicodedata.normalize(form, TEXT)
    record = record_of(text, cut(text, places), seed)
    morphemes = merge_into(record, tokenizer("mecab"))
    assert np.abs(morphemes.weights.sum(-1) - 1).max() < tolerance(60)
    words = morphemes.merge()
    assert np.abs(words.weights.sum(-1) - 1).max() < tolerance(60)
    assert morphemes.queries[0].text == "[CLS]" and morphemes.queries[-1].text == "[SEP]"
    starts = [t.start for t in morphemes.queries]
    assert starts == sorted(starts) and morphemes.source["merged"] == "mecab"
    visible = {i for i, c in enumerate(text) if not c.isspace()}
    assert {i for t in morphemes.keys for i in range(t.start, t.end)} >= visible
    assert [t.text for t in words.keys][1:-1] == text.split()


def test_what_each_key_and_query_becomes():
    text = "가나 다"
    tokens = [Token("가", 0, 1), Token("나 다", 1, 4)]
    record = AttentionRecord(text, tokens, tokens, np.array([[[[0.2, 0.8], [0.6, 0.4]]]]))
    units = [Token("가나", 0, 2), Token("다", 3, 4)]
    made = merge_into(record, lambda _: units)
    # 나 다 lies half in each unit: the first unit is a third of it and two thirds of 가, as a query.
    first = (1 * 0.2 + 0.5 * 0.6) / 1.5, (1 * 0.8 + 0.5 * 0.4) / 1.5
    expected = np.array([[first[0] + first[1] / 2, first[1] / 2], [0.8, 0.2]])
    assert made.weights[0, 0] == pytest.approx(expected, abs=tolerance(3))
    assert made.keys == tuple(units)


def test_a_unit_without_a_piece_is_left_out_and_a_piece_without_a_unit_stays():
    text = "가 나 다"
    tokens = [Token("가", 0, 1), Token("나", 2, 3)]
    matrix, units = measure_overlaps(tokens, [Token("가", 0, 1), Token("다", 4, 5)], text)
    assert [t.text for t in units] == ["가", "나"] and (matrix == np.eye(2)).all()
    with pytest.raises(RecordError, match="unit '라' has span 3:9, outside its text of 5"):
        measure_overlaps(tokens, [Token("라", 3, 9)], text)


def test_both_sides_of_a_cross_record():
    source, target = "영화를 보았다", "saw a film"
    record = AttentionRecord(source, cut(target, [3, 5]), cut(source, [1, 3, 5]),
                             np.random.default_rng(0).dirichlet(np.ones(6), (1, 1, 5)), "cross", target_text=target)
    words = merge_into(record, str_words, tokenizer("mecab"))
    assert [t.text for t in words.queries] == ["[CLS]", "saw", "a", "film", "[SEP]"]
    assert words.keys[1].text == "영화" and words.weights.sum(-1) == pytest.approx(1, abs=tolerance(60))


def str_words(text: str) -> list[Token]:
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append(Token(word, at, at + len(word)))
        at += len(word)
    return found


def test_pieces_take_the_tag_of_the_morpheme_they_are_in():
    text = "수준떨어지는 연출"
    tagged = tag_tokens(record_of(text, cut(text, [2, 7])), tokenizer("mecab"))
    assert [t.tag for t in tagged.queries] == [None, "NNG", "VV", "NNG", None]
    assert tagged.queries == tagged.keys
