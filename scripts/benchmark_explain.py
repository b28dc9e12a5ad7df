"""How long explanations take: rows of a file, and one long text.

    python scripts/benchmark_explain.py                        # NSMC's test file, the model in the box
    python scripts/benchmark_explain.py --rows 1000 --method leave-one-out

Prints wall and processor seconds of this process; the start is not counted.
"""

from __future__ import annotations

import argparse
import time

import gluonattn
from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate


def measure(name: str, count: int, work) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{name:40} {wall:7.2f} s  {processor:7.2f} processor s  {count / wall:7.1f} a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", help="checkpoint folder; the model in the box without it")
    parser.add_argument("--data", default="nsmc", help="as for `gluonattn evaluate`")
    parser.add_argument("--rows", type=int, default=5000, help="rows that are explained")
    parser.add_argument("--method", default="default", help="attribution method")
    options = parser.parse_args()

    source = locate(options.data)
    texts = read_reviews(source.test or source.train).texts[: options.rows]
    model = gluonattn.load(options.model)
    model.explain(texts[0], options.method)  # what is made on the first call is not timed
    long = " ".join(texts)
    for words in (64, 128, 600):
        text = " ".join(long.split()[:words])
        tokens = len(model.tokenizer.words(text))
        measure(f"one text of {tokens} tokens", 1, lambda text=text: model.explain(text, options.method))

    def rows() -> None:  # as `gluonattn explain --from` does
        many = len(texts) > 1000
        for _ in model.explain_each(texts, options.method, draws=25 if many else 100, what_if=not many):
            pass

    measure(f"{len(texts)} rows, {options.method}", len(texts), rows)


if __name__ == "__main__":
    main()
