"""More reviews: with labels or scores, and never one that stands among the labelled ones."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.data.crawl import POSITIVE
from gluonattn.data.extra import parse_scores, read_extra
from gluonattn.errors import DataError, OptionError

from ..tolerance import tolerance

LABELLED = ["정말 좋다", '그는 "최고"라 했다', "e\u0301té"]


def write(path, rows, header="text,label"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_labels_are_the_training_labels_however_they_are_written(tmp_path):
    file = write(tmp_path / "more.csv", ["하나,1.0", "둘,0", ",1", "셋,"])
    found = read_extra(file, ["0", "1"], LABELLED)
    assert found.texts == ["하나", "둘"] and found.targets.tolist() == [[0, 1], [1, 0]]
    assert found.left_out == {"without text": 1, "without a label": 1}


@pytest.mark.parametrize("twin", ["정말좋다", "정말  좋다", '"정말 좋다"', "“정말 좋다”", "정말\u200b 좋다",
                                  "그는 최고라 했다",
                                  "그는 '최고' 라했다", "「그는 최고라 했다」", "été"])
def test_a_text_that_stands_among_the_labelled_ones_is_left_out(tmp_path, twin):
    file = tmp_path / "more.tsv"
    write(file, [f"{twin}\t1", "다른 말\t0"], "text\tlabel")
    found = read_extra(file, ["0", "1"], LABELLED)
    assert found.texts == ["다른 말"] and found.left_out == {"that are among the labelled ones": 1}


@given(st.text("가나 \t\"'“”‘’`「」『』", min_size=1, max_size=12).filter(lambda text: "가" in text), st.data())
def test_spaces_and_quotes_hide_no_text(text, data):
    from gluonattn.plain import bare_key

    at = data.draw(st.integers(0, len(text)))
    more = data.draw(st.text(" \t\"'“”‘’`「」『』", max_size=3))
    assert bare_key(text[:at] + more + text[at:]) == bare_key(text)
    assert bare_key(text + "다") != bare_key(text)


def test_scores_say_what_they_are_told_to(tmp_path):
    file = write(tmp_path / "more.csv", ["하나,1", "둘,2.5", "셋,3", "넷,5", "다섯,", "여섯,4.5"], "review,stars")
    found = read_extra(file, ["bad", "good"], LABELLED, scores="1..2.5=bad, 4.5=good:0.8, 5=good")
    assert found.texts == ["하나", "둘", "넷", "여섯"]
    np.testing.assert_allclose(found.targets, [[1, 0], [1, 0], [0, 1], [0.2, 0.8]], atol=tolerance(2))
    assert found.left_out == {"with a score that maps to no label": 1, "without a score": 1}


def test_a_named_score_column_is_read(tmp_path):
    file = write(tmp_path / "more.csv", ["하나,1,9", "둘,9,1"], "text,score,점")
    found = read_extra(file, ["0", "1"], LABELLED, scores="1..4=0,9..10=1", score_column="점")
    assert found.targets.argmax(1).tolist() == [1, 0]


def test_the_rest_of_a_probability_is_shared():
    (span,) = parse_scores("5=b:0.4", ["a", "b", "c"])
    np.testing.assert_allclose(span.target, [0.3, 0.4, 0.3])


def test_a_gathered_crawl_has_stars_as_nsmc_sees_them(tmp_path):
    file = tmp_path / "crawl.tsv.gz"
    lines = ["rating\tdocument", *(f"{stars}\t영화 {stars}" for stars in range(1, 11)), "10\t정말좋다"]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = read_extra(file, ["0", "1"], LABELLED)
    np.testing.assert_allclose(found.targets[:, 1], POSITIVE, atol=tolerance(2))
    assert len(found.texts) == 10
    with pytest.raises(OptionError, match="--score-labels"):
        read_extra(file, ["bad", "good"], LABELLED)
    assert len(read_extra(file, ["bad", "good"], LABELLED, scores="1..4=bad, 9..10=good").texts) == 6


@pytest.mark.parametrize("scores, message", [
    ("", "does not map"), ("1..4", "does not map"), ("viel=0", "does not map"), ("1=2", "not one of the labels"),
    ("4..1=0", "lower score first"), ("1=0:1.5", "probability"), ("1..4=0,,9=1", "does not map"),
])
def test_a_mapping_that_cannot_be_is_named(tmp_path, scores, message):
    file = write(tmp_path / "more.csv", ["하나,1"], "text,score")
    with pytest.raises(OptionError, match=message):
        read_extra(file, ["0", "1"], LABELLED, scores=scores)


def test_what_cannot_be_read_is_an_error_that_names_its_line_and_a_cure(tmp_path):
    file = write(tmp_path / "more.csv", ["하나,3", "둘,gut"], "text,score")
    with pytest.raises(DataError, match=r"line 3.*a number; got 'gut'.*--extra-score"):
        read_extra(file, ["0", "1"], LABELLED, scores="1..4=0")
    with pytest.raises(OptionError, match="--score-labels"):
        read_extra(file, ["0", "1"], LABELLED, score_column="score")
    with pytest.raises(OptionError, match="leave one of them out"):
        read_extra(file, ["0", "1"], LABELLED, scores="1..4=0", label_column="score")
    with pytest.raises(DataError, match="no review is left"):
        read_extra(write(tmp_path / "seen.csv", ["정말 좋다,1"]), ["0", "1"], LABELLED)
    with pytest.raises(DataError, match="label '7'.*--extra-label.*--score-labels"):
        read_extra(write(tmp_path / "odd.csv", ["하나,7"]), ["0", "1"], LABELLED)
