"""Measure how long explanations take, for the rows of a file and for one long text.

    python scripts/benchmark_explain.py                        # NSMC's test file, the bundled model
    python scripts/benchmark_explain.py --rows 1000 --method leave-one-out

Prints wall seconds and processor seconds of this process and of its worker processes. The time to start the workers is
included; the time to load the model is not.
"""

from __future__ import annotations

import argparse
import os
import time

import gluonattn
from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate


def measure(name: str, count: int, work) -> None:
    wall, before = time.perf_counter(), os.times()
    work()
    wall, after = time.perf_counter() - wall, os.times()
    own, helpers = (sum(after[i] - before[i] for i in which) for which in ((0, 1), (2, 3)))  # user's and system's
    print(f"{name:40} {wall:7.2f} s  {own:7.2f} + {helpers:.2f} processor s ({1000 * (own + helpers) / count:.1f} ms each)"
          f"  {count / wall:7.1f} a second", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", help="checkpoint folder; default: the bundled model")
    parser.add_argument("--data", default="nsmc", help="as for `gluonattn evaluate`")
    parser.add_argument("--rows", type=int, default=5000, help="number of rows to explain")
    parser.add_argument("--method", default="default", help="attribution method")
    options = parser.parse_args()

    source = locate(options.data)
    texts = read_reviews(source.test or source.train).texts[: options.rows]
    model = gluonattn.load(options.model)
    model.explain(texts[0], options.method)  # what is made on the first call is not timed
    long = " ".join(texts)
    for words in (64, 128, 600):
        text = " ".join(long.split()[:words])
        tokens = min(len(model.tokenizer.words(text)), model.max_length)  # what lies behind is not read
        measure(f"one text of {tokens} tokens", 1, lambda text=text: model.explain(text, options.method))

    def rows() -> None:  # as `gluonattn explain --from` does
        many = len(texts) > 1000
        for _ in model.explain_each(texts, options.method, draws=25 if many else 100, what_if=not many):
            pass

    measure(f"{len(texts)} rows, {options.method}", len(texts), rows)


if __name__ == "__main__":
    main()
