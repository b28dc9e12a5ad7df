"""Accuracy of a pronunciation model on unseen words: by kind of word, by rule, and on tensification.

No rule over sounds decides whether a consonant after a sonorant coda is tense (갈등 [갈뜽], 문고리 [문꼬리]): articles 26
and 28 depend on the origin and formation of a word. A model can only have learned words and their parts, so it is
compared with two baselines that need no learning: every such consonant tense, and none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..text.jamo import CODA_SOUNDS, TENSE, is_syllable, split
from .pairs import Pair
from .state import RULES, Sound

ARTICLES = {"26": "tensification_sino_korean", "28": "tensification_in_compounds"}
KINDS = ("plain", "rules", "lexical")
_SOUNDING = set(CODA_SOUNDS) & set("ㄴㄹㅁㅇ")


def accuracy(pairs: Sequence[Pair], said: Sequence[str]) -> dict[str, Any]:
    """Count exactly correct words, and tensification by articles 26 and 28.

    Parameters
    ----------
    pairs : sequence of Pair
        Words with their standard pronunciation.
    said : sequence of str
        The model's pronunciations, from `Pronouncer.say`.

    Returns
    -------
    dict
        "all", "kinds" and "rules": numbers of words and correct words, and accuracy. "rules" has the names of the rules that
        acted in a word. A rule over sounds is counted only in words that need no list, so that errors of the lists do not
        count against it. "tensification", for each article: see `tensification`. "wrong": spelling, pronunciation and the
        model's pronunciation.
    """
    marks = [one == pair.said.sounds for one, pair in zip(said, pairs)]
    both = list(zip(pairs, marks))
    return {
        "all": _tally(marks),
        "kinds": {kind: _tally(mark for pair, mark in both if pair.kind == kind) for kind in KINDS},
        "rules": {name: row for name, rule in RULES.items() if (row := _tally(
            mark for pair, mark in both if name in pair.said.rules and (rule.lexical or pair.kind != "lexical")
        ))["words"]},
        "tensification": {article: tensification(pairs, said, article) for article in ARTICLES},
        "wrong": [(pair.spelling, pair.said.sounds, one) for pair, one, mark in zip(pairs, said, marks) if not mark],
    }


def tensification(pairs: Sequence[Pair], said: Sequence[str], article: str) -> dict[str, Any]:
    """Count the consonants that an article might make tense, and those that the model pronounces correctly.

    Article 26 concerns ㄹ before ㄷ, ㅅ or ㅈ. Article 28 concerns ㄴ, ㄹ, ㅁ or ㅇ before ㄱ, ㄷ, ㅂ, ㅅ or ㅈ, where 26
    does not act. Consonants that another rule makes tense (24, 27) do not count.

    Parameters
    ----------
    pairs, said
        As for `accuracy`.
    article : {"26", "28"}

    Returns
    -------
    dict
        "tense" and "plain": the number of each, the number of correct ones, and the fraction. "accuracy": over all.
        "balanced": the mean of both fractions. "always" and "never": accuracy if all or none are tense.
    """
    marks: dict[bool, list[bool]] = {True: [], False: []}
    for pair, one in zip(pairs, said):
        for sound in _places(pair, article):
            heard = one[sound.syllable] if len(one) == len(pair.said.sounds) else ""
            marks[bool(sound.changes)].append(is_syllable(heard) and split(heard)[0] == sound.jamo)
    tense, plain = _tally(marks[True]), _tally(marks[False])
    total = tense["words"] + plain["words"]
    return {
        "tense": tense, "plain": plain,
        "accuracy": (tense["right"] + plain["right"]) / total if total else None,
        "balanced": (tense["accuracy"] + plain["accuracy"]) / 2 if marks[True] and marks[False] else None,
        "always": tense["words"] / total if total else None, "never": plain["words"] / total if total else None,
    }


def _places(pair: Pair, article: str) -> Iterator[Sound]:
    """Onsets at places where the article may act, which are plain or made tense by it."""
    letters = pair.said.letters
    for sound in pair.said.jamo:
        at = sound.source[0]
        if sound.place != "onset" or at == 0 or len(sound.source) > 1:
            continue
        before, here = letters[at - 1], letters[at]
        possible = (before.jamo == "ㄹ" and here.jamo in "ㄷㅅㅈ") if article == "26" else (
            before.jamo in _SOUNDING and here.jamo in TENSE)
        if possible and before.place == "coda" and here.place == "onset" and (
                not sound.changes or [change.rule for change in sound.changes] == [ARTICLES[article]]):
            yield sound


def _tally(marks: Iterable[bool]) -> dict[str, Any]:
    found = list(marks)
    return {"words": len(found), "right": sum(found), "accuracy": sum(found) / len(found) if found else None}
