"""Tokenizers by name. Each is a class in a file of this folder; files ``NAME_tokenizer.py`` are found automatically."""

from __future__ import annotations

from ..errors import choose
from ..finding import find_entries
from .base import Tokenizer
from .characters import Jamo, Syllable, Whitespace
from .java import Hannanum, Kkma, Komoran, Okt
from .kiwi import Kiwi
from .mecab import Mecab

KNOWN: dict[str, type[Tokenizer]] = {
    kind.name: kind
    for kind in (Mecab, Okt, Komoran, Hannanum, Kkma, Kiwi, Whitespace, Syllable, Jamo,
                 *find_entries(__file__, __package__, "tokenizer"))
}
DEFAULT = Mecab.name
_made: dict[str, Tokenizer] = {}


def tokenizer(name: str = DEFAULT) -> Tokenizer:
    """The tokenizer of that name. It is made once and shared in a process.

    Parameters
    ----------
    name : str, default "mecab"
        A key of `KNOWN`; `gluonattn tokenizers` lists them.

    Raises
    ------
    OptionError
        If the name is unknown.
    DependencyError
        If a requirement (Java, Kiwi) is missing.
    """
    if name not in _made:
        _made[name] = choose("tokenizer", name, KNOWN)()
    return _made[name]
