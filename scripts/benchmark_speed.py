"""Measure speed and memory, with ratios within one run: training, prediction, one sentence, length, memory.

    gluonattn data nsmc && python scripts/benchmark_speed.py --json speed.json
    python scripts/benchmark_speed.py --parts predict,sentence --model runs/mlp

The compared programs run in turns with the same number of threads, so that other work on the machine affects all of
them. Figures are medians. Parts:

train     one epoch of the default recipe (as many processes as threads), with
          n-grams, of the post's loop, and of the same model in PyTorch on the same batches
predict   raw text in, tokenization included, weights computed: every installed
          engine, the model in PyTorch, scikit-learn's TF-IDF pipeline
sentence  one sentence at a time, warm
explain   the top words of each text by each attribution method, as `predict --explain` writes them
length    forward and backward of each attention cell at 32 to 512 tokens
memory    the largest resident memory of `train` and of scoring a file (numpy
          engine), each at one and four times the reviews

Without --model, a model is trained first for one epoch, because the weights do not change the speed. Only `explain` uses
the bundled model. The first three parts need torch. If onnx is installed, they also show that engine:
    pip install -c constraints.txt -e ".[onnx,torch]"
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from speed_children import LENGTHS, read_nsmc, repeated, seconds_of, tokenized

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
CHILDREN = Path(__file__).with_name("speed_children.py")
console = Console()


# Training.

def train_part(options):
    names = ["default", "ngrams", "torch", "post"]
    waiting = {"GOMP_SPINCOUNT": "300000"}  # libgomp's own default, for what is not ours
    speed = _take_turns(options, names, lambda name: _run("train", name, options.reviews,
                                                          **(waiting if name in ("post", "torch") else {})))
    _table("Training, reviews a second", ["", "median", "against the post's loop", "against PyTorch"],
           [[name, f"{statistics.median(speed[name]):,.0f}", _ratio(speed[name], speed["post"]),
             _ratio(speed[name], speed["torch"])] for name in names])
    return speed


# Prediction.

def predict_part(options):
    texts, workers = read_nsmc("test").texts[: options.predict], _predictors(options)
    seconds = {name: [] for name in workers}
    for work in workers.values():
        work(texts[:256])
    for _ in range(options.repeats):
        for name, work in workers.items():
            seconds[name].append(seconds_of(work, texts))
    speed = {name: [len(texts) / one for one in found] for name, found in seconds.items()}
    _table("Prediction from raw text, weights included, reviews a second",
           ["", "median", "against PyTorch", "against TF-IDF"],
           [[name, f"{statistics.median(found):,.0f}", _ratio(found, speed["torch twin"]),
             _ratio(found, speed["TF-IDF + SVM"])] for name, found in speed.items()])
    return speed


def sentence_part(options):
    workers = _predictors(options)
    seconds = {name: [] for name in workers}
    for repeat in range(options.repeats * 100):
        for name, work in workers.items():
            taken = seconds_of(work, [SENTENCE])
            if repeat >= 20:  # warm
                seconds[name].append(1000 * taken)
    _table("One sentence, ms", ["", "median", "99th percentile"],
           [[name, f"{np.median(found):.2f}", f"{np.percentile(found, 99):.2f}"]
            for name, found in seconds.items()])
    return {name: {"median": float(np.median(found)), "p99": float(np.percentile(found, 99))}
            for name, found in seconds.items()}


def explain_part(options):
    """Raw text in, words and scores out, on as many processes as threads."""
    import gluonattn
    from gluonattn.classifier.kinds import methods_of
    from gluonattn.classifier.top_words import open_top_words

    model = gluonattn.load(options.model, "cpu")
    texts = [text for text in read_nsmc("test").texts if text.strip()][: options.explain]
    seconds: dict = {name: [] for name in methods_of(model)}
    for repeat in range(options.repeats + 1):
        for name, found in seconds.items():
            with open_top_words(model, name) as ask:
                ask(texts[:512])  # starts processes, where there are some
                taken = seconds_of(ask, texts)
            if repeat:  # warm
                found.append(taken)
    speed = {name: [len(texts) / one for one in found] for name, found in seconds.items()}
    chosen = f"{model.default_method} is what explain shows"
    _table(f"Top words of {len(texts):,} texts, texts a second ({chosen})", ["", "median"],
           [[name, f"{statistics.median(found):,.0f}"] for name, found in speed.items()])
    return speed


def _predictors(options) -> dict:
    """Functions from a list of texts to all predictions, by name."""
    if not options.predictors:
        import torch

        import gluonattn
        from gluonattn.classifier.engines.choice import ENGINES

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        for name, kind in ENGINES.items():
            if not kind.missing():
                options.predictors[name] = gluonattn.load(_model(options), "cpu", name).predict
        options.predictors["torch twin"] = _twin_predictor(_model(options))
        options.predictors["TF-IDF + SVM"] = _linear_predictor(options.reviews)
    return options.predictors


def _twin_predictor(folder):
    """The architecture of the model in `folder`, in PyTorch; texts are prepared for it as for ours."""
    import torch_twin

    from gluonattn.data.ngrams import known_ngrams
    from gluonattn.data.packed import pack
    from gluonattn.data.padding import plan_by_length
    from gluonattn.data.vocabulary import Vocabulary
    from gluonattn.models.checkpoint import KNOWN_NGRAMS, load_checkpoint
    from gluonattn.text import tokenizer
    from gluonattn.text.tokens import Tokens

    checkpoint, tokenize = load_checkpoint(folder), tokenizer("mecab")
    model, known = checkpoint.config["model"], checkpoint.weights.get(KNOWN_NGRAMS)
    vocabulary, buckets = Vocabulary(checkpoint.vocabulary), model["subword_buckets"]
    twin = torch_twin.Twin(len(vocabulary), subword_buckets=buckets, ngrams=model["ngrams"])

    def predict(texts):
        words = [tokenize.words(text) for text in texts]
        packed = pack(Tokens.gather([words]), slice(None), vocabulary, 512, subword_buckets=buckets,
                      ngrams=None if known is None else known_ngrams(texts, words, known))
        plan = plan_by_length(packed.lengths.tolist(), 256, 500_000)
        return torch_twin.predict(twin, map(packed.batch, plan))

    return predict


def _linear_predictor(count):
    from benchmark_accuracy import fit_char_svm

    texts, labels, _ = tokenized(count)
    return fit_char_svm(texts, labels)[0]


# Cost against length.

def length_part(options):
    from gluonattn.models.cells import CELLS

    batch, cells = 8, list(CELLS)
    found = {cell: [] for cell in cells}
    for _ in range(options.repeats):
        for cell in cells:
            found[cell].append(_run("length", cell, batch, OMP_NUM_THREADS="1"))
    medians = {cell: np.median(rows, axis=0) for cell, rows in found.items()}  # (lengths, 2)
    pairs = [batch * length**2 * 30 * 4 / 2**20 for length in LENGTHS]
    for column, title in enumerate((f"Forward and backward of a cell, {batch} texts, one thread, ms of CPU time",
                                    f"Its memory, MB; (B, T, T, 30) floats are "
                                    f"{', '.join(f'{size:,.0f}' for size in pairs)}")):
        rows = []
        for cell, values in medians.items():
            values = np.maximum(values[:, column], 1e-3)
            exponent = np.polyfit(np.log(LENGTHS[1:]), np.log(values[1:]), 1)[0]
            rows.append([cell, *(f"{value:,.1f}" for value in values), f"{exponent:.2f}"])
        _table(title, ["cell", *map(str, LENGTHS), "exponent from 64 on"], rows)
    return {cell: values.tolist() for cell, values in medians.items()}


# Memory.

def memory_part(options):
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in (50_000, 200_000):
            source = Path(folder) / f"{count}.tsv"
            texts = repeated(read_nsmc("test").texts, count)
            source.write_text("document\n" + "\n".join(t.replace("\t", " ") for t in texts), encoding="utf-8")
            found[f"score, {count:,}"] = _watched("score", source, _model(options))
    for name in ("default", "ngrams"):
        for count in (options.reviews, 4 * options.reviews):
            found[f"train {name}, {count:,}"] = _watched("train-whole", name, count)
    _table("Largest memory of all processes together, MB", ["", "MB"],
           [[name, f"{size:,.0f}"] for name, size in found.items()])
    return found


def _watched(*arguments) -> float:
    """The largest memory of a child and its children, in MB; what they share counts once."""
    process = subprocess.Popen([sys.executable, CHILDREN, *map(str, arguments)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    largest = 0.0
    while process.poll() is None:
        largest = max(largest, sum(_proportional(number) for number in _tree(process.pid)))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))} failed: run speed_children.py with these to see why.")
    return largest


def _tree(number) -> list:
    found = [number]
    try:
        for task in Path(f"/proc/{number}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _tree(int(child))
    except OSError:
        pass  # it ended meanwhile
    return found


def _proportional(number) -> float:
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


# Common parts.

def _take_turns(options, names, measure) -> dict:
    found: dict = {name: [] for name in names}
    for repeat in range(options.repeats):
        for name in names:
            found[name].append(measure(name))
            console.print(f"repeat {repeat + 1}: {name} {found[name][-1]:,.0f}", style="dim")
    return found


def _run(*arguments, **variables):
    """What a child prints, with these environment variables besides ours."""
    answer = subprocess.run([sys.executable, CHILDREN, *map(str, arguments)], check=True, stdout=subprocess.PIPE,
                            env={**os.environ, **variables})
    return json.loads(answer.stdout.splitlines()[-1])


def _ratio(found, reference) -> str:
    ratios = [one / other for one, other in zip(found, reference)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _table(title, columns, rows) -> None:
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _model(options) -> str:
    if options.model is None:
        import gluonattn
        from gluonattn.data.reviews import Reviews

        texts, labels, _ = tokenized(options.reviews)
        reviews = Reviews(texts, [str(label) for label in labels], origin="benchmark")
        options.model = str(Path(tempfile.mkdtemp()) / "model")
        gluonattn.train(reviews, options.model, epochs=1, device="cpu")
    return options.model


RUN = {"train": train_part, "predict": predict_part, "sentence": sentence_part, "explain": explain_part,
       "length": length_part, "memory": memory_part}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parts", default=",".join(RUN), help="default: all")
    parser.add_argument("--model", help="a trained folder, for predict, sentence, explain and memory")
    parser.add_argument("--data", help="folder with NSMC's files; default: where `gluonattn data nsmc` put them")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--reviews", type=int, default=30_000, help="number of reviews to train on; default 30,000")
    parser.add_argument("--predict", type=int, default=4_000, help="number of reviews to predict; default 4,000")
    parser.add_argument("--explain", type=int, default=2_000, help="number of reviews to explain; default 2,000")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one a core")
    parser.add_argument("--json", type=Path, help="file for all figures, as JSON")
    options = parser.parse_args()
    options.predictors = {}
    parts = options.parts.split(",")
    if unknown := [part for part in parts if part not in RUN]:
        parser.error(f"--parts are of {', '.join(RUN)}; got {unknown[0]!r}")
    if find_spec("torch") is None and (needing := [part for part in parts if part in ("train", "predict", "sentence")]):
        parser.error(f"to compare with PyTorch in {', '.join(needing)} install it: "
                     'pip install -c constraints.txt -e ".[onnx,torch]", or choose --parts without them')
    if options.data:
        os.environ["GLUONATTN_NSMC"] = options.data
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    found = {part: RUN[part](options) for part in parts}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
