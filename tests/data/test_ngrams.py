"""Hashed character n-grams."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.data.ngrams import text_ngrams, word_ngrams

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


FROZEN_TEXT = [45711, 352988, 168292, 45711, 461251, 300785, 415116, 250544, 374050, 136878]
FROZEN_WORD = [23952, 29908, 8940, 35039, 38967]
