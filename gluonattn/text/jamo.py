"""Split Hangul syllables into letters and join them; classes of sounds that spelling rules use."""

from __future__ import annotations

from collections.abc import Sequence

ONSETS = tuple("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ")
VOWELS = tuple("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ")
CODAS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = 0xAC00, 0xD7A3

SILENT = "ㅇ"  # silent as an onset
TENSE = {"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"}
ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
CLUSTERS = {"ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
            "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ"}
# The seven possible final sounds of a syllable, and the one that every other coda becomes (articles 8 to 11).
CODA_SOUNDS = tuple("ㄱㄴㄷㄹㅁㅂㅇ")
NEUTRAL = {**dict.fromkeys("ㄲㅋ", "ㄱ"), **dict.fromkeys("ㅅㅆㅈㅊㅌㅎ", "ㄷ"), "ㅍ": "ㅂ"}


def is_syllable(character: str) -> bool:
    """Whether a character is a composed Hangul syllable (가 to 힣)."""
    return len(character) == 1 and _FIRST <= ord(character) <= _LAST


def split(syllable: str) -> tuple[str, str, str]:
    """Onset, vowel and coda of a composed syllable as letters; a missing coda is ""."""
    number = ord(syllable) - _FIRST
    return ONSETS[number // 588], VOWELS[number % 588 // 28], CODAS[number % 28]


def coda_of(character: str) -> str:
    """The coda of a character; "" if it has none, or is not a composed syllable."""
    return split(character)[2] if is_syllable(character) else ""


def join(onset: str, vowel: str, coda: str = "") -> str:
    """The composed syllable of three letters.

    Parameters
    ----------
    onset, vowel : str
    coda : str, default ""
    """
    return chr(_FIRST + (ONSETS.index(onset) * 21 + VOWELS.index(vowel)) * 28 + CODAS.index(coda))


# Conjoining jamo (Unicode's "Hangul Jamo"): one character for a letter and its place, 28 of them for codas, the first
# of which is no letter. They tell 각오 from 가고 without a mark between syllables.
PLACES = ("onset", "vowel", "coda")
_CONJOINING = {"onset": (0x1100, ONSETS), "vowel": (0x1161, VOWELS), "coda": (0x11A7, CODAS)}
_PARTS = {chr(start + number): (jamo, place) for place, (start, letters) in _CONJOINING.items()
          for number, jamo in enumerate(letters) if jamo}
ALPHABET = tuple(_PARTS)


def conjoin(jamo: str, place: str) -> str:
    """The conjoining jamo of a letter in a place: ``conjoin("ㄱ", "coda")`` is U+11A8.

    Parameters
    ----------
    jamo : str
        A compatibility letter.
    place : {"onset", "vowel", "coda"}
    """
    start, letters = _CONJOINING[place]
    return chr(start + letters.index(jamo))


def decompose(letter: str) -> tuple[str, str]:
    """The letter and the place of a conjoining jamo."""
    return _PARTS[letter]


def write(letters: Sequence[str]) -> tuple[str, list[int]]:
    """Write conjoining jamo as syllables, and as single letters where they form none.

    Parameters
    ----------
    letters : sequence of str
        In any order. An untrained model outputs letters that form no syllable.

    Returns
    -------
    text : str
    places : list of int
        For each letter the number of its character in `text`.
    """
    found: list[list[str]] = []
    for letter in letters:
        place = decompose(letter)[1]
        follows = found and [decompose(one)[1] for one in found[-1]] == list(PLACES[: PLACES.index(place)])
        if place != "onset" and follows:
            found[-1].append(letter)
        else:
            found.append([letter])
    text = "".join(
        join(*(decompose(one)[0] for one in group)) if len(group) > 1 else decompose(group[0])[0] for group in found)
    return text, [number for number, group in enumerate(found) for _ in group]
