"""The form of a text that models read, and one reader for functions that take many texts.

Two texts that Unicode calls canonically equivalent, or that differ only in invisible characters, are
the same text to every model here. `plain` returns the form that models read. `place` also returns where
each of its characters is in the original text, so that spans can refer to that text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .errors import TextError

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), the interlinear marks, and control
# characters that are not white space. All of them are invisible.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BLANK = "\u2800"  # Braille without a dot: used as white space, though Unicode does not count it as such
# Straight, typographic, Korean and Japanese quotes, and the characters typed instead of them.
_QUOTES = re.compile("[\"'`\u00b4\u00ab\u00bb\u2018-\u201f\u2032-\u2036\u2039\u203a\u300c-\u300f\u301d-\u301f\uff02\uff07"
                     "\uff40\uff62\uff63]")
_ODD = re.compile(f"{_INVISIBLE.pattern}|{_BLANK}")


class Plain(NamedTuple):
    """A text in the form that models read, with the places of its characters in the original text.

    Attributes
    ----------
    text : str
        The text in NFC, without invisible characters.
    places : sequence of (int, int), or None
        For each character of `text`, its span in the original text. None if the two texts are the same.
    """

    text: str
    places: Sequence[tuple[int, int]] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Convert a span of `text` to a span of the original text.

        Parameters
        ----------
        start, end : int
            A half-open span of `text`.
        """
        if self.places is None:
            return start, end
        if start == end:
            at = self.places[start][0] if start < len(self.places) else self.places[-1][1] if self.places else 0
            return at, at
        return self.places[start][0], self.places[end - 1][1]


def plain(text: str) -> str:
    """Return the form of a text that models read: NFC (Unicode Standard Annex 15), without invisible characters.

    White space and half characters (lone surrogates) are kept.
    """
    if text.isascii() and text.isprintable():
        return text
    if _ODD.search(text):
        text = _INVISIBLE.sub("", text).replace(_BLANK, " ")
    return unicodedata.normalize("NFC", text)


def place(text: str) -> Plain:
    """Return `plain` of a text, with the place of each of its characters."""
    found = plain(text)
    if found == text:
        return Plain(text, None)
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    seen = [i for i, character in enumerate(text) if not _INVISIBLE.match(character)]
    shown = "".join(text[i] for i in seen).replace(_BLANK, " ")
    start = 0
    while start < len(shown):
        end = _segment_end(shown, start)
        composed = unicodedata.normalize("NFC", shown[start:end])
        if composed == shown[start:end]:
            places += [(i, i + 1) for i in seen[start:end]]
        else:  # composed or reordered characters share one place
            places += [(seen[start], seen[end - 1] + 1)] * len(composed)
        characters.append(composed)
        start = end
    return Plain("".join(characters), places)


def _segment_end(text: str, start: int) -> int:
    """End of the characters that normalisation treats together with the one at `start`."""
    end = start + 1
    while end < len(text):
        given, following = text[start:end], text[end]
        apart = unicodedata.normalize("NFC", given) + unicodedata.normalize("NFC", following)
        if not unicodedata.combining(following) and unicodedata.normalize("NFC", given + following) == apart:
            break
        end += 1
    return end


def text_key(text: str) -> str:
    """A key that is equal for texts that differ only in white space. It is used to find a text among others."""
    return " ".join(plain(text).split())


def bare_key(text: str) -> str:
    """A key that is equal for texts that differ only in white space and quotes. They must not be in two sets."""
    return "".join(_QUOTES.sub("", plain(text)).split())


def is_space(character: str) -> bool:
    """Whether a character separates words: white space, or a Braille cell without a dot."""
    return character.isspace() or character == _BLANK


def is_blank(text: str) -> bool:
    """Whether a text has no visible character."""
    return not text.strip() or not plain(text).strip()


def expect_text(text: Any) -> None:
    """Raise TextError unless `text` is a string."""
    if not isinstance(text, str):
        raise TextError(
            f"expected a text (str), got {type(text).__name__}: {text!r:.60}. Drop it or turn it into a str."
        )


def read_texts(texts: Iterable[str], name: str = "this function") -> list[str]:
    """Return the texts that a function was given, as a list. Every public function that takes texts calls this.

    Parameters
    ----------
    texts : iterable of str, or str
        A list, tuple, generator, numpy array, pandas Series (with any index) or anything else that yields
        texts one by one, in order. It is read once. A single string is one text.
    name : str
        Name of the function, for messages.

    Raises
    ------
    TextError
        If `texts` does not yield texts one by one in an order, or an item is not a string.
    """
    if isinstance(texts, str):
        return [str(texts)]
    shape = getattr(texts, "ndim", 1)
    if isinstance(texts, (bytes, bytearray, dict, set, frozenset)) or shape != 1:
        kind = f"{type(texts).__name__} of {shape} dimensions" if shape != 1 else type(texts).__name__
        raise TextError(
            f"{name} takes texts one by one in an order (a list, for example, or one column of a table), got a {kind}. "
            "Give the column or a list of its texts."
        )
    try:
        found = list(texts)
    except TypeError:
        raise TextError(f"{name} takes texts (a list of str), got {type(texts).__name__}: {texts!r:.60}.") from None
    for i, text in enumerate(found):
        if not isinstance(text, str):
            raise TextError(
                f"expected a text (str), got {type(text).__name__}: {text!r:.60} (number {i}, counted from 0, of the texts "
                f"given to {name}). Drop it or turn it into a str."
            )
    return [str(text) for text in found]  # numpy has its own str type
