"""Find changed sounds, and their causes in an attention record.

A *site* is a changed sound with the letters that the rule names as its cause. `locate_sites` returns the row of a record
in which the model decides the sound, and the keys to which this row should attend. An *unchanged site* is a sound that is
pronounced as written although a letter is where the cause would be. A head that always attends to the next letter finds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..record import AttentionRecord, Token
from .pronounce import Pronunciation, Sound


class Pattern(NamedTuple):
    """Position of a cause relative to the changed letter: both places ("onset", "vowel", "coda") and the offset."""

    own: str
    offset: int
    cause: str


class Site(NamedTuple):
    """A sound with the letters that decide it.

    Attributes
    ----------
    sound : int
        Number among `Pronunciation.jamo`.
    own, cause : tuple of int
        The sound's letters, and the letters that changed it. For an unchanged site, the letter where a cause would be.
    rule : str
        The rule that acted last. "" for an unchanged site.
    pattern : Pattern
    """

    sound: int
    own: tuple[int, ...]
    cause: tuple[int, ...]
    rule: str
    pattern: Pattern


class Look(NamedTuple):
    """A site in a record: the deciding row, the sound's own keys, and the keys of its cause."""

    row: int
    own: tuple[int, ...]
    cause: tuple[int, ...]


def changed_sites(said: Pronunciation) -> list[Site]:
    """Sounds that were changed by a letter other than their own.

    Two cases are not sites: two letters that become one sound (놓고: ㅎ and ㄱ become ㅋ), because both belong to it, and a
    coda at the end of a word, because no letter neutralises it.
    """
    return [Site(number, sound.source, sound.cause, str(sound.rule), _pattern_of(said, sound, sound.cause[0]))
            for number, sound in enumerate(said.jamo) if sound.cause]


def unchanged_sites(said: Pronunciation, patterns: Iterable[Pattern]) -> list[Site]:
    """Sounds that are pronounced as written, with a letter where one of the patterns has its cause.

    Parameters
    ----------
    said : Pronunciation
    patterns : iterable of Pattern
        Patterns to look for.
    """
    wanted, found = set(patterns), []
    for number, sound in enumerate(said.jamo):
        if sound.changes:
            continue
        for pattern in sorted(wanted):
            letter = sound.source[0] + pattern.offset
            if 0 <= letter < len(said.letters) and _pattern_of(said, sound, letter) == pattern:
                found.append(Site(number, sound.source, (letter,), "", pattern))
    return found


def _pattern_of(said: Pronunciation, sound: Sound, cause: int) -> Pattern:
    own = sound.source[0]
    return Pattern(said.letters[own].place, cause - own, said.letters[cause].place)


def locate_sites(said: Pronunciation, record: AttentionRecord, sites: Iterable[Site]) -> list[Look | None]:
    """Find the row and the keys of each site in a record.

    Parameters
    ----------
    said : Pronunciation
    record : AttentionRecord
        A teacher-forced record of a model that reads the letters of `said` and generates its sounds. Tokens with an empty
        span are special tokens. In an "encoder" record the row is the letter's own. In a "cross" or "decoder" record it is
        the step that generates the sound. Keys of a "decoder" record are the preceding sounds that are made of the
        cause.
    sites : iterable of Site

    Returns
    -------
    list of Look or None
        None if the cause is not in the record, because a decoder has not generated it yet.

    Raises
    ------
    RecordError
        If the numbers of tokens differ from those of the letters and sounds of `said`.
    """
    rows, keys = _places(said, record)
    found: list[Look | None] = []
    for site in sites:
        if record.kind == "encoder":
            look = Look(rows[site.own[0]], tuple(keys[i] for i in site.own), tuple(keys[i] for i in site.cause))
        elif record.kind == "cross":
            look = Look(rows[site.sound], tuple(keys[i] for i in site.own), tuple(keys[i] for i in site.cause))
        else:
            before = [number for number in range(site.sound) if set(said.jamo[number].source) & set(site.cause)]
            look = Look(rows[site.sound], (), tuple(keys[number] for number in before))
        found.append(look if look.cause else None)
    return found


looks = locate_sites  # its former name


def own_keys(said: Pronunciation, record: AttentionRecord) -> tuple[list[int], NDArray[Any]]:
    """Find the rows of a record for letters or sounds, and each row's own keys.

    A row's own key is the letter itself in an encoder, the letters that the sound is made of in cross-attention, and the
    last sound in a decoder (for the first row, the token that begins).

    Parameters
    ----------
    said : Pronunciation
    record : AttentionRecord
        A record of the word, of any kind.

    Returns
    -------
    rows : list of int
    own : numpy.ndarray of bool, shape (rows, keys)
    """
    rows, keys = _places(said, record)
    own = np.zeros((len(rows), len(record.keys)), dtype=bool)
    for i in range(len(rows)):
        if record.kind == "encoder":
            own[i, keys[i]] = True
        elif record.kind == "cross":
            own[i, [keys[letter] for letter in said.jamo[i].source]] = True
        else:
            own[i, keys[i - 1] if i else 0] = True
    return rows, own


def letter_keys(said: Pronunciation, record: AttentionRecord) -> list[int]:
    """The keys of an encoder or cross record that are the letters of `said`, in their order.

    Parameters
    ----------
    said : Pronunciation
    record : AttentionRecord
        A record of the word, of kind "encoder" or "cross".
    """
    return _places(said, record)[1]


def _places(said: Pronunciation, record: AttentionRecord) -> tuple[list[int], list[int]]:
    """Rows and keys without special tokens, in the order of letters and sounds."""
    expected = {"encoder": (len(said.letters),) * 2, "cross": (len(said.jamo), len(said.letters)),
                "decoder": (len(said.jamo),) * 2}
    if record.kind not in expected:
        raise RecordError(f"expected a record of kind encoder, decoder or cross, got {record.kind!r}.")
    rows, keys = _without_special(record.queries), _without_special(record.keys)
    if record.kind == "decoder":  # the last sound need not be a key, because no sound follows it
        keys = keys + [len(record.keys)] * (len(rows) - len(keys))
    if (len(rows), len(keys)) != expected[record.kind]:
        raise RecordError(
            f"the {record.kind} record of {said.text!r} has {len(rows)} rows and {len(keys)} keys for letters and sounds, "
            f"expected {expected[record.kind]}. Make it with sounds={said.sounds!r}.")
    return rows, keys


def _without_special(tokens: tuple[Token, ...]) -> list[int]:
    return [i for i, token in enumerate(tokens) if token.end > token.start]
