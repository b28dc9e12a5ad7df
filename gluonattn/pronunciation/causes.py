"""Where a sound changed, and at which places of an attention record its cause stands.

A *site* is a changed sound and the letters the rule names as its cause; `looks` says in which row of a record the model
decides it and which keys that row would have to look at. Sounds that did not change, but have a letter standing where the
cause would, are the *still* sites: a head that looks one letter on wherever it is looks there too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ..errors import RecordError
from ..record import AttentionRecord, Token
from .pronounce import Pronunciation, Sound


class Pattern(NamedTuple):
    """How a cause stands to the letter it changes: places ("onset", "vowel", "coda") and letters from one to the other."""

    own: str
    offset: int
    cause: str


class Site(NamedTuple):
    """A sound and the letters that decide it.

    Attributes
    ----------
    sound : int
        Number among `Pronunciation.jamo`.
    own, cause : tuple of int
        Letters it is made of, and letters that changed it; a still site has the letter that stands where a cause would.
    rule : str
        The rule that acted last; "" for a still site.
    pattern : Pattern
    """

    sound: int
    own: tuple[int, ...]
    cause: tuple[int, ...]
    rule: str
    pattern: Pattern


class Look(NamedTuple):
    """A site in a record: the row that decides, the keys that are its own, and the keys that are its cause."""

    row: int
    own: tuple[int, ...]
    cause: tuple[int, ...]


def changed_sites(said: Pronunciation) -> list[Site]:
    """Sounds that a letter other than their own changed.

    Two letters that become one sound (놓고: ㅎ and ㄱ are ㅋ) are both its own, and a coda at the end of a word is
    neutralised by no letter: neither is a site.
    """
    return [Site(number, sound.source, sound.cause, str(sound.rule), _pattern(said, sound, sound.cause[0]))
            for number, sound in enumerate(said.jamo) if sound.cause]


def still_sites(said: Pronunciation, patterns: Iterable[Pattern]) -> list[Site]:
    """Sounds said as written, with a letter standing where one of the patterns has its cause.

    Parameters
    ----------
    said : Pronunciation
    patterns : iterable of Pattern
        What has to be near the letter.
    """
    wanted, found = set(patterns), []
    for number, sound in enumerate(said.jamo):
        if sound.changes:
            continue
        for pattern in sorted(wanted):
            letter = sound.source[0] + pattern.offset
            if 0 <= letter < len(said.letters) and _pattern(said, sound, letter) == pattern:
                found.append(Site(number, sound.source, (letter,), "", pattern))
    return found


def _pattern(said: Pronunciation, sound: Sound, cause: int) -> Pattern:
    own = sound.source[0]
    return Pattern(said.letters[own].place, cause - own, said.letters[cause].place)


def looks(said: Pronunciation, record: AttentionRecord, sites: Iterable[Site]) -> list[Look | None]:
    """Where sites stand in a record.

    Parameters
    ----------
    said : Pronunciation
    record : AttentionRecord
        Of a model that reads the letters of `said` and says its sounds, teacher-forced. Tokens with an empty span are
        special and stand for neither.
        In an "encoder" record the row is that of the letter itself; in a "cross" or "decoder" record that of the step
        that says the sound. Keys of a "decoder" record are sounds said before: those made of the cause.
    sites : iterable of Site

    Returns
    -------
    list of Look or None
        None where the record does not hold the cause: a decoder has not said it yet.

    Raises
    ------
    RecordError
        If the record has not as many tokens as `said` has letters and sounds.
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


def own_places(said: Pronunciation, record: AttentionRecord) -> tuple[list[int], np.ndarray]:
    """The rows of a record that stand for letters or sounds, and each one's own keys.

    Own is the letter itself in an encoder, the letters a sound is made of in cross-attention, and in a decoder the sound
    said last (the first row has the token that begins).

    Parameters
    ----------
    said : Pronunciation
    record : AttentionRecord
        Of its word, of any kind.

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
        Of its word, of kind "encoder" or "cross".
    """
    return _places(said, record)[1]


def _places(said: Pronunciation, record: AttentionRecord) -> tuple[list[int], list[int]]:
    """Rows and keys that are no special tokens, in the order of letters and sounds."""
    expected = {"encoder": (len(said.letters),) * 2, "cross": (len(said.jamo), len(said.letters)),
                "decoder": (len(said.jamo),) * 2}
    if record.kind not in expected:
        raise RecordError(f"expected a record of kind encoder, decoder or cross, got {record.kind!r}.")
    rows, keys = _spoken(record.queries), _spoken(record.keys)
    if record.kind == "decoder":  # the last sound need not be a key: nothing is said after it
        keys = keys + [len(record.keys)] * (len(rows) - len(keys))
    if (len(rows), len(keys)) != expected[record.kind]:
        raise RecordError(
            f"the {record.kind} record of {said.text!r} has {len(rows)} rows and {len(keys)} keys for letters and sounds, "
            f"expected were {expected[record.kind]}. Make it with sounds={said.sounds!r}.")
    return rows, keys


def _spoken(tokens: tuple[Token, ...]) -> list[int]:
    return [i for i, token in enumerate(tokens) if token.end > token.start]
