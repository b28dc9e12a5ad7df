"""Tokenizers without a dictionary: eojeol, syllables, letters."""

from __future__ import annotations

import unicodedata

from ..record import Token
from .align import cover
from .base import Tokenizer


class Whitespace(Tokenizer):
    """Eojeol: words separated by spaces."""

    name = "whitespace"

    def _tokens(self, text: str) -> list[Token]:
        return cover(text, [])


class Syllable(Tokenizer):
    """One token for each visible character, together with its combining marks and conjoining letters."""

    name = "syllable"

    def _tokens(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        for i, character in enumerate(text):
            if character.isspace():
                continue
            if tokens and tokens[-1].end == i and _joins(character):
                tokens[-1] = Token(text[tokens[-1].start : i + 1], tokens[-1].start, i + 1)
            else:
                tokens.append(Token(character, i, i + 1))
        return tokens


def _joins(character: str) -> bool:
    """Whether a character joins the previous one: a combining mark, or a vowel or final of decomposed Hangul."""
    return unicodedata.category(character).startswith("M") or "\u1160" <= character <= "\u11ff"


class Jamo(Tokenizer):
    """Letters: 값 becomes ㄱ, ㅏ, ㅂㅅ, as conjoining jamo with the same span."""

    name = "jamo"

    def _tokens(self, text: str) -> list[Token]:
        return [
            Token(part, i, i + 1)
            for i, character in enumerate(text)
            if not character.isspace()
            for part in unicodedata.normalize("NFD", character)
        ]
