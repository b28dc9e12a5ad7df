"""Replace one letter of a word and observe one of its sounds, to find which letters decide the sound.

Attention shows where a model looked. Replacing a letter shows whether that letter mattered. Edits keep the word valid (a
consonant for a consonant at the same place, a vowel for a vowel, a coda for another or none), so the rules give the
expected sound for every edited word.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..metrics import tie_close
from ..text.jamo import SILENT, conjoin, join, split
from .causes import Site
from .pronounce import Pronunciation, pronounce

# Letters that replace a letter, by place. "" removes a coda.
LETTERS = {"onset": tuple("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"), "vowel": tuple("ㅏㅓㅗㅜㅡㅣ"), "coda": ("", *"ㄱㄴㄷㄹㅁㅂㅇ")}
_LABIALS = set("ㅁㅂㅃㅍ")
# Roles of a letter for the sound in question, nearest first.
ROLES = ("cause", "previous onset", "previous vowel", "previous coda", "next vowel", "coda", "earlier", "later")


class Speaker(Protocol):
    """The interface of a pronunciation model for interventions."""

    @property
    def alphabet(self) -> Sequence[str]:
        """The letters of the columns of `distributions`, as conjoining jamo."""

    def say(self, words: Sequence[str]) -> list[str]:
        """The pronunciation of each word, in syllables."""

    def distributions(self, words: Sequence[str], sounds: Sequence[str]) -> list[NDArray[Any]]:
        """For each word, row j has the probability of each letter of `alphabet` after the first j jamo of its sounds.

        Parameters
        ----------
        words : sequence of str
        sounds : sequence of str
            Given sounds of each word (teacher forcing).
        """


class Edit(NamedTuple):
    """A word with one letter replaced: its number, the replacement, the word, and its pronunciation by the rules."""

    letter: int
    jamo: str
    spelling: str
    said: Pronunciation


@dataclass(frozen=True)
class Effects:
    """The effect of replacing each of a word's L letters on one of its sounds.

    Attributes
    ----------
    said : Pronunciation
    site : Site
    correct : bool
        Whether the model pronounces the sound correctly before any edit.
    change : numpy.ndarray, shape (L,)
        Log probability of the sound that is lost by replacing the letter, mean over its edits. NaN for the sound's own
        letters. Values that float32 cannot distinguish are equal.
    flips : numpy.ndarray, shape (L,)
        Fraction of edits after which the model generates another sound. NaN as above.
    as_ruled : numpy.ndarray, shape (L,)
        Fraction of edits after which the model follows the rules for the edited word.
    each : tuple of (Edit, bool)
        Every edit, and whether the model then generates another sound.
    """

    said: Pronunciation
    site: Site
    correct: bool
    change: NDArray[Any]
    flips: NDArray[Any]
    as_ruled: NDArray[Any]
    each: tuple[tuple[Edit, bool], ...]


def edits_of(said: Pronunciation, site: Site, *, max_edits: int = 3, seed: int = 0) -> list[Edit]:
    """Make edits of every letter except the sound's own.

    The cause is replaced so that rules and lists no longer give the sound. Any other letter is replaced so that the rules
    over sounds give the same result as for the unedited word. If the model then decides otherwise, no rule requires it.
    Some letters have no such edit.

    Parameters
    ----------
    said : Pronunciation
    site : Site
    max_edits : int, default 3
        Maximum number of edits of each letter.
    seed : int, default 0
        Seed of the draw.
    """
    draw = random.Random(f"{seed}:{said.text}:{site.sound}")
    plain = sound_at(pronounce(said.text, lexical=False), said, site)
    sound = said.jamo[site.sound].jamo
    found = []
    for number, letter in enumerate(said.letters):
        if number in site.own:
            continue
        fitting = []
        for jamo in LETTERS[letter.place]:
            moves_codas = letter.place == "onset" and SILENT in (jamo, letter.jamo) and number not in site.cause
            if jamo == letter.jamo or moves_codas:
                continue
            spelling = _replace(said.text, letter.syllable, letter.place, jamo)
            edited, by_rules = pronounce(spelling), pronounce(spelling, lexical=False)
            after = sound_at(edited, said, site)
            if number in site.cause:
                is_fitting = after not in (sound, None)
            else:
                is_fitting = sound_at(by_rules, said, site) == plain and after in (plain, sound)
            if is_fitting:
                fitting.append(Edit(number, jamo, spelling, edited))
        found += draw.sample(fitting, min(max_edits, len(fitting)))
    return found


def effects(
    model: Speaker, words: Sequence[tuple[Pronunciation, Site]], *, max_edits: int = 3, seed: int = 0
) -> list[Effects]:
    """Replace the letters of many words, one at a time, and run the model each time.

    For an edited word the model is given the sounds before the one in question, according to the rules, and the probability
    of the unedited word's sound is read. So its decision depends on the letters, not on its own earlier output.

    Parameters
    ----------
    model : Speaker
    words : sequence of (Pronunciation, Site)
        Each word with the sound in question.
    max_edits : int, default 3
        Maximum number of replacements of each letter.
    seed : int, default 0
        Seed of the draw.
    """
    plans = [edits_of(said, site, max_edits=max_edits, seed=seed) for said, site in words]
    versions = [(version, said, site) for (said, site), edits in zip(words, plans)
                for version in (said, *(edit.said for edit in edits))]
    spellings = [version.text for version, *_ in versions]
    spoken = [_syllables(*pair) for pair in zip(spellings, model.say(spellings))]
    tables = model.distributions(spellings, [version.sounds for version, *_ in versions])
    scores = [_score(table, model.alphabet, *version) for table, version in zip(tables, versions)]
    found, place = [], 0
    for (said, site), edits in zip(words, plans):
        original, spoken_here = scores[place], _sound_in(spoken[place], said, site)
        largest = max(1.0, *(abs(score) for score in scores[place : place + 1 + len(edits)]))
        after = [_sound_in(one, said, site) for one in spoken[place + 1 : place + 1 + len(edits)]]
        of_edits = np.array([[original - score, there != spoken_here, there == sound_at(edit.said, said, site)]
                             for score, there, edit in zip(scores[place + 1 :], after, edits)], dtype=float)
        table = np.full((3, len(said.letters)), np.nan)
        letters = np.array([edit.letter for edit in edits])
        for letter in set(letters.tolist()):
            table[:, letter] = of_edits[letters == letter].mean(0)
        table[0] = tie_close(table[0], largest)
        each = tuple((edit, there != spoken_here) for edit, there in zip(edits, after))
        correct = spoken_here == said.jamo[site.sound].jamo
        found.append(Effects(said, site, correct, change=table[0], flips=table[1], as_ruled=table[2], each=each))
        place += 1 + len(edits)
    return found


def roles_of(said: Pronunciation, site: Site) -> list[str]:
    """The role of each letter for the sound in question: one of `ROLES`, or "own" for its own letter.

    Parameters
    ----------
    said : Pronunciation
    site : Site
    """
    here = said.jamo[site.sound].syllable
    found = []
    for number, letter in enumerate(said.letters):
        if number in site.own:
            role = "own"
        elif number in site.cause:
            role = "cause"
        elif letter.syllable == here - 1:
            role = f"previous {letter.place}"
        elif letter.syllable == here:
            role = "next vowel" if letter.place == "vowel" else "coda"
        else:
            role = "earlier" if letter.syllable < here else "later"
        found.append(role)
    return found


def after_labial(said: Pronunciation, site: Site) -> bool:
    """Whether the vowel before the sound follows ㅁ, ㅂ, ㅃ or ㅍ.

    Parameters
    ----------
    said : Pronunciation
    site : Site
    """
    before = said.jamo[site.sound].syllable - 1
    return any((letter.syllable, letter.place) == (before, "onset") and letter.jamo in _LABIALS for letter in said.letters)


def sound_at(version: Pronunciation, said: Pronunciation, site: Site) -> str | None:
    """The jamo of another reading at the place of a site's sound in `said`. None if it has no sound there.

    Parameters
    ----------
    version : Pronunciation
        The other reading.
    said : Pronunciation
    site : Site
        A site of `said`.
    """
    return _sound_in(version.sounds, said, site)


def _sound_in(sounds: str | None, said: Pronunciation, site: Site) -> str | None:
    if sounds is None:
        return None
    sound = said.jamo[site.sound]
    return dict(zip(("onset", "vowel", "coda"), split(sounds[sound.syllable])))[sound.place] or None


def _syllables(spelling: str, sounds: str) -> str | None:
    """The model's pronunciation if it has one syllable for each written one, else None: sounds cannot be located."""
    return sounds if len(sounds) == len(spelling) and all("가" <= c <= "힣" for c in sounds) else None


def _step(version: Pronunciation, said: Pronunciation, site: Site) -> int:
    """Number of the spoken jamo of an edited word at the place of the original sound."""
    wanted = said.jamo[site.sound]
    return next(i for i, sound in enumerate(version.jamo)
                if (sound.syllable, sound.place) == (wanted.syllable, wanted.place))


def _score(table: NDArray[Any], alphabet: Sequence[str], version: Pronunciation, said: Pronunciation, site: Site) -> float:
    """Log probability of the unedited word's sound, at its place in the edited word."""
    sound = said.jamo[site.sound]
    probability = table[_step(version, said, site), alphabet.index(conjoin(sound.jamo, sound.place))]
    return float(np.log(max(float(probability), 1e-12)))


def _replace(text: str, syllable: int, place: str, jamo: str) -> str:
    parts = dict(zip(("onset", "vowel", "coda"), split(text[syllable])))
    parts[place] = jamo
    return text[:syllable] + join(**parts) + text[syllable + 1 :]
