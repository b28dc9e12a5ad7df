"""Arguments and streams of every command: any locale, any encoding, full and closed."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gluonattn import console
from gluonattn.cli.app import main
from gluonattn.console import Stream, printable
from gluonattn.errors import OptionError

from .needs import require_mxnet

ROOT = Path(__file__).parents[1]
TEXT = "최고의 영화 정말 감동이다 뷁ᄒᆞᆫ🔥"
ENCODINGS = ["euc-kr", "cp949", "ascii", "latin-1", "utf-8"]
# One that lacks some of what is printed, one that lacks all Hangul; the others are of their kind.
USUAL_ENCODINGS = [name if name in ("euc-kr", "ascii") else pytest.param(name, marks=pytest.mark.slow) for name in ENCODINGS]
ROWS = "번호,감상 글,느낌\n1,재밌다 뷁,1\n2,별로다🔥,0\n3,정말 좋다,1\n4,최악,0\n"
ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("가뷁━→▅é🔥\ud800\udcff"))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working folder of a command, with a table of Korean name and columns."""
    (tmp_path / "리뷰 표.csv").write_text(ROWS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


COLUMNS = ["--text-column", "감상 글"]
TABLE = ["--data", "리뷰 표.csv", *COLUMNS, "--label-column", "느낌"]
SHORT = ["--validation", "0.5", "--epochs", "1", "--tokenizer", "whitespace"]
# Words, the files that they write. {model} is a small model.
COMMANDS = [
    (["--version"], []), (["--help"], []), (["explain", "--help"], []), (["cells"], []), (["cells", "--json"], []),
    (["tokenizers"], []), (["tokenizers", "--json"], []), (["data", "sample"], []),
    (["pronounce", TEXT], []), (["pronounce", TEXT, "--json"], []),
    (["explain", "--model", "{model}", TEXT], []),
    (["explain", "--model", "{model}", TEXT, "--colours", "full"], []),
    (["explain", "--model", "{model}", TEXT, "--json", "--out", "기록.json"], ["기록.json"]),
    (["explain", "--model", "{model}", TEXT, "--out", "그림.png", "--out", "쪽.html", "--out", "글.txt"],
     ["그림.png", "쪽.html", "글.txt"]),
    (["predict", "--model", "{model}", "리뷰 표.csv", *COLUMNS, "--out", "점수.csv"], ["점수.csv"]),
    (["predict", "--model", "{model}", "리뷰 표.csv", *COLUMNS, "--out", "점수.csv", "--json"], ["점수.csv"]),
    (["evaluate", "--model", "{model}", *TABLE], []), (["evaluate", "--model", "{model}", *TABLE, "--json"], []),
    (["export", "--model", "{model}", "--to", "torch", "--out", "모형.safetensors"], ["모형.safetensors"]),
    (["explain", "--model", "없는 모형", TEXT], []), (["explain", "--없음"], []),
    (["predict", "--model", "{model}", "리뷰 표.csv", "--text-column", "없음", "--out", "점수.csv"], []),
]
NAMES = [" ".join(words)[:60] for words, _ in COMMANDS]


def filled(words, model) -> list[str]:
    return [word.format(model=model) for word in words]


def call(words, monkeypatch, encoding="utf-8", raw=io.BytesIO) -> tuple[int, str, str]:
    """A command in this process: exit code, and what reached streams of that encoding."""
    streams = [io.TextIOWrapper(raw(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    with pytest.raises(SystemExit) as leaving:
        main(words)
    assert [sys.stdout, sys.stderr] == streams  # as they were
    shown = [b"" if raw is not io.BytesIO else stream.buffer.getvalue() for stream in streams]
    return leaving.value.code, *(one.decode(encoding) for one in shown)


@pytest.fixture(scope="module")
def usual(tmp_path_factory, tiny_model):
    """``usual(words, files)``: exit code, stdout, stderr and sizes of the files of a command on a usual console."""
    known = {}

    def ask(words, files):
        if tuple(words) not in known:
            folder = tmp_path_factory.mktemp("usual")
            (folder / "리뷰 표.csv").write_text(ROWS, encoding="utf-8")
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                done = call(filled(words, tiny_model), patch)
            known[tuple(words)] = done, {name: (folder / name).stat().st_size for name in files}
        return known[tuple(words)]

    return ask


@pytest.mark.parametrize("encoding", USUAL_ENCODINGS)
@pytest.mark.parametrize(("words", "files"), COMMANDS, ids=NAMES)
def test_a_console_of_any_encoding_changes_only_what_is_shown(
        words, files, encoding, tiny_model, folder, usual, monkeypatch):
    expected, sizes = usual(words, files)
    code, out, err = call(filled(words, tiny_model), monkeypatch, encoding)
    assert code == expected[0] and "Traceback" not in err
    assert {name: (folder / name).stat().st_size for name in files} == sizes
    if "--json" in words:
        assert json.loads(out) == json.loads(expected[1])
    assert len(out.splitlines()) == len(expected[1].splitlines())


class Full(io.RawIOBase):
    """Like /dev/full."""

    problem = errno.ENOSPC

    def writable(self):
        return True

    def write(self, content):
        raise OSError(self.problem, os.strerror(self.problem))


class Unread(Full):
    """Like a pipe whose reader has left."""

    problem = errno.EPIPE


@pytest.mark.parametrize(("raw", "lost"), [(lambda: io.BufferedWriter(Full()), 1), (lambda: io.BufferedWriter(Unread()), 0)],
                         ids=["full", "unread"])
@pytest.mark.parametrize(("words", "files"), COMMANDS, ids=NAMES)
def test_streams_that_take_nothing_cost_no_file(words, files, raw, lost, tiny_model, folder, usual, monkeypatch):
    code = usual(words, files)[0][0]
    assert call(filled(words, tiny_model), monkeypatch, raw=raw)[0] == (code or lost)
    assert all((folder / name).stat().st_size for name in files)


# ---- as processes


def run(words, *, shell: str = "", **environment) -> subprocess.CompletedProcess:
    command = shlex.join([sys.executable, "-m", "gluonattn", *words])
    return subprocess.run(["bash", "-c", f"set -o pipefail; {command} {shell}"], capture_output=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment})


EXPLAIN = ["explain", "--model", "{model}", TEXT, "--out", "글.txt"]


@pytest.mark.parametrize(("shell", "code", "message"), [
    ("> /dev/full", 1, "cannot print to the standard output: No space left on device"),
    (">&-", 1, "cannot print to the standard output: it is closed"),
    ("2>&-", 0, ""), ("2> /dev/full", 0, ""), (">&- 2>&- <&-", 1, ""), ("| head -1", 0, ""), ("| true", 0, ""),
])
def test_a_process_with_full_or_closed_streams(shell, code, message, tiny_model, folder):
    done = run(filled(EXPLAIN, tiny_model), shell=shell)
    said = done.stderr.decode()
    assert done.returncode == code and message in said and "Traceback" not in said and "Exception ignored" not in said
    assert "정말" in (folder / "글.txt").read_text("utf-8")


def test_a_mistake_with_a_closed_stderr_still_exits_2(folder):
    assert run(["explain", "--model", "nowhere", "좋다"], shell="2>&-").returncode == 2


def test_training_on_closed_streams_writes_its_model(folder):
    require_mxnet()
    done = run(["train", *TABLE, *SHORT, "--workers", "2", "--out", "모형"], shell=">&- 2>&- <&-")
    assert done.returncode == 1 and (folder / "모형" / "config.json").stat().st_size
    assert not (folder / "모형.resume").exists()


@pytest.mark.parametrize("encoding", ["euc-kr", "ascii"])
def test_a_process_whose_console_is_not_utf8(encoding, tiny_model, folder):
    done = run(filled(EXPLAIN, tiny_model), PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    done.stdout.decode(encoding)
    assert "정말" in (folder / "글.txt").read_text("utf-8")


BARE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(("words", "files"), [
    (["explain", "--model", "{model}", TEXT, "--json", "--out", "글.txt"], ["글.txt"]),
    (["predict", "--model", "{model}", "리뷰 표.csv", *COLUMNS, "--out", "점수.csv", "--weights=무게.jsonl"],
     ["점수.csv", "무게.jsonl"]),
    (["evaluate", "--model", "{model}", *TABLE], []),
    (["train", *TABLE, *SHORT, "--out", "모형"], ["모형/config.json"]),
], ids=lambda words: words[0] if words else "nothing")
def test_a_locale_that_knows_no_hangul_changes_nothing(words, files, tiny_model, folder):
    results = {}
    for name, changed in (("usual", {}), ("bare", BARE)):
        (folder / name).mkdir()
        (folder / name / "리뷰 표.csv").write_bytes((folder / "리뷰 표.csv").read_bytes())
        os.chdir(folder / name)
        done = run(filled(words, tiny_model), **changed)
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        shown = "".join(line for line in done.stdout.decode("utf-8").splitlines() if "reviews/s" not in line)
        results[name] = shown, [(folder / name / file).read_bytes() for file in files if file != "모형/config.json"]
        assert all((folder / name / file).stat().st_size for file in files)
    assert results["usual"] == results["bare"]


@pytest.mark.parametrize("environment", [{}, BARE], ids=["utf-8", "bare"])
def test_bytes_that_are_no_utf8_are_refused_and_shown(environment, folder):
    done = run(["explain", "좋다"], shell="$'\\xc0\\xe7\\xb9\\xd5'", **environment)  # in CP949
    said = done.stderr.decode()
    assert done.returncode == 2 and "Traceback" not in said
    assert r"b'\xc0\xe7\xb9\xd5'" in said


def test_a_file_whose_name_is_no_utf8_can_be_read(tiny_model, folder):
    name = os.fsdecode(b"\xb8\xae\xba\xe4.csv")
    os.rename(folder / "리뷰 표.csv", folder / name)
    done = run(["predict", "--model", str(tiny_model), *COLUMNS, "--out", "점수.csv"], shell=r"$'\xb8\xae\xba\xe4.csv'")
    assert done.returncode == 0, done.stderr
    assert (folder / "점수.csv").stat().st_size


# ---- the parts


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
def test_arguments_that_were_read_as_ascii_are_read_again(text):
    assert console.read_arguments([text.encode().decode("ascii", "surrogateescape")]) == [text]


@given(st.binary(min_size=1))
def test_an_argument_is_text_or_an_error(content):
    content = content.replace(b"\0", b"")
    argument = os.fsdecode(content)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        with pytest.raises(OptionError, match="an argument is not UTF-8"):
            console.read_arguments([argument])
    else:
        assert console.read_arguments([argument]) == [content.decode()]


@given(ANY_TEXT, st.sampled_from([*ENCODINGS, "utf-16", "johab", "shift_jis", "iso2022_kr", "no such encoding"]))
@example("▅뷁━", "euc-kr")
@example("\xad\x0e\x800", "iso2022_kr")
def test_any_text_can_be_printed_in_any_encoding(text, encoding):
    shown = console.printable(text, encoding)
    if encoding == "no such encoding":
        assert shown.isascii()
        return
    shown.encode(encoding)
    try:
        text.encode(encoding)
    except UnicodeError:
        assert shown != text
    else:
        assert shown == text


@given(value=st.dictionaries(ANY_TEXT, st.lists(ANY_TEXT, max_size=3), max_size=3), encoding=st.sampled_from(ENCODINGS))
def test_json_that_is_printed_reads_back_equal(value, encoding):
    with pytest.MonkeyPatch.context() as patch:
        inner = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        patch.setattr(sys, "stdout", console.Stream(inner))
        console.print_json(value)
        sys.stdout.flush()
    # Two halves of a character beside each other are one in JSON.
    assert json.loads(inner.buffer.getvalue().decode(encoding)) == json.loads(json.dumps(value))


PRINTABLE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@given(st.lists(PRINTABLE), PRINTABLE, st.none() | PRINTABLE)
@example(["-5점"], "my 'model'", None)
def test_a_printed_command_is_read_back_by_a_shell(words, model, column):
    found = shlex.split(console.command_line("explain", *words, model=model, text_column=column))
    column_words = [] if column is None else ["--text-column", column]
    dashes = ["--"] * any(word.startswith("-") for word in words)
    assert found == ["gluonattn", "explain", "--model", model, *column_words, *dashes, *words]


def test_a_pipe_has_no_width_but_one_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.width() == console.rich_console().width == console.UNWRAPPED
    monkeypatch.setenv("COLUMNS", "40")
    assert console.width() == console.rich_console().width == 40


def test_the_package_tells_nobody_to_use_a_file_it_does_not_carry():
    for path in (ROOT / "gluonattn").rglob("*.py"):
        assert "constraints.txt" not in path.read_text(encoding="utf-8"), path


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


STEERING = [chr(c) for c in (*range(9), *range(11, 13), *range(14, 32), *range(0x7F, 0xA0), *range(0x202A, 0x202F),
                             *range(0x2066, 0x206A))]
SEQUENCES = ["\x1b]0;t\x07", "\x1b]52;c;aGk=\x07", "\x1bP1$r\x1b\\", "\x9b2J", "\x1bc", "\x1b[6n", "\x1b[2J",
             "\u202e", "\x1b[5;1H"]
OWN = ["\x1b[1m", "\x1b[38;2;1;2;3m", "\x1b[0m", "\x1b[2K", "\x1b[1A", "\x1b[?25l", "\r", "\n", "\t"]


@given(st.lists(st.sampled_from([*STEERING, *SEQUENCES]) | st.text(max_size=4), max_size=8).map("".join),
       st.sampled_from(OWN))
def test_no_text_steers_a_terminal_and_a_file_gets_it_as_it_is(text, own):
    """Titles, the clipboard, questions, reversed lines: they come from texts. Colours and bars are our own."""
    terminal, file = Terminal(), io.StringIO()
    Stream(terminal).write(own + text)
    Stream(file).write(text)
    assert file.getvalue() == printable(text, "utf-8")
    shown = terminal.getvalue()
    assert shown.startswith(own)
    left = re.sub(r"\x1b\[(?:[0-9;]*m|[0-9]*[AK]|\?25[hl])", "", shown)
    assert not set(left) & set(STEERING)
