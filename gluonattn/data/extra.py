"""More reviews beside the labelled ones, with the same labels or with scores that map to labels.

A text that is also a labelled review is left out, even if its white space or quotes differ. Otherwise a label of the
validation part (or of another file to predict) would be memorised.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, OptionError
from ..plain import bare_key, is_blank
from .crawl import STAR_SCORES, read_crawl
from .reviews import TEXT_COLUMNS, as_text, label_text, read_reviews
from .tables import pick_column, read_rows

SCORE_COLUMNS = ("score", "rating", "stars", "star", "평점", "점수", "별점", "ratings", "별", "리뷰평점", "리뷰점수",
                 "리뷰별점")
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_ENTRY = re.compile(rf"\s*({_NUMBER})(?:\s*\.\.\s*({_NUMBER}))?\s*=\s*(.+?)(?::({_NUMBER}))?\s*")
_EXAMPLE = '"1..4=0, 9..10=1", or "5=1:0.15" for a probability'


class Extra(NamedTuple):
    """Reviews that are read before the labelled ones.

    Attributes
    ----------
    texts : list of str
    targets : numpy.ndarray, float32, shape (texts, classes)
        Rows of probabilities.
    left_out : dict of str to int
        Rows that were left out, by reason.
    """

    texts: list[str]
    targets: NDArray[Any]
    left_out: dict[str, int]


class Span(NamedTuple):
    """Scores from `low` to `high`, and their probabilities (classes,)."""

    low: float
    high: float
    target: NDArray[Any]


def parse_scores(scores: str, labels: Sequence[str]) -> list[Span]:
    """Parse the mapping from scores to labels.

    Parameters
    ----------
    scores : str
        Entries ``SCORE=LABEL`` or ``LOW..HIGH=LABEL``, separated by commas. ``LABEL:P`` gives the label the probability P,
        and the other labels share the rest.
    labels : sequence of str

    Returns
    -------
    list of Span
        If two contain a score, the first one counts.

    Raises
    ------
    OptionError
        If an entry has another form, or its label is unknown.
    """
    known = {label_text(label, "labels"): i for i, label in enumerate(labels)}
    spans = []
    for entry in scores.split(","):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise OptionError(f"--score-labels: {entry.strip()!r:.40} does not map a score to a label; expected "
                              f"{_EXAMPLE}.")
        low, high = float(match[1]), float(match[2] or match[1])
        label, probability = label_text(match[3], "--score-labels"), float(match[4] or 1)
        if label not in known:
            raise OptionError(f"--score-labels: {label!r:.40} is not one of the labels here, which are "
                              f"{', '.join(map(repr, labels))}.")
        if low > high or not 0 <= probability <= 1:
            raise OptionError(f"--score-labels: {entry.strip()!r:.40}: expected the lower score first and a probability "
                              "from 0 to 1.")
        target = np.full(len(labels), (1 - probability) / (len(labels) - 1), np.float32)
        target[known[label]] = probability
        spans.append(Span(low, high, target))
    return spans


def read_extra(path: str | Path, labels: Sequence[str], labelled: Collection[str], *, scores: str | None = None,
               text_column: str | None = None, label_column: str | None = None, score_column: str | None = None) -> Extra:
    """Read more reviews, with their labels or with scores.

    Parameters
    ----------
    path : path
        A TSV, CSV or JSON lines file, or a gathered crawl (.tsv.gz).
    labels : sequence of str
        The labels of the labelled reviews.
    labelled : collection of str
        The texts of the labelled reviews, including validation. Rows with one of these are left out
        (`gluonattn.plain.bare_key`).
    scores : str or None
        For a file with scores, see `parse_scores`. None reads labels, or a gathered crawl's stars by NSMC's rule.
    text_column, label_column, score_column : str or None
        None is the usual names.

    Raises
    ------
    DataError
        If the file cannot be read, has other labels or a score that is not a number, or no row is left.
    OptionError
        If `scores` cannot be parsed, or the options contradict each other.
    """
    path = Path(path)
    if score_column is not None and scores is None:
        raise OptionError(f"--extra-score names a column of scores: map them to labels with --score-labels {_EXAMPLE}.")
    if scores is not None and label_column is not None:
        raise OptionError("--extra-label names a column of labels, and --score-labels reads scores: leave one of them out.")
    if path.name.endswith(".gz"):
        texts, targets, left_out = _read_starred(path, labels, scores)
    elif scores is not None:
        texts, targets, left_out = _read_scored(path, parse_scores(scores, labels), text_column, score_column)
    else:
        texts, targets, left_out = _read_labelled(path, labels, text_column, label_column)
    labelled_keys = {bare_key(text) for text in labelled}
    kept = [i for i, text in enumerate(texts) if bare_key(text) not in labelled_keys]
    left_out["that are among the labelled ones"] = len(texts) - len(kept)
    if not kept:
        raise DataError(f"{path}: no review is left to read; left out: {_list_counts(left_out)}. Give another file, or "
                        "leave --extra out.")
    return Extra([texts[i] for i in kept], targets[kept], {reason: n for reason, n in left_out.items() if n})


def _list_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in counts.items() if n) or "none"


def _read_starred(path: Path, labels: Sequence[str],
                  scores: str | None) -> tuple[list[str], NDArray[Any], dict[str, int]]:
    if scores is None and list(labels) != ["0", "1"]:
        raise OptionError(f"{path} has stars, which map to NSMC's labels 0 and 1; the labels here are "
                          f"{', '.join(labels)}. Map stars to labels with --score-labels {_EXAMPLE}.")
    spans = parse_scores(scores or STAR_SCORES, labels)
    return _make_targets(zip(*read_crawl(path)), spans, len(labels))


def _read_labelled(path: Path, labels: Sequence[str], text_column: str | None,
                   label_column: str | None) -> tuple[list[str], NDArray[Any], dict[str, int]]:
    found = read_reviews(path, text_column=text_column, label_column=label_column)
    numbers = {label_text(label, str(path)): i for i, label in enumerate(labels)}
    odd = next((label for label in found.labels if label not in numbers), None)
    if odd is not None:
        raise DataError(f"{path}: label {odd!r:.40} in the column {found.columns[1]!r} is none of the labels here, which "
                        f"are {', '.join(map(repr, labels))}. Name the right column with --extra-label; or where it holds "
                        f"scores, map them to labels with --score-labels {_EXAMPLE}.")
    targets = np.eye(len(labels), dtype=np.float32)[[numbers[label] for label in found.labels]]
    return found.texts, targets, dict(found.skipped)


def _read_scored(path: Path, spans: list[Span], text_column: str | None,
                 score_column: str | None) -> tuple[list[str], NDArray[Any], dict[str, int]]:
    def rows() -> Iterator[Any]:
        names: list[str] = []
        for line, row in read_rows(path):
            if not names:
                names += [pick_column(path, list(row), text_column, TEXT_COLUMNS, "text"),
                          pick_column(path, list(row), score_column, SCORE_COLUMNS, "score")]
            text, score = as_text(path, line, names[0], row.get(names[0])), row.get(names[1])
            yield _parse_score(score, f"{path}, line {line}, column {names[1]!r}"), text

    return _make_targets(rows(), spans, len(spans[0].target))


def _parse_score(value: Any, where: str) -> float | None:
    """Parse a score. None if there is none."""
    text = label_text(value, where)
    try:
        number = float(text) if text else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        raise DataError(f"{where}: expected a score, a number; got {text!r:.40}. Name the right column with --extra-score, "
                        "or leave --score-labels out where the file has labels.")
    return number


def _make_targets(rows: Any, spans: list[Span], classes: int) -> tuple[list[str], NDArray[Any], dict[str, int]]:
    """Make texts and targets from (score, text), and count what is left out."""
    texts: list[str] = []
    targets = []
    left_out = {"without text": 0, "without a score": 0, "with a score that maps to no label": 0}
    for score, text in rows:
        target = next((span.target for span in spans if score is not None and span.low <= score <= span.high), None)
        if is_blank(text):
            left_out["without text"] += 1
        elif score is None:
            left_out["without a score"] += 1
        elif target is None:
            left_out["with a score that maps to no label"] += 1
        else:
            texts.append(text)
            targets.append(target)
    return texts, np.array(targets, np.float32).reshape(-1, classes), left_out
