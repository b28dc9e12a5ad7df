"""Read sentence pairs from a table or two files, and split them so that no held-out sentence is trained on.

Unusable pairs are left out and counted. All pairs of a source with several targets, or of a target with several sources,
stay on one side of the split.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..data.lines import read_lines
from ..data.tables import pick_column, read_rows
from ..errors import DataError
from ..plain import is_blank, plain

SOURCE_COLUMNS = ("source", "src", "source sentence", "원문")
TARGET_COLUMNS = ("target", "tgt", "translation", "target sentence", "번역", "번역문")
SPLITS = ("train", "valid", "test")
EMPTY, DOUBLE = "a side is empty", "the same pair again"


class SentencePair(NamedTuple):
    """A sentence and one of its translations."""

    source: str
    target: str


@dataclass
class Pairs:
    """The pairs of a file, and the number of pairs left out for each reason."""

    pairs: list[SentencePair]
    left_out: Counter[str] = field(default_factory=Counter)


def read_pairs(source: str | os.PathLike[str], target: str | os.PathLike[str] | None = None, *,
               source_column: str | None = None, target_column: str | None = None) -> Pairs:
    """Read sentence pairs.

    Parameters
    ----------
    source : path
        A TSV, CSV or JSONL file with a column for each language. Or, with `target`, a text file with one sentence per line.
    target : path or None
        A text file whose line n translates line n of `source`.
    source_column, target_column : str or None
        Names of the columns. None finds the usual ones, such as "source" and "target".

    Returns
    -------
    Pairs
        Pairs in the file's order. Pairs with an empty side and repeated pairs are left out and counted.

    Raises
    ------
    DataError
        If a file cannot be read, a column is missing, the two files have different numbers of lines, or no pair is left.
    """
    found = Pairs([])
    rows = (_columns(Path(source), source_column, target_column) if target is None
            else _lines(Path(source), Path(target)))
    seen = set()
    for pair in rows:
        if is_blank(pair.source) or is_blank(pair.target):
            found.left_out[EMPTY] += 1
        elif pair in seen:
            found.left_out[DOUBLE] += 1
        else:
            seen.add(pair)
            found.pairs.append(pair)
    if not found.pairs:
        left_out = ", ".join(f"{count:,} where {reason}" for reason, count in found.left_out.items())
        raise DataError(f"{source} contains no pair to learn from{f': {left_out}' if left_out else ''}. Give a file in "
                        "which each row has a sentence and its translation.")
    return found


def _columns(path: Path, source_column: str | None, target_column: str | None) -> Iterable[SentencePair]:
    names: tuple[str, str] | None = None
    for number, row in read_rows(path):
        if names is None:
            if len(row) < 2:
                raise DataError(f"{path}: expected two columns, a sentence and its translation; found one "
                                f"({next(iter(row), '')!r:.60}). For two files of sentences give the second one "
                                "with --target-file.")
            columns = list(row)
            names = (pick_column(path, columns, source_column, SOURCE_COLUMNS, "source"),
                     pick_column(path, columns, target_column, TARGET_COLUMNS, "target"))
            if names[0] == names[1]:
                raise DataError(f"{path}: the column {names[0]!r} cannot be both the source and the target. Name two "
                                "columns with --source-column and --target-column.")
        values = [row.get(name) for name in names]
        for name, value in zip(names, values):
            if not isinstance(value, (str, type(None))):
                raise DataError(f"{path}, line {number}: {name} must be text, got {type(value).__name__}. Correct it.")
        yield SentencePair(*(plain(value or "").strip() for value in values))


def _lines(source: Path, target: Path) -> Iterable[SentencePair]:
    sides = [[plain(line).strip() for line in read_lines(path)] for path in (source, target)]
    if len(sides[0]) != len(sides[1]):
        raise DataError(f"{source} has {len(sides[0]):,} lines and {target} has {len(sides[1]):,}: line n of one must "
                        "translate line n of the other. Check which lines are missing.")
    return [SentencePair(*pair) for pair in zip(*sides)]


@dataclass
class PairSets:
    """The pairs of each split."""

    train: list[SentencePair] = field(default_factory=list)
    valid: list[SentencePair] = field(default_factory=list)
    test: list[SentencePair] = field(default_factory=list)


def split_pairs(pairs: Sequence[SentencePair], valid: int, test: int, seed: int = 0) -> PairSets:
    """Split pairs so that no source and no target is on two sides.

    Sentences that differ only in case, spaces or punctuation count as one. Pairs that share a sentence, directly or
    through others, form a group. A whole group goes to one side.

    Parameters
    ----------
    pairs : sequence of SentencePair
    valid, test : int
        Minimum number of distinct sources for each side.
    seed : int, default 0
        Seed of the split.

    Raises
    ------
    DataError
        If nothing would be left to train on.
    """
    groups: dict[str, list[SentencePair]] = {}
    for root, pair in zip(_roots(pairs), pairs):
        groups.setdefault(root, []).append(pair)
    order = sorted(groups, key=lambda root: hashlib.sha256(f"{seed}:{root}".encode("utf-8", "surrogatepass")).digest())
    sets = PairSets()
    wanted = {"test": test, "valid": valid}
    sources: dict[str, set[str]] = {name: set() for name in wanted}
    place = {}
    for root in order:
        side = next((name for name, count in wanted.items() if len(sources[name]) < count), "train")
        place[root] = side
        if side != "train":
            sources[side].update(pair.source for pair in groups[root])
    for root, group in groups.items():
        getattr(sets, place[root]).extend(group)
    if not sets.train:
        raise DataError(f"{len(pairs):,} pairs, in {len(groups):,} groups without common sentences, are too few to hold "
                        f"out {test:,} sources and validate on {valid:,}: nothing is left to train on. Lower --test and "
                        "--validation, or give more pairs.")
    return sets


def by_source(pairs: Iterable[SentencePair]) -> dict[str, list[str]]:
    """All targets of each distinct source, in order."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        found.setdefault(pair.source, []).append(pair.target)
    return found


def _roots(pairs: Sequence[SentencePair]) -> list[str]:
    """Return the name of each pair's group, by union-find over sources and targets."""
    parents: dict[str, str] = {}

    def find(one: str) -> str:
        while parents.setdefault(one, one) != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    for pair in pairs:
        first, second = sorted((find(f"s {_spell(pair.source)}"), find(f"t {_spell(pair.target)}")))
        parents[second] = first  # the smaller name wins, so that the order of pairs does not matter
    return [find(f"s {_spell(pair.source)}") for pair in pairs]


def _spell(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", " ", folded).strip() or folded


def to_table(sets: PairSets) -> str:
    """The held-out pairs as a table, which the checkpoint stores."""
    rows = ["split\tsource\ttarget"]
    for name in ("valid", "test"):
        rows += ["\t".join((name, *map(_one_line, pair))) for pair in getattr(sets, name)]
    return "\n".join(rows) + "\n"


def _one_line(text: str) -> str:
    return re.sub(r"[\t\r\n]+", " ", text)


def from_table(path: Path, split: str) -> list[SentencePair]:
    """Read the pairs of one split from a table that `to_table` wrote.

    Parameters
    ----------
    path : pathlib.Path
    split : {"valid", "test"}

    Raises
    ------
    DataError
        If the file is not such a table.
    """
    rows = list(read_rows(path))
    if any(set(row) != {"split", "source", "target"} for _, row in rows):
        raise DataError(f"{path} is not the table of held-out pairs that training wrote.")
    return [SentencePair(row["source"], row["target"]) for _, row in rows if row["split"] == split]
