"""Hangul syllables as letters and back; the classes of sounds that pronunciation rules speak of."""

from __future__ import annotations

import re
import unicodedata

ONSETS = tuple("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ")
VOWELS = tuple("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ")
CODAS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = 0xAC00, 0xD7A3

SILENT = "ㅇ"  # as an onset it is a place without a sound
TENSE = {"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"}
ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
CLUSTERS = {"ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
            "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ"}
# The seven sounds a syllable may end in, and what every other coda becomes (articles 8 to 11).
CODA_SOUNDS = tuple("ㄱㄴㄷㄹㅁㅂㅇ")
NEUTRAL = {**dict.fromkeys("ㄲㅋ", "ㄱ"), **dict.fromkeys("ㅅㅆㅈㅊㅌㅎ", "ㄷ"), "ㅍ": "ㅂ"}


def is_syllable(character: str) -> bool:
    """Whether it is one composed Hangul syllable (가 to 힣)."""
    return len(character) == 1 and _FIRST <= ord(character) <= _LAST


def split(syllable: str) -> tuple[str, str, str]:
    """Onset, vowel and coda of a composed syllable as letters; a missing coda is ""."""
    number = ord(syllable) - _FIRST
    return ONSETS[number // 588], VOWELS[number % 588 // 28], CODAS[number % 28]


def join(onset: str, vowel: str, coda: str = "") -> str:
    """The composed syllable of three letters."""
    return chr(_FIRST + (ONSETS.index(onset) * 21 + VOWELS.index(vowel)) * 28 + CODAS.index(coda))


def compose(text: str) -> str:
    """Decomposed Hangul as syllables; every other character stays as it is."""
    return re.sub("[\u1100-\u11ff]+", lambda found: unicodedata.normalize("NFC", found[0]), text)
