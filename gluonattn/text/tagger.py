"""The base class of morphological analysers: it calls them piece by piece and aligns their output with the text."""

from __future__ import annotations

import unicodedata
from abc import abstractmethod
from collections.abc import Iterable, Iterator

from ..record import Token
from .align import align, cover
from .base import Tokenizer

# Java taggers are slow on long input (Kkma extremely so); pieces end at spaces.
MAX_PIECE_LENGTH = 300


class Tagger(Tokenizer):
    """A morphological analyser from a library. Subclasses define how it is called."""

    def _tokens(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        # Piece by piece, because alignment of a long repetitive text takes minutes.
        for start, piece in split_pieces(make_readable(text, self._last_character), self._max_length):
            found = align(piece, self._tag(piece))
            tokens.extend(found if start == 0 else (
                Token(surface, start + begin, start + end, tag) for surface, begin, end, tag in found))
        return cover(text, tokens)

    _max_length = MAX_PIECE_LENGTH
    _last_character = 0x10FFFF

    @abstractmethod
    def _tag(self, text: str) -> Iterable[tuple[str, str | None]]: ...


def make_readable(text: str, last: int = 0x10FFFF) -> str:
    """Replace the characters on which a tagger would fail by spaces, one for one.

    Lone surrogates have no UTF-8, and a tagger cannot read characters above `last`. Replaced
    characters become untagged tokens.

    Parameters
    ----------
    text : str
    last : int, default 0x10FFFF
        The last character that the tagger can read.
    """
    # Printable text has no space except " " and none of the categories below.
    if text.isprintable() and (last == 0x10FFFF or text.isascii()):
        return text
    return "".join(
        " " if c.isspace() or ord(c) > last or unicodedata.category(c) in ("Cc", "Cs") else c
        for c in text
    )


def split_pieces(text: str, max_length: int) -> Iterator[tuple[int, str]]:
    """Split a long text at spaces into pieces, each with its start in the text.

    Parameters
    ----------
    text : str
    max_length : int
        Maximum number of characters of a piece.
    """
    start = 0
    while start < len(text):
        end = min(start + max_length, len(text))
        if end < len(text):
            space = text.rfind(" ", start + 1, end)
            end = space if space > 0 else end
        if not text[start:end].isspace():
            yield start, text[start:end]
        start = end
