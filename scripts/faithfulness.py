"""How far the explanations of trained models can be trusted: one table a model, on test reviews.

    python scripts/faithfulness.py runs/mlp runs/dot --data nsmc --reviews 1000
"""

import argparse
import sys

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import gluonattn
from gluonattn.classifier.measure import ABOUT_THE_WEIGHTS, measure
from gluonattn.data.sources import locate
from gluonattn.statistics import draws, figure, interval

SHOWN = {"comprehensiveness": "AOPC removed", "comprehensiveness_mask": "AOPC masked", "sufficiency": "sufficiency",
         "flip": "flip", "tau_gradient": "tau gradient", "tau_leave_one_out": "tau left out"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", help="checkpoint folders")
    parser.add_argument("--data", default="sample", help="its test reviews are asked: sample, nsmc or a folder with NSMC")
    parser.add_argument("--reviews", type=int, default=300, help="how many, drawn with seed 0")
    arguments = parser.parse_args()

    console = Console(width=None if sys.stdout.isatty() else 150)  # a file has room for the names
    source = locate(arguments.data)
    reviews = gluonattn.read_reviews(source.test or source.train)
    drawn = np.random.default_rng(0).choice(len(reviews), min(arguments.reviews, len(reviews)), replace=False)
    texts = [reviews.texts[i] for i in sorted(drawn)]
    for folder in arguments.models:
        model = gluonattn.load(folder)
        with console.status(f"{folder}: asking about {len(texts):,} reviews"):
            found = measure(model.steps, texts)
        table = Table(title=f"{folder} ({model.config['model']['cell']}), {len(texts):,} reviews, mean and 95 % interval",
                      box=box.SIMPLE_HEAD)
        for i, name in enumerate(("method", *SHOWN.values(), "AOPC less random", "of leave-one-out")):
            table.add_column(name, justify="right" if i else "left")
        floor = found["methods"]["random"]["comprehensiveness"]
        drawn = draws(len(texts))  # the same reviews above and below: a ratio of two means
        most = drawn @ np.array(found["methods"]["leave-one-out"]["comprehensiveness"])
        for method, own in found["methods"].items():
            less = np.subtract(own["comprehensiveness"], floor)  # of the same reviews: what tells a method from random
            table.add_row(method, *(_said(figure(own[name])) for name in SHOWN), _said(figure(less), "+"),
                          _said(interval(drawn @ np.array(own["comprehensiveness"]) / most)))
        console.print(table)
        for name in ABOUT_THE_WEIGHTS:
            console.print(f"  {name}: {_said(figure(found['weights'][name]))}", highlight=False)


def _said(found, sign: str = "") -> str:
    return "" if found.mean != found.mean else "{} ({}, {})".format(*found.spell(sign=sign))


if __name__ == "__main__":
    main()
