"""Measure how fast each installed engine predicts, from raw text, with tokenization and attention weights.

    python scripts/benchmark_engines.py MODEL --data nsmc

The engines run in turns, so that other work on the machine affects all of them. OMP_NUM_THREADS sets the number of threads.
"""

import argparse
import time

import numpy as np

import gluonattn
from gluonattn.classifier.engines.choice import ENGINES
from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"


def seconds(work, *arguments) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", default="nsmc")
    parser.add_argument("--reviews", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    source = locate(options.data)
    texts = read_reviews(source.test or source.train).texts[: options.reviews]
    installed = [name for name, kind in ENGINES.items() if not kind.missing()]
    predictors = {name: gluonattn.load(options.model, "cpu", name) for name in installed}
    for predictor in predictors.values():  # warm: MXNet compiles for each new length
        predictor.predict(texts)
    times: dict = {name: ([], [], []) for name in predictors}
    for _ in range(options.repeats):
        for name, predictor in predictors.items():
            times[name][0].append(seconds(predictor.predict, texts))
            times[name][1].append(seconds(predictor.explain_all, texts))
    for _ in range(200):
        for name, predictor in predictors.items():
            times[name][2].append(seconds(predictor.explain, SENTENCE))
    print(f"{'engine':8} {'predict':>10} {'records':>10} {'sentence':>12} {'99th':>10}")
    for name, (predict, explain, single) in times.items():
        print(f"{name:8} {len(texts) / np.median(predict):8,.0f}/s {len(texts) / np.median(explain):8,.0f}/s "
              f"{1000 * np.median(single):9.2f} ms {1000 * np.percentile(single, 99):7.2f} ms")


if __name__ == "__main__":
    main()
