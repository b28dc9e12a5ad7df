"""Where morphemes meet: endings of any stem, and listed words inside longer ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.pronunciation.morphemes import morphemes
from gluonattn.pronunciation.pronounce import pronounce
from gluonattn.pronunciation.words import words_with
from gluonattn.text.jamo import TENSE, join, split

from ..text.contract import texts, tries

VERBS = [
    "가", "보", "하", "되", "오", "주", "만나", "떠나", "느끼", "이기", "지우", "보내", "배우", "기다리",
    "마시", "자", "쓰", "크", "모르", "부르", "고치", "버리", "나누", "세우", "먹", "참", "믿", "잊", "읽",
    "앉", "얻", "찾", "웃", "갚", "넣", "좋", "많", "없", "있", "재미있", "늙", "굶", "알", "만들", "살",
    "울", "놀", "팔", "열", "들", "견디", "지키", "아끼", "바꾸", "외치", "남기", "이해하", "후회하",
    "감동하", "용서하", "말하", "생각하",
]
DEPENDENT = [
    "수 있다", "수 없는", "수가 없어", "수도 있다", "것이다", "것 같다", "거야", "거예요", "줄 알았다",
    "줄 몰랐다", "바를 몰랐다",
]
NOUNS_BEFORE_PARTICLES = [
    "여성", "동안", "감동", "인간", "가정", "시간", "사람", "마음", "주인공", "남성", "학생", "사진",
    "장면", "결말", "인생", "반전", "공감", "연출", "얼굴", "시절", "겨울", "교실", "생활", "소설", "비밀",
    "물", "술", "말", "정치인", "사랑", "아침", "가을", "질문",
]


def adnominal(stem: str) -> str:
    onset, vowel, coda = split(stem[-1])
    if coda in ("", "ㄹ"):
        return stem[:-1] + join(onset, vowel, "ㄹ")
    return stem + "을"


@given(st.sampled_from(VERBS), st.sampled_from(DEPENDENT), st.booleans())
@tries(400)
def test_a_dependent_noun_is_tense_after_the_adnominal_ending_of_any_stem(stem, noun, linked):
    phrase = f"{adnominal(stem)} {noun}"
    said = pronounce(f"그 일은 {phrase}", linked=linked)
    place = said.read.index(phrase) + len(adnominal(stem)) + 1
    assert split(said.sounds[place])[0] == TENSE[split(noun[0])[0]], said.sounds
    assert "tensification_after_adnominal" in said.rules or stem == "열"  # a numeral too, with a rule of its own


@given(st.sampled_from(NOUNS_BEFORE_PARTICLES), st.sampled_from(["과", "도", "까지", "보다", "조차"]))
@tries(150)
def test_a_particle_stays_plain_whatever_word_it_seems_to_make(noun, particle):
    said = pronounce(noun + particle)
    assert said.sounds[len(noun) :] == particle


@pytest.mark.parametrize("longer, shorter", [
    ("일제강점기", "강점"), ("신자", "신자"), ("여성과 남성", "성과"), ("동안과", "안과"),
    ("방문자", "문자"), ("개인기", "인기"), ("선물가게", "물가"), ("착한 자식", "한자"),
    ("다음주가", "주가"), ("시간대가", "대가"), ("친절도", "절도"), ("말을 수없이", "수없"),
])
def test_a_listed_word_inside_a_longer_one_does_not_count(longer, shorter):
    said = pronounce(longer)
    at = longer.replace(" ", "").find(shorter)
    where = [place for place, character in enumerate(longer) if character != " "][at : at + len(shorter)]
    assert [split(said.sounds[place])[0] for place in where[1:]] == [split(longer[place])[0] for place in where[1:]]


@given(st.sampled_from(words_with("tensification_sino_korean")), st.sampled_from(["의", "은", "이", "도", "에서"]))
@tries(200)
def test_a_listed_word_counts_before_any_particle(word, particle):
    assert pronounce(word + particle).sounds.startswith(pronounce(word).sounds[:-1])


@given(texts)
@tries(200)
def test_morphemes_lie_in_the_text_in_order(text):
    found = morphemes(text)
    assert all(text[unit.start : unit.end] == unit.form and unit.form for unit in found)
    assert all(before.end <= after.start for before, after in zip(found, found[1:]))


def test_parts_of_a_compound_and_an_ending_after_l():
    assert [(unit.form, unit.tag) for unit in morphemes("정신력")] == [("정신", "NNG"), ("력", "NNG")]
    assert [unit.ending_after_l for unit in morphemes("할게요")] == [1]


def test_a_homograph_is_told_by_what_stands_around_it():
    assert pronounce("신발을 신고 나갔다").sounds == "신바를 신꼬 나갇따"
    assert pronounce("경찰에 신고를 했다").sounds == "경차레 신고를 핻따"
    assert "신고" in pronounce("신고").also
