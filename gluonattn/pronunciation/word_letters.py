"""A word as the input of a pronunciation model: syllables or conjoining jamo, and its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Union

from ..errors import TextError
from ..plain import plain
from ..record import Token
from ..text.jamo import ALPHABET, conjoin, decompose, is_syllable, split, write

Word = Union[str, Sequence[str]]  # syllables, or conjoining jamo


def to_list(words: Iterable[Word]) -> list[Word]:
    """Return words as a list, like `gluonattn.plain.read_texts`. A single string is one word."""
    return [words] if isinstance(words, str) else list(words)


def to_jamo(word: Word) -> list[str]:
    """Convert a word to conjoining jamo.

    Raises
    ------
    TextError
        If it does not consist of Hangul syllables or conjoining jamo.
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
    """Convert a word to text and tokens. Each letter has the span of its syllable and its place. The end mark is last."""
    letters = to_jamo(word)
    text, places = write(letters)
    found = [Token(decompose(letter)[0], at, at + 1, decompose(letter)[1]) for letter, at in zip(letters, places)]
    return text, (*found, Token("</s>", len(text), len(text)))
