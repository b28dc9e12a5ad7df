"""Compare reviews a second and peak memory of the default recipe with those of the post's loop.

Both train one epoch on the same 75,000 reviews, in turns, with the same number of threads. The post's loop is one process;
the default recipe uses one process for each thread. Figures are medians. To compare machines, compare ratios. The post's
loop is written here as in the post (every text padded to 30, all words in the vocabulary, dense gradients, a fused GRU,
GluonNLP's own cell, DataLoader). Its threads wait for each other with MXNet's own setting, which is faster on an idle
machine.

    gluonattn data nsmc && python scripts/benchmark_training.py
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

REVIEWS = 75_000


def post_loop(texts, labels, tokens):
    """The post's training loop; returns seconds for one epoch."""
    import numpy as np

    from gluonattn.classifier import network as classifier
    from gluonattn.data.vocabulary import build_vocabulary
    from gluonattn.runtime import mx, nlp

    def cell(_, units, dropout, **__):
        return nlp.model.MLPAttentionCell(units, dropout=dropout)

    vocabulary = build_vocabulary(tokens, 1)
    padded = nlp.data.PadSequence(30, pad_val=vocabulary[vocabulary.padding_token])
    ids = np.array([padded(vocabulary[found]) for found in tokens], dtype="float32")
    data = mx.gluon.data.ArrayDataset(ids, np.array(labels, dtype="float32"))
    loader = mx.gluon.data.DataLoader(data, batch_size=128, shuffle=True)
    with patch.object(classifier, "attention_cell", cell):
        model = classifier.PostClassifier(len(vocabulary))
    model.initialize(mx.init.Xavier())
    model.hybridize()
    trainer = mx.gluon.Trainer(model.collect_params(), "adam", {"learning_rate": 1e-3})
    loss = mx.gluon.loss.SoftmaxCELoss()
    start = time.perf_counter()
    total = 0.0
    for batch, targets in loader:
        with mx.autograd.record():
            logits, _ = model(batch, mx.nd.full((len(batch),), 30))
            value = loss(logits, targets)
        value.backward()
        trainer.step(len(batch))
        total += float(value.mean().asscalar())
    return time.perf_counter() - start


def default_loop(texts, labels, tokens, **settings):
    """The package's own loop; returns seconds for one epoch, batches and padding included."""
    import tempfile

    from gluonattn.classifier.training import train
    from gluonattn.data.reviews import Reviews

    reviews = Reviews(list(texts), [str(label) for label in labels], origin="benchmark")
    with tempfile.TemporaryDirectory() as folder:
        out = train(reviews, Path(folder) / "model", epochs=1, device="cpu", validation=0.01, **settings)
        return json.loads((out / "history.json").read_text())[0]["seconds"] / 0.99


def threads_loop(texts, labels, tokens):
    """The package's own loop in one process of several threads."""
    return default_loop(texts, labels, tokens, workers=1)


def ngrams_loop(texts, labels, tokens):
    """The package's own loop with character n-grams."""
    return default_loop(texts, labels, tokens, ngrams=True)


LOOPS = {"post": post_loop, "default": default_loop, "threads": threads_loop, "ngrams": ngrams_loop}


def child(name, count):
    from gluonattn.data.reviews import read_reviews
    from gluonattn.data.sources import locate
    from gluonattn.text import tokenize_all

    reviews = read_reviews(locate("nsmc").train)
    texts, labels = reviews.texts[:count], [int(label) for label in reviews.labels[:count]]
    tokens = tokenize_all(texts, "mecab")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = LOOPS[name](texts, labels, tokens)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if name == "default":  # of the other processes the system tells the largest
        others = int(os.environ["OMP_NUM_THREADS"]) - 1
        peak += others * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"reviews_per_second": len(texts) / seconds, "before_mb": before / 1024,
                      "peak_mb": peak / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reviews", type=int, default=REVIEWS, help="20,000 or more: fewer take small batches")
    parser.add_argument("--threads", type=int, default=None, help="default: one a core")
    parser.add_argument("--loops", nargs=2, choices=LOOPS, default=["default", "post"], metavar="LOOP",
                        help="two of post, default (several processes), threads (default in one process), ngrams")
    parser.add_argument("--child", choices=LOOPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.reviews)
        return
    threads = arguments.threads or len(os.sched_getaffinity(0))
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    first, second = arguments.loops
    results = {name: [] for name in arguments.loops}
    for repeat in range(arguments.repeats):
        for name in results:
            command = [sys.executable, __file__, "--child", name, "--reviews", str(arguments.reviews)]
            waiting = {"GOMP_SPINCOUNT": "300000"} if name == "post" else {}  # libgomp's own default
            answer = subprocess.run(command, env={**environment, **waiting}, check=True,
                                    stdout=subprocess.PIPE)
            results[name].append(json.loads(answer.stdout.splitlines()[-1]))
            print(f"repeat {repeat + 1}: {name:8} {results[name][-1]['reviews_per_second']:7,.0f} reviews/s, "
                  f"peak {results[name][-1]['peak_mb']:,.0f} MB", flush=True)
    speed = {n: statistics.median(r["reviews_per_second"] for r in rows) for n, rows in results.items()}
    ratios = [d["reviews_per_second"] / p["reviews_per_second"]
              for d, p in zip(results[first], results[second])]
    for name in results:
        peak = statistics.median(r["peak_mb"] for r in results[name])
        before = statistics.median(r["before_mb"] for r in results[name])
        print(f"{name:8} {speed[name]:7,.0f} reviews/s   {150_000 / speed[name]:6.0f} s an epoch of NSMC   "
              f"peak {peak:,.0f} MB ({before:,.0f} MB of it before training: texts and tokens)")
    print(f"{first} / {second}: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f} in "
          f"{len(ratios)} repeats)")


if __name__ == "__main__":
    main()
