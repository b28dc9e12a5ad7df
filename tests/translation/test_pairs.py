"""Pairs are read whole or counted, and no sentence stands on both sides of a split."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.errors import DataError
from gluonattn.translation.pairs import (
    DOUBLE,
    EMPTY,
    SentencePair,
    by_source,
    from_table,
    read_pairs,
    split_pairs,
    to_table,
)

PAIRS = st.lists(st.tuples(st.sampled_from(["Go.", "go", "Run!", "Stop.", "Wait", "Hi", "Eat.", "Sit"]),
                           st.sampled_from(["Va !", "va", "Cours", "Arrête", "Attends", "Salut", "Mange", "Assis"])),
                 min_size=4, max_size=60).map(lambda rows: [SentencePair(*row) for row in dict.fromkeys(rows)])


def test_columns_are_found_and_what_is_missing_is_counted(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("id\tSource\ttarget\n1\tGo.\tVa !\n2\t\tRien\n3\tGo.\tVa !\n4\tRun!\t \n5\tHi\tSalut\n",
                    encoding="utf-8")
    found = read_pairs(path)
    assert found.pairs == [("Go.", "Va !"), ("Hi", "Salut")]
    assert found.left_out == {EMPTY: 2, DOUBLE: 1}


@pytest.mark.parametrize(("name", "content", "options", "said"), [
    ("one.tsv", "source\nGo.\n", {}, "expected two columns"),
    ("other.csv", "english,french\nGo.,Va\n", {}, "--source-column"),
    ("same.csv", "source,target\nGo.,Va\n", {"target_column": "source"}, "both the source and the target"),
    ("empty.tsv", "source\ttarget\n\t\n", {}, "no pair to learn from"),
    ("number.jsonl", '{"source": "Go.", "target": 3}\n', {}, "line 1: target must be text"),
    ("broken.tsv", "source\ttarget\nGo.\n", {}, "line 2"),
])
def test_a_file_without_pairs_is_refused_with_a_cure(tmp_path, name, content, options, said):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(said)):
        read_pairs(path, **options)


def test_two_files_of_lines_must_be_equally_long(tmp_path):
    source, target = tmp_path / "a.en", tmp_path / "a.fr"
    source.write_text("Go.\nRun!\n", encoding="utf-8")
    target.write_text("Va !\nCours !\n", encoding="utf-8")
    assert read_pairs(source, target).pairs == [("Go.", "Va !"), ("Run!", "Cours !")]
    target.write_text("Va !\n", encoding="utf-8")
    with pytest.raises(DataError, match="2 lines and .* has 1"):
        read_pairs(source, target)


@given(PAIRS, st.integers(0, 5))
def test_no_sentence_stands_on_two_sides(pairs, seed):
    try:
        sets = split_pairs(pairs, 1, 1, seed)
    except DataError:
        return
    sides = [sets.train, sets.valid, sets.test]
    assert sorted(pair for side in sides for pair in side) == sorted(pairs)
    for place in (0, 1):
        folded = [{re.sub(r"\W", "", pair[place]).casefold() for pair in side} for side in sides]
        assert not folded[0] & folded[1] and not folded[0] & folded[2] and not folded[1] & folded[2]


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_a_file_does_not_change_its_split(pairs, shuffled: random.Random):
    other = list(pairs)
    shuffled.shuffle(other)
    try:
        sets = split_pairs(pairs, 1, 1, 0)
    except DataError:
        return
    again = split_pairs(other, 1, 1, 0)
    assert sorted(sets.test) == sorted(again.test) and sorted(sets.valid) == sorted(again.valid)


def test_as_many_sources_are_held_out_as_were_asked_for():
    pairs = [SentencePair(f"word {i // 2}", f"mot {i}") for i in range(200)]  # two targets for each source
    sets = split_pairs(pairs, 10, 20, 0)
    assert (len(by_source(sets.valid)), len(by_source(sets.test)), len(sets.test)) == (10, 20, 40)


def test_too_few_pairs_are_refused():
    with pytest.raises(DataError, match="nothing is left to train on"):
        split_pairs([SentencePair("a", "b"), SentencePair("c", "d")], 1, 1)


def test_the_table_gives_its_pairs_back(tmp_path):
    sets = split_pairs([SentencePair(f"a {i}", f"b\t{i}") for i in range(9)], 2, 3)
    path = tmp_path / "held-out.tsv"
    path.write_text(to_table(sets), encoding="utf-8")
    assert [pair.source for pair in from_table(path, "test")] == [pair.source for pair in sets.test]
    assert len(from_table(path, "valid")) == 2
    path.write_text("a\tb\n1\t2\n", encoding="utf-8")
    with pytest.raises(DataError, match="not the table of held-out pairs"):
        from_table(path, "test")
