"""Syllables to letters and back."""

from __future__ import annotations

import unicodedata

from gluonattn.text.jamo import ALPHABET, PLACES, conjoin, decompose, is_syllable, join, split, write


def test_every_syllable_comes_back():
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4)]
    assert [join(*split(s)) for s in syllables] == syllables
    assert all(map(is_syllable, syllables)) and not any(map(is_syllable, ["ㄱ", "a", " ", "가나", "", "\ud7a4"]))


def test_conjoining_jamo_are_unicodes_and_make_the_syllable_again():
    for syllable in [chr(code) for code in range(0xAC00, 0xD7A4, 7)]:
        letters = [conjoin(jamo, place) for jamo, place in zip(split(syllable), PLACES) if jamo]
        assert letters == list(unicodedata.normalize("NFD", syllable))
        assert write(letters) == (syllable, [0] * len(letters))
    assert [conjoin(*decompose(letter)) for letter in ALPHABET] == list(ALPHABET) and len(set(ALPHABET)) == 19 + 21 + 27


def test_letters_that_make_no_syllable_are_written_as_they_are():
    onset, vowel, coda = conjoin("ㄱ", "onset"), conjoin("ㅏ", "vowel"), conjoin("ㄺ", "coda")
    assert write([coda, onset, vowel, vowel, coda, onset]) == ("ㄺ가ㅏㄺㄱ", [0, 1, 1, 2, 3, 4])
    assert write([onset, vowel, coda, coda]) == ("갉ㄺ", [0, 0, 0, 1]) and write([]) == ("", [])
    assert write([onset, coda]) == ("ㄱㄺ", [0, 1])
