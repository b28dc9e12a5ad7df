"""Hashed character n-grams."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.data.ngrams import text_ngram_spans, text_ngrams, word_ngrams

texts = st.text(st.characters(exclude_categories=()), max_size=60)


@given(texts, st.integers(2, 2**20))
def test_any_text_gives_numbers_inside_the_table_and_never_padding(text, buckets):
    for found in (text_ngrams(text, buckets), word_ngrams(text, buckets)):
        assert found.dtype == np.int32 and len(found)
        assert found.min() >= 1 and found.max() < buckets


def test_there_is_one_for_every_run_of_one_to_four_characters():
    plain = " 재밌다 "
    expected = sum(len(plain) - n + 1 for n in range(1, 5))
    assert len(text_ngrams("재밌다", 2**20)) == expected


def test_a_shared_run_of_characters_is_a_shared_number():
    a, b = (set(text_ngrams(t, 2**20)) for t in ("정말재밌다", "정말 재밌었다"))
    shared = set(text_ngrams("재밌", 2**20, longest=2)) - set(text_ngrams("", 2**20, longest=2))
    assert len(a & b) >= 5 and shared & a & b


@pytest.mark.parametrize(("a", "b"), [
    ("재밌다ㅋㅋㅋ", "재밌다ㅋㅋㅋㅋㅋㅋㅋ"), ("GOOD 영화", "good  영화"), (" 재밌다\n", "재밌다"),
])
def test_laughter_capitals_and_blanks_of_any_length_read_alike(a, b):
    assert text_ngrams(a, 2**20).tolist() == text_ngrams(b, 2**20).tolist()


def test_numbers_do_not_change_between_versions():
    """They are what a saved model's tables are indexed by."""
    assert text_ngrams("영화", 2**19).tolist() == FROZEN_TEXT
    assert word_ngrams("영화", 2**16).tolist() == FROZEN_WORD


def test_the_ends_of_a_word_are_told_from_its_middle():
    assert not set(word_ngrams("영", 2**30)) & set(word_ngrams("가영나", 2**30))


def test_a_long_word_has_sixteen():
    assert len(word_ngrams("가나다라마바사아자차카타파하", 2**16)) == 16


def test_numbers_are_spread_evenly():
    words = [chr(0xAC00 + i) + chr(0xAC00 + 7 * i % 11172) for i in range(5000)]
    counts = np.bincount(np.concatenate([word_ngrams(w, 1025) for w in words]), minlength=1025)[1:]
    assert counts.max() < 3 * counts.mean()


ODD = st.text(st.sampled_from("가나ㅋ  aAİΣ\t\u3000!😀"), max_size=30)


@settings(max_examples=200, deadline=None)
@given(ODD.filter(str.strip))
def test_spans_tell_where_each_ngram_was_read(text):
    """Read again from its own characters alone, an n-gram inside the text is there again."""
    numbers, spans = text_ngrams(text, 2**30), text_ngram_spans(text)
    assert spans.shape == (len(numbers), 2)
    assert (spans[:, 0] <= spans[:, 1]).all() and spans.min() >= 0 and spans.max() <= len(text)
    first, last = len(text) - len(text.lstrip()), len(text.rstrip())
    for number, (start, end) in zip(numbers, spans):
        inside = text[start:end].strip() == text[start:end] and first < start < end < last
        if inside and "Σ" not in text:  # which is written otherwise at the end of a word
            assert number in text_ngrams(text[start:end], 2**30)


def test_spans_of_a_short_text():
    spans = text_ngram_spans(" 좋ㅋㅋㅋㅋㅋ ", longest=2).tolist()
    assert spans[:6] == [[1, 1], [1, 2], [2, 3], [3, 4], [4, 7], [7, 7]]
    assert spans[6:] == [[1, 2], [1, 3], [2, 4], [3, 7], [4, 7]]


FROZEN_TEXT = [45711, 352988, 168292, 45711, 461251, 300785, 415116, 250544, 374050, 136878]
FROZEN_WORD = [23952, 29908, 8940, 35039, 38967]
