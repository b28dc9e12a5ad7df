"""Texts with human rationales (marked decisive words): K-HATERS, KOLD, and a plain format for other files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, OptionError, choose
from ..plain import is_blank
from .formats import JSONL, format_of
from .lines import read_lines
from .tables import read_rows

PARTS = ("offensiveness", "target")  # the parts that are marked in K-HATERS and KOLD


class Rationale(NamedTuple):
    """A text and its human rationale.

    Attributes
    ----------
    text : str
    marked : numpy.ndarray of bool, shape (characters,)
    """

    text: str
    marked: NDArray[Any]

    def marked_units(self, spans: Any) -> NDArray[Any]:
        """Which words have a marked character: bool, shape (words,).

        Parameters
        ----------
        spans : sequence of (int, int)
            Start and end of each word in the text; the end is exclusive.
        """
        return np.array([bool(self.marked[start:end].any()) for start, end in spans], dtype=bool)


def read_rationales(path: str | os.PathLike[str], part: str = "offensiveness") -> list[Rationale]:
    """Read texts with marked spans.

    The fields distinguish three formats: K-HATERS (``text``, ``offensiveness_rationale`` and ``target_rationale``;
    Park et al., Findings of EMNLP 2023), KOLD (``comment`` and the ``raw_labels`` of several people, of whom more than half
    must have marked a character; Jeong et al., EMNLP 2022), and ``text`` with ``spans``. Spans are pairs of character
    positions in the text, counted from 0, with an exclusive end.

    Parameters
    ----------
    path : path
        .jsonl with a text on each line, or .json with a list of them.
    part : {"offensiveness", "target"}, default "offensiveness"
        The part of K-HATERS and KOLD: the offence, or its target.

    Raises
    ------
    DataError
        If the file cannot be read or has another format, or a span is outside its text. The message names the row.
    OptionError
        If the part is unknown.
    """
    choose("part of rationales", part, dict.fromkeys(PARTS))
    path, found = Path(path), []
    read: Callable[[dict[str, Any], str], tuple[Any, list[Any]]] | None = None
    for place, row in _rows(path):
        read = read or _format(row, place)
        try:
            text, spans = read(row, part)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{place}: it is not made as the rows above it or as published ({type(error).__name__}: "
                            f"{error}). Correct or remove that row.") from None
        if not isinstance(text, str):
            raise DataError(f"{place}: expected a text, got {text!r:.40}. Correct or remove that row.")
        marked = np.zeros(len(text), int)
        for people in spans:
            marked += _mark(people, len(text), place)
        found.append(Rationale(text, 2 * marked > len(spans)))
    if not found:
        raise DataError(f"{path} has no texts: expected rows with spans that people marked.")
    if not any(one.marked.any() for one in found):
        raise DataError(f"{path}: nobody marked anything in its {len(found):,} texts: give a file with marked spans"
                        f"{'' if part == 'offensiveness' else ', or --part offensiveness'}.")
    return found


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row and its place in the file."""
    if path.suffix.lower() != ".json":
        if format_of(path) != JSONL:
            raise DataError(f"{path}: marked spans do not fit into a table: expected .jsonl with a text on each line, or "
                            ".json with a list of them.")
        for line, row in read_rows(path):
            yield f"{path}, line {line}", row
        return
    try:
        rows = json.loads("".join(read_lines(path)))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}. Give the file as it was published, or a .jsonl.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: expected a list of texts, each an object with its fields.")
    for number, row in enumerate(rows, 1):
        yield f"{path}, text {number}", row


def _format(row: dict[str, Any], place: str) -> Callable[[dict[str, Any], str], tuple[Any, list[Any]]]:
    """Choose the reader of a file's rows from its first row."""
    for fields, read in FORMATS.items():
        if all(field in row for field in fields):
            return read
    raise DataError(f"{place}: expected the fields {', or '.join(' and '.join(fields) for fields in FORMATS)}; found "
                    f"{', '.join(map(repr, row))}.")


def _khaters(row: dict[str, Any], part: str) -> tuple[Any, list[Any]]:
    return row["text"], [row[f"{part}_rationale"]]


def _kold(row: dict[str, Any], part: str) -> tuple[Any, list[Any]]:
    """Read a row of KOLD. Its spans have inclusive ends, as in ``OFF_span`` of the published example."""
    short = {"offensiveness": "off", "target": "tgt"}[part]
    people = []
    for one in row["raw_labels"]:
        starts, ends = one[f"{short}_start_idx"], one[f"{short}_end_idx"]
        if len(starts) != len(ends):
            raise ValueError(f"{len(starts)} spans begin and {len(ends)} end")
        people.append([[start, end + 1] for start, end in zip(starts, ends)])
    return row["comment"], people


def _plain(row: dict[str, Any], part: str) -> tuple[Any, list[Any]]:
    if part != "offensiveness":
        raise OptionError(f"--part {part} is for K-HATERS and KOLD: a file with spans has one kind of them.")
    return row["text"], [row["spans"]]


FORMATS: dict[tuple[str, ...], Callable[[dict[str, Any], str], tuple[Any, list[Any]]]] = {
    ("text", "offensiveness_rationale", "target_rationale"): _khaters,
    ("comment", "raw_labels"): _kold,
    ("text", "spans"): _plain,
}


def _mark(spans: Any, size: int, place: str) -> NDArray[Any]:
    """The characters that one person marked: int, shape (characters,)."""
    marked = np.zeros(size, int)
    for start, end in check_spans(spans, size, place):
        marked[start:end] = 1
    return marked


def check_spans(spans: Any, size: int, place: str) -> list[tuple[int, int]]:
    """Check that spans are pairs of positions in a text, and return them.

    Parameters
    ----------
    spans : Any
        The value in the file.
    size : int
        Number of characters of the text.
    place : str
        The place in the file, for the message.

    Raises
    ------
    DataError
    """
    for span in spans if isinstance(spans, list) else [spans]:
        good = isinstance(span, (list, tuple)) and len(span) == 2 and all(type(one) is int for one in span)
        if not good or not 0 <= span[0] <= span[1] <= size:
            raise DataError(f"{place}: {span!r:.40} is not a span of its text, which has {size} characters: "
                            f"expected [start, end] with 0 <= start <= end <= {size}. Count characters, not bytes, "
                            "in the text as the file has it.")
    return [(start, end) for start, end in spans]


def visible(rationales: list[Rationale]) -> list[Rationale]:
    """Keep the rationales of texts with a visible character and a mark. Only these can be compared.

    Parameters
    ----------
    rationales : list of Rationale
    """
    return [one for one in rationales if not is_blank(one.text) and one.marked.any()]
