"""Numbers: what is read is the number, and is said as it is said when written in Hangul."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.pronunciation.numbers import native, sino, spell_numbers
from gluonattn.pronunciation.pronounce import pronounce
from gluonattn.text.jamo import split

from ..text.contract import texts, tries

DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
SMALL, LARGE = {"십": 10, "백": 100, "천": 1000}, {"만": 10**4, "억": 10**8, "조": 10**12, "경": 10**16}
numbers = st.one_of(st.integers(1, 200), st.integers(1, 10**20 - 1), st.integers(0, 19).map(lambda power: 10**power))


def value(said: str) -> int:
    """The number that Sino-Korean words stand for, read from left to right."""
    whole = group = digit = 0
    for character in said:
        if character in DIGITS:
            digit = DIGITS[character]
        elif character in SMALL:
            group, digit = group + (digit or 1) * SMALL[character], 0
        else:
            whole, group, digit = whole + (group + digit or 1) * LARGE[character], 0, 0
    return whole + group + digit


@given(numbers)
@tries(300)
def test_a_number_in_words_is_that_number(number):
    assert value(sino(str(number))) == number
    assert sino(f"{number:,}".replace(",", "")) == spell_numbers(f"{number:,}")[0]


@given(numbers)
@tries(100)
def test_digits_are_said_as_the_words_are(number):
    assert pronounce(str(number)).sounds == pronounce(sino(str(number))).sounds
    assert pronounce(f"{number}년", linked=True).sounds == pronounce(f"{sino(str(number))}년", linked=True).sounds


@given(numbers)
@tries(200)
def test_six_after_ten_hundred_thousand_and_ten_thousand_has_a_nasal(number):
    said = pronounce(sino(str(number)))
    for at, (before, here) in enumerate(zip(said.read, said.read[1:]), 1):
        if here == "육" and before in "십백천만억":
            assert split(said.sounds[at])[0] == "ㄴ" and "n_insertion" in said.rules


@given(texts)
@tries(150)
def test_spans_are_the_numbers_and_nothing_else_changes(text):
    read, spans = spell_numbers(text)
    assert all(read[start:end].strip() for start, end in spans)
    if not any(character.isdigit() for character in text):
        assert read == text and spans == ()
    assert not any(character in "0123456789" for character in read)


@pytest.mark.parametrize("text, read", [
    ("3개", "세 개"), ("3 개", "세 개"), ("20살", "스무 살"), ("21명", "스물한 명"), ("100명", "백명"),
    ("101마리", "백한 마리"), ("3개월", "삼개월"), ("2달러", "이달러"), ("2달", "두 달"),
    ("20대", "이십대"), ("3대", "세 대"), ("3번 출구", "삼번 출구"), ("2번", "두 번"),
    ("1번째", "첫 번째"), ("12시 30분", "열두 시 삼십분"), ("14시", "십사시"), ("6월 10일", "유월 십일"),
    ("10월", "시월"), ("3~5개", "세~다섯 개"), ("10~20대", "십~이십대"), ("3.14", "삼점일사"),
    ("0.05", "영점영오"), ("30%", "삼십퍼센트"), ("6·25", "육이오"), ("12·12", "십이십이"),
    ("2024.5.1", "이천이십사.오.일"), ("010-1234-5678", "공일공-일이삼사-오육칠팔"), ("007", "공공칠"),
    ("１６", "십육"), ("0", "영"), ("10000", "만"), ("9" * 30, "구" * 30), ("3D", "삼D"), ("1위", "일위"),
])
def test_how_numbers_are_read(text, read):
    assert spell_numbers(text)[0] == read
    assert pronounce(text).read == read and pronounce(text).text == text


def test_native_numbers():
    assert [native(n) for n in (1, 2, 11, 20, 21, 99, 103)] == ["한", "두", "열한", "스무", "스물한", "아흔아홉", "백세"]
