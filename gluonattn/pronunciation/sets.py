"""The words that a pronunciation model is trained and tested on: from a corpus, from the word lists, and forms of stems.

A corpus has few listed words to hold out, and no rule over sounds gives their pronunciation. So the listed words of
articles 26 and 28 are split separately, three tenths for the test, and every word of the corpus that contains one of
them joins its split. Forms built by rule (`add_shapes`) are split by their stem, as the words of a corpus are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Optional

from ..errors import DataError
from .pairs import SPLITS, Pair, PairSets, kind_of, split_of
from .pronounce import Pronunciation, pronounce, pronounce_units
from .shapes import shapes
from .words import words_with

LISTED = ("tensification_sino_korean", "tensification_in_compounds", "plain")  # arguments of `words_with`
LISTED_FRACTIONS = (0.6, 0.1, 0.3)
_COLUMNS = ("split", "spelling", "kind", "lemma", "occurrences")


def add_listed(sets: PairSets, seed: int = 0) -> PairSets:
    """Add the listed words to the pairs of a corpus. No word of another split contains a held-out one.

    Parameters
    ----------
    sets : PairSets
        Result of `word_pairs`. It is not changed.
    seed : int
        Seed of the split of the listed words.

    Returns
    -------
    PairSets
        A listed word that is not in the corpus has 0 occurrences. If a word contains two listed words, the one held out
        for the test decides, then the one for validation.
    """
    drawn = {word: split_of(word, LISTED_FRACTIONS, seed) for rule in LISTED for word in words_with(rule)}
    found = PairSets(left_out=sets.left_out.copy())
    seen = set()
    for name in SPLITS:
        for pair in getattr(sets, name):
            seen.add(pair.spelling)
            getattr(found, _split_of_listed(pair.spelling, drawn) or name).append(pair)
    for word in drawn:
        if word not in seen:
            said = pronounce(word)
            getattr(found, _split_of_listed(word, drawn) or "train").append(Pair(word, said, kind_of(said), word, 0))
    return found


def add_shapes(sets: PairSets, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0) -> PairSets:
    """Add forms of stems and nouns with every coda, before every kind of ending, to the pairs of a corpus.

    Parameters
    ----------
    sets : PairSets
        Result of `word_pairs`. It is not changed.
    fractions : (float, float, float)
    seed : int
        As for `word_pairs`. With the same values, the forms of a stem join the corpus's forms of it.

    Returns
    -------
    PairSets
        A form that is not in the corpus has 0 occurrences. A form is left out if `pronounce` alone reads it differently,
        because it is spelled like another word.
    """
    found = PairSets(list(sets.train), list(sets.valid), list(sets.test), sets.left_out.copy())
    seen = {pair.spelling for name in SPLITS for pair in getattr(sets, name)}
    for form, lemma, said in _pronounce_shapes():
        if form not in seen and said:
            getattr(found, split_of(lemma, fractions, seed)).append(Pair(form, said, kind_of(said), lemma, 0))
        seen.add(form)
    return found


@cache
def _pronounce_shapes() -> list[tuple[str, str, Optional[Pronunciation]]]:
    """Each form, its lemma and its pronunciation. None if `pronounce` alone pronounces it differently."""
    made = [(form, lemma, pronounce_units(form, units)) for form, lemma, units in shapes()]
    return [(form, lemma, said if pronounce(form).sounds == said.sounds else None) for form, lemma, said in made]


def _split_of_listed(spelling: str, drawn: dict[str, str]) -> str:
    """The split of the listed words in a word; "" if it contains none."""
    inside = {drawn.get(spelling[start:end], "") for start in range(len(spelling))
              for end in range(start + 1, len(spelling) + 1)}
    return next((name for name in reversed(SPLITS) if name in inside), "")


def to_table(sets: PairSets) -> str:
    """All pairs as tab-separated text, without the parts that `pronounce` can compute again."""
    rows = [_COLUMNS, *((name, p.spelling, p.kind, p.lemma, str(p.occurrences))
                        for name in SPLITS for p in getattr(sets, name))]
    return "".join("\t".join(row) + "\n" for row in rows)


def from_table(table: str, splits: Sequence[str] = SPLITS) -> PairSets:
    """Read the pairs of some splits from the text of `to_table`.

    Parameters
    ----------
    table : str
        Text from `to_table`.
    splits : sequence of str, default all
        Which splits to read.

    Raises
    ------
    DataError
        If it is not such a table.
    """
    header, *rows = table.splitlines()
    if tuple(header.split("\t")) != _COLUMNS:
        raise DataError(f"expected the columns {', '.join(_COLUMNS)}; got {header!r:.80}.")
    sets = PairSets()
    for row in rows:
        name, spelling, kind, lemma, occurrences = row.split("\t")
        if name in splits:
            getattr(sets, name).append(Pair(spelling, pronounce(spelling), kind, lemma, int(occurrences)))
    return sets
