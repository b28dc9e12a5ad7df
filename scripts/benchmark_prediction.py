"""Compare the processor time of a prediction with that of another version of the code.

    git worktree add ../before REVISION
    python scripts/benchmark_prediction.py ../before --data nsmc             # the bundled model, NSMC's test reviews

Both versions predict the same texts with the same model, each in a process with one thread, in turns. The script measures
processor time, because other programs affect it less than wall time. It also compares the answers.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

CHILD = """
import json, sys, time
import gluonattn
from gluonattn.data.sources import locate
model, engine, data, count = sys.argv[1:]
source = locate(data)
texts = gluonattn.read_reviews(source.test or source.train).texts[: int(count)]
loaded = gluonattn.load(model, engine=engine)
loaded.predict(texts[:500])
began = time.process_time()
found = loaded.predict(texts)
spent = time.process_time() - began
print(json.dumps({"ms": 1000 * spent / len(texts), "said": [max(one.probabilities.values()) if one.probabilities else 0
                                                            for one in found], "labels": [one.label for one in found]}))
"""


def main() -> None:
    here = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a folder with another version of this repository")
    parser.add_argument("--model", default=str(here / "gluonattn" / "pretrained" / "nsmc"))
    parser.add_argument("--engines", default="numpy,onnx")
    parser.add_argument("--data", default="nsmc", help="nsmc, sample, or a file")
    parser.add_argument("--texts", type=int, default=6000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    for engine in arguments.engines.split(","):
        runs: dict[str, list[dict]] = {"before": [], "now": []}
        for _ in range(arguments.repeats):
            for name, folder in (("before", arguments.before.resolve()), ("now", here)):
                command = [sys.executable, "-W", "ignore", "-c", CHILD, arguments.model, engine, arguments.data,
                           str(arguments.texts)]
                environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
                done = subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
                runs[name].append(json.loads(done.stdout.splitlines()[-1]))
        before, now = (np.array([one["ms"] for one in runs[name]]) for name in ("before", "now"))
        ratios = before / now
        first, second = runs["before"][0], runs["now"][0]
        apart = np.abs(np.subtract(first["said"], second["said"])).max()
        labels = sum(one != other for one, other in zip(first["labels"], second["labels"]))
        print(f"{engine}: {np.median(before):.3f} -> {np.median(now):.3f} processor ms a text, "
              f"{np.median(ratios):.2f} times ({ratios.min():.2f} to {ratios.max():.2f}); "
              f"answers {apart:.1e} apart, {labels} other labels", flush=True)


if __name__ == "__main__":
    main()
