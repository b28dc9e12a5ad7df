"""What is wrong in paths, columns and names is said before anything slow is loaded, and no file is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gluonattn import early
from gluonattn.cli.app import main
from gluonattn.errors import DataError

ROOT = Path(__file__).parents[1]
SLOW = {"mxnet", "gluonnlp", "torch", "transformers", "sklearn", "matplotlib", "onnxruntime", "scipy"}
WRONG = [
    (["train", "--data", "nowhere.csv"], "nowhere.csv"),
    (["train", "--data", "in.csv", "--text-column", "nope"], "expected 'nope', found 'text', 'label'"),
    (["train", "--data", "sample", "--label-column", "nope"], "expected 'nope'"),
    (["train", "--data", "in.csv", "--extra", "nowhere.gz"], "nowhere.gz"),
    (["train", "--data", "in.csv", "--pretrain", "nowhere.gz"], "nowhere.gz"),
    (["train", "--task", "pronunciation", "--data", "nowhere.csv"], "nowhere.csv"),
    (["evaluate", "--data", "nowhere.csv"], "nowhere.csv"),
    (["evaluate", "--data", "in.csv", "--label-column", "nope"], "expected 'nope'"),
    (["predict", "nowhere.csv", "--out", "a.csv"], "nowhere.csv"),
    (["predict", "in.csv", "--text-column", "nope", "--out", "a.csv"], "expected 'nope'"),
    (["predict", "in.csv", "--out", "no/where.csv"], "cannot write no/where.csv"),
    (["predict", "in.csv", "--out", "a.csv", "--weights", "no/where.jsonl"], "cannot write no/where.jsonl"),
    (["explain", "--from", "nowhere.csv"], "nowhere.csv"),
    (["explain", "--from", "in.csv", "--text-column", "nope"], "expected 'nope'"),
    (["explain", "좋다", "--text-column", "text"], "--text-column names a column of the file given by --from"),
    (["pronounce", "좋다", "--text-column", "text"], "--text-column names a column of the file given by --from"),
    (["explain", "좋다", "--out", "no/where.png"], "cannot write no/where.png"),
    (["explain", "좋다", "--out", "folder.png"], "folder.png: it is a folder"),
    (["explain", "--from", "list.txt", "--out", "list.txt"], "list.txt is an input"),
    (["explain", "좋다", "--view", "페이지"], "unknown view '페이지'"),
    (["explain", "좋다", "--view", "페이지", "--json"], "unknown view '페이지'"),
    (["explain", "좋다", "--view", "page"], "the view page needs a file: give --out FILE, with a name that ends in .html"),
    (["explain", "좋다", "--view", "record"], "or --json to print the record"),
    (["explain", "좋다", "--lang", "fr"], "unknown language 'fr'"),
    (["explain", "좋다", "--colours", "pink", "--json"], "unknown colour mode 'pink'"),
    (["export", "--to", "onnx", "--out", "no/where.onnx"], "cannot write no/where.onnx"),
    (["export", "--model", "model", "--to", "torch", "--out", "model/model.safetensors"], "is an input"),
    (["compare", "--data", "nowhere.csv"], "nowhere.csv"),
    (["compare", "--data", "in.csv", "--text-column", "nope"], "expected 'nope'"),
    (["compare", "--out", "in.csv/compare"], "cannot write in.csv/compare"),
    (["capture", "--model", "./no model", "--text", "좋다"], "no model at ./no model"),
    (["capture", "--model", "model", "--text", "좋다", "--out", "no/where.html"], "cannot write no/where.html"),
    (["capture", "--model", "model", "--text", "좋다", "--kind", "both"], "unknown kind 'both'"),
    (["capture", "--model", "model", "--text", "좋다", "--unit", "word"], "unknown unit 'word'"),
    (["capture", "--model", "model", "--text", "좋다", "--lang", "fr"], "unknown language 'fr'"),
    (["project", "./no model", "--out", "a.html"], "no model at ./no model"),
    (["project", "model", "--from", "nowhere.txt", "--out", "a.html"], "nowhere.txt"),
    (["project", "model", "--from", "cp949.txt", "--out", "a.html"], "cp949.txt, line 1: not UTF-8"),
    (["project", "model", "--from", "empty.txt", "--out", "a.html"], "empty.txt holds no sentence"),
    (["project", "model", "--from", "in.csv", "--out", "no/where.html"], "cannot write no/where.html"),
    (["report", "pronunciation", "model", "--out", "in.csv/report"], "cannot write in.csv/report"),
    (["report", "pronunciation", "model", "--lang", "fr"], "unknown language 'fr'"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "in.csv").write_text("text,label\n좋다,1\n별로,0\n", encoding="utf-8")
    (tmp_path / "list.txt").write_text("text\n좋다\n", encoding="utf-8")
    (tmp_path / "cp949.txt").write_bytes("좋다".encode("cp949"))
    (tmp_path / "empty.txt").write_bytes(b"\n \n")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_what_is_wrong_is_said_and_nothing_is_touched(words, message, folder, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as leaving:
        main(words)
    err = capsys.readouterr().err
    assert leaving.value.code == 2 and message in err and "Traceback" not in err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_nothing_slow_is_loaded_for_it(folder):
    """All of them in one process: a start takes half a second."""
    code = ("import sys\nfrom gluonattn.cli.app import main\n"
            f"for words in {[words for words, _ in WRONG]!r}:\n"
            "    try: main(words)\n"
            "    except SystemExit as leaving: assert leaving.code == 2, words\n"
            f"    slow = {SLOW!r} & set(sys.modules)\n"
            "    assert not slow, (words, slow)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_folder_that_cannot_be_written_is_named_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def refused(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(early.tempfile, "TemporaryFile", refused)
    with pytest.raises(DataError, match=r"^cannot write sub/a\.png: sub: Permission denied\."):
        early.require_writable([Path("sub/a.png")])
    with pytest.raises(DataError, match=r"^cannot write sub/folder: \.: Permission denied\."):
        early.require_writable_folder(Path("sub/folder"))
    assert list(tmp_path.iterdir()) == []
