"""Korean spelling to standard pronunciation, with the rule and the letters that decide each sound.

    >>> said = pronounce("국물")
    >>> said.sounds
    '궁물'
    >>> [(s.jamo, s.rule, [said.letters[i].jamo for i in s.cause]) for s in said.jamo if s.changes]
    [('ㅇ', 'nasalisation', ['ㅁ'])]

The rules are in `rules`. Other information comes from morphemes (`meetings`; Mecab finds them) and from word lists
(`words`). `marks` combines both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import TypeVar

from ..plain import expect_text, plain
from ..text.jamo import conjoin, is_syllable, join, split
from . import rules as pronunciation_rules  # noqa: F401 (registers the rules)
from .marks import NO_MARKS, Marks, marks_of
from .morphemes import Morpheme, morphemes
from .numbers import spell_numbers
from .state import RULES, STEPS, Letter, Mark, Phrase, Rule, Silent, Slot, Sound, Syllable
from .words import optional_vowels

__all__ = ["RULES", "Letter", "Pronunciation", "Rule", "Silent", "Sound", "pronounce"]

Choice = TypeVar("Choice")
_MOST_READINGS = 16


@dataclass(frozen=True)
class Pronunciation:
    """The pronunciation of a text.

    Attributes
    ----------
    text : str
        The text in Unicode's composed form (NFC), without invisible characters: `gluonattn.plain` of it.
    sounds : str
        The pronunciation in syllables, as long as `read`. Other characters are not changed.
    jamo : tuple of Sound
        Every spoken jamo, in order.
    letters : tuple of Letter
        Every written jamo, in order; a coda of two consonants is one letter. All indices of letters refer to this.
    silent : tuple of Silent
        Letters that are not spoken. Each letter is either the source of a sound or one of these.
    also : tuple of str
        Other readings that the standard allows, or that a homograph has; at most 15.
    read : str
        The text with its numbers in Hangul (16 as 십육), the same as `text` where it has no digit. `Letter.syllable` and
        `Sound.syllable` are numbers of its characters.
    """

    text: str
    sounds: str
    jamo: tuple[Sound, ...]
    letters: tuple[Letter, ...]
    silent: tuple[Silent, ...]
    also: tuple[str, ...]
    read: str

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that acted, in the order of the sounds, each once."""
        acted = [change.rule for sound in self.jamo for change in sound.changes] + [s.rule for s in self.silent]
        return tuple(dict.fromkeys(acted))

    @property
    def written(self) -> tuple[str, ...]:
        """`letters` as conjoining jamo, which hold the place too."""
        return tuple(conjoin(letter.jamo, letter.place) for letter in self.letters)

    @property
    def spoken(self) -> tuple[str, ...]:
        """`jamo` as conjoining jamo."""
        return tuple(conjoin(sound.jamo, sound.place) for sound in self.jamo)

    @property
    def lexical(self) -> bool:
        """Whether a rule acted that needs a word list."""
        return any(RULES[name].lexical for name in self.rules)


def pronounce(text: str, *, linked: bool = False, lexical: bool = True) -> Pronunciation:
    """Pronounce a word, an eojeol or a text by 표준 발음법 (Standard Pronunciation).

    Parameters
    ----------
    text : str
        Canonically equivalent text (decomposed Hangul), and text that differs only in invisible characters, is pronounced
        the same.
    linked : bool, default False
        Join eojeol separated by a space into one phrase, so that rules act between them (옷 한 벌 [오탄벌]). By default
        they act only before a word that cannot stand alone: 수 of 알 수 없다, 개 of 세 개. A joined phrase inserts ㄴ
        wherever article 29, 붙임 2, allows it, which is more often than in careful speech.
    lexical : bool, default True
        False uses the sound rules alone, without word lists and morphemes; Mecab is then not needed.

    Returns
    -------
    Pronunciation

    Raises
    ------
    TextError
        If `text` is not a string.
    DependencyError
        If Mecab cannot be loaded.

    Examples
    --------
    >>> pronounce("알 수 없는").sounds
    '알 쑤 엄는'
    >>> pronounce("16개").read, pronounce("16").sounds
    ('열여섯 개', '심뉵')
    """
    expect_text(text)
    text = plain(text)
    read, numbers = spell_numbers(text)
    units = morphemes(read) if lexical else []
    return _pronounce(text, read, numbers, units, linked=linked, lexical=lexical)


def pronounce_units(word: str, units: list[Morpheme]) -> Pronunciation:
    """`pronounce` for a word whose morphemes are known, without Mecab.

    Parameters
    ----------
    word : str
        Hangul syllables without a space.
    units : list of Morpheme
        Morphemes of the word.
    """
    return _pronounce(word, word, (), units, linked=False, lexical=True)


def _pronounce(text: str, read: str, numbers: tuple[tuple[int, int], ...], units: list[Morpheme], *, linked: bool,
               lexical: bool) -> Pronunciation:
    found = marks_of(read, numbers, units) if lexical else NO_MARKS
    letters = tuple(
        Letter(jamo, at, place)
        for at, character in enumerate(read) if is_syllable(character)
        for jamo, place in zip(split(character), ("onset", "vowel", "coda")) if jamo
    )
    first: list[Phrase] = []
    readings: list[dict[int, list[str]]] = []  # for each phrase, other ways to say characters of it
    others: list[list[Phrase]] = []
    number = 0
    for runs in _phrases(read, linked, found.joined):
        marks, optional, vowels = _of_phrase(runs, found)
        build = partial(_build, runs, number)
        first.append(build(marks))
        others.append([
            build({place: mark for place, mark in marks.items() if place not in left_out})
            for size in range(1, min(len(optional), 2) + 1) for left_out in combinations(sorted(optional), size)
        ])
        readings.append(vowels)
        number += sum(len([p for p in split(c) if p]) for _, run in runs for c in run)
    spoken = [_write(phrase) for phrase in first]
    jamo = tuple(sound for phrase in first for sound in _sounds(phrase))
    choices = [_choices([phrase, *more], vowels) for phrase, more, vowels in zip(first, others, readings)]
    also = dict.fromkeys(_fill(read, combined) for combined in _some(choices))
    sounds = _fill(read, spoken)
    also.pop(sounds, None)
    silent = tuple(sorted(letter for phrase in first for letter in phrase.silent))
    return Pronunciation(text, sounds, jamo, letters, silent, tuple(also)[: _MOST_READINGS - 1], read)


def _phrases(text: str, linked: bool, joined: set[int]) -> Iterator[list[tuple[int, str]]]:
    """Runs of syllables with their positions, grouped into phrases."""
    phrase: list[tuple[int, str]] = []
    for found in re.finditer("[가-힣]+", text):
        start = found.start()
        between = text[phrase[-1][0] + len(phrase[-1][1]) : start] if phrase else ""
        if phrase and not (between.strip(" ") == "" and (linked or start in joined)):
            yield phrase
            phrase = []
        phrase.append((start, found[0]))
    if phrase:
        yield phrase


def _of_phrase(runs: list[tuple[int, str]], found: Marks) -> tuple[dict[int, Mark], set[int], dict[int, list[str]]]:
    """Marks and choices of a phrase, by the number of the syllable in it."""
    marks: dict[int, Mark] = {}
    optional: set[int] = set()
    vowels: dict[int, list[str]] = {}
    offset = 0
    for start, run in runs:
        for number in range(len(run)):
            if start + number in found.marks:
                marks[offset + number] = found.marks[start + number]
        optional |= {offset + number for number in range(len(run)) if start + number in found.optional}
        particles = {place - start for place in found.genitives if start <= place < start + len(run)}
        vowels.update((offset + place, vowel) for place, vowel in optional_vowels(run, particles).items())
        if offset and start not in found.marks:
            marks[offset] = found.across.get(start, Mark("boundary"))
        offset += len(run)
    return marks, optional, vowels


def _build(runs: list[tuple[int, str]], number: int, marks: dict[int, Mark]) -> Phrase:
    return _say(runs, marks, number)


def _say(runs: list[tuple[int, str]], marks: dict[int, Mark], number: int) -> Phrase:
    """Spelling to sounds: every rule once, in order."""
    syllables = []
    for start, run in runs:
        for at, character in enumerate(run, start):
            slots = []
            for jamo in split(character):
                slots.append(Slot(jamo, (number,)) if jamo else None)
                number += bool(jamo)
            onset, vowel, coda = slots
            assert onset is not None and vowel is not None
            syllables.append(Syllable(onset, vowel, coda, at, character))
    phrase = Phrase(syllables, marks)
    for step in STEPS:
        step(phrase)
    return phrase


def _sounds(phrase: Phrase) -> Iterator[Sound]:
    for syllable in phrase.syllables:
        for place, slot in (("onset", syllable.onset), ("vowel", syllable.vowel), ("coda", syllable.coda)):
            if slot:
                yield Sound(slot.jamo, syllable.at, place, slot.source, tuple(slot.changes))


def _write(phrase: Phrase) -> dict[int, str]:
    return {s.at: join(s.onset.jamo, s.vowel.jamo, s.coda_jamo) for s in phrase.syllables}


def _choices(phrases: list[Phrase], vowels: dict[int, list[str]]) -> list[dict[int, str]]:
    """All pronunciations of a phrase, the first choice first."""
    found = []
    for phrase in phrases:
        places = sorted(vowels)
        options: list[list[str | None]] = [[None, *vowels[place]] for place in places]
        for chosen in _some(options):
            written = _write(phrase)
            for place, vowel in zip(places, chosen):
                if vowel:
                    syllable = phrase.syllables[place]
                    written[syllable.at] = join(syllable.onset.jamo, vowel, syllable.coda_jamo)
            found.append(written)
    return found


def _some(choices: list[list[Choice]]) -> list[tuple[Choice, ...]]:
    """The first combinations of choices, limited to the number that is shown."""
    return [combined for combined, _ in zip(product(*choices), range(4 * _MOST_READINGS))]


def _fill(text: str, written: Iterable[dict[int, str]]) -> str:
    spoken = list(text)
    for part in written:
        for at, syllable in part.items():
            spoken[at] = syllable
    return "".join(spoken)
