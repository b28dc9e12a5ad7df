"""Words to learn from and to test on: what is held out stands nowhere else."""

from __future__ import annotations

import pytest

from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate
from gluonattn.errors import DataError
from gluonattn.pronunciation.pairs import SPLITS, word_pairs
from gluonattn.pronunciation.sets import (
    LISTED,
    LISTED_FRACTIONS,
    add_listed,
    from_table,
    split_of,
    to_table,
)
from gluonattn.pronunciation.words import words_with


@pytest.fixture(scope="module")
def corpus():
    return word_pairs(read_reviews(locate("sample").train).texts, min_count=2)


@pytest.mark.parametrize("seed", [0, 1])
def test_no_held_out_listed_word_stands_in_a_word_of_another_split(corpus, seed):
    sets = add_listed(corpus, seed)
    listed = {word for rule in LISTED for word in words_with(rule)}
    held = {name: [w for w in listed if split_of(w, LISTED_FRACTIONS, seed) == name] for name in ("valid", "test")}
    trained = " ".join(pair.spelling for pair in sets.train)
    assert len(held["test"]) > 150
    assert not [word for name in held for word in held[name] if word in trained]
    assert not [w for w in held["test"] if any(w in pair.spelling for pair in sets.valid)]
    assert set(held["test"]) <= {pair.spelling for pair in sets.test}


def test_every_word_of_the_corpus_and_of_the_lists_is_there_once(corpus):
    sets = add_listed(corpus)
    found = [pair.spelling for name in SPLITS for pair in getattr(sets, name)]
    listed = {word for rule in LISTED for word in words_with(rule)}
    assert len(found) == len(set(found))
    assert set(found) == listed | {pair.spelling for name in SPLITS for pair in getattr(corpus, name)}
    kept = {pair.spelling: name for name in SPLITS for pair in getattr(corpus, name)}
    moved = {p.spelling for name in SPLITS for p in getattr(sets, name) if kept.get(p.spelling, name) != name}
    assert moved and all(any(word in spelling for word in listed) for spelling in moved)


def test_a_table_gives_the_same_pairs_again(corpus):
    sets = add_listed(corpus)
    again = from_table(to_table(sets))
    assert all(getattr(again, name) == getattr(sets, name) for name in SPLITS)
    only = from_table(to_table(sets), ["test"])
    assert only.test == sets.test and not only.train
    with pytest.raises(DataError, match="expected the columns split, spelling"):
        from_table("a\tb\n")
