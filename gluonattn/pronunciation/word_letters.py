"""A word as a model of pronunciation takes it: syllables or conjoining jamo, and its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Union

from ..errors import TextError
from ..plain import plain
from ..record import Token
from ..text.jamo import ALPHABET, conjoin, decompose, is_syllable, split, write

Word = Union[str, Sequence[str]]  # syllables, or conjoining jamo


def to_list(words: Iterable[Word]) -> list[Word]:
    """Words as a list, as `gluonattn.plain.read_texts` has texts: a single string is one word."""
    return [words] if isinstance(words, str) else list(words)


def to_jamo(word: Word) -> list[str]:
    """A word as conjoining jamo.

    Raises
    ------
    TextError
        If it is not of Hangul syllables or conjoining jamo.
    """
    if isinstance(word, str):
        word = plain(word)
        if not word or not all(map(is_syllable, word)):
            raise TextError(f"expected one word of Hangul syllables, got {word!r:.60}: leave out spaces and signs.")
        return [conjoin(jamo, place) for syllable in word
                for jamo, place in zip(split(syllable), ("onset", "vowel", "coda")) if jamo]
    wrong = [letter for letter in word if letter not in ALPHABET]
    if wrong:
        raise TextError(f"expected conjoining jamo (pronounce(word).written has them), got {wrong[0]!r}.")
    return list(word)


def to_tokens(word: Word) -> tuple[str, tuple[Token, ...]]:
    """A word as text and tokens: a letter with the span of its syllable and its place; the end behind them."""
    letters = to_jamo(word)
    text, places = write(letters)
    found = [Token(decompose(letter)[0], at, at + 1, decompose(letter)[1]) for letter, at in zip(letters, places)]
    return text, (*found, Token("</s>", len(text), len(text)))
