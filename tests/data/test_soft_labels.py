"""Tables of soft labels: what is read, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.data.soft_labels import read_soft_labels
from gluonattn.errors import DataError

from ..tolerance import tolerance


def written(tmp_path, *lines, name="soft.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_columns_are_found_by_label_and_a_text_that_stands_twice_counts_with_its_mean(tmp_path):
    path = written(tmp_path, "good,note,text,bad", "0.9,x,정말 좋다,0.1", "0.3,y,별로,0.7", '0.5,z,"""정말  좋다""",0.5',
                   "0,,,1")
    texts, targets = read_soft_labels(path, ["bad", "good"])
    assert texts == ["정말 좋다", "별로"]
    np.testing.assert_allclose(targets, [[0.3, 0.7], [0.7, 0.3]], atol=tolerance(64, 64))


def test_rounded_probabilities_are_taken_and_sum_to_1(tmp_path):
    path = written(tmp_path, "text\t0\t1\t2", "가\t0.33\t0.33\t0.33", name="soft.tsv")
    _, targets = read_soft_labels(path, ["0", "1", "2"])
    np.testing.assert_allclose(targets, [[1 / 3] * 3], atol=tolerance(64, 64))


@pytest.mark.parametrize(("lines", "message"), [
    (["text,0,1", "가,0.5,0.5", "나,0.5,0.6"], r"line 3: the probabilities of 0, 1 sum to 1.1; expected 1. Correct"),
    (["text,0,1", "가,0.2,0.2"], r"line 2: .* sum to 0.4"),
    (["text,0,1", "가,-0.2,1.2"], r"line 2, column '0': expected a probability from 0 to 1; got '-0.2'"),
    (["text,0,1", "가,,1"], r"line 2, column '0': expected a probability"),
    (["text,0,1", "가,nan,1"], r"line 2, column '0': expected a probability"),
    (["text,0", "가,1"], r"no column '1' with the probability of that label; found 'text', '0'"),
    (["score,0,1", "3,0,1"], "no text column"),
    (["text,0,1"], "holds no soft label"),
])
def test_what_is_no_soft_label_is_an_error_that_names_the_line(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        read_soft_labels(written(tmp_path, *lines), ["0", "1"])
