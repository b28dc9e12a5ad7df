"""The word lists are well formed: a mark stands only where its rule can act."""

from __future__ import annotations

import pytest

from gluonattn.pronunciation.pronounce import RULES, pronounce
from gluonattn.pronunciation.words import I_VOWELS, entries, words_with
from gluonattn.text.jamo import TENSE, split


def fits(entry, place, mark) -> bool:
    coda, (onset, vowel, _) = split(entry.word[place - 1])[2], split(entry.word[place])
    sonorant = coda in ("", "ㄴ", "ㄹ", "ㅁ", "ㅇ")
    return {
        "tense": onset in TENSE and sonorant
        and (mark.rule != "tensification_sino_korean" or (coda == "ㄹ" and onset in "ㄷㅅㅈ")),
        "insert": onset == "ㅇ" and vowel in I_VOWELS and coda != "",
        "boundary": onset in "ㅇㅎ" and coda not in ("", "ㅇ"),
        "linking-s": coda == "ㅅ" and onset in TENSE,
        "n-n": (coda, onset) == ("ㄴ", "ㄹ"),
        "keep": onset in TENSE or entry.section == "n_insertion",
    }[mark.kind]


def test_entries():
    wrong = [
        entry for entry in entries()
        if entry.section not in {*RULES, "none"} or not entry.source.startswith(("standard", "dictionary", "hanja"))
        or not entry.marks or not all(0 < place < len(entry.word) and fits(entry, place, m) for place, m, _ in entry.marks)
    ]
    assert len(entries()) > 1500 and wrong == []


def test_no_word_is_listed_twice():
    words = [(entry.word, entry.section) for entry in entries()]
    assert [word for word in words if words.count(word) > 1] == []


@pytest.mark.parametrize("rule", sorted({e.section for e in entries()} - {"none"}))
def test_a_listed_word_is_said_by_its_rule(rule):
    # Before ㅎ a boundary shows as aspiration: 꽃|향기 [꼬턍기].
    acts = {rule} | ({"aspiration"} if rule == "liaison_across_words" else set())
    missed = [word for word in words_with(rule) if not acts & set(pronounce(word).rules)]
    assert not missed


def test_loanwords_and_words_like_them_stay_plain():
    loanwords = words_with("loanwords")
    assert len(loanwords) > 60 and set(loanwords) <= set(words_with("plain"))
    assert [w for w in loanwords if "tensification_sino_korean" in pronounce(w).rules] == []


def test_a_longer_word_wins_over_a_shorter_one_in_it():
    assert pronounce("주문자").sounds == "주문자" and pronounce("문자").sounds == "문짜"
    assert pronounce("이별도").sounds == "이별도"
