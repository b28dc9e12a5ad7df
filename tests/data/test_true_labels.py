"""True labels beside texts: as the model writes them, one a text."""

from __future__ import annotations

import json

import pytest

from gluonattn.data.reviews import read_sentences
from gluonattn.data.true_labels import read_true_labels
from gluonattn.errors import DataError

NAMES = {"0": "부정", "1": "긍정"}


def test_labels_and_names_are_the_models_labels_one_a_text(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,label\n좋다,1\n,0\n별로,부정\n글쎄,\n최고,1.0\n", encoding="utf-8")
    assert read_true_labels(path, NAMES) == ["1", "0", "0", None, "1"]
    assert len(read_sentences(path)) == 5
    path = tmp_path / "in.jsonl"
    rows = ({"text": "a", "label": 1}, {"text": "b"}, {"text": "c", "label": None})
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read_true_labels(path, NAMES) == ["1", None, None]


def test_a_file_without_such_a_column_has_none(tmp_path):
    table, lines = tmp_path / "in.csv", tmp_path / "in.txt"
    table.write_text("text,id\n좋다,7\n", encoding="utf-8")
    lines.write_text("좋다\n별로\n", encoding="utf-8")
    assert read_true_labels(table, NAMES) == read_true_labels(lines, NAMES) == []
    with pytest.raises(DataError, match="no label column; expected 'label'"):
        read_true_labels(table, NAMES, label_column="label")
    with pytest.raises(DataError, match="no columns: leave --label-column out"):
        read_true_labels(lines, NAMES, label_column="label")


def test_what_is_no_label_of_the_model_is_named_with_its_line(tmp_path):
    path = tmp_path / "in.tsv"
    path.write_text("text\tstars\n좋다\t1\n그냥\t3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 3: '3' in the column 'stars'.*'0' \(부정\), '1' \(긍정\).*--label-column"):
        read_true_labels(path, NAMES)
