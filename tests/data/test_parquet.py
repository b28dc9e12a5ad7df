"""Parquet: types stay, rows stay in order, what does not fit is refused; scored in pieces it is the same table."""

from __future__ import annotations

import os

import pytest

import gluonattn
from gluonattn.data import parquet
from gluonattn.data.tables import read_rows, write_rows
from gluonattn.errors import DataError, DependencyError
from gluonattn.scale import Scorer, pieces, score_files

pytestmark = pytest.mark.parquet
NEEDS = 'needs pyarrow: pip install "pyarrow<26" beside numpy 1; run with pytest -m parquet'


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow", reason=NEEDS, exc_type=ImportError)


@pytest.fixture
def source(arrow, tmp_path):
    """40 rows of several types in groups of 7."""
    import pyarrow.parquet

    texts = ["정말 재밌다", None, "최악이다 돈 아까움", "그냥 그래요", " "]
    table = arrow.table({
        "id": arrow.array(range(40), "int16"), "document": [texts[i % 5] for i in range(40)],
        "when": arrow.array([1_700_000_000_000 + i for i in range(40)], arrow.timestamp("ms")),
        "tags": arrow.array([["가"] * (i % 3) for i in range(40)], arrow.list_(arrow.string()))})
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet", row_group_size=7)
    return tmp_path / "in.parquet"


@pytest.mark.parametrize("first, count", [(0, None), (0, 40), (5, 20), (39, 5), (14, 7), (40, 3)])
def test_a_part_has_the_rows_and_numbers_of_the_whole(source, first, count):
    rows = list(read_rows(source))
    end = len(rows) if count is None else first + count
    assert [number for number, _ in rows] == list(range(1, 41))
    assert list(parquet.read_parquet(source, None, first, count)) == rows[first:end]


def test_scored_rows_keep_their_types_and_pieces_change_nothing(arrow, tiny_model, source, tmp_path, monkeypatch):
    import pyarrow.parquet

    monkeypatch.setattr("gluonattn.classifier.answers.CHUNK", 8)
    gluonattn.score_file(gluonattn.load(tiny_model, "cpu", "numpy"), source, tmp_path / "one.parquet")
    one, before = (pyarrow.parquet.read_table(path) for path in (tmp_path / "one.parquet", source))
    assert one.select(before.column_names).equals(before)
    assert [str(field.type) for field in one.schema][4:] == ["string", "double", "double"]
    assert one["probability_0"].null_count == 16 and one["predicted_label"].to_pylist().count("") == 16
    scorer = Scorer.of(tiny_model, engine="numpy")
    assert score_files(source, tmp_path / "out.parquet", scorer, rows=16)["parts"] == 3
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").equals(one)
    score_files(source, tmp_path / "folder", scorer, rows=16)
    assert pyarrow.parquet.read_table([tmp_path / "folder" / f"part-0000{i}.parquet" for i in range(3)]).equals(one)


def test_a_csv_becomes_parquet_of_texts(arrow, tiny_model, tmp_path, monkeypatch):
    import pyarrow.parquet

    monkeypatch.setattr(pieces, "_SMALL", 10)
    (tmp_path / "in.csv").write_text("id,document,empty\n01,정말 재밌다,\n2,,\n", encoding="utf-8")
    score_files(tmp_path / "in.csv", tmp_path / "out.parquet", Scorer.of(tiny_model, engine="numpy"), rows=1)
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert [str(field.type) for field in table.schema] == ["string"] * 4 + ["double"] * 2
    assert table["id"].to_pylist() == ["01", "2"] and table["probability_0"].to_pylist()[1] is None


def test_what_does_not_fit_or_is_no_parquet_leaves_nothing(arrow, source, tmp_path):
    with pytest.raises(DataError, match=r"column 'a' does not fit its type int64"), \
            write_rows(tmp_path / "a.parquet", types={"a": "int64"}) as write:
        write({"a": "가"})
    with pytest.raises(DataError, match="has the column 'b', which earlier ones lack"), \
            write_rows(tmp_path / "a.parquet") as write:
        for _ in range(parquet._GROUP):
            write({"a": 1})
        write({"a": 1, "b": 2})
    (tmp_path / "cut.parquet").write_bytes(source.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"cut\.parquet: not readable as Parquet"):
        list(read_rows(tmp_path / "cut.parquet"))
    with pytest.raises(DataError, match="cannot read .*none.parquet"):
        list(read_rows(tmp_path / "none.parquet"))
    assert sorted(os.listdir(tmp_path)) == ["cut.parquet", "in.parquet"]


def test_a_pyarrow_that_refuses_this_numpy_is_an_error_with_a_cure(arrow, source, monkeypatch):
    import builtins

    load = builtins.__import__

    def refuse(name, *more):
        if name.startswith("pyarrow"):
            raise ImportError("pyarrow requires NumPy 2.0 or newer, found 1.26.4")
        return load(name, *more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DependencyError, match=r'NumPy 2\.0 or newer.*"pyarrow<26" beside numpy 1'):
        list(read_rows(source))
