"""Word pairs: kinds, the split by lemma, and what is left out."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest

from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate
from gluonattn.errors import OptionError, TextError
from gluonattn.pronunciation.pairs import SPLITS, split_of, word_pairs


def found(sets):
    return {p.spelling: p for name in SPLITS for p in getattr(sets, name)}


def test_kinds_and_causes():
    pairs = found(word_pairs(["갈등이 국물을, 나무 국물을! 신는다"]))
    assert {w: (p.said.sounds, p.kind, p.occurrences) for w, p in pairs.items()} == {
        "갈등이": ("갈뜽이", "lexical", 1), "국물을": ("궁무를", "rules", 2), "나무": ("나무", "plain", 1),
        "신는다": ("신는다", "plain", 1),
    }
    assert pairs["갈등이"].lemma == "갈등"


def test_doubtful_words_are_left_out_and_counted():
    sets = word_pairs(["좋은연기 남자 신고 만화주인공"])
    assert set(found(sets)) == {"남자", "만화주인공"}
    assert sets.left_out == {"two words meet, a vowel follows": 1, "a homograph": 1}


def test_no_lemma_is_in_two_splits_and_more_words_move_none():
    texts = read_reviews(locate("sample").train).texts
    whole = word_pairs(texts)
    homes: dict[str, set[str]] = {}
    for name in SPLITS:
        for pair in getattr(whole, name):
            homes.setdefault(pair.lemma, set()).add(name)
    assert all(len(splits) == 1 for splits in homes.values()) and len(homes) > 1000
    assert min(len(getattr(whole, name)) for name in SPLITS) > 200
    part = word_pairs(texts[:100])
    for name in SPLITS:
        assert {p.spelling for p in getattr(part, name)} <= {p.spelling for p in getattr(whole, name)}


def test_shares_of_the_split():
    draws = [split_of(str(number), (0.8, 0.1, 0.1), 0) for number in range(5000)]
    assert 0.77 < draws.count("train") / 5000 < 0.83 and 0.08 < draws.count("test") / 5000 < 0.12


@pytest.mark.parametrize("options", [{"fractions": (0.5, 0.5, 0.5)}, {"min_count": 0}, {"max_length": 0}])
def test_wrong_options_say_what_was_expected(options):
    with pytest.raises(OptionError, match="expected"):
        word_pairs(["가"], **options)


def test_words_are_found_however_their_texts_are_given_and_written():
    """A file of a Mac has decomposed Hangul, in which no syllable stands."""
    texts = ["국물이 좋다", "영화, 국물이"]
    expected = found(word_pairs(texts))
    decomposed = [unicodedata.normalize("NFD", text) for text in texts]
    invisible = [f"\ufeff{text[0]}\u200b{text[1:]}" for text in texts]
    for given in (decomposed, invisible, (text for text in texts), pd.Series(texts, index=[1, 0])):
        assert found(word_pairs(given)) == expected
    assert set(found(word_pairs(texts[0]))) == {"국물이", "좋다"}
    for wrong in ([None], {"국물"}, 3):
        with pytest.raises(TextError):
            word_pairs(wrong)
