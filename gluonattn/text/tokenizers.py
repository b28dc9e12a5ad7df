"""Tokenizers by name: each is a class in a file of this folder, and a name in `KNOWN`."""

from __future__ import annotations

from ..errors import choose
from .base import Tokenizer
from .characters import Jamo, Syllable, Whitespace
from .java import Hannanum, Kkma, Komoran, Okt
from .kiwi import Kiwi
from .mecab import Mecab

KNOWN: dict[str, type[Tokenizer]] = {
    kind.name: kind
    for kind in (Mecab, Okt, Komoran, Hannanum, Kkma, Kiwi, Whitespace, Syllable, Jamo)
}
DEFAULT = Mecab.name
_made: dict[str, Tokenizer] = {}


def tokenizer(name: str = DEFAULT) -> Tokenizer:
    """The tokenizer of that name; one is made and shared in a process.

    Parameters
    ----------
    name : str, default "mecab"
        One of mecab, okt, komoran, hannanum, kkma, kiwi, whitespace, syllable, jamo.

    Raises
    ------
    OptionError
        If the name is unknown.
    DependencyError
        If what it needs (Java, Kiwi) is missing.
    """
    if name not in _made:
        _made[name] = choose("tokenizer", name, KNOWN)()
    return _made[name]
