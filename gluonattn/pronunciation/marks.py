"""Facts about syllable boundaries that the letters do not show, from morphemes and from the word lists.

A mark says that a rule of the standard applies at a place (tense by article 27, ㄴ inserted by article 29). A listed word
applies if morphemes begin and end where it does. Listed words take precedence over the kinds of morphemes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Optional

from ..text.jamo import TENSE, is_syllable, split
from .meetings import (
    ADNOMINAL,
    BOUNDARY,
    COMPOUND,
    SINO,
    Meetings,
    existence_places,
    marks_by_spelling,
)
from .morphemes import Morpheme, morphemes
from .numbers import mark_numbers
from .state import Mark
from .words import MAX_LENGTH, Entry, by_word

_ONLY_PARTICLES = re.compile(
    "(?:의|은|는|이|가|을|를|도|만|에|에서|로|론|으로|과|와|나|다|인|이다|라|보다|까지|부터|처럼|들)+(?![가-힣])"
)
_AFTER_DEPARTMENT = re.compile("생|대학|대생|의사|전공")  # 이과생 is 이 + 과생 to Mecab, 안과의사 안 + 과 + 의사
_NOT_WORDS = ("J", "E", "VCP", "XSV", "XSA")  # particles, endings and verbal suffixes


class Marks(NamedTuple):
    """Marks of a text.

    Attributes
    ----------
    marks : dict of int to Mark
        Marks by the number of the character after them.
    optional : set of int
        Marks that may be left out in pronunciation.
    joined : set of int
        Beginnings of words without a pause before them, because they cannot stand alone (수 of 알 수 없다).
    kept : set of int
        Places where a list says that nothing happens.
    across : dict of int to Mark
        Marks before words that follow the word before without a pause (27, 29 붙임 2, 15).
    genitives : set of int
        Numbers of the characters 의 that are the particle.
    """

    marks: dict[int, Mark]
    optional: set[int]
    joined: set[int]
    kept: set[int]
    across: dict[int, Mark]
    genitives: set[int]


def marks_of(text: str, numbers: Sequence[tuple[int, int]] = (), units: Optional[list[Morpheme]] = None) -> Marks:
    """Find the marks of a text.

    Parameters
    ----------
    text : str
        A text with its numbers spelled out.
    numbers : sequence of (int, int)
        The spans of these numbers, from `spell_numbers`.
    units : list of Morpheme or None
        `morphemes(text)`, if it is known.
    """
    units = morphemes(text) if units is None else units
    chosen: dict[int, tuple[int, Mark, bool]] = {}
    joined: set[int] = set()
    across: dict[int, Mark] = {}

    def put(place: int, mark: Optional[Mark], optional_mark: bool = False, strength: int = 3) -> None:
        if mark and chosen.get(place, (0,))[0] < strength:
            chosen[place] = (strength, mark, optional_mark)

    for entry, start in _find_listed(text, units):
        for place, mark, optional_mark in entry.marks:
            if start + place == 0 or is_syllable(text[start + place - 1]):
                # Longer words win. For words of the same length, staying plain wins over a mark.
                put(start + place, mark, optional_mark, 2 * len(entry.word) + (mark.kind == "keep"))
    words = Meetings(text, units)
    one_or_two = {start for start, _ in numbers if text[start] in "일이"}
    for left, right in zip(units, units[1:]):
        if left.end == right.start and is_syllable(left.form[-1]) and is_syllable(right.form[0]):
            put(right.start, *words.mark_between(left, right))
        elif text[left.end : right.start].isspace() and is_syllable(right.form[0]):
            across[right.start] = BOUNDARY if right.start in one_or_two else words.across(left, right)  # 1박 2일
            if words.is_bound(left, right):
                joined.add(right.start)
    for place, mark, optional_mark in marks_by_spelling(text, units):
        put(place, mark, optional_mark)
    for unit in units:
        place = unit.ending_after_l
        if place and is_syllable(text[place]) and split(text[place])[0] in TENSE:
            put(place, ADNOMINAL)
        for place in existence_places(unit):
            put(place, BOUNDARY)
    for place in (match.end() for match in re.finditer("(?:디귿|지읒|치읓|키읔|티읕|피읖|히읗)(?=[가-힣])", text)):
        put(place, Mark("letter-name"))
    joined |= mark_numbers(text, units, numbers, lambda place, mark: put(place, mark, strength=9))
    marks = {place: mark for place, (_, mark, _) in chosen.items() if mark.kind != "keep"}
    optional = {place for place, (_, mark, optional_mark) in chosen.items() if optional_mark and mark.kind != "keep"}
    kept = {place for place, (_, mark, _) in chosen.items() if mark.kind == "keep"}
    genitives = {unit.start for unit in units if (unit.form, unit.tag) == ("의", "JKG")}
    return Marks(marks, optional, joined, kept, across, genitives)


NO_MARKS = Marks({}, set(), set(), set(), {}, set())


# --- Listed words


def _find_listed(text: str, units: list[Morpheme]) -> Iterator[tuple[Entry, int]]:
    """Find listed words that occur in a text as separate words, with their positions."""
    starts, ends = {unit.start for unit in units}, {unit.end for unit in units}
    # A long name that Mecab does not divide ends in a word of its own: 나비효과.
    names = [unit for unit in units if unit.tag == "NNP" and len(unit.form) > 3]
    inside_names = {place for unit in names for place in range(unit.start + 2, unit.end)}
    unit_at = {place: unit for unit in units for place in range(unit.start, unit.end)}
    table = by_word()
    for run in re.finditer("[가-힣]+", text):
        for start in range(*run.span()):
            in_name = start in inside_names
            if start not in starts and start != run.start() and not in_name:
                continue
            for end in range(start + 2, min(start + MAX_LENGTH, run.end()) + 1):
                for entry in table.get(text[start:end], ()):
                    # Alone Mecab may divide 설정의 as 설 + 정의.
                    particles = start == run.start() and _ONLY_PARTICLES.match(text, end)
                    department = entry.word.endswith("과") and _AFTER_DEPARTMENT.match(text, end)
                    whole = end in ends or end == run.end() or bool(particles or department)
                    if in_name and start not in starts and end not in ends:
                        continue
                    sole = bool(department) or (text == entry.word and not entry.source.startswith("hanja"))
                    if (not entry.anchored or start == run.start()) and _applies(entry, start, end, whole, sole, unit_at):
                        yield entry, start


def _applies(entry: Entry, start: int, end: int, whole: bool, sole: bool, unit_at: dict[int, Morpheme]) -> bool:
    """Whether a listed word applies. `whole`: a morpheme ends with it. `sole`: it is certainly this word."""
    inside = [unit_at[place] for place in range(start, end) if place in unit_at]
    in_one = bool(inside) and inside[0] == inside[-1] and inside[0].tag.startswith(("N", "MAG", "XR"))
    # Nothing but Sino-Korean words has ㄹ before ㄷ, ㅅ, ㅈ in a noun, so 불시 counts in an undivided 불시착 too.
    if not (whole or entry.is_prefix or (entry.section == SINO and in_one)):
        return False
    if entry.section == "none" or entry.is_prefix or sole:
        return True
    if entry.section in (SINO, COMPOUND) and inside and inside[0].tag.startswith("MM") and inside[0].end < end:
        return False  # 한 자식 is not 한자
    # Of three syllables and more, Mecab's particle is an error (과 of 산부인과, 란 of 의견란).
    return len(entry.word) > 2 or not any(
        unit.tag.startswith(_NOT_WORDS) or (unit.end <= end and unit.tag.split("+")[-1].startswith(_NOT_WORDS))
        for unit in inside)
