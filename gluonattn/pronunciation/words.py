"""Words whose pronunciation the letters do not show, and vowels with two pronunciations.

The words are in `words.txt` and `sino.txt`, with their sources. `marks` decides where in a
text one of them applies.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..text.jamo import SILENT, VOWELS, split
from .state import Mark

_FILES = [Path(__file__).with_name(f"{name}.txt") for name in ("words", "sino")]
_KINDS = {"'": "tense", "|": "boundary", "+": "insert", "^": "linking-s", "~": "n-n", "=": "keep"}
MAX_LENGTH = 8  # syllables of the longest listed word
I_VOWELS = set("ㅣㅑㅕㅛㅠㅒㅖ")


class Entry(NamedTuple):
    """A listed word.

    Attributes
    ----------
    word : str
    marks : tuple of (int, Mark, bool)
        The syllable after the mark, the mark, and whether the word may be pronounced without it.
    anchored : bool
        Whether the word applies only at the beginning of a run of syllables.
    is_prefix : bool
        Whether it begins longer words (맛없: 맛없다, 맛없는), so that no word has to end where it does.
    section, source : str
        The heading in `words.txt`.
    """

    word: str
    marks: tuple[tuple[int, Mark, bool], ...]
    anchored: bool
    is_prefix: bool
    section: str
    source: str


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """Every entry of the word lists, in the order of the file."""
    found, section, source = [], "", ""
    for line in [line for file in _FILES for line in file.read_text(encoding="utf-8").splitlines()]:
        if line.startswith("["):
            section, _, source = line.strip("[]").partition(" ")
        elif not line.startswith("#"):
            found += [_entry(item, section, source) for item in line.split()]
    return tuple(found)


def _entry(item: str, section: str, source: str) -> Entry:
    word, marks = "", []
    for character in item.lstrip("<").rstrip("*"):
        if character in _KINDS:
            kind = _KINDS[character]
            marks.append((len(word), Mark(kind, section if kind == "tense" else ""), kind == "linking-s"))
        elif character == "?":
            marks[-1] = (*marks[-1][:2], True)
        else:
            word += character
    return Entry(word, tuple(marks), item.startswith("<"), item.endswith("*"), section, source)


def words_with(rule: str) -> tuple[str, ...]:
    """The listed words of one rule, spelling only: ``words_with("tensification_sino_korean")``.

    "loanwords" are those with ㄹ before ㄷ, ㅅ, ㅈ that stay plain. "plain" are all words listed as plain.
    The words of `sino.txt`, most of which are rare, are not included.
    """
    if rule in ("loanwords", "plain"):
        return tuple(e.word for e in entries() if e.section == "none" and (rule == "plain" or "loanwords" in e.source))
    return tuple(e.word for e in entries() if e.section == rule and not e.source.startswith("hanja")
                 and any(m.kind != "keep" for _, m, _ in e.marks))


@lru_cache(maxsize=1)
def by_word() -> dict[str, list[Entry]]:
    """The entries of each listed spelling."""
    table: dict[str, list[Entry]] = {}
    for entry in entries():
        table.setdefault(entry.word, []).append(entry)
    return table


# Choices that leave a letter as it is or change it (articles 5 다만 2 and 4, 22); the first reading is as written.
_NOUNS_IN_UI = re.compile(
    "(?:주|강|회|협|정|논|동|합|결|문|명|편|예|거|호|악|고|창|유|이|제|열|성|심|신|의|항|상|저|부|수|전|모|사|토|선|무성|주치|민주주|주)의$")
_EO = re.compile("(?<=[되피띄씌틔희뛰쉬튀끼기쥐휘비])어|^이오$|(?<=아니)오")


def optional_vowels(run: str, particles: Collection[int] = ()) -> dict[int, list[str]]:
    """Other vowels with which a syllable may be pronounced, by the number of the syllable.

    Parameters
    ----------
    run : str
        Hangul syllables.
    particles : collection of int
        Numbers of syllables that are the particle 의 inside the run (반지의제왕). At its end 의 is always recognised.
    """
    found: dict[int, list[str]] = {}
    for i, syllable in enumerate(run):
        onset, vowel, _ = split(syllable)
        assert vowel in VOWELS
        if vowel == "ㅖ" and onset not in (SILENT, "ㄹ"):
            found[i] = ["ㅔ"]
        elif syllable == "의" and i:
            head = run[: i + 1]
            ends = i in particles or i == len(run) - 1
            particle = ends and (not _NOUNS_IN_UI.search(head) or (head.endswith("의의") and i > 1))
            found[i] = ["ㅔ"] if particle else ["ㅣ"]
    for match in _EO.finditer(run):
        place = match.end() - 1
        found[place] = ["ㅕ" if run[place] == "어" else "ㅛ"]
    return found
