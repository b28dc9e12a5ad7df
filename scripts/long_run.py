"""Check whether memory, open files and threads stay constant in a long training and a long service.

    python scripts/long_run.py serve --seconds 3600
    python scripts/long_run.py train --seconds 7200 --out build/long-train.json
    python scripts/long_run.py explain

Prints numbers over time and a verdict. `serve` sends a few requests a second to a real `gluonattn serve`. `train` trains on
the bundled sample, epoch after epoch, until SIGTERM. The numbers are sums over all processes of the command. `explain`
explains texts of different lengths in this process, to tell memory that is kept for the next text from memory that is lost.
"""

from __future__ import annotations

import argparse
import ctypes
import http.client
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent / "campaign")]

from _command import command, environment  # noqa: E402 - found by the line above
from _texts import text  # noqa: E402

_MOST_GROWTH = 0.05  # of memory, from the second quarter to the last one: the first is warming up
_MOST_MORE = 2  # files or threads
_EPOCHS = "10000"  # the most that a run may have: days, on the sample
_LENGTHS = (5, 17, 30, 50, 70, 100, 100, 120, 120, 50, 17)  # tokens
_PATHS = ["/v1/predict"] * 4 + ["/v1/explain", "/metrics"]


def measure(number: int) -> dict[str, int]:
    """Memory (MB), open files and threads of a process and all that descend from it."""
    total = {"memory": 0, "files": 0, "threads": 0}
    waiting = [number]
    while waiting:
        place = Path("/proc", str(waiting.pop()))
        try:
            status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line)
            total["memory"] += int(status.get("VmRSS", "0 kB").split()[0]) >> 10
            total["threads"] += int(status["Threads"])
            total["files"] += len(os.listdir(place / "fd"))
            for task in (place / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:  # it has just ended
            continue
    return total


def judge(rows: list[dict[str, Any]]) -> dict[str, str]:
    """By what is measured: "flat", or how it grew from the second quarter of the run to the last."""
    quarter = len(rows) // 4
    if not quarter:
        return {name: "too short to say" for name in ("memory", "files", "threads")}
    found = {}
    for name in ("memory", "files", "threads"):
        early, late = (
            statistics.median(row[name] for row in part) for part in (rows[quarter : 2 * quarter], rows[-quarter:])
        )
        grown = late - early > (early * _MOST_GROWTH if name == "memory" else _MOST_MORE)
        found[name] = f"grows from {early:g} to {late:g}" if grown else "flat"
    return found


def _start(words: list[str], folder: Path, output: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*words),
        cwd=folder,
        env=environment(folder, str(folder)),
        stdout=output,
        stderr=subprocess.STDOUT if output is not subprocess.PIPE else subprocess.DEVNULL,
        text=True,
    )


def start_serving(folder: Path, rate: float, stop: threading.Event, done: dict[str, int]) -> subprocess.Popen[str]:
    """A server, and a thread that asks it `rate` things a second until `stop`; `done` counts answers by status.

    Parameters
    ----------
    folder : pathlib.Path
    rate : float
    stop : threading.Event
    done : dict of str to int
    """
    process = _start(["serve", "--port", "0", "--engine", "numpy", "--no-access-log"], folder, subprocess.PIPE)
    address = re.search(r"http://([\d.]+):(\d+)", process.stdout.readline() if process.stdout else "")
    if not address:
        raise SystemExit("the server does not start")
    random = Random(0)

    def ask() -> None:
        while not stop.wait(1 / rate):
            path = random.choice(_PATHS)
            body = None if path == "/metrics" else json.dumps({"inputs": text(random, 60)})
            connection = http.client.HTTPConnection(address[1], int(address[2]), timeout=300)
            try:
                connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                status = str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                status = type(error).__name__
            finally:
                connection.close()
            done[status] = done.get(status, 0) + 1

    threading.Thread(target=ask, daemon=True).start()
    return process


def explain_lengths() -> None:
    """Print the lengths of the texts that `serve` explains, and time and memory of explanations of different lengths."""
    import gluonattn

    model, random, lengths = gluonattn.load(engine="numpy"), Random(0), []
    for number in range(600):
        path, one = random.choice(_PATHS), text(random, 60)
        if path == "/v1/explain":
            lengths.append((len(model.tokenizer(one)), number))
    longest = ", ".join(f"{size} (request {number})" for size, number in sorted(lengths, reverse=True)[:4])
    print(f"`serve` explains {len(lengths)} of its first 600 texts. Most tokens: {longest}")
    words = "정말 재미있게 봤습니다 돈 아깝다 배우들 연기는 좋았지만 내용이 없다 " * 40
    tokens = model.tokenizer(words)
    thread = ThreadPoolExecutor(1)  # as in a server: the C library keeps another heap for it
    for size in _LENGTHS:
        start = time.process_time()
        thread.submit(list, model.explain_each([words[: tokens[size - 1].end]], "default", what_if=False)).result()
        took, held = time.process_time() - start, measure(os.getpid())["memory"]
        print(f"{size:>5} tokens: {took:.2f} s of the processor, then {held} MB")
    ctypes.CDLL(None).malloc_trim(0)  # gives back what the C library keeps
    print(f"after malloc_trim: {measure(os.getpid())['memory']} MB")


def start_training(folder: Path) -> subprocess.Popen[str]:
    words = ["train", "--data", "sample", "--out", str(folder / "model"), "--epochs", _EPOCHS, "--workers", "1"]
    words += ["--tokenizer", "whitespace", "--embed-size", "16", "--hidden-size", "16", "--patience", _EPOCHS]
    return _start(words, folder, open(folder / "said", "w"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["serve", "train", "explain"])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--every", type=float, default=10, help="seconds between two measurements (default 10)")
    parser.add_argument("--rate", type=float, default=3, help="requests a second (default 3)")
    parser.add_argument("--out", type=Path, help="the numbers as JSON (default build/long-WHAT.json)")
    arguments = parser.parse_args()
    if arguments.what == "explain":
        explain_lengths()
        return 0
    out = arguments.out or Path("build") / f"long-{arguments.what}.json"
    stop, done, rows = threading.Event(), {}, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        serving = arguments.what == "serve"
        process = start_serving(folder, arguments.rate, stop, done) if serving else start_training(folder)
        start = time.monotonic()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            while (now := time.monotonic() - start) < arguments.seconds and process.poll() is None:
                rows.append({"second": round(now), **measure(process.pid)})
                time.sleep(min(arguments.every, max(0.0, arguments.seconds - now)))
        finally:
            seconds, early = time.monotonic() - start, process.poll() is not None
            stop.set()
            process.terminate()
            process.wait(120)
            said = (folder / "said").read_text() if not serving else ""
            if not serving:
                history = folder / "model" / "history.json"
                done["epochs"] = len(json.loads(history.read_text())) if history.exists() else 0
    verdict = judge(rows)
    result = {
        "what": arguments.what,
        "date": time.strftime("%Y-%m-%d"),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "seconds": round(seconds),
        "done": done,
        "verdict": verdict,
        "measured": rows,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{'second':>8}{'MB':>8}{'files':>8}{'threads':>9}")
    for row in rows[:: max(1, len(rows) // 12)]:
        print(f"{row['second']:>8}{row['memory']:>8}{row['files']:>8}{row['threads']:>9}")
    print(f"{arguments.what} for {seconds:.0f} s: {done}; {verdict}; {out}")
    if early:
        print(f"it ended by itself with {process.returncode}: {said[-1000:]}")
    return int(early or any(told != "flat" for told in verdict.values()) or any(key[0] == "5" for key in done))


if __name__ == "__main__":
    sys.exit(main())
