"""Words of a corpus with their pronunciation, split into train, valid and test: the data of a pronunciation model.

Words whose pronunciation by rules and lists cannot be trusted are left out and counted. Mecab finds the morphemes. Without
context it may err, and so may the lists. docs/pronunciation.md says how often.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional

from ..errors import OptionError
from ..plain import plain, read_texts
from ..text.jamo import SILENT, TENSE, split
from .marks import marks_of
from .morphemes import Morpheme, morphemes
from .pronounce import Pronunciation, pronounce_units
from .state import RULES
from .words import I_VOWELS

SPLITS = ("train", "valid", "test")
_CONTENT = ("N", "V", "M", "XR", "IC")  # nouns, verbs, adverbs, roots; not particles, endings and suffixes
_AFTER_NASAL = "tensification_after_nasal_stem"


class Pair(NamedTuple):
    """One word with its pronunciation.

    Attributes
    ----------
    spelling : str
    said : Pronunciation
        The pronunciation with its causes. `said.sounds` has its syllables.
    kind : str
        "plain": pronounced as written. "rules": changed by rules over sounds. "lexical": by a listed word or a verb stem.
    lemma : str
        The base of the first content morpheme, or of the one that a word list decided. The split depends on it.
    occurrences : int
        Number of occurrences in the texts.
    """

    spelling: str
    said: Pronunciation
    kind: str
    lemma: str
    occurrences: int


@dataclass
class PairSets:
    """The pairs of each split, and the number of words left out for each reason."""

    train: list[Pair] = field(default_factory=list)
    valid: list[Pair] = field(default_factory=list)
    test: list[Pair] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def word_pairs(
    texts: Iterable[str],
    *,
    min_count: int = 1,
    max_length: int = 8,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    progress: Optional[Callable[[int, int], None]] = None,
) -> PairSets:
    """Collect distinct eojeol of Hangul syllables, pronounce them and split them by lemma.

    Parameters
    ----------
    texts : iterable of str
    min_count : int
        Minimum number of occurrences of a word.
    max_length : int
        Maximum number of syllables of a word.
    fractions : (float, float, float)
        Fractions of lemmas in train, valid and test, which sum to 1. A lemma is always in the same split.
    seed : int
        Seed of the split.
    progress : callable or None
        Called with (words done, all words).

    Returns
    -------
    PairSets

    Raises
    ------
    TextError
        If `texts` does not yield texts in an order.
    OptionError
        If `fractions` are not three numbers that sum to 1, or `min_count` or `max_length` is below 1.
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise OptionError(f"expected three fractions (train, valid, test) that sum to 1, got {fractions}.")
    if min_count < 1 or max_length < 1:
        raise OptionError(f"expected min_count and max_length of at least 1, got {min_count} and {max_length}.")
    plain_texts = map(plain, read_texts(texts, "word_pairs"))
    counts = Counter(word for text in plain_texts for word in re.findall(r"(?<!\S)\W*([가-힣]+)\W*(?!\S)", text))
    words = sorted(word for word, count in counts.items() if count >= min_count and len(word) <= max_length)
    sets = PairSets()
    for done, word in enumerate(words, 1):
        units = morphemes(word)
        said = pronounce_units(word, units)
        reason = doubt(said, units)
        if reason:
            sets.left_out[reason] += 1
        else:
            lemma = lemma_of(said, units)
            pair = Pair(word, said, kind_of(said), lemma, counts[word])
            getattr(sets, split_of(lemma, fractions, seed)).append(pair)
        if progress and (done % 500 == 0 or done == len(words)):
            progress(done, len(words))
    return sets


def split_of(lemma: str, fractions: tuple[float, float, float], seed: int) -> str:
    """Return the split of a lemma. It depends only on the lemma, so more words never change it.

    Parameters
    ----------
    lemma : str
    fractions : (float, float, float)
        Fractions of training, validation and test, which sum to 1.
    seed : int
    """
    draw = int.from_bytes(hashlib.sha256(f"{seed}:{lemma}".encode()).digest()[:8], "big") / 2**64
    return SPLITS[0] if draw < fractions[0] else SPLITS[1] if draw < fractions[0] + fractions[1] else SPLITS[2]


def kind_of(said: Pronunciation) -> str:
    """`Pair.kind` of a pronunciation."""
    return "lexical" if said.lexical else "rules" if said.rules else "plain"


def lemma_of(said: Pronunciation, units: list[Morpheme]) -> str:
    """Base of the morpheme in which a listed rule acted, else of the first content morpheme, else of the first.

    Parameters
    ----------
    said : Pronunciation
    units : list of Morpheme
        Morphemes of the word.
    """
    for sound in said.jamo:
        if any(RULES[change.rule].lexical for change in sound.changes):
            before = [m for m in units if m.start <= max(sound.syllable - 1, 0)]
            return before[-1].base
    return next((m.base for m in units if m.tag.startswith(_CONTENT)), units[0].base)


def doubt(said: Pronunciation, units: list[Morpheme]) -> str:
    """Return the reason why a word's pronunciation cannot be trusted, or "".

    Parameters
    ----------
    said : Pronunciation
    units : list of Morpheme
        Morphemes of the word.
    """
    word = said.text
    found = marks_of(word, (), units)
    starts = {m.start: (before, m) for before, m in zip(units, units[1:])}
    if not units or any(m.tag.startswith(("S", "UN")) for m in units):
        return "not analysed"
    if any(found.marks[place].rule == _AFTER_NASAL for place in found.optional):
        return "a homograph"
    for place in range(1, len(word)):
        mark = found.marks.get(place)
        coda = split(word[place - 1])[2]
        onset, vowel, _ = split(word[place])
        before, here = starts.get(place, (None, None))
        if place in found.kept:
            continue
        if before is None or here is None or before.word == here.word:
            if mark is None and coda == "ㄹ" and onset in ("ㄷ", "ㅅ", "ㅈ") and _tag_at(units, place).startswith("N"):
                return "ㄹ before ㄷ, ㅅ, ㅈ in an unlisted noun"
            continue
        if mark is not None and here.tag.startswith("J"):
            return "a listed word across a particle"
        if mark is None and here.tag.startswith(_CONTENT) and coda:
            if onset == SILENT and (vowel in I_VOWELS or coda not in "ㄱㄴㄹㅁㅂㅇ"):
                return "two words meet, a vowel follows"
            if coda in "ㄴㄹㅁㅇ" and onset in TENSE:
                return "two words meet, tense or not"
    return ""


def _tag_at(units: list[Morpheme], place: int) -> str:
    return [m for m in units if m.start <= place][-1].tag
