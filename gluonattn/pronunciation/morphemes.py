"""The morphemes of a text from Mecab, in the form that the pronunciation rules need.

Mecab is loaded with the first text. It reads the whole text, because a word is easier to analyse in context.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from ..text.jamo import coda_of
from ..text.mecab import Mecab
from ..text.tagger import make_readable, split_pieces
from ..text.tokenizers import tokenizer

NOUNS = ("N", "XPN", "XR", "XSN", "SL", "SH", "SN")
_STEMS = ("VV", "VA", "VX")
_MAX_LENGTH = 4000  # maximum number of characters that Mecab reads at once
_ENDING_IN_L = re.compile("(?:[\u11afㄹ]|^을)(?P<rest>[가-힣]+)$")


class Morpheme(NamedTuple):
    """A morpheme, or a part of a compound noun.

    Attributes
    ----------
    start, end : int
        The morpheme's span in the text.
    tag : str
        Mecab's tag. "VV+ETM" if two morphemes were fused (할).
    form : str
        The morpheme as written.
    base : str
        The first morpheme before it was fused: 하 of 했.
    fused : str
        The ending before it was fused, with the particles after it: ᆯ게 of 할게, 을지도 of 했을지도. "" if none was fused.
    word : int
        Number of the dictionary word of Mecab that contains the morpheme.
    """

    start: int
    end: int
    tag: str
    form: str
    base: str
    fused: str
    word: int

    @property
    def is_stem(self) -> bool:
        """Whether it ends in the stem of a verb or an adjective."""
        return self.tag.split("+")[-1].startswith(_STEMS)

    @property
    def is_ending(self) -> bool:
        return self.tag.startswith("E")

    @property
    def is_noun(self) -> bool:
        return self.tag.startswith(NOUNS) and "+" not in self.tag

    @property
    def is_adnominal(self) -> bool:
        """Whether it ends in the adnominal ending -(으)ㄹ."""
        return self.tag.endswith("ETM") and coda_of(self.form[-1]) == "ㄹ"

    @property
    def ending_after_l(self) -> int:
        """The place in the text where an ending continues after its ㄹ (할|게, 먹을|수록). 0 if there is none."""
        found = _ENDING_IN_L.search(self.fused)
        if found:
            return self.end - len(found["rest"])
        if self.is_ending and len(self.form) > 1 and self.form.startswith("을"):
            return self.start + 1
        return 0


def morphemes(text: str) -> list[Morpheme]:
    """Return the morphemes of a text, in order. Parts of compound nouns are separate.

    Text that is not Hangul and unknown words are cut as by Mecab, with its tags (SF, SL, UNKNOWN).

    Raises
    ------
    DependencyError
        If Mecab cannot be loaded.
    """
    found: list[Morpheme] = []
    for start, piece in split_pieces(make_readable(text), _MAX_LENGTH):
        at, number = start, (found[-1].word + 1 if found else 0)
        for surface, tag, kind, expression in _analyse(piece):
            at = text.find(surface, at)
            if at < 0:  # Mecab changed its input, so nothing after this can be located
                break
            found += _parts(at, surface, tag, kind, expression, number)
            at, number = at + len(surface), number + 1
    return found


@lru_cache(maxsize=4096)
def is_noun(form: str) -> bool:
    """Whether Mecab analyses a form as one noun."""
    found = _analyse(form)
    return len(found) == 1 and found[0][1] == "NNG"


@lru_cache(maxsize=4096)
def is_verb(stem: str) -> bool:
    """Whether Mecab analyses a stem as that of a verb that -시- can follow."""
    found = _analyse(f"{stem}시다")
    return bool(found) and found[0][1].startswith("VV") and len(found[0][0]) >= len(stem)


@lru_cache(maxsize=256)
def _analyse(text: str) -> tuple[tuple[str, str, str, str], ...]:
    """(surface, tag, kind, expression) of each word of Mecab's dictionary."""
    mecab = tokenizer("mecab")
    assert isinstance(mecab, Mecab)
    fields = ((surface, entry.split(",")) for surface, entry in mecab.look_up(text))
    # Unknown words have fewer fields.
    return tuple((surface, f[0], f[4] if len(f) > 7 else "*", f[7] if len(f) > 7 else "*") for surface, f in fields)


def _parts(at: int, surface: str, tag: str, kind: str, expression: str, number: int) -> Iterator[Morpheme]:
    pieces = [tuple(piece.split("/")[:2]) for piece in expression.split("+") if piece.count("/") >= 1]
    if kind == "Compound" and "".join(piece[0] for piece in pieces) == surface:
        for form, part_tag in pieces:
            yield Morpheme(at, at + len(form), part_tag, form, form, "", number)
            at += len(form)
        return
    fused = kind in ("Inflect", "Preanalysis") and "+" in tag and len(pieces) > 1
    last = len(pieces) - 1
    while last > 1 and tag.split("+")[last:last + 1] and tag.split("+")[last].startswith("J"):
        last -= 1
    yield Morpheme(at, at + len(surface), tag, surface, pieces[0][0] if fused else surface,
                   "".join(piece[0] for piece in pieces[last:]) if fused else "", number)
