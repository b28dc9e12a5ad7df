"""Labelled reviews from any table, with the number of rows that were left out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError
from ..plain import is_blank, read_texts
from .lines import read_lines
from .tables import pick_column, read_rows
from .values import as_text as as_text
from .values import label_text as label_text

# The first one in a file counts. "review_text" and "Review Text" are "reviewtext".
TEXT_COLUMNS = (
    "document", "text", "review", "sentence", "comment", "content", "리뷰", "문장", "내용", "댓글", "후기", "본문",
    "텍스트", "한줄평", "상품평", "글", "reviewtext", "reviewbody", "reviewcontent", "body", "message", "utterance", "tweet",
    "reviews", "sentences", "comments", "contents", "texts", "documents", "리뷰내용", "리뷰본문", "리뷰텍스트", "후기내용",
    "댓글내용", "글내용", "영화평", "감상평", "감상", "의견", "코멘트", "원문", "게시글", "게시물", "문서", "발화", "대화",
    "평",
)
LABEL_COLUMNS = (
    "label", "labels", "sentiment", "class", "라벨", "감정", "레이블", "감성", "긍부정", "긍정부정", "평점", "점수", "별점",
    "분류", "클래스", "정답", "극성", "polarity", "emotion", "category", "target", "카테고리", "감정라벨", "등급", "만족도",
    "rating", "ratings", "stars", "star", "score", "별", "평가점수", "리뷰평점", "리뷰점수", "리뷰별점", "y",
)
_MAX_LABELS = 50


@dataclass
class Reviews:
    """Texts with their labels.

    Attributes
    ----------
    texts : list of str
        Accepts any iterable of str.
    labels : list of str
        One for each text. Accepts any iterable of str or numbers. They keep the file's names, except that
        spellings of one label are unified: see `label_text`.
    skipped : dict of str to int
        Number of rows left out, by reason.
    origin : str
        The file from which they were read.
    columns : tuple of str
        Names of its text and label columns; empty without a file.
    """

    texts: list[str]
    labels: list[str]
    skipped: dict[str, int] = field(default_factory=dict)
    origin: str = "the given reviews"
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Read texts and labels once. TextError or DataError if they are not texts and labels of equal number."""
        self.texts = read_texts(self.texts, "Reviews")
        if (isinstance(self.labels, (str, bytes, dict, set, frozenset)) or not isinstance(self.labels, Iterable)
                or getattr(self.labels, "ndim", 1) != 1):
            raise DataError(f"expected a list of labels, got a {type(self.labels).__name__}.")
        self.labels = [label_text(label, f"{self.origin}, label {i} (counted from 0)")
                       for i, label in enumerate(self.labels)]
        if len(self.texts) != len(self.labels):
            raise DataError(f"{self.origin}: {len(self.texts)} texts and {len(self.labels)} labels; expected one "
                            "label for each text.")
        if "" in self.labels:
            raise DataError(f"{self.origin}: label {self.labels.index('')} (counted from 0) is missing. Leave that "
                            "review out.")

    def __len__(self) -> int:
        return len(self.texts)

    def __str__(self) -> str:
        left_out = "".join(f"; left out: {n} {reason}" for reason, n in self.skipped.items() if n)
        return f"{len(self):,} reviews from {self.origin}{left_out}"

    def take(self, positions: Iterable[int]) -> Reviews:
        """Select the reviews at these positions, in that order."""
        positions = list(positions)
        return Reviews([self.texts[i] for i in positions], [self.labels[i] for i in positions],
                       origin=self.origin, columns=self.columns)

    def describe_columns(self) -> str:
        """Describe the columns and labels that were read, and the treatment of stars."""
        labels = sorted(set(self.labels))
        shown = ", ".join(labels[:10]) + " ..." * (len(labels) > 10)
        text, label = map(repr, self.columns)
        stars = ("; each number is a class of its own: for negative and positive, make a column of 0 and 1 first"
                 * (len(labels) > 2 and all(one.replace(".", "", 1).isdecimal() for one in labels)))
        return f"text from the column {text}, {len(labels)} labels from {label}: {shown}{stars}"


def read_reviews(
    path: str | os.PathLike[str],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    known_labels: list[str] | None = None,
) -> Reviews:
    """Read labelled reviews from a TSV, CSV or JSON lines file.

    Rows without text, or without a label, are left out and counted.

    Parameters
    ----------
    path : path
    text_column, label_column : str or None
        None is the first usual name that is present (document, text, review ...;
        label, sentiment ...).
    known_labels : list of str or None
        Allowed labels, as for the evaluation of a trained model. They are compared by `label_text`.

    Returns
    -------
    Reviews

    Raises
    ------
    DataError
        If the file cannot be read, a column is missing, a label is not among
        `known_labels`, or no review is left.
    """
    path = Path(path)
    texts, labels = [], []
    skipped = {"without text": 0, "without a label": 0}
    known = None if known_labels is None else {label_text(label, str(path)): label for label in known_labels}
    text_name = label_name = ""
    for line, row in read_rows(path):
        if not label_name:
            text_name = pick_column(path, list(row), text_column, TEXT_COLUMNS, "text")
            label_name = pick_column(path, list(row), label_column, LABEL_COLUMNS, "label")
        try:
            text, label = row[text_name], row[label_name]
        except KeyError as missing:
            raise DataError(f"{path}, line {line}: no value for {missing}, which line 1 has.") from None
        text = as_text(path, line, text_name, text)
        label = label_text(label, f"{path}, line {line}, column {label_name!r}")
        if is_blank(text):
            skipped["without text"] += 1
        elif not label:
            skipped["without a label"] += 1
        elif known is not None and label not in known:
            raise _unknown_label(f"{path}, line {line}", label, known.values(), label_name)
        else:
            texts.append(text)
            labels.append(label)
    if not texts:
        raise DataError(f"{path} has no labelled review: expected a header and rows with text and label.")
    _require_few_labels(path, labels, label_name)
    return Reviews(texts, labels, {k: n for k, n in skipped.items() if n}, str(path), (text_name, label_name))


def _unknown_label(where: str, label: str, known: Iterable[str], column: str) -> DataError:
    return DataError(
        f"{where}: label {label!r} is unknown to this model, which knows {', '.join(map(repr, known))}. It stands in the "
        f"column {column!r}: name another one with --label-column, or use a model of these labels."
    )


def _require_few_labels(path: Path, labels: list[str], column: str) -> None:
    """Raise DataError for a column with other values than classes: a text, a price, a number of stars."""
    count = len(set(labels))
    if count > _MAX_LABELS:
        raise DataError(
            f"{path}: column {column!r} holds {count} different labels, more than {_MAX_LABELS}. Is it the label? Name "
            "the right one with --label-column. Group numbers into a few classes first."
        )


def read_text_column(path: str | os.PathLike[str], column: str | None = None) -> list[str]:
    """Read the texts of a table without labels, one for each row; "" for a row without text.

    Parameters
    ----------
    path : path
    column : str or None
        None takes the first usual name present.

    Raises
    ------
    DataError
        As `read_reviews` does for texts.
    """
    path = Path(path)
    name = ""
    texts = []
    for line, row in read_rows(path):
        name = name or pick_column(path, list(row), column, TEXT_COLUMNS, "text")
        texts.append(as_text(path, line, name, row.get(name)))
    return texts


def read_sentences(path: str | os.PathLike[str], column: str | None = None) -> list[str]:
    """Read texts without labels: a table's column, or the lines of a text file.

    As everywhere, a .txt file is a table if its first line has a tab or the name of the column. Otherwise each
    line is a text.

    Parameters
    ----------
    path : path
    column : str or None
        None takes the first usual name present.

    Returns
    -------
    list of str
        For a table one for each row, "" for a row without text. For a text file one for each line that is not blank.

    Raises
    ------
    DataError
        As `read_text_column`; also if no text is left.
    """
    path = Path(path)
    texts = text_lines(path, column) if path.suffix.lower() == ".txt" else None
    if texts is None:
        texts = read_text_column(path, column)
    if all(map(is_blank, texts)):
        raise DataError(f"{path} holds no sentence: expected one on each line of a .txt file, or in a table rows with text "
                        "below the header.")
    return texts


def text_lines(path: Path, column: str | None) -> list[str] | None:
    """Read the lines of a text file. None if it is a table.

    Parameters
    ----------
    path : pathlib.Path
    column : str or None
        Column of a table. A file of lines has none.
    """
    lines = read_lines(path)
    first = next(lines, "")
    if "\t" in first or column is not None:
        return None
    try:
        pick_column(path, [first], None, TEXT_COLUMNS, "text")
    except DataError:
        return [line.strip() for line in (first, *lines) if not is_blank(line)]
    return None


def require_two_labels(reviews: Reviews) -> list[str]:
    """Return the labels in order of their names.

    Raises
    ------
    DataError
        If there are fewer than two labels.
    """
    labels = sorted(set(reviews.labels))
    if len(labels) < 2:
        raise DataError(
            f"{reviews.origin}: every review has label {labels[0]!r}; a classifier needs at least two "
            "labels to tell apart."
        )
    return labels
