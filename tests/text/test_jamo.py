"""Syllables to letters and back."""

from __future__ import annotations

import unicodedata

from gluonattn.text.jamo import compose, is_syllable, join, split


def test_every_syllable_comes_back():
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4)]
    assert [join(*split(s)) for s in syllables] == syllables
    assert all(map(is_syllable, syllables)) and not any(map(is_syllable, ["ㄱ", "a", " ", "가나", "", "\ud7a4"]))


def test_only_hangul_is_composed():
    assert compose(unicodedata.normalize("NFD", "값")) == "값"
    assert compose("e\u0301 ㄱㅏ") == "e\u0301 ㄱㅏ"
