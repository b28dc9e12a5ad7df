"""Part `files`: for tables in every form, the real command writes a complete output, or refuses and writes nothing."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from _cases import Fault
from _command import command, disk, environment, forked, leftovers, living, load_command, require_no_traceback
from _texts import KOREAN, text

SECONDS, START, SHRINK = 120.0, 30.0, 60.0
SHORT = 8  # cases of the short form
ODD: dict[str, list[Any]] = {
    "encoding": ["utf-8-sig", "cp949", "euc-kr", "utf-16", "utf-16-le", "utf-16-be", "latin-1"],
    "ending": [".parquet", ".zip", ".zst", "", ".CSV", ".txt", ".ndjson", ".xlsx"],
    "packed": [".gz", ".bz2", ".xz", ".zip", ".zst"],
    "newline": ["\r\n", "\r"],
    "quoted": [True],
    "last newline": [False],
    "times": [50],
    "damage": ["cut", "flip", "nul", "empty"],
    "through": ["fifo", "dash", "stdin", "folder", "link", "missing", "odd name"],
    "out": ["missing folder", "dash", "folder", "same", "full", "closed", "small disk", "read-only disk"],
    "around": ["LC_ALL=C", "COLUMNS=20", "no HOME", "head", "ascii", "elsewhere"],
}
HEADERS = [["document", "label"]] * 5 + [
    ["text", "label"], ["리뷰", "감정"], ["document", "document"], ["documnet", "labell"], ["label"], [],
    ["id", "document", "label"],
    ["document", "label", ""], ["document", "predicted_label"],
    ["\ufeffdocument", "label"], [" Document ", "LABEL"],
]
LABELS = ["0", "1", "1", "0", "긍정", "", "nan", "NaN", "1.0", "None", "-1", "01"]


def missing() -> str | None:
    return None


def draw(random: Random) -> Any:
    """A table, how it is written, what is asked, and in which surroundings."""
    columns = random.choice(HEADERS[:5] if random.random() < 0.6 else HEADERS)
    hostile, blank = random.random() < 0.5, random.random() < 0.1
    count = random.choice((0, 1, 2, 5, 20, 60))

    def cell(column: str) -> str:
        if "label" in column.lower() or column == "감정":
            return random.choice(LABELS[:4] if random.random() < 0.8 else LABELS)
        if blank:
            return random.choice(["", " ", "\u200b", "\u3000"])
        return text(random) if hostile else random.choice(KOREAN)

    rows = [[cell(column) for column in columns] for _ in range(count)]
    if random.random() < 0.1 and rows:
        random.choice(rows)[:] = [*random.choice(rows), "하나 더"][: random.randrange(4)]
    case = {
        "command": random.choice(["predict"] * 12 + ["evaluate", "explain", "corpus", "train", "compare", "pronunciation"]),
        "ending": random.choice([".csv", ".tsv", ".jsonl"]),
        "packed": "",
        "encoding": "utf-8",
        "columns": columns,
        "rows": rows,
        "newline": "\n",
        "quoted": False,
        "last newline": True,
        "times": 1,
        "damage": "",
        "at": random.random(),
        "through": "file",
        "out": "file",
        "around": "",
    }
    for name in random.sample(sorted(ODD), random.choice((0, 1, 1, 2, 2, 3, 5))):
        case[name] = random.choice(ODD[name])
    if case["command"] != "predict":  # the others take too long over many rows for a campaign of small cases
        case["times"] = 1
    return case


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    load_command()
    yield lambda case: _check(case, folder)


def _check(case: Any, parent: Path) -> dict[str, int]:
    folder = parent / "case"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "disk").mkdir(parents=True)
    with disk(folder / "disk", case["out"]) as there:
        return _check_table(case if there else {**case, "out": "file"}, folder)


def _check_table(case: Any, folder: Path) -> dict[str, int]:
    source = _write(case, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    words, out = _words(case, source, folder)
    result = _run(case, words, folder, source)
    shown = require_no_traceback(result)
    code = result.returncode
    if left := living(str(folder)):
        raise Fault("a process is left behind", left)
    if left := leftovers(folder):
        raise Fault("a half-written or temporary file is left behind", left)
    changed = [str(path) for path, content in before.items() if not path.is_file() or path.read_bytes() != content]
    if changed and not (case["out"] == "same" and code == 0):
        raise Fault("the source was changed", changed)
    if code not in (0, 1, 2):
        raise Fault(f"exit code {code}", shown)
    if code and not ("error" in shown.lower() or "usage" in shown.lower()):
        raise Fault("it failed without a word", shown)
    if code == 2 and out is not None and os.path.lexists(out) and out.is_file() and out not in before:
        raise Fault("a file was written though the command failed", f"{out}: {shown}")
    if case["command"] == "predict" and _is_plain(case):
        if code:
            raise Fault("a well-formed table was refused", shown)
        if out is not None:
            _compare(case, out)
    return {"tables answered" if code == 0 else "tables refused": 1}


def _is_plain(case: Any) -> bool:
    """Whether it is a table that must be answered: nothing about it is odd."""
    names = [name for name in case["columns"] if name]
    usual = [name for name in names if name in ("document", "text", "리뷰")]
    cells = "".join(cell for row in case["rows"] for cell in row)
    return (
        case["encoding"] in ("utf-8", "utf-8-sig")
        and case["ending"] in (".csv", ".tsv", ".jsonl")
        and case["packed"] in ("", ".gz", ".bz2", ".xz")
        and case["newline"] != "\r"
        and not case["damage"]
        and case["through"] in ("file", "link", "odd name")
        and case["out"] == "file"
        and len(usual) == 1
        and len(set(names)) == len(case["columns"])
        and "predicted_label" not in names
        and len(case["rows"]) > 0
        and all(len(row) == len(case["columns"]) for row in case["rows"])
        and all(c.isprintable() for c in cells)
        and not any("\ud800" <= c < "\ue000" for c in cells)
        and not ("\t" in cells and case["ending"] == ".tsv")
    )


def _compare(case: Any, out: Path) -> None:
    opener = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(case["packed"], open)
    with opener(out, "rt", encoding="utf-8-sig", newline="") as file:
        if case["ending"] == ".jsonl":
            found = [[row[name] for name in case["columns"]] for row in map(json.loads, file)]
        elif case["ending"] == ".tsv":
            found = [line.rstrip("\r\n").split("\t")[: len(case["columns"])] for line in file][1:]
        else:
            found = [row[: len(case["columns"])] for row in csv.reader(file)][1:]
    if found != (expected := case["rows"] * case["times"]):
        raise Fault("rows are lost or changed", f"{len(found)} of {len(expected)}; {found[:3]} for {expected[:3]}")


def _write(case: Any, folder: Path) -> Path:
    ending, rows = case["ending"].lower(), case["rows"] * case["times"]
    if ending == ".jsonl":
        lines = [
            json.dumps(dict(zip(case["columns"], row)), ensure_ascii=any("\ud800" <= c < "\ue000" for c in "".join(row)))
            for row in rows
        ]
        content = case["newline"].join(lines)
    elif ending in (".tsv", ".txt"):
        content = case["newline"].join("\t".join(row) for row in [case["columns"], *rows])
    else:
        buffer = io.StringIO()
        with suppress(csv.Error):  # an empty row of one column
            csv.writer(
                buffer,
                lineterminator=case["newline"],
                escapechar="\\",
                quoting=csv.QUOTE_ALL if case["quoted"] else csv.QUOTE_MINIMAL,
            ).writerows([case["columns"], *rows])
        content = buffer.getvalue().rstrip("\r\n")
    content += case["newline"] * case["last newline"]
    raw = content.encode(case["encoding"], "replace" if case["encoding"] not in ("utf-8", "utf-8-sig") else "surrogatepass")
    raw = _damage(case, _pack(case["packed"], raw))
    name = "odd 이름\n'\"$(x);&\u202e" if case["through"] == "odd name" else "table"
    place = folder / "parts" if case["through"] == "folder" else folder
    place.mkdir(exist_ok=True)
    path = place / f"{name}{case['ending']}{case['packed']}"
    if case["through"] != "missing":
        path.write_bytes(raw)
    if case["through"] == "link":
        path.rename(folder / "real")
        path.symlink_to(folder / "real")
    return place if case["through"] == "folder" else path


def _pack(packed: str, raw: bytes) -> bytes:
    if packed == ".zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("table.csv", raw)
        return buffer.getvalue()
    return {
        "": bytes,
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zst": lambda raw: b"\x28\xb5\x2f\xfd" + raw,
    }[packed](raw)


def _damage(case: Any, raw: bytes) -> bytes:
    place = int(case["at"] * len(raw))
    if case["damage"] == "cut":
        return raw[:place]
    if case["damage"] == "flip" and raw:
        return raw[:place] + bytes([raw[min(place, len(raw) - 1)] ^ 0x81]) + raw[place + 1 :]
    if case["damage"] == "nul":
        return raw[:place] + b"\x00" * 3 + raw[place:]
    return b"" if case["damage"] == "empty" else raw


def _words(case: Any, source: Path, folder: Path) -> tuple[list[str], Path | None]:
    given = {"dash": "-", "stdin": "/dev/stdin", "fifo": str(folder / f"fifo{case['ending']}{case['packed']}")}.get(
        case["through"], str(source)
    )
    if case["around"] == "elsewhere":
        given = os.path.relpath(given, folder / "tmp") if given.startswith("/") else given
    suffix = {"explain": ".html", "corpus": ".html"}.get(case["command"], f"{case['ending']}{case['packed']}")
    out = {
        "file": folder / f"out{suffix}",
        "missing folder": folder / "new" / f"out{suffix}",
        "folder": folder / "given",
        "same": source,
        "full": Path("/dev/full"),
        "closed": folder / f"out{suffix}",
        "small disk": folder / "disk" / f"out{suffix}",
        "read-only disk": folder / "disk" / f"out{suffix}",
    }.get(case["out"])
    written = str(out) if out else "-"
    tiny = ["--embed-size", "4", "--hidden-size", "4", "--epochs", "1", "--workers", "1", "--tokenizer", "whitespace"]
    words = {
        "predict": ["predict", given, "--out", written, "--engine", "numpy"],
        "evaluate": ["evaluate", "--data", given, "--engine", "numpy"],
        "explain": ["explain", "--from", given, "--out", written, "--engine", "numpy", "--method", "none"],
        "corpus": ["report", "corpus", given, "--out", written, "--engine", "numpy", "--min-count", "1"],
        "train": ["train", "--data", given, "--out", str(folder / "model"), *tiny],
        "compare": ["compare", "--data", given, "--out", str(folder / "compare"), "--cells", "mlp,no-such-cell"],
        "pronunciation": ["pronunciation", "train", "--data", given, "--out", str(folder / "model"), "--epochs", "0"],
    }[case["command"]]
    return words, out if "--out" in words and case["out"] != "full" and written == words[words.index("--out") + 1] else None


def _run(case: Any, words: list[str], folder: Path, source: Path) -> subprocess.CompletedProcess[bytes]:
    around, changes = case["around"], {}
    if around == "LC_ALL=C":
        changes = {"LC_ALL": "C", "LANG": None}
    elif around == "ascii":
        changes = {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    elif around == "COLUMNS=20":
        changes = {"COLUMNS": "20"}
    elif around == "no HOME":
        changes = {"HOME": None, "XDG_CACHE_HOME": None}
    line = command(*words)
    feeder = None
    if case["through"] == "fifo":
        os.mkfifo(fifo := folder / f"fifo{case['ending']}{case['packed']}")
        # Whoever reads it or not: the writer ends with the case.
        feeder = subprocess.Popen(
            ["timeout", "60", "sh", "-c", 'cat "$1" > "$2"', "sh", str(source), str(fifo)],  # noqa: S607 - a writer for a pipe
            stderr=subprocess.DEVNULL,
        )
    stdin: Any = subprocess.DEVNULL
    if case["through"] in ("dash", "stdin") and source.exists():
        stdin = open(source, "rb")  # noqa: SIM115 - closed below
    if around == "head" or case["out"] == "closed":
        line = ["bash", "-c", '"$@" | head -c 1; exit ${PIPESTATUS[0]}' if around == "head" else '"$@" >&-', "bash", *line]
    env = environment(folder, str(folder), **changes)
    cwd = folder / "tmp" if around == "elsewhere" else folder
    try:
        if line[0] == "bash" or "LC_ALL" in changes or case["at"] < 0.03:  # what only a process from its start can show
            return subprocess.run(line, cwd=cwd, env=env, stdin=stdin, capture_output=True, timeout=SECONDS)
        return forked(words, cwd, env, stdin, SECONDS)
    finally:
        if stdin is not subprocess.DEVNULL:
            stdin.close()
        if feeder is not None:
            feeder.terminate()
            feeder.wait()
