"""The commands that part `kills` interrupts, their small data sets, and a server to download from."""

from __future__ import annotations

import hashlib
import http.server
import shlex
import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from _texts import KOREAN

_TINY = ("--epochs 2 --embed-size 8 --hidden-size 8 --tokenizer whitespace --save-every 0.1 --min-count 1 --batch-size 16 "
         "--out out/model --data data.tsv")
_SENTENCE = "'정말 좋은 영화'"
# The words of each command. It writes into the folder "out".
_LINES = {
    "train": f"train --workers 1 {_TINY}",
    "train of two": f"train --workers 2 {_TINY}",
    "evidence": f"train --workers 1 --evidence {_TINY}",
    "ngrams": f"train --workers 1 --ngrams {_TINY}",
    "extra": f"train --workers 2 --evidence --extra extra.tsv {_TINY}",
    "pronunciation": "pronunciation train --data data.tsv --out out/model --epochs 1 --workers 1 --snapshots 0,1 "
                     "--save-every 0.1 --batch-size 256",
    "translation": "translation train --data pairs.tsv --out out/model --epochs 2 --workers 1 --units 16 --heads 2 "
                   "--layers 1 --hidden-size 16 --snapshots 0,1 --save-every 0.1 --subwords 150",
    "compare": "compare --cells mlp,none --seeds 1 --data data.tsv --out out/compare --epochs 1 --explained 4 "
               "--tokenizer whitespace --workers 1",
    "predict": "predict many.tsv --out out/scored.csv --engine numpy --weights out/weights.jsonl",
    "predict parquet": "predict many.tsv --out out/scored.parquet --engine numpy",
    "predict parts": "predict parts --out out/parts --engine numpy",
    "report": "report corpus data.tsv --out out/corpus.html --engine numpy",
    "data nsmc": "data nsmc",
    "publish": "publish --model web --out out/site",
    "export onnx": "export --to onnx --out out/model.onnx",
    "export torch": "export --to torch --out out/model.safetensors",
    "export mxnet": "export --to mxnet --out out/model",
    "fit-attention": "fit-attention data.tsv --model out/heads --texts 60 --engine numpy",
    "explain": "explain --from data.tsv --out out/page.html --out out/all.json --out out/all.txt --engine numpy",
    "explain one": f"explain {_SENTENCE} --engine numpy "
                   + " ".join(f"--out out/one.{ending}" for ending in ("html", "png", "svg", "pdf", "npz", "json", "txt")),
    "report epochs": f"report epochs {_SENTENCE} --model by-epoch --engine numpy --out out/epochs.html --out out/epochs.png",
    "pronunciation report": "pronunciation report made --words 8 --edited 1 --word 국물 --out out/report.html",
    "translation report": "translation report made --sentences 4 --out out/report.html",
    "translate": "translation translate --model made 'the red cat sleeps.' --view cross --out out/cross.npz",
}
COMMANDS = {name: shlex.split(line) for name, line in _LINES.items()}
GOES_ON = ("train", "train of two", "evidence", "ngrams", "extra", "pronunciation", "translation")  # with --resume
# Commands whose files have their names only when they are as they will stay. Training replaces its files at each epoch.
AT_ONCE = tuple(name for name in COMMANDS if name not in (*GOES_ON, "compare"))
MADE_BY = {"pronunciation report": "pronunciation", "translation report": "translation", "translate": "translation"}
_NEEDS = {"translation": ("sentencepiece", "sacrebleu"), "predict parquet": ("pyarrow",), "export onnx": ("onnx",)}


def names() -> list[str]:
    """The commands whose packages are installed."""
    return [name for name in COMMANDS
            if all(map(find_spec, _NEEDS.get(name, ()))) and all(map(find_spec, _NEEDS.get(MADE_BY.get(name, ""), ())))]


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


def make_data(folder: Path, models: Path, name: str) -> None:
    """Empty a folder and fill it with what the commands read.

    Parameters
    ----------
    folder : pathlib.Path
    models : pathlib.Path
        Models that commands read: `make_models` has made two, and a command of `MADE_BY` one with its name.
    name : str
        The command.
    """
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
    (folder / "parts").mkdir()
    for i in range(3):
        (folder / "parts" / f"{i}.tsv").write_text("document\tlabel\n" + "".join(rows[i::3]) * 20)
    shutil.copytree(models / "web", folder / "web")
    if name == "fit-attention":
        shutil.copytree(models / "web", folder / "out" / "heads")
    for epoch in (1, 2):
        shutil.copytree(models / f"epoch{epoch}", folder / "by-epoch" / str(epoch))
    if name in MADE_BY:
        shutil.copytree(models / MADE_BY[name], folder / "made")
        (folder / "pairs.tsv").unlink()  # without it no aligner runs: that one draws without a seed


def make_models(folder: Path) -> None:
    """Small models of random weights.

    Parameters
    ----------
    folder : pathlib.Path
    """
    from gluonattn.models.checkpoint import save_checkpoint
    from tests.classifier.known import predictor_of

    for seed, name in enumerate(("web", "epoch1", "epoch2")):
        save_checkpoint(folder / name, predictor_of({"cell": "multi-head", "evidence": 6}, seed=seed).checkpoint)
