"""Forms that are rare in a corpus: stems and nouns with every coda, before every kind of ending and particle.

A corpus has 없다 in a hundred forms and 핥다 in none. These forms are built by rule from `shapes.txt`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..text.jamo import split
from .morphemes import Morpheme

_FILE = Path(__file__).with_name("shapes.txt")
_IRREGULAR_BEFORE_VOWELS = ("낫", "묻")  # 나아, 물어


def shapes() -> Iterator[tuple[str, str, list[Morpheme]]]:
    """Yield forms of the words in the file.

    Yields
    ------
    form : str
    lemma : str
    units : list of Morpheme
        The form's two morphemes, so that no tagger is needed.
    """
    lists = _read()
    for name, tag, endings in (("verbs", "VV", lists["endings"] + lists["endings of verbs"]),
                               ("adjectives", "VA", lists["endings"])):
        for stem in lists[name]:
            regular = stem not in _IRREGULAR_BEFORE_VOWELS
            for ending in endings:
                if regular or split(ending[0])[0] != "ㅇ":
                    yield _form(stem, tag, ending, "ETN" if ending == "기" else "EC")
            for rest in lists["after a or eo"] if regular else ():
                yield _form(stem, tag, _harmonise(stem, rest), "EC")
    for noun in lists["nouns"]:
        for particle in lists["particles"]:
            if particle != "으로" or split(noun[-1])[2] != "ㄹ":
                yield _form(noun, "NNG", particle, "VCP+EC" if particle in ("이다", "입니다") else "JX")


def _read() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    name = ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif not line.startswith("#"):
            lists.setdefault(name, []).extend(line.split())
    return lists


def _harmonise(stem: str, rest: str) -> str:
    """-아 or -어 with what follows it, by the last vowel of a stem."""
    dark = split(stem[-1])[1] not in "ㅏㅗㅑ"
    if rest.startswith("ㅆ"):
        return "았었"[dark] + rest[1:]
    return "아어"[dark] + rest.lstrip("-")


def _form(first: str, tag: str, second: str, second_tag: str) -> tuple[str, str, list[Morpheme]]:
    form, end = first + second, len(first)
    units = [Morpheme(0, end, tag, first, first, "", 0),
             Morpheme(end, len(form), second_tag, second, second, "", 1)]
    return form, first, units
