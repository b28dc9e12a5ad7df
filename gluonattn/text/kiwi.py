"""Kiwi, a morphological analyser without Java."""

from __future__ import annotations

import importlib.util

from ..errors import DependencyError
from ..record import Token
from .align import cover
from .base import Tokenizer
from .tagger import make_readable

_NO_KIWI = "the kiwi tokenizer needs kiwipiepy. Run pip install kiwipiepy."


class Kiwi(Tokenizer):
    """Kiwi; restores lemmas and returns their original places."""

    name = "kiwi"
    needs = "kiwipiepy (pip install 'gluonattn[kiwi]')"
    wheels = ("kiwipiepy", "kiwipiepy_model")

    def __init__(self) -> None:
        try:
            import kiwipiepy
        except ImportError:
            raise DependencyError(_NO_KIWI) from None
        self._kiwi = kiwipiepy.Kiwi(num_workers=1)

    @classmethod
    def lacking(cls) -> str | None:
        return None if importlib.util.find_spec("kiwipiepy") else _NO_KIWI

    def _tokens(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        for token in self._kiwi.tokenize(make_readable(text)):
            start = max(token.start, tokens[-1].start if tokens else 0)
            end = min(max(token.start + token.len, start + 1), len(text))
            tokens.append(Token(token.form, start, end, token.tag))
        return cover(text, tokens)
