"""Replace one letter of a word and watch one of its sounds, to find what decides the sound.

Attention shows where a model looked; replacing a letter shows whether that letter mattered. Edits keep the word writable (a
consonant for a consonant of the same place, a vowel for a vowel, a coda for another or for none), so the rules give
the expected sound for every edited word.
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

# Letters that replace a letter, by place. "" takes a coda away.
LETTERS = {"onset": tuple("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"), "vowel": tuple("ㅏㅓㅗㅜㅡㅣ"), "coda": ("", *"ㄱㄴㄷㄹㅁㅂㅇ")}
_LABIALS = set("ㅁㅂㅃㅍ")
# Roles of a letter for the sound in question, nearest first.
ROLES = ("cause", "previous onset", "previous vowel", "previous coda", "next vowel", "coda", "earlier", "later")


class Speaker(Protocol):
    """The interface of a model of pronunciation for interventions."""

    @property
    def alphabet(self) -> Sequence[str]:
        """What the columns of `distributions` stand for: conjoining jamo."""

    def say(self, words: Sequence[str]) -> list[str]:
        """The pronunciation of each word, in syllables."""

    def distributions(self, words: Sequence[str], sounds: Sequence[str]) -> list[NDArray[Any]]:
        """Of each word, row j: the probability of each letter of `alphabet` after the first j jamo of its sounds.

        Parameters
        ----------
        words : sequence of str
        sounds : sequence of str
            What each word is made to say.
        """


class Edit(NamedTuple):
    """A word with one letter replaced: its number, the replacement, the word, and its pronunciation by the rules."""

    letter: int
    jamo: str
    spelling: str
    said: Pronunciation


@dataclass(frozen=True)
class Effects:
    """What replacing each letter of a word does to one sound of it; L letters.

    Attributes
    ----------
    said : Pronunciation
    site : Site
    correct : bool
        Whether the model says the sound as the standard does before anything is replaced.
    change : numpy.ndarray, shape (L,)
        Log probability of the sound lost by replacing the letter, mean over its edits; NaN for letters of the sound itself.
        Values that float32 cannot tell apart are equal.
    flips : numpy.ndarray, shape (L,)
        Fraction of edits after which the model says another sound there; NaN likewise.
    as_ruled : numpy.ndarray, shape (L,)
        Fraction of edits after which it says what the rules say for the edited word.
    each : tuple of (Edit, bool)
        Every edit, and whether the model then says another sound.
    """

    said: Pronunciation
    site: Site
    correct: bool
    change: NDArray[Any]
    flips: NDArray[Any]
    as_ruled: NDArray[Any]
    each: tuple[tuple[Edit, bool], ...]


def edits_of(said: Pronunciation, site: Site, *, max_edits: int = 3, seed: int = 0) -> list[Edit]:
    """Edits of every letter but those the sound is made of.

    The cause is replaced so that rules and lists no longer give the sound. Any other letter is replaced so that the rules
    over sounds still give what they give for the unedited word: if the model then decides otherwise, no rule asks for it.
    A letter may have no such edit.

    Parameters
    ----------
    said : Pronunciation
    site : Site
    max_edits : int, default 3
        Edits of each letter, at most.
    seed : int, default 0
        Of drawing them.
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
    """Replace the letters of many words, one at a time, and ask the model each time.

    For an edited word the model is given the sounds before the one in question, as the rules say them, and asked for the
    sound that the unedited word has there. Its decision then depends on the letters, not on what it said before.

    Parameters
    ----------
    model : Speaker
    words : sequence of (Pronunciation, Site)
        Each word with the sound in question.
    max_edits : int, default 3
        Letters that each letter is replaced by, at most.
    seed : int, default 0
        Of drawing them.
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
    """Whether the vowel before the sound stands after ㅁ, ㅂ, ㅃ or ㅍ.

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
        Of `said`.
    """
    return _sound_in(version.sounds, said, site)


def _sound_in(sounds: str | None, said: Pronunciation, site: Site) -> str | None:
    if sounds is None:
        return None
    sound = said.jamo[site.sound]
    return dict(zip(("onset", "vowel", "coda"), split(sounds[sound.syllable])))[sound.place] or None


def _syllables(spelling: str, sounds: str) -> str | None:
    """What a model said, if it has one syllable for each written one. Otherwise None: sounds cannot be located then."""
    return sounds if len(sounds) == len(spelling) and all("가" <= c <= "힣" for c in sounds) else None


def _step(version: Pronunciation, said: Pronunciation, site: Site) -> int:
    """Number of the spoken jamo of an edited word at the place of the original sound."""
    wanted = said.jamo[site.sound]
    return next(i for i, sound in enumerate(version.jamo)
                if (sound.syllable, sound.place) == (wanted.syllable, wanted.place))


def _score(table: NDArray[Any], alphabet: Sequence[str], version: Pronunciation, said: Pronunciation, site: Site) -> float:
    """Log probability of the sound the unedited word has, where the edited one has its own."""
    sound = said.jamo[site.sound]
    probability = table[_step(version, said, site), alphabet.index(conjoin(sound.jamo, sound.place))]
    return float(np.log(max(float(probability), 1e-12)))


def _replace(text: str, syllable: int, place: str, jamo: str) -> str:
    parts = dict(zip(("onset", "vowel", "coda"), split(text[syllable])))
    parts[place] = jamo
    return text[:syllable] + join(**parts) + text[syllable + 1 :]
