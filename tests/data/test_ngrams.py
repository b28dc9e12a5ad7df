"""Hashed character n-grams."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.data.ngrams import (
    known_ngrams,
    ngram_numbers,
    ngram_spans,
    text_ngrams,
    texts_ngrams,
    word_ngrams,
)
from gluonattn.plain import plain
from gluonattn.record import Token

texts = st.text(st.characters(exclude_categories=()), max_size=60)


@given(texts, st.integers(2, 2**20))
def test_any_text_gives_ngrams(text, buckets):
    of_text, of_word = text_ngrams(text, text.split()), word_ngrams(text, buckets)
    assert of_text.dtype == np.uint32 and len(of_text) and (np.diff(of_text.astype(np.int64)) > 0).all()
    assert of_word.dtype == np.int32 and of_word.min() >= 1 and of_word.max() < buckets


def test_there_is_one_for_every_distinct_run_of_one_to_four_characters():
    plain = " 재밌다 "
    runs = {plain[i : i + n] for n in range(1, 5) for i in range(len(plain) - n + 1)}
    assert len(text_ngrams("재밌다")) == len(runs)


def test_there_is_one_for_every_run_of_two_and_three_tokens():
    tokens = ["이", "영화", "정말", "별로"]
    assert len(text_ngrams("", tokens)) - len(text_ngrams("")) == 3 + 2
    assert set(text_ngrams("", tokens[1:])) < set(text_ngrams("", tokens))
    assert set(text_ngrams("", ["영화", "이"])) != set(text_ngrams("", ["이", "영화"]))


def test_a_run_of_tokens_is_no_run_of_characters():
    assert not (set(text_ngrams("", ["가", "나"])) - set(text_ngrams(""))) & set(text_ngrams("가나"))


def test_a_shared_run_of_characters_is_a_shared_number():
    a, b = (set(text_ngrams(t)) for t in ("정말재밌다", "정말 재밌었다"))
    shared = set(text_ngrams("재밌", max_length=2)) - set(text_ngrams("", max_length=2))
    assert len(a & b) >= 5 and shared & a & b


@pytest.mark.parametrize(("a", "b"), [
    ("재밌다ㅋㅋㅋ", "재밌다ㅋㅋㅋㅋㅋㅋㅋ"), ("GOOD 영화", "good  영화"), (" 재밌다\n", "재밌다"),
])
def test_laughter_capitals_and_blanks_of_any_length_read_alike(a, b):
    assert text_ngrams(a).tolist() == text_ngrams(b).tolist()


@given(st.sets(st.integers(0, 2**32 - 1), max_size=30), st.sets(st.integers(0, 2**32 - 1), max_size=30))
def test_known_ngrams_are_found_at_their_places_and_others_left_out(known, found):
    known, found = (np.array(sorted(s), np.uint32) for s in (known, found | set(list(known)[:3])))
    numbers = ngram_numbers(found, known)
    assert numbers.dtype == np.int32 and numbers.shape == found.shape
    assert (known[numbers[numbers > 0] - 1] == found[numbers > 0]).all()
    assert set(found[numbers > 0]) == set(known) & set(found)


@given(st.lists(st.lists(st.text("영화ㅋ A", max_size=3), max_size=4), max_size=5), st.data())
def test_texts_together_have_the_ngrams_they_have_alone(tokens, data):
    texts = [" ".join(found) + data.draw(st.text("ㅋ 화", max_size=6)) for found in tokens]
    known = np.unique(np.concatenate([text_ngrams("영화 ㅋㅋ", ["영화", "ㅋ"]), *map(text_ngrams, texts[1:])]))
    alone = [text_ngrams(*both) for both in zip(texts, tokens)]
    assert len(texts_ngrams(texts, tokens)) == len(known_ngrams(texts, tokens, known)) == len(texts)
    for found, expected in zip(texts_ngrams(texts, tokens), alone):
        assert found.tolist() == expected.tolist() and found.dtype == np.uint32
    for found, of_text in zip(known_ngrams(texts, tokens, known), alone):
        assert (known[found - 1] == np.intersect1d(known, of_text)).all() and found.dtype == np.int32


def test_numbers_do_not_change_between_versions():
    """They are what a saved model's tables are indexed by."""
    assert text_ngrams("영화", ["영", "화"]).tolist() == FROZEN_TEXT
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
    hashes, spans = ngram_spans(text)
    assert spans.shape == (len(hashes), 2) and (np.unique(hashes) == text_ngrams(text)).all()
    assert (spans[:, 0] <= spans[:, 1]).all() and spans.min() >= 0 and spans.max() <= len(text)
    first, last = len(text) - len(text.lstrip()), len(text.rstrip())
    for number, (start, end) in zip(hashes, spans):
        inside = text[start:end].strip() == text[start:end] and first < start < end < last
        if inside and "Σ" not in text:  # which is written otherwise at the end of a word
            assert number in text_ngrams(text[start:end])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ODD, st.sampled_from(["NFC", "NFD"]), st.integers(0, 30), st.sampled_from(["", "\u200b", "\ufeff\u3164"]))
def test_equivalent_texts_have_the_same_ngrams_at_the_same_places(text, form, at, unseen):
    typed = unicodedata.normalize(form, text)
    typed = typed[:at] + unseen + typed[at:]
    hashes, spans = ngram_spans(typed)
    known, places = ngram_spans(text)
    assert hashes.tolist() == known.tolist() and text_ngrams(typed).tolist() == text_ngrams(text).tolist()
    assert spans.min() >= 0 and spans.max() <= len(typed)
    for (start, end), (first, last) in zip(spans, places):
        assert plain(typed[start:end]) == plain(text[first:last])


def test_runs_of_tokens_span_their_tokens():
    text, tokens = "이 영화별로", [Token("이", 0, 1), Token("영화", 2, 4), Token("별로", 4, 6)]
    hashes, spans = ngram_spans(text, tokens)
    assert spans[-3:].tolist() == [[0, 4], [2, 6], [0, 6]]
    assert (np.unique(hashes) == text_ngrams(text, [token.text for token in tokens])).all()


def test_spans_of_a_short_text():
    spans = ngram_spans(" 좋ㅋㅋㅋㅋㅋ ", max_length=2)[1].tolist()
    assert spans[:6] == [[1, 1], [1, 2], [2, 3], [3, 4], [4, 7], [7, 7]]
    assert spans[6:] == [[1, 2], [1, 3], [2, 4], [3, 7], [4, 7]]


FROZEN_TEXT = [222023944, 870669407, 988696110, 1105333873, 1148758527, 1595995679,
               2014684703, 2226290893, 3227972022, 4254365502]
FROZEN_WORD = [23952, 29908, 8940, 35039, 38967]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 5000), top=st.sampled_from([50, 2**16, 2**32]))
def test_many_hashes_are_found_by_buckets_as_by_a_binary_search(seed, count, top):
    """Also where hashes are as uneven as can be: all in one bucket."""
    rng = np.random.default_rng(seed)
    known = np.unique(rng.integers(0, top, count, np.uint32))
    hashes = np.concatenate([rng.choice(known, 2000), rng.integers(0, top, 2000, np.uint32), np.uint32([0, 2**32 - 1])])
    few = np.concatenate([ngram_numbers(part, known) for part in np.array_split(hashes, 8)])
    many = ngram_numbers(hashes, known)
    assert many.dtype == few.dtype == np.int32 and (many == few).all()
    assert (known[many[many > 0] - 1] == hashes[many > 0]).all() and (np.isin(hashes, known) == (many > 0)).all()
