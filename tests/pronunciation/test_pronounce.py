"""Pronunciation: the standard's own examples, the causes, and what holds for every text."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.errors import TextError
from gluonattn.pronunciation.pronounce import RULES, pronounce
from gluonattn.pronunciation.state import STEPS
from gluonattn.text.jamo import CODA_SOUNDS, is_syllable, join, split

from ..text.contract import texts, tries


def read_cases(name: str) -> list:
    lines = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [
        pytest.param(spelling.replace("_", " "), readings.split("/"), id=f"{article} {spelling}")
        for line in lines if line and not line.startswith("#")
        for article, _, examples in [line.partition(": ")]
        for spelling, readings in re.findall(r"(\S+?)\[(\S+?)\]", examples)
    ]


CASES, KNOWN = read_cases("standard"), read_cases("known")
words = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1, max_size=6)
# Codas and onsets of every kind meet often, which random syllables seldom do.
crowded = st.lists(
    st.builds(join, st.sampled_from("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅎ"), st.sampled_from("ㅏㅣㅕㅢㅖ"),
              st.sampled_from(["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"])),
    min_size=1, max_size=5,
).map("".join)


def joined(text: str) -> str:
    return text.replace(" ", "")


def test_the_standard_gives_at_least_200_examples_of_22_articles():
    articles = {case.id.split()[0].split(".")[0] for case in CASES}
    assert len(CASES) >= 380 and len(articles) >= 22


@pytest.mark.parametrize("spelling, readings", CASES)
def test_examples_of_the_standard(spelling, readings):
    said = pronounce(spelling, linked=True)
    assert joined(said.sounds) == readings[0]
    assert set(readings[1:]) <= set(map(joined, said.also))


def test_the_other_examples_are_many_and_not_those_of_the_standard():
    assert len(KNOWN) >= 900 and not {case.values[0] for case in KNOWN} & {case.values[0] for case in CASES}


@pytest.mark.parametrize("spelling, readings", KNOWN)
def test_words_and_phrases_chosen_to_find_gaps(spelling, readings):
    said = pronounce(spelling, linked=True)
    assert joined(said.sounds) == readings[0]
    assert set(readings[1:]) <= set(map(joined, said.also))


def test_every_rule_has_an_example_in_the_standard():
    acted = {rule for case in CASES for rule in pronounce(case.values[0], linked=True).rules}
    assert acted == set(RULES) and [step.__name__ for step in STEPS] == list(RULES)


def changed(word: str, **options) -> list[tuple]:
    """Changed sounds as (sound, rule, letters it stands for, letters that caused it)."""
    said = pronounce(word, **options)
    spell = lambda numbers: "".join(said.letters[n].jamo for n in numbers)  # noqa: E731
    return [(s.jamo, s.rule, spell(s.source), spell(s.cause)) for s in said.jamo if s.changes]


def test_causes_are_the_letters_the_rule_names():
    assert changed("국물") == [("ㅇ", "nasalisation", "ㄱ", "ㅁ")]
    assert changed("국밥") == [("ㅃ", "tensification_after_obstruent", "ㅂ", "ㄱ")]
    assert changed("신라") == [("ㄹ", "liquidisation", "ㄴ", "ㄹ")]
    assert changed("놓고") == [("ㅋ", "aspiration", "ㅎㄱ", "")]
    assert changed("굳이") == [("ㅈ", "palatalisation", "ㄷ", "ㅇㅣ")]
    assert changed("갈등") == [("ㄸ", "tensification_sino_korean", "ㄷ", "ㄹ")]
    assert changed("막론") == [("ㅇ", "nasalisation", "ㄱ", "ㄹ"), ("ㄴ", "nasalisation_of_l", "ㄹ", "ㄱ")]


def test_a_silent_letter_has_its_rule():
    said = pronounce("놓아")
    assert [(said.letters[s.letter].jamo, s.rule) for s in said.silent] == [("ㅎ", "h_before_vowel")]


def test_several_changes_of_one_sound_are_kept_in_order():
    (coda,) = [s for s in pronounce("값만").jamo if s.place == "coda" and s.syllable == 0]
    assert [(c.before, c.after, c.article) for c in coda.changes] == [("ㅄ", "ㅂ", "10, 11"), ("ㅂ", "ㅁ", "18")]


def test_word_lists_can_be_left_out():
    assert pronounce("갈등").lexical and not pronounce("국밥").lexical
    assert pronounce("갈등", lexical=False).sounds == "갈등"
    assert pronounce("꽃잎", lexical=False).sounds == "꼬칩"


def test_nothing_happens_between_words_unless_asked():
    assert pronounce("옷 한 벌").sounds == "옫 한 벌"
    assert pronounce("옷 한 벌", linked=True).sounds == "오 탄 벌"
    assert pronounce("옷, 한", linked=True).sounds == "옫, 한"


@pytest.mark.parametrize("word, sounds", [
    ("남자는", "남자는"), ("남고", "남꼬"), ("감동", "감동"), ("굶기다", "굼기다"), ("참기도", "참끼도"),
    ("삶과", "삼과"), ("까닭과", "까닥꽈"), ("닭하고", "다카고"), ("여덟도", "여덜도"), ("못하다", "모타다"),
    ("잊혀", "이처"), ("붙여", "부처"), ("음악을", "으마글"), ("월드컵", "월드컵"), ("생활동안", "생활동안"),
    ("할게요", "할께요"), ("길게", "길게"), ("거칠게", "거칠게"), ("받아들일", "바다드릴"), ("꽃향기", "꼬턍기"),
    ("할수있는", "할쑤인는"), ("만들지", "만들지"), ("몇월", "며둴"), ("못잊어", "몬니저"), ("히읗", "히읃"),
    ("앓는", "알른"),
])
def test_everyday_words(word, sounds):
    assert pronounce(word).sounds == sounds


def test_an_object_particle_is_no_adnominal_ending():
    assert pronounce("음악을 듣다", linked=True).sounds == "으마글 듣따"


@given(st.one_of(words, texts, st.sampled_from(["국물 é 16개", "가\u11a8", "café에서 밥 먹을 수 있다"])),
       st.booleans(), st.booleans())
@tries(150)
def test_canonically_equivalent_text_is_said_the_same(text, linked, lexical):
    said = pronounce(text, linked=linked, lexical=lexical)
    for form in ("NFC", "NFD"):
        assert pronounce(unicodedata.normalize(form, text), linked=linked, lexical=lexical) == said


def test_what_is_no_text_is_refused():
    with pytest.raises(TextError, match=r"expected a text \(str\), got"):
        pronounce(3)  # type: ignore[arg-type]


def check(said) -> None:
    """Letters accounted for, causes inside the text, one sound for each place of `sounds`."""
    sources = [letter for sound in said.jamo for letter in sound.source]
    heard, silent = set(sources), {s.letter for s in said.silent}
    assert heard | silent == set(range(len(said.letters))) and not heard & silent
    for cause in [c.cause for s in said.jamo for c in s.changes] + [s.cause for s in said.silent]:
        assert set(cause) <= set(range(len(said.letters)))
    assert all(sound.source == tuple(sorted(sound.source)) and sound.source for sound in said.jamo)
    assert all(s.changes[-1].after == s.jamo for s in said.jamo if s.changes)
    assert all(said.letters[s.source[0]].jamo == s.jamo for s in said.jamo if not s.changes)
    syllables = [split(c) for c in said.sounds if is_syllable(c)]
    assert "".join(s.jamo for s in said.jamo) == "".join(p for syllable in syllables for p in syllable)
    assert len({said.sounds, *said.also}) == 1 + len(said.also) <= 16


@given(texts, st.booleans(), st.booleans())
@tries(150)
def test_any_text_passes_with_what_is_no_hangul_unchanged(text, linked, lexical):
    said = pronounce(text, linked=linked, lexical=lexical)
    check(said)
    assert len(said.sounds) == len(said.read)
    assert all(a == b for a, b in zip(said.read, said.sounds) if not is_syllable(a))
    assert said.read == said.text or any(character.isdigit() for character in text)


@given(st.one_of(words, crowded), st.booleans())
@tries(600)
def test_the_result_can_be_said(word, lexical):
    said = pronounce(word, lexical=lexical)
    check(said)
    syllables = [split(s) for s in said.sounds]
    for (_, _, coda), (onset, _, _) in zip(syllables, syllables[1:]):
        assert coda in ("", *CODA_SOUNDS)
        assert coda in ("", "ㅇ") or onset != "ㅇ", "a coda was not carried over"
        assert not (coda and coda in "ㄱㄷㅂ" and onset in "ㄱㄷㅂㅅㅈㄴㅁㄹㅎ"), f"{coda} before {onset}"
        assert (coda, onset) not in {("ㄴ", "ㄹ"), ("ㄹ", "ㄴ"), ("ㅁ", "ㄹ"), ("ㅇ", "ㄹ")}
    assert syllables[-1][2] in ("", *CODA_SOUNDS)


@given(st.one_of(words, crowded))
@tries(400)
def test_what_is_said_is_said_the_same_when_written_down(word):
    """ㅢ apart: 협의 is [혀븨], but a written 븨 is [비] (article 5)."""
    said = pronounce(word.replace("의", "이"), lexical=False).sounds
    if not any(split(s)[1] == "ㅢ" for s in said):
        assert pronounce(said, lexical=False).sounds == said


@given(st.sampled_from(["국물", "알 수 없는", "16개", "닭이 울다", "한국말을 쓴다"]), st.data())
def test_what_cannot_be_seen_is_not_said_and_parts_no_letters(text, data):
    typed = unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD"])), text)
    for invisible in data.draw(st.lists(st.sampled_from("\u200b\u3164\ufeff\u00ad\x00"), min_size=1, max_size=3)):
        at = data.draw(st.integers(0, len(typed)))
        typed = typed[:at] + invisible + typed[at:]
    assert pronounce(typed) == pronounce(text)
    assert pronounce(typed, linked=True, lexical=False) == pronounce(text, linked=True, lexical=False)
