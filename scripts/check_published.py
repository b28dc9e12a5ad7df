"""Compare the folder that `gluonattn publish` wrote with Python: probabilities and attributions of real reviews, in Node.

    gluonattn publish --model runs/web --out site
    python scripts/check_published.py runs/web site --reviews nsmc/ratings_test.txt --count 10000

Needs Node, which runs the same scripts as a browser. The last lines give the largest difference and the time of an answer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from gluonattn.classifier.predictor import load
from gluonattn.data.reviews import read_text_column
from gluonattn.serving.page_files import ASSETS
from gluonattn.serving.publishing import MODEL_SCRIPTS

NODE = """
const fs = require("fs"), vm = require("vm");
const [site, texts, explained, ...scripts] = process.argv.slice(1);
for (const one of scripts) vm.runInThisContext(fs.readFileSync(one, "utf-8"), one);
const given = JSON.parse(fs.readFileSync(texts, "utf-8"));
const began = performance.now();
const numbers = fs.readFileSync(`${site}/model.bin`);
const model = gluonattn.browserModel(JSON.parse(fs.readFileSync(`${site}/model.json`, "utf-8")),
  numbers.buffer.slice(numbers.byteOffset, numbers.byteOffset + numbers.byteLength));
const started = performance.now() - began;
const timed = (work, list) => list.map((one) => {
  const start = performance.now();
  return [work(one), performance.now() - start];
});
const predicted = timed((text) => model.predict(text), given);
const answers = timed((text) => {
  const encoded = model.read(text);
  if (!encoded) return null;
  const seen = model.look(encoded);
  const { attribution } = gluonattn.entryOf(model, seen, "ko", true);
  return { tokens: encoded.tokens, weights: Array.from(seen.weights), scores: attribution ? attribution.scores : null };
}, given.slice(0, Number(explained)));
console.log(JSON.stringify({ started, predicted, answers }));
"""


def ask_node(site: Path, texts: list[str], explained: int, folder: Path) -> dict:
    """What a published model says of texts: {"started": ms, "predicted": [[probabilities, ms]], "answers": [[..., ms]]}.

    Parameters
    ----------
    site : pathlib.Path
    texts : list of str
    explained : int
        Of the first so many also tokens, weights and scores.
    folder : pathlib.Path
        For a file.
    """
    given = folder / "texts.json"
    given.write_text(json.dumps(texts), encoding="utf-8")
    scripts = [str(ASSETS / name) for name in MODEL_SCRIPTS]
    command = [shutil.which("node") or "node", "-e", NODE, str(site), str(given), str(explained), *scripts]
    found = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if found.returncode:
        raise SystemExit(found.stderr)
    return json.loads(found.stdout)


def took(timed: list, rank: float) -> float:
    """Milliseconds that this percentile of some work took."""
    return float(np.percentile([ms for _, ms in timed], rank))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("site", type=Path)
    parser.add_argument("--reviews", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--explained", type=int, default=200)
    asked = parser.parse_args()
    texts = read_text_column(asked.reviews)[: asked.count]
    predictor = load(asked.model, engine="numpy")
    start = time.perf_counter()
    said = ask_node(asked.site, texts, asked.explained, asked.site.parent)
    differences, blank = [], 0
    for prediction, (row, _) in zip(predictor.predict(texts), said["predicted"]):
        if prediction.label is None or row is None:
            assert (prediction.label is None) == (row is None), "one side reads nothing where the other does"
            blank += 1
            continue
        differences.append(np.abs(np.array(list(prediction.probabilities.values())) - row).max())
    moved = []
    shown = [text for text, (one, _) in zip(texts, said["answers"]) if one is not None]
    answers = [one for one, _ in said["answers"] if one is not None]
    for text, one in zip(shown, answers):
        record = predictor.explain(text, "leave-one-out")
        assert [token.text for token in record.keys] == [token["text"] for token in one["tokens"]], text
        moved.append(np.abs(record.weights.ravel() - one["weights"]).max())
        if one["scores"] is not None:
            moved.append(np.abs(record.attributions["leave-one-out"] - one["scores"]).max())
    print(f"{len(texts):,} reviews ({blank} without a visible character) in {time.perf_counter() - start:.0f} s: "
          f"probabilities differ by at most {max(differences):.1e}; weights and leave-one-out scores of {len(answers)} by "
          f"{max(moved):.1e}")
    print(f"in Node: model read in {said['started']:.0f} ms; a prediction takes {took(said['predicted'], 50):.1f} ms (95th "
          f"percentile {took(said['predicted'], 95):.1f}), a whole answer {took(said['answers'], 50):.0f} ms "
          f"({took(said['answers'], 95):.0f})")
    sizes = sum(path.stat().st_size for path in asked.site.iterdir() if path.suffix != ".ttf")
    print(f"{sizes / 1e6:.1f} MB without the font, which is loaded only where the system has no Hangul")
    sys.exit(int(max(differences) > 1e-4))


if __name__ == "__main__":
    main()
