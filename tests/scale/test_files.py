"""Files scored in pieces are those that one process writes, and what fails leaves nothing."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

import gluonattn
from gluonattn.errors import ClusterError, DataError, DependencyError, OptionError
from gluonattn.scale import CLUSTERS, Scorer, files, pieces, score_files
from gluonattn.scale.clusters import find_cluster

TEXTS = ["정말 재밌다ㅋㅋ", "최악이다 돈 아까움", "", "그냥 그래요", "👍👍", "진짜최고ㅠㅠ", "지루하고 뻔한 이야기"]


@pytest.fixture(scope="module")
def scorer(tiny_model) -> Scorer:
    return Scorer.of(tiny_model, engine="numpy")


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(pieces, "_SMALL", 100)
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "reviews.csv"
    path.write_text("id,document\n" + "".join(f'{i},"{TEXTS[i % 7]}"\n' for i in range(40)), encoding="utf-8")
    return path


def one_process(tiny_model, source: Path, out: Path, **asked) -> bytes:
    gluonattn.score_file(gluonattn.load(tiny_model, "cpu", "numpy"), source, out, **asked)
    return out.read_bytes()


def short_chunks(monkeypatch) -> None:
    """Chunks of 8 rows in one process too, so that batches hold the same texts."""
    monkeypatch.setattr("gluonattn.classifier.answers.CHUNK", 8)
    monkeypatch.setattr("gluonattn.classifier.answers.EXPLAINED", 8)


@pytest.mark.parametrize("asked", [{}, {"explain": "leave-one-out", "top": 2}], ids=["plain", "words"])
def test_pieces_give_the_bytes_that_one_process_writes(tiny_model, source, tmp_path, monkeypatch, asked):
    short_chunks(monkeypatch)
    expected = one_process(tiny_model, source, tmp_path / "one.csv", **asked)
    counts = score_files(source, tmp_path / "out.csv", Scorer.of(tiny_model, engine="numpy", **asked), rows=8)
    assert counts == {"rows": 40, "without_text": 6, "parts": 5}
    assert (tmp_path / "out.csv").read_bytes() == expected


def test_processes_share_the_pieces_and_change_nothing(tiny_model, scorer, source, tmp_path, monkeypatch):
    expected = one_process(tiny_model, source, tmp_path / "one.csv")
    monkeypatch.setattr(files, "total_threads", lambda: 2)
    shutil.copy(source, source.with_name("second.csv"))
    monkeypatch.setattr(pieces, "_SMALL", 10**6)
    done = []
    score_files(source.parent, tmp_path / "out", scorer, on_rows=done.append)
    assert done == [40, 40] and pickle.loads(pickle.dumps(scorer)).columns == scorer.columns
    assert [(tmp_path / "out" / f"part-0000{i}.csv").read_bytes() for i in range(2)] == [expected] * 2


def test_attention_records_stand_behind_each_other_too(tiny_model, scorer, source, tmp_path, monkeypatch):
    short_chunks(monkeypatch)
    one_process(tiny_model, source, tmp_path / "one.csv", weights=tmp_path / "one.jsonl")
    score_files(source, tmp_path / "out.csv", scorer, weights=tmp_path / "out.jsonl", rows=8)
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_a_folder_is_finished_when_its_manifest_is_there(scorer, source, tmp_path):
    score_files(source, tmp_path / "out", scorer, rows=16)
    manifest = json.loads((tmp_path / "out" / files.SUCCESS).read_text(encoding="utf-8"))
    assert manifest["rows"] == 40 and manifest["without_text"] == 6
    assert [(part["file"], part["rows"], part["first_row"]) for part in manifest["parts"]] == [
        ("part-00000.csv", 16, 0), ("part-00001.csv", 16, 16), ("part-00002.csv", 8, 32)]
    assert sorted(os.listdir(tmp_path / "out")) == ["_SUCCESS", "part-00000.csv", "part-00001.csv", "part-00002.csv"]
    with pytest.raises(DataError, match="exists already: give a new folder"):
        score_files(source, tmp_path / "out", scorer)


@pytest.mark.parametrize("out", ["out", "out.jsonl"])
def test_a_bad_row_in_the_last_piece_leaves_nothing_and_names_its_line(scorer, tmp_path, monkeypatch, out):
    monkeypatch.setattr(pieces, "_SMALL", 100)
    source = tmp_path / "in.jsonl"
    rows = [{"document": text} for text in TEXTS * 4] + [{"document": ["좋다"]}]
    source.write_text("\n" + "".join(json.dumps(row) + "\n\n" for row in rows), encoding="utf-8")
    with pytest.raises(DataError, match=r"in\.jsonl, line 58: expected text in 'document', got a list"):
        score_files(source, tmp_path / out, scorer, rows=8)
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_a_piece_that_does_not_come_back_is_no_output(scorer, source, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_run_here", lambda job, pieces, scorer, on_rows: [])
    with pytest.raises(ClusterError, match=r"piece 0 .* returned no result: nothing was written"):
        score_files(source, tmp_path / "out", scorer)
    assert os.listdir(tmp_path) == ["in"]


def test_what_a_worker_cannot_see_is_said(scorer, source, tmp_path):
    from gluonattn.scale.work import Job, score_piece

    found = score_piece(Job(str(source), str(tmp_path / "gone"), ".csv", True), pieces.Piece(0, str(source)), scorer)
    assert "cannot find" in found["error"] and "gone" in found["error"]


@pytest.mark.parametrize("address, message", [
    ("spork://a:1", "is not a cluster: expected"), ("", "is not a cluster"), ("spark://a", "expected HOST:PORT"),
    ("spark://a:99999", "expected HOST:PORT")])
def test_an_address_that_means_nothing_is_refused(monkeypatch, address, message):
    monkeypatch.setitem(CLUSTERS, "spark", replace(CLUSTERS["spark"], is_installed=lambda: True))
    with pytest.raises(OptionError, match=message):
        find_cluster(address)


def test_a_cluster_that_is_not_there_and_an_engine_that_is_not_installed(scorer, source, tmp_path, monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"spark://127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setitem(CLUSTERS, "spark", replace(CLUSTERS["spark"], is_installed=lambda: False))
        with pytest.raises(DependencyError, match=r"gluonattn\[spark\]"):
            score_files(source, tmp_path / "out.csv", scorer, on=address)
        monkeypatch.setitem(CLUSTERS, "spark", replace(CLUSTERS["spark"], is_installed=lambda: True))
        with pytest.raises(ClusterError, match="no cluster answers at spark://127.0.0.1"):
            score_files(source, tmp_path / "out.csv", scorer, on=address)
    assert os.listdir(tmp_path) == ["in"]


def test_the_engines_are_found_by_their_files():
    found = sorted(path.name for path in Path(files.__file__).parent.glob("*_cluster.py"))
    assert [f"{name}_cluster.py" for name in sorted(CLUSTERS)] == found and len(found) >= 3
