"""The commands that part `kills` interrupts, their small data sets, and a server to download from."""

from __future__ import annotations

import hashlib
import http.server
import shutil
import time
from pathlib import Path
from typing import Any

from _texts import KOREAN

_TINY = [
    "--epochs",
    "2",
    "--embed-size",
    "8",
    "--hidden-size",
    "8",
    "--tokenizer",
    "whitespace",
    "--save-every",
    "0.1",
    "--min-count",
    "1",
    "--batch-size",
    "16",
]
# By name: its words, the option that goes on where it was, and what it writes.
COMMANDS: dict[str, tuple[list[str], list[str], str]] = {
    "train": (["train", "--data", "data.tsv", "--out", "out/model", "--workers", "1", *_TINY], ["--resume"], "out"),
    "train of two": (["train", "--data", "data.tsv", "--out", "out/model", "--workers", "2", *_TINY], ["--resume"], "out"),
    "evidence": (
        ["train", "--data", "data.tsv", "--out", "out/model", "--workers", "1", "--evidence", *_TINY],
        ["--resume"],
        "out",
    ),
    "ngrams": (
        ["train", "--data", "data.tsv", "--out", "out/model", "--workers", "1", "--ngrams", *_TINY],
        ["--resume"],
        "out",
    ),
    "extra": (
        [
            "train",
            "--data",
            "data.tsv",
            "--out",
            "out/model",
            "--workers",
            "2",
            "--evidence",
            "--extra",
            "extra.tsv",
            *_TINY,
        ],
        ["--resume"],
        "out",
    ),
    "pronunciation": (
        [
            "pronunciation",
            "train",
            "--data",
            "data.tsv",
            "--out",
            "out/model",
            "--epochs",
            "1",
            "--workers",
            "1",
            "--snapshots",
            "0,1",
            "--save-every",
            "0.1",
            "--batch-size",
            "256",
        ],
        ["--resume"],
        "out",
    ),
    "translation": (
        [
            "translation",
            "train",
            "--data",
            "pairs.tsv",
            "--out",
            "out/model",
            "--epochs",
            "2",
            "--workers",
            "1",
            "--units",
            "16",
            "--heads",
            "2",
            "--layers",
            "1",
            "--hidden-size",
            "16",
            "--snapshots",
            "0,1",
            "--save-every",
            "0.1",
            "--subwords",
            "150",
        ],
        ["--resume"],
        "out",
    ),
    "compare": (
        [
            "compare",
            "--cells",
            "mlp,none",
            "--seeds",
            "1",
            "--data",
            "data.tsv",
            "--out",
            "out/compare",
            "--epochs",
            "1",
            "--explained",
            "4",
            "--tokenizer",
            "whitespace",
            "--workers",
            "1",
        ],
        [],
        "out",
    ),
    "predict": (
        ["predict", "many.tsv", "--out", "out/scored.csv", "--engine", "numpy", "--weights", "out/weights.jsonl"],
        [],
        "out",
    ),
    "report": (["report", "corpus", "data.tsv", "--out", "out/corpus.html", "--engine", "numpy"], [], "out"),
    "data nsmc": (["data", "nsmc"], [], "out"),
}
DOWNLOAD = """
import hashlib, sys
from pathlib import Path
from gluonattn import console
from gluonattn.data.sources import download_nsmc
with console.terminable():
    content = Path("served").read_bytes()
    download_nsmc(Path("out"), url=sys.argv[1], files={"served": hashlib.sha256(content).hexdigest()})
"""


def content() -> bytes:
    return b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(40_000))


class Slow(http.server.BaseHTTPRequestHandler):
    """Serves a megabyte in a second, from where it is asked to."""

    def do_GET(self) -> None:
        start = int((self.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
        rest = content()[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        try:
            for i in range(0, len(rest), 65536):
                self.wfile.write(rest[i : i + 65536])
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


def make_data(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "out").mkdir(parents=True)
    rows = [f"{KOREAN[i % 10]} {i % 37} {'좋다' if i % 2 else '나쁘다'}\t{i % 2}\n" for i in range(120)]
    (folder / "data.tsv").write_text("document\tlabel\n" + "".join(rows))
    (folder / "many.tsv").write_text("document\tlabel\n" + "".join(rows) * 50)
    (folder / "extra.tsv").write_text("document\tlabel\n" + "".join(row.replace("영화", "작품 또") for row in rows[:60]))
    words = ["red", "big", "small", "black", "old"], ["cat", "dog", "horse", "bird"], ["sleeps", "eats", "falls", "runs"]
    turned = (
        ["rouge", "grand", "petit", "noir", "vieux"],
        ["chat", "chien", "cheval", "oiseau"],
        ["dort", "mange", "tombe", "court"],
    )
    pairs = [
        f"the {a} {n} {v}.\tle {turned[1][j]} {turned[0][i]} {turned[2][k]}."
        for i, a in enumerate(words[0])
        for j, n in enumerate(words[1])
        for k, v in enumerate(words[2])
    ]
    (folder / "pairs.tsv").write_text("source\ttarget\n" + "\n".join(pairs) + "\n")
    (folder / "served").write_bytes(content())
