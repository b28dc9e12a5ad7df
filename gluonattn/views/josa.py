"""The Korean particle that fits the sound a word ends in: 수준이, 영화가, 긍정으로."""

from __future__ import annotations

import unicodedata

# Final sounds of digits and Latin letters when they are read out in Korean: a consonant, or ㄹ.
_CLOSED = set("0136780LMNRlmnr") - set("178LRlr")
_LIQUID = set("178LRlr")


def josa(word: str, pair: str) -> str:
    """The form of a particle that follows a word.

    Parameters
    ----------
    word : str
        The preceding word. Marks after its last letter are ignored.
    pair : str
        Both forms, the one after a consonant first: ``"이/가"``, ``"을/를"``, ``"으로/로"``.

    Returns
    -------
    str
        One of the two forms. Both, as ``"이(가)"``, after a word without a single Korean reading.
    """
    closed, open_ = pair.split("/")
    ending = _ending(word)
    if ending is None:
        return f"({closed[0]}){open_}" if closed == "으로" else f"{closed}({open_})"
    if closed == "으로" and ending == "ㄹ":
        return open_
    return closed if ending else open_


def _ending(word: str) -> str | None:
    """"" for a vowel, "ㄹ", or "ㄱ" for any other consonant. None if it is unknown."""
    for character in reversed(unicodedata.normalize("NFC", word)):
        if "가" <= character <= "힣":
            last = (ord(character) - ord("가")) % 28
            return "" if not last else "ㄹ" if last == 8 else "ㄱ"
        if "ㄱ" <= character <= "ㅎ":  # a single letter is read by its name, which ends in that letter: 키읔, 리을
            return "ㄹ" if character == "ㄹ" else "ㄱ"
        if "ㅏ" <= character <= "ㅣ":
            return ""
        if character.isascii() and character.isalnum():
            return "ㄹ" if character in _LIQUID else "ㄱ" if character in _CLOSED else ""
        if character.isalnum():
            return None
    return None
