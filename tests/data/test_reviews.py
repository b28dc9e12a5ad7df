"""Labelled reviews from any table; what is left out is counted and said."""

from __future__ import annotations

import json
import unicodedata
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluonattn.data.reviews import (
    LABEL_COLUMNS,
    TEXT_COLUMNS,
    Reviews,
    label_text,
    read_reviews,
    read_sentences,
    read_text_column,
    require_two_labels,
)
from gluonattn.data.tables import pick_column
from gluonattn.errors import DataError


def table(tmp_path: Path, content: str, name: str = "a.tsv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8"))
    return path


@pytest.mark.parametrize("text", TEXT_COLUMNS)
def test_usual_text_columns_are_found(tmp_path, text):
    assert read_reviews(table(tmp_path, f"id\t{text}\tlabel\n1\t좋다\t1\n")).texts == ["좋다"]


@pytest.mark.parametrize("label", LABEL_COLUMNS)
def test_usual_label_columns_are_found(tmp_path, label):
    assert read_reviews(table(tmp_path, f"id\ttext\t{label}\n1\t좋다\t긍정\n")).labels == ["긍정"]


@pytest.mark.parametrize(("text", "label"), [
    ("Review Text", "Rating"), ("REVIEW_TEXT", "Label"), ("내용", "별점"), ("리뷰 내용", "평점"), ("댓글", "레이블"),
    (unicodedata.normalize("NFD", "내용"), unicodedata.normalize("NFD", "점수")), ("상품평", "긍정/부정"),
])
def test_usual_names_are_known_in_any_case_spacing_and_form(tmp_path, text, label):
    reviews = read_reviews(table(tmp_path, f"번호,{text},{label}\n1,좋다,5\n2,별로,1\n", "a.csv"))
    assert (reviews.texts, reviews.labels, reviews.columns) == (["좋다", "별로"], ["5", "1"], (text, label))


@given(st.text(min_size=1).filter(lambda name: name.strip()), st.sampled_from(["NFC", "NFD"]))
def test_a_wanted_column_is_found_in_either_form_and_no_other_is(name, form):
    columns = ["text", unicodedata.normalize(form, name)]
    found = pick_column("f", columns, unicodedata.normalize("NFC", name), ["text"], "text")
    assert unicodedata.normalize("NFC", found) == unicodedata.normalize("NFC", name)
    with pytest.raises(DataError, match="no text column"):
        pick_column("f", ["Text"], f"{name}!", ["text"], "text")


def test_it_is_said_what_was_read_and_what_becomes_of_stars(tmp_path):
    rows = "".join(f"{'좋다' * n},{n}\n" for n in range(1, 6))
    stars = read_reviews(table(tmp_path, f"내용,별점\n{rows}", "a.csv"))
    assert stars.describe_columns() == (
        "text from the column '내용', 5 labels from '별점': 1, 2, 3, 4, 5; each number is a class of its own: for negative "
        "and positive, make a column of 0 and 1 first")
    two = read_reviews(table(tmp_path, "내용,감정\n좋다,긍정\n별로,부정\n", "b.csv"))
    assert two.describe_columns() == "text from the column '내용', 2 labels from '감정': 긍정, 부정"
    rows = "".join(f"좋다,{n / 10}\n" for n in range(60))
    with pytest.raises(DataError, match="'점수' holds 60 different labels, more than 50.*Group numbers into a few classes"):
        read_reviews(table(tmp_path, f"내용,점수\n{rows}", "c.csv"))


def test_named_columns_win_over_the_usual_ones(tmp_path):
    path = table(tmp_path, "document,label,감상,stars\n아님,x,맞음,5\n", "a.csv")
    reviews = read_reviews(path, text_column="감상", label_column="stars")
    assert (reviews.texts, reviews.labels) == (["맞음"], ["5"])


def test_the_three_formats_give_the_same_reviews(tmp_path):
    rows = [("좋다", "1"), ("별로", "0")]
    read = [
        read_reviews(table(tmp_path, "text\tlabel\n" + "".join(f"{t}\t{n}\n" for t, n in rows), "a.tsv")),
        read_reviews(table(tmp_path, "text,label\r\n" + "".join(f'"{t}",{n}\r\n' for t, n in rows), "a.csv")),
        read_reviews(table(tmp_path, "".join(
            json.dumps({"text": t, "label": int(n)}) + "\n" for t, n in rows), "a.jsonl")),
    ]
    assert {(*r.texts, *r.labels) for r in read} == {("좋다", "별로", "1", "0")}


def test_texts_keep_their_spaces_and_labels_lose_theirs(tmp_path):
    reviews = read_reviews(table(tmp_path, "text\tlabel\n  좋 다 \t 1 \n"))
    assert (reviews.texts, reviews.labels) == (["  좋 다 "], ["1"])


@pytest.mark.parametrize("blank", ["", " ", "\u3000", "\xa0 \x1f"])
def test_rows_without_text_or_label_are_left_out_counted_and_said(tmp_path, blank):
    path = table(tmp_path, f"text\tlabel\n좋다\t1\n{blank}\t1\n{blank}\t0\n별로\t{blank}\n")
    reviews = read_reviews(path)
    assert reviews.texts == ["좋다"]
    assert reviews.skipped == {"without text": 2, "without a label": 1}
    assert str(reviews) == f"1 reviews from {path}; left out: 2 without text; left out: 1 without a label"


def test_nothing_left_out_is_not_mentioned(tmp_path):
    path = table(tmp_path, "text\tlabel\n좋다\t1\n")
    assert read_reviews(path).skipped == {} and str(read_reviews(path)) == f"1 reviews from {path}"


def test_a_null_in_json_lines_is_no_text(tmp_path):
    lines = [{"text": None, "label": 1}, {"text": "좋다", "label": None}, {"text": "별로", "label": 0}]
    reviews = read_reviews(table(tmp_path, "\n".join(map(json.dumps, lines)), "a.jsonl"))
    assert (reviews.texts, reviews.labels) == (["별로"], ["0"])
    assert reviews.skipped == {"without text": 1, "without a label": 1}


LABELS = [1, 1.0, "1", " 1.0 ", 0, 0.0, -0.0, "0", None]


@pytest.mark.parametrize("written", [json.dumps, lambda row: json.dumps(row).replace("null", "NaN")], ids=["null", "NaN"])
@given(st.lists(st.tuples(st.sampled_from(["좋다", "nan", None]), st.sampled_from(LABELS)), min_size=1))
@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_label_is_the_same_however_it_is_written(tmp_path, written, rows):
    """And what is missing is no text and no class, as null or as the NaN that Python writes."""
    lines = [{"text": "처음", "label": 1}, *({"text": text, "label": label} for text, label in rows)]
    path = table(tmp_path, "\n".join(map(written, lines)), "a.jsonl")
    reviews = read_reviews(path)
    kept = [(row["text"], row["label"]) for row in lines if row["text"] is not None and row["label"] is not None]
    assert reviews.texts == [text for text, _ in kept]
    assert reviews.labels == [str(int(float(label))) for _, label in kept]
    assert sum(reviews.skipped.values()) == len(lines) - len(kept)
    assert read_reviews(path, known_labels=["0.0", "1.0"]).labels == reviews.labels
    frame = pd.DataFrame(kept, columns=["text", "label"])
    for index in (frame.index, frame.index[::-1] * 3):
        frame.index = index
        assert Reviews(frame.text, frame.label).labels == reviews.labels


@given(st.integers(-(10**6), 10**6), st.integers(0, 3), st.integers(0, 3))
@settings(deadline=None, derandomize=True)
def test_a_number_is_one_label_however_many_zeros_it_ends_in(number, places, zeros):
    """As a float, as a Decimal, and as text with the zeros of another program."""
    exact = Decimal(number).scaleb(-places)
    written = format(exact, "f") + ("" if "." in format(exact, "f") else ".0") + "0" * zeros
    assert {label_text(one, "here") for one in (float(exact), exact, written, Decimal(written))} == {
        label_text(written, "here")}


@given(st.lists(st.sampled_from(["리뷰", "감정", "ét"]), min_size=3, max_size=3, unique=True),
       st.lists(st.sampled_from(["NFC", "NFD"]), min_size=2, max_size=6))
@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_column_is_the_same_in_every_row_however_its_name_is_written(tmp_path, names, forms):
    """Files of many Macs, put together: no row loses its text."""
    lines = [{unicodedata.normalize(form, name): f"{name}{i}" for name in names} for i, form in enumerate(forms)]
    path = table(tmp_path, "\n".join(json.dumps(line, ensure_ascii=False) for line in lines), "a.jsonl")
    assert read_text_column(path, "리뷰") == [f"리뷰{i}" for i in range(len(forms))]
    assert read_reviews(path, text_column="ét", label_column="감정").labels == [f"감정{i}" for i in range(len(forms))]


@pytest.mark.parametrize("line", [
    '{"text": "좋다", "text": "별로", "label": 1}', '{"text": "좋다", "label": 1, "label": 0}',
    '{"리뷰": "좋다", "' + unicodedata.normalize("NFD", "리뷰") + '": "별로", "label": 1}'])
def test_a_name_that_stands_twice_in_a_row_is_refused(tmp_path, line):
    """One of the two values would be lost."""
    with pytest.raises(DataError, match=r"line 1: .*two (values|columns) have the (same )?name"):
        read_reviews(table(tmp_path, line, "a.jsonl"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_decomposed_labels_and_columns_are_the_same_ones(tmp_path, form):
    """As files of a Mac have them."""
    path = table(tmp_path, unicodedata.normalize(form, "리뷰\t감정\n좋다\t긍정\n별로\t\u200b부정\n"))
    for reviews in (read_reviews(path), read_reviews(path, text_column="리뷰", label_column="감정")):
        assert reviews.labels == ["긍정", "부정"]
    assert read_reviews(path, known_labels=[unicodedata.normalize("NFD", "긍정"), "부정"]).labels[1] == "부정"


@pytest.mark.parametrize("name", ["a.tsv", "a.jsonl"])
def test_texts_of_which_nothing_can_be_seen_are_left_out_and_counted(tmp_path, name):
    rows = [("\u200b", 1), ("\ufeff \u2800", 0), ("좋다", 1), ("\u3164", 1), ("별\u200b로", 0)]
    content = ("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows) if name == "a.jsonl" else
               "text\tlabel\n" + "".join(f"{t}\t{n}\n" for t, n in rows))
    reviews = read_reviews(table(tmp_path, content, name))
    assert reviews.texts == ["좋다", "별\u200b로"] and reviews.skipped == {"without text": 3}


@pytest.mark.parametrize("value", [True, float("inf"), float("-inf")])
def test_a_json_value_that_is_neither_text_nor_number_is_named(tmp_path, value):
    lines = [{"text": "좋다", "label": 1}, {"text": value, "label": 0}]
    with pytest.raises(DataError, match=r"line 2: expected text in 'text', got a (bool|float) \((True|-?inf)\)"):
        read_reviews(table(tmp_path, "\n".join(map(json.dumps, lines)), "a.jsonl"))


@pytest.mark.parametrize("labels, said", [
    (["1"], "2 texts and 1 labels"), (["1", None], r"label 1 \(counted from 0\) is missing"),
    (["1", float("nan")], "label 1 .* is missing"), (["1", ["0"]], "expected a label .* got a list"), ("10", "got a str"),
    (["1", float("inf")], "expected a label .* got a float"), (None, "got a NoneType"), (1, "got a int"),
])
def test_labels_given_in_python_are_checked(labels, said):
    with pytest.raises(DataError, match=said):
        Reviews(["좋다", "별로"], labels)


@pytest.mark.parametrize("value", [["좋다"], {"a": 1}])
def test_a_json_text_that_is_no_text_is_named(tmp_path, value):
    lines = [{"text": "좋다", "label": 1}, {"text": value, "label": 0}]
    path = table(tmp_path, "\n".join(map(json.dumps, lines)), "a.jsonl")
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: expected text in 'text', got a (list|dict)"):
        read_reviews(path)


@pytest.mark.parametrize("missing", ["text", "label"])
def test_a_json_line_without_a_column_is_named(tmp_path, missing):
    second = {"text": "별로", "label": 0}
    del second[missing]
    path = table(tmp_path, "\n".join(map(json.dumps, [{"text": "좋다", "label": 1}, second])), "a.jsonl")
    with pytest.raises(DataError, match=rf"a\.jsonl, line 2: no value for '{missing}'"):
        read_reviews(path)


@pytest.mark.parametrize(("header", "message"), [
    ("id\tlabel", "no text column; expected one of document, text, .* found 'id', 'label'.* --text-column"),
    ("id\ttext", "no label column; expected one of label, labels, .* found 'id', 'text'.* --label-column"),
])
def test_a_missing_column_is_named(tmp_path, header, message):
    with pytest.raises(DataError, match=message):
        read_reviews(table(tmp_path, f"{header}\n1\t좋다\n"))


def test_an_unknown_label_is_named_with_the_known_ones(tmp_path):
    path = table(tmp_path, "text\tlabel\n좋다\t1\n별로\t2\n")
    with pytest.raises(DataError, match=r"line 3: label '2' is unknown to this model, which knows '0', '1'"):
        read_reviews(path, known_labels=["0", "1"])


@pytest.mark.parametrize("content", ["text\tlabel\n", "text\tlabel\n\t1\n", "text\tlabel\n\n\n"])
def test_a_file_without_a_single_review_is_refused(tmp_path, content):
    with pytest.raises(DataError, match="has no labelled review: expected a header and rows"):
        read_reviews(table(tmp_path, content))


def test_a_column_of_many_values_is_no_label(tmp_path):
    rows = "".join(f"글 {i}\t{i}\n" for i in range(51))
    with pytest.raises(DataError, match=r"holds 51 different labels, more than 50\. .*--label-column"):
        read_reviews(table(tmp_path, "text\tlabel\n" + rows))


def test_one_class_only_cannot_be_learned(tmp_path):
    path = table(tmp_path, "text\tlabel\n좋다\t1\n최고\t1\n")
    with pytest.raises(DataError, match=r"a\.tsv: every review has label '1'; a classifier needs at least"):
        require_two_labels(read_reviews(path))


def test_labels_come_in_the_order_of_their_names():
    assert require_two_labels(Reviews(["a", "b", "c"], ["부정", "긍정", "부정"])) == ["긍정", "부정"]


def test_take_keeps_the_order_asked_for():
    part = Reviews(["a", "b", "c"], ["0", "1", "2"], origin="f").take([2, 0])
    assert (part.texts, part.labels, part.origin) == (["c", "a"], ["2", "0"], "f")


@pytest.mark.nsmc
@pytest.mark.parametrize(("name", "kept", "left_out"), [
    ("ratings_train.txt", 149_995, 5), ("ratings_test.txt", 49_997, 3),
])
def test_nsmc_is_read_whole_and_its_empty_documents_counted(nsmc, name, kept, left_out):
    reviews = read_reviews(nsmc / name)
    assert len(reviews) == kept
    assert reviews.skipped == {"without text": left_out}
    assert require_two_labels(reviews) == ["0", "1"]
    # Quotes stand as they are: a reader that honours them would swallow rows.
    assert sum('"' in text for text in reviews.texts) > 100


_LINE = st.text("가좋 다,.\"\u2028\x0b\x85", min_size=1, max_size=8).filter(str.strip)


@given(st.lists(_LINE, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]), st.booleans(),
       st.sampled_from(["", "\ufeff"]))
@settings(max_examples=60, deadline=None)
def test_a_text_file_gives_its_lines_and_a_table_of_that_name_its_column(tmp_path_factory, lines, end, closed, mark):
    folder = tmp_path_factory.mktemp("lines")
    path = table(folder, mark + end.join(lines) + end * closed, "a.txt")
    assert read_sentences(path) == [line.strip() for line in lines]
    as_table = mark + end.join(["id\tdocument\tlabel", *(f"1\t{line}\t0" for line in lines)]) + end * closed
    assert read_sentences(table(folder, as_table, "b.txt")) == lines
    assert read_sentences(table(folder, as_table, "b.txt"), "label") == ["0"] * len(lines)
    assert read_sentences(table(folder, mark + end.join(["text", *lines]), "c.txt")) == lines
