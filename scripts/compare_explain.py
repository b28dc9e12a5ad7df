"""Compare `explain` with that of another checkout: processor time, answers, and the files that a call goes through.

    git worktree add ../before bfe6b5b
    python scripts/compare_explain.py ../before                 # NSMC's first 60 test reviews, the bundled model
    python scripts/compare_explain.py ../before --walk          # files opened and returns of one explanation

Both checkouts run in parallel, each in a process with one thread, and explain the same texts. The script prints the median
processor time for a text, the ratio, and the largest differences of scores and probabilities.

`--walk` follows one warm explanation, call by call, through the files of the package. It counts a return when a call goes
back to a file that an earlier call was in.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[1]
SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"

# Runs in each checkout, the older one too, so it uses public names alone.
WORKER = r"""
import json, os, sys, time
import gluonattn

root = os.path.dirname(gluonattn.__file__)
model = gluonattn.load(engine="numpy")

def walk(text, method):
    route = []
    def follow(frame, event, _):
        frame = frame.f_back if event == "return" else frame
        if event in ("call", "return") and frame and frame.f_code.co_filename.startswith(root):
            name = os.path.relpath(frame.f_code.co_filename, root)
            if not route or route[-1] != name:
                route.append(name)
    sys.setprofile(follow)
    try:
        model.explain(text, method)
    finally:
        sys.setprofile(None)
    return {"files": sorted(set(route)), "returns": len(route) - len(set(route))}

for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("walk"):
        model.explain(asked["text"], asked["method"])
        found = walk(asked["text"], asked["method"])
    else:
        start = time.process_time()
        record = model.explain(asked["text"], asked["method"])
        if asked.get("source"):
            record.source
        seconds = time.process_time() - start
        (scores,) = record.attributions.values()
        found = {"seconds": seconds, "scores": [float(score) for score in scores],
                 "probabilities": list(record.prediction.probabilities.values())}
    print(json.dumps(found), flush=True)
"""


class Checkout:
    """A checkout that explains in a process of its own.

    Parameters
    ----------
    folder : pathlib.Path
    """

    def __init__(self, folder: Path):
        environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
        self._process = subprocess.Popen([sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         env=environment, cwd=folder, text=True, encoding="utf-8")

    def ask(self, **asked) -> dict:
        """What the worker answers."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def compare(before: Checkout, now: Checkout, texts: list[str], method: str, rounds: int, source: bool) -> None:
    """Print processor time and the largest differences.

    Parameters
    ----------
    before, now : Checkout
    texts : list of str
    method : str
    rounds : int
        How often all texts are explained; of each text the fastest counts. One round before is not counted.
    source : bool
        Whether ``source`` is read too, as a page does: an account that waits for that is then made.
    """
    seconds: dict[Checkout, list[list[float]]] = {before: [], now: []}
    scores = probabilities = 0.0
    for count in range(rounds + 1):
        taken: dict[Checkout, list[float]] = {before: [], now: []}
        for text in texts:
            first, second = (one.ask(text=text, method=method, source=source) for one in (before, now))
            taken[before].append(first["seconds"])
            taken[now].append(second["seconds"])
            scores = max(scores, _distance(first["scores"], second["scores"]))
            probabilities = max(probabilities, _distance(first["probabilities"], second["probabilities"]))
        for one, own in taken.items():
            seconds[one] += [own] if count else []
    best = {one: [min(own) for own in zip(*rows)] for one, rows in seconds.items()}
    medians = [1000 * statistics.median(best[one]) for one in (before, now)]
    means = [1000 * statistics.mean(best[one]) for one in (before, now)]
    print(f"{method:22} median {medians[0]:6.1f} -> {medians[1]:5.1f} ms ({medians[0] / medians[1]:.2f} times as fast)   "
          f"mean {means[0]:6.1f} -> {means[1]:5.1f} ms ({means[0] / means[1]:.2f})   "
          f"largest difference {scores:.1e} of scores, {probabilities:.1e} of probabilities", flush=True)


def _distance(first: list[float], second: list[float]) -> float:
    assert len(first) == len(second), "the texts were read differently"
    return max(abs(a - b) for a, b in zip(first, second))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("before", type=Path, help="folder of the other checkout")
    parser.add_argument("--data", default="nsmc", help="as for `gluonattn evaluate`")
    parser.add_argument("--texts", type=int, default=60, help="number of texts to explain")
    parser.add_argument("--rounds", type=int, default=2, help="how often each text is explained")
    parser.add_argument("--methods", nargs="+", default=["default", "leave-one-out"], help="attribution methods")
    parser.add_argument("--source", action="store_true", help="read the source of each record too, as a page does")
    parser.add_argument("--walk", action="store_true", help="follow one explanation through the files")
    options = parser.parse_args()

    before, now = Checkout(options.before.resolve()), Checkout(HERE)
    try:
        if options.walk:
            for method in options.methods:
                for name, one in (("before", before), ("now", now)):
                    found = one.ask(text=SENTENCE, method=method, walk=True)
                    print(f"{method:22} {name:7} {len(found['files']):3} files, {found['returns']:4} returns: "
                          f"{' '.join(found['files'])}")
            return
        from gluonattn.data.reviews import read_reviews
        from gluonattn.data.sources import locate

        source = locate(options.data)
        texts = read_reviews(source.test or source.train).texts[: options.texts]
        for method in options.methods:
            compare(before, now, texts, method, options.rounds, options.source)
    finally:
        before.close()
        now.close()


if __name__ == "__main__":
    main()
