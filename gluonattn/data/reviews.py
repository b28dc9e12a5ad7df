"""Labelled reviews from any table, with an account of what was left out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError
from .tables import pick_column, read_rows

# The first one that a file has is taken; "review_text" and "Review Text" are "reviewtext".
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
_MOST_LABELS = 50


@dataclass
class Reviews:
    """Texts with their labels.

    Attributes
    ----------
    texts, labels : list of str
        Labels keep the file's own names.
    skipped : dict of str to int
        Rows left out, by reason.
    origin : str
        The file they came from.
    columns : tuple of str
        Names of its text and label column; empty where there is no file.
    """

    texts: list[str]
    labels: list[str]
    skipped: dict[str, int] = field(default_factory=dict)
    origin: str = "the given reviews"
    columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def __str__(self) -> str:
        left_out = "".join(f"; left out: {n} {reason}" for reason, n in self.skipped.items() if n)
        return f"{len(self):,} reviews from {self.origin}{left_out}"

    def take(self, positions) -> Reviews:
        """The reviews at these positions, in that order."""
        return Reviews([self.texts[i] for i in positions], [self.labels[i] for i in positions],
                       origin=self.origin, columns=self.columns)

    def what_was_read(self) -> str:
        """Which columns and which labels, and what becomes of stars."""
        labels = sorted(set(self.labels))
        shown = ", ".join(labels[:10]) + " ..." * (len(labels) > 10)
        text, label = map(repr, self.columns)
        stars = ("; each number is a class of its own: for negative and positive, make a column of 0 and 1 first"
                 * (len(labels) > 2 and all(one.replace(".", "", 1).isdecimal() for one in labels)))
        return f"text from the column {text}, {len(labels)} labels from {label}: {shown}{stars}"


def read_reviews(
    path: str | os.PathLike,
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
        None takes the first usual name present (document, text, review ...;
        label, sentiment ...).
    known_labels : list of str or None
        Labels that are allowed, as when evaluating a trained model.

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
    text_name = label_name = None
    for line, row in read_rows(path):
        if text_name is None or label_name is None:
            text_name = pick_column(path, list(row), text_column, TEXT_COLUMNS, "text")
            label_name = pick_column(path, list(row), label_column, LABEL_COLUMNS, "label")
        try:
            text, label = row[text_name], row[label_name]
        except KeyError as missing:
            raise DataError(f"{path}, line {line}: no value for {missing}, which line 1 has.") from None
        text = as_text(path, line, text_name, text)
        label = as_text(path, line, label_name, label).strip()
        if not text.strip():
            skipped["without text"] += 1
        elif not label:
            skipped["without a label"] += 1
        elif known_labels is not None and label not in known_labels:
            raise DataError(
                f"{path}, line {line}: label {label!r} is unknown to this model, which knows "
                f"{', '.join(map(repr, known_labels))}. It stands in the column {label_name!r}: name another one with "
                "--label-column, or use a model of these labels."
            )
        else:
            texts.append(text)
            labels.append(label)
    if not texts:
        raise DataError(f"{path} holds no labelled review: expected a header and rows with text and label.")
    if len(set(labels)) > _MOST_LABELS:
        raise DataError(
            f"{path}: column {label_name!r} holds {len(set(labels))} different labels, more than "
            f"{_MOST_LABELS}. Is it the label? Name the right one with --label-column; figures are grouped into a few "
            "classes first."
        )
    return Reviews(texts, labels, {k: n for k, n in skipped.items() if n}, str(path), (text_name, label_name))


def as_text(path, line: int, column: str, value) -> str:
    """A row's value as text: JSON lines may hold numbers, and null for none.

    Raises
    ------
    DataError
        If it is a list or an object.
    """
    if isinstance(value, (list, dict)):
        raise DataError(
            f"{path}, line {line}: expected text in {column!r}, got a {type(value).__name__}. Name the right "
            "columns with --text-column and --label-column."
        )
    return "" if value is None else str(value)


def require_two_labels(reviews: Reviews) -> list[str]:
    """The labels in order of their names.

    Raises
    ------
    DataError
        If there are fewer than two: nothing can be learned from one class.
    """
    labels = sorted(set(reviews.labels))
    if len(labels) < 2:
        raise DataError(
            f"{reviews.origin}: every review has label {labels[0]!r}; a classifier needs at least two "
            "labels to tell apart."
        )
    return labels
