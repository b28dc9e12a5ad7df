"""Every command that a command prints can be pasted into a shell as it stands, and works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gluonattn.cli.app import main
from gluonattn.data import sources

from ..needs import needs_mxnet

ROOT = Path(__file__).parents[2]
COMMANDS = "train|evaluate|explain|predict|export|compare|capture|project|pronunciation|data"
PRINTED = re.compile(rf"gluonattn (?:{COMMANDS})\b[^`\n]*")
SHORT = ["--text-column", "감상 글", "--label-column", "내 느낌", "--epochs", "1", "--validation", "0.5",
         "--tokenizer", "whitespace"]
NAMES = ["plain", "with space", "it's", '"quoted" $HOME', "한글 [bold]모형[/bold]", "-dash"]


def call(capsys, *words) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main([str(word) for word in words])
    shown = capsys.readouterr()
    return leaving.value.code, shown.out, shown.err


def printed_by(text: str) -> list[list[str]]:
    """What a shell makes of the commands in a text, without `gluonattn`."""
    return [shlex.split(command)[1:] for command in PRINTED.findall(text)]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text="감상 글", label="내 느낌", name="내 리뷰.csv") -> str:
        rows = "".join(f"{'좋다' if i % 2 else '별로다'} {i},{i % 2}\n" for i in range(12))
        Path(name).write_text(f'"{text}","{label}"\n{rows}', encoding="utf-8")
        return name

    return write


@needs_mxnet
@pytest.mark.parametrize("name", NAMES)
def test_what_train_prints(name, table, capsys):
    data = table()
    code, out, err = call(capsys, "train", f"--data={data}", *SHORT, f"--out={name}")
    assert code == 0, err
    commands = printed_by(out[out.index("next:"):])
    assert [words[0] for words in commands] == ["evaluate", "explain"]
    for words in commands:
        code, out, err = call(capsys, *words)
        assert code == 0, (words, err)


@needs_mxnet
def test_what_train_prints_goes_through_a_shell(table, tmp_path):
    """One real shell: what stands on the screen is what is pasted."""
    data = table(name="it's 리뷰.csv")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = ["train", "--data", data, *SHORT, "--out", "a 'b'"]
    done = subprocess.run([sys.executable, "-m", "gluonattn", *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in PRINTED.findall(done.stdout[done.stdout.index("next:"):]):
        here = command.replace("gluonattn", f"{shlex.quote(sys.executable)} -m gluonattn", 1)
        again = subprocess.run(["bash", "-c", here], env=environment, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_what_training_pronunciation_prints(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, "train", "--task", "pronunciation", "--epochs", 1, "--out", "말 소리")
    assert code == 0, err
    (words,) = printed_by(out[out.index("next:"):])
    code, _, err = call(capsys, *words)
    assert code == 0, (words, err)


@needs_mxnet
@pytest.mark.parametrize("out", [None, "새 폴더"])
def test_what_data_nsmc_prints(out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = Path(out or "cache").absolute()
    monkeypatch.setenv("GLUONATTN_NSMC", str(folder))

    def download(where, progress):
        sample = sources.sample_folder()
        folder.mkdir()
        (folder / "ratings_train.txt").write_bytes((sample / "sample_train.tsv").read_bytes())
        (folder / "ratings_test.txt").write_bytes((sample / "sample_test.tsv").read_bytes())
        return folder

    monkeypatch.setattr(sources, "download_nsmc", download)
    code, shown, err = call(capsys, "data", "nsmc", *(["--out", out] if out else []))
    assert code == 0, err
    (words,) = printed_by(shown)
    code, _, err = call(capsys, *words, "--epochs", 1, "--tokenizer", "whitespace", "--out", "model")
    assert code == 0, (words, err)


@pytest.mark.parametrize("words", [
    ["evaluate", "--model", "no 'where'"], ["explain", "--model", "no where", "좋다"], ["evaluate", "--data", "nsmc"],
    ["report", "pronunciation", "no where"],
])
def test_what_errors_print_is_a_command(words, tmp_path, monkeypatch, capsys):
    """They may take long or the network, so they are only parsed: with --help behind them a wrong word is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLUONATTN_NSMC", str(tmp_path / "nowhere"))
    code, _, err = call(capsys, *words)
    assert code == 2
    for found in printed_by(err):
        code, _, err = call(capsys, *found, "--help")
        assert code == 0, (found, err)
