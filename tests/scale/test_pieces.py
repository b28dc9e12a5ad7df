"""A file cut into pieces is the same file: every row once, in order, with the number of its line."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.data.tables import read_rows
from gluonattn.errors import DataError
from gluonattn.scale import pieces
from gluonattn.scale.pieces import list_tables, plan_pieces, read_piece

CELL = st.text("가나ab ,\"'ㅋ\n\u3000", max_size=8)


def table_of(kind: str, cells: list[tuple[str, str]], blanks: bool, bom: bool) -> bytes:
    out = io.StringIO()
    if kind == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["id", 'a "quoted"\nname'])
        writer.writerows(cells)
    elif kind == "tsv":
        out.write("id\tdocument\n" + "".join("\t".join("".join(cell.split()) for cell in row) + "\n" for row in cells))
    else:
        for row in cells:
            out.write("\n" * blanks + json.dumps(dict(zip(("id", "document"), row)), ensure_ascii=False) + "\n")
        out.write("\n" * blanks)
    return b"\xef\xbb\xbf" * bom + out.getvalue().encode()


@settings(max_examples=150)
@given(kind=st.sampled_from(["csv", "tsv", "jsonl"]), cells=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12),
       rows=st.integers(1, 5), blanks=st.booleans(), bom=st.booleans())
def test_pieces_together_are_the_file(tmp_path_factory, kind, cells, rows, blanks, bom):
    path = tmp_path_factory.mktemp("pieces") / f"table.{kind}"
    path.write_bytes(table_of(kind, cells, blanks, bom))
    found = list(pieces._cut_lines(path, rows))
    assert [piece.rows for piece in found] == [min(rows, len(cells) - first) for first in range(0, len(cells), rows)]
    assert [row for piece in found for row in read_piece(piece)] == list(read_rows(path))


def test_small_files_and_compressed_ones_are_whole_and_numbers_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "_SMALL", 30)
    for name in ("a.tsv", "b.tsv"):
        (tmp_path / name).write_text("document\n" + "가나다라마바사\n" * 5, encoding="utf-8")
    (tmp_path / "c.tsv").write_text("document\n좋다\n", encoding="utf-8")
    found = plan_pieces(list_tables(tmp_path), 2)
    assert [(piece.number, piece.path[-5:], piece.first, piece.rows) for piece in found] == [
        (0, "a.tsv", 0, 2), (1, "a.tsv", 2, 2), (2, "a.tsv", 4, 1),
        (3, "b.tsv", 0, 2), (4, "b.tsv", 2, 2), (5, "b.tsv", 4, 1),
        (6, "c.tsv", 0, -1)]


def test_marks_of_other_programs_are_no_tables_and_formats_are_not_mixed(tmp_path):
    for name in ("part-1.csv.gz", "part-0.csv", "_SUCCESS", ".part-0.csv.crc", "_committed.csv", "notes.md"):
        (tmp_path / name).write_text("")
    assert [path.name for path in list_tables(tmp_path)] == ["part-0.csv", "part-1.csv.gz"]
    (tmp_path / "more.tsv").write_text("")
    with pytest.raises(DataError, match=r"several formats \(csv, tsv\)"):
        list_tables(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="contains no table"):
        list_tables(tmp_path / "empty")


def test_a_file_that_changed_after_it_was_cut_is_refused(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("document\n" + "좋다\n" * 6, encoding="utf-8")
    piece = list(pieces._cut_lines(path, 4))[1]
    path.write_text("document\n" + "좋\n다\n" * 8, encoding="utf-8")
    with pytest.raises(DataError, match="has changed since the work began"):
        list(read_piece(piece))
