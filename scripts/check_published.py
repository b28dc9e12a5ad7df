"""Compare the folder that `gluonattn publish` wrote with Python: probabilities and attributions of real reviews, in Node.

    gluonattn publish --model runs/web --out site
    python scripts/check_published.py runs/web site --reviews nsmc/ratings_test.txt --count 10000

Needs Node, which runs the same scripts as a browser. The last lines give the largest difference
and the processor time of an answer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gluonattn.classifier.predictor import load
from gluonattn.data.reviews import read_text_column
from gluonattn.serving.page_files import ASSETS
from gluonattn.serving.publishing import MODEL_SCRIPTS

LENGTHS = (35, 100, 150, 500)  # characters of the texts that are timed
NODE = """
const fs = require("fs"), vm = require("vm");
const [site, given, ...scripts] = process.argv.slice(1);
for (const one of scripts) vm.runInThisContext(fs.readFileSync(one, "utf-8"), one);
const { texts, explained, timed, webAssembly } = JSON.parse(fs.readFileSync(given, "utf-8"));
function measured(work) { // processor time in ms, of every thread
  const start = process.cpuUsage();
  const found = work();
  const { user, system } = process.cpuUsage(start);
  return [found, (user + system) / 1000];
}
const [model, started] = measured(() => {
  const numbers = fs.readFileSync(`${site}/model.bin`);
  const compiled = webAssembly ? new WebAssembly.Module(fs.readFileSync(`${site}/kernel.wasm`)) : null;
  const kernel = compiled && new WebAssembly.Instance(compiled).exports;
  return gluonattn.browserModel(JSON.parse(fs.readFileSync(`${site}/model.json`, "utf-8")),
    numbers.buffer.slice(numbers.byteOffset, numbers.byteOffset + numbers.byteLength), kernel);
});
const see = (text) => {
  const encoded = model.read(text);
  return encoded && model.look(encoded);
};
const stages = (text, most) => {
  const [found, seen] = [[], see(text)];
  if (!seen) return null;
  const steps = gluonattn.stagesOf(model, seen, "ko", true);
  while (found.length < most) {
    const { done, value } = steps.next();
    if (value) found.push(value);
    if (done) break;
  }
  return { seen, found };
};
const predicted = texts.map((text) => measured(() => model.predict(text)));
const answers = texts.slice(0, explained).map((text) => {
  const [made, ms] = measured(() => stages(text, Infinity));
  if (!made) return [null, ms];
  const { seen: { encoded, weights }, found } = made;
  return [{ tokens: encoded.tokens, weights: Array.from(weights), scores: found.at(-1).attribution?.scores ?? null }, ms];
});
const first = texts.slice(0, explained).map((text) => [null, measured(() => stages(text, 1))[1]]);
const works = { predicted: model.predict, first: (text) => stages(text, 1), answers: (text) => stages(text, Infinity) };
const long = timed.map((some) => {
  const timesOf = ([name, work]) => [name, some.map((text) => [null, measured(() => work(text))[1]])];
  const tokens = some.map((text) => model.read(text).tokens.length);
  return { tokens, ...Object.fromEntries(Object.entries(works).map(timesOf)) };
});
console.log(JSON.stringify({ started, predicted, answers, first, long }));
"""


def ask_node(site: Path, texts: list[str], explained: int, folder: Path, *, timed: Sequence[list[str]] = (),
             web_assembly: bool = True) -> dict:
    """What a published model says of texts, each with the processor time in ms.

    Parameters
    ----------
    site : pathlib.Path
    texts : list of str
    explained : int
        The number of texts, from the first one, of which tokens, weights and scores are asked too.
    folder : pathlib.Path
        For a file.
    timed : sequence of lists of str
        Texts that are timed only, in groups.
    web_assembly : bool
        Whether the kernel runs in WebAssembly, or in JavaScript.

    Returns
    -------
    dict
        "started": ms; "predicted": ``[[probabilities, ms]]``; "answers": ``[[{"tokens", "weights", "scores"}, ms]]``;
        "first": ``[[None, ms]]``, up to the first stage of the answer; "long": the same lists of each group of `timed`, and
        its "tokens".
    """
    given = folder / "texts.json"
    given.write_text(json.dumps({"texts": texts, "explained": explained, "timed": list(timed), "webAssembly": web_assembly}),
                     encoding="utf-8")
    scripts = [str(ASSETS / name) for name in MODEL_SCRIPTS]
    command = [shutil.which("node") or "node", "-e", NODE, str(site), str(given), *scripts]
    found = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if found.returncode:
        raise SystemExit(found.stderr)
    return json.loads(found.stdout)


def texts_of_length(texts: list[str], length: int, count: int = 7) -> list[str]:
    """Texts of so many characters, cut from reviews that are joined by spaces.

    Parameters
    ----------
    texts : list of str
    length : int
    count : int
    """
    joined = " ".join(" ".join(texts).split())
    joined = f"{joined} " * (1 + count * length // max(1, len(joined)))
    return [joined[first : first + length].strip() for first in range(0, count * length, length)]


def took(timed: list) -> str:
    """Median and 95th percentile of the milliseconds that some work took."""
    middle, most = np.percentile([ms for _, ms in timed], (50, 95))
    return f"{middle:.1f} ({most:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("site", type=Path)
    parser.add_argument("--reviews", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--explained", type=int, default=200)
    parser.add_argument("--no-web-assembly", dest="web_assembly", action="store_false", help="as in a browser without it")
    asked = parser.parse_args()
    texts = read_text_column(asked.reviews)[: asked.count]
    predictor = load(asked.model, engine="numpy")
    start = time.perf_counter()
    said = ask_node(asked.site, texts, asked.explained, asked.site.parent, web_assembly=asked.web_assembly,
                    timed=[texts_of_length(texts, length) for length in LENGTHS])
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
    widths = json.loads((asked.model / "config.json").read_text(encoding="utf-8"))["model"]
    print(f"processor time in Node, {'WebAssembly' if asked.web_assembly else 'JavaScript'}, word vectors "
          f"{widths['embed_size']}, Bi-GRU {widths['hidden_size']}: model read in {said['started']:.0f} ms; medians (95th "
          "percentiles):")
    rows = [(f"{len(answers)} reviews, {np.mean([len(one['tokens']) for one in answers]):.0f} tokens on average", said)]
    rows += [(f"{length} characters, {np.mean(one['tokens']):.0f} tokens", one)
             for length, one in zip(LENGTHS, said["long"])]
    for name, one in rows:
        print(f"  {name}: prediction {took(one['predicted'])} ms, first stage {took(one['first'])} ms, "
              f"whole answer {took(one['answers'])} ms")
    sizes = sum(path.stat().st_size for path in asked.site.iterdir() if path.suffix != ".ttf")
    print(f"{sizes / 1e6:.1f} MB without the font, which is loaded only where the system has no Hangul")
    sys.exit(int(max(differences) > 1e-4))


if __name__ == "__main__":
    main()
