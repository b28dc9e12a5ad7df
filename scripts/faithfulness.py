"""Measure how faithful the explanations of trained models are, on test reviews, with a table for each model.

    python scripts/faithfulness.py runs/mlp runs/dot --data nsmc --reviews 1000
    python scripts/faithfulness.py runs/mlp my-koelectra-folder --compare --max-length 512 --reviews 200

Raw AOPC can only be compared within one model. --compare compares models by normalised AOPC (0 is the worst order of the
words, 1 the best), with paired intervals of the difference from the first model. Folders of transformers need --compare.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import gluonattn
from gluonattn.classifier.measure import ABOUT_THE_WEIGHTS, measure
from gluonattn.classifier.normalised import BEAM, EXACT, measure_normalised
from gluonattn.classifier.opened.loading import load_any
from gluonattn.classifier.opened.opening import is_transformers_folder
from gluonattn.data.sources import locate
from gluonattn.statistics import draws, figure, interval

SHOWN = {"comprehensiveness": "AOPC removed", "comprehensiveness_mask": "AOPC masked", "sufficiency": "sufficiency",
         "flip": "flip", "tau_gradient": "tau gradient", "tau_leave_one_out": "tau left out"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", help="checkpoint folders, or folders of transformers")
    parser.add_argument("--data", default="sample", help="source of the test reviews: sample, nsmc or a folder with NSMC")
    parser.add_argument("--reviews", type=int, default=300, help="number of reviews, drawn with seed 0")
    parser.add_argument("--compare", action="store_true", help="normalised AOPC of all models in one table")
    parser.add_argument("--exact", type=int, default=EXACT, help=f"tokens up to which limits are exact (default {EXACT})")
    parser.add_argument("--beam", type=int, default=BEAM, help=f"orders followed on longer texts (default {BEAM})")
    parser.add_argument("--max-length", type=int, help="pieces read of a text, by folders of transformers; a longer text is "
                        "refused without it")
    arguments = parser.parse_args()

    console = Console(width=None if sys.stdout.isatty() else 150)  # a file has room for the names
    source = locate(arguments.data)
    reviews = gluonattn.read_reviews(source.test or source.train)
    drawn = np.random.default_rng(0).choice(len(reviews), min(arguments.reviews, len(reviews)), replace=False)
    texts = [reviews.texts[i] for i in sorted(drawn)]
    if arguments.compare:
        try:
            compare(console, arguments, texts)
        except gluonattn.GluonAttnError as error:
            sys.exit(f"error: {error}")
        return
    for folder in arguments.models:
        model = gluonattn.load(folder)
        with console.status(f"{folder}: asking about {len(texts):,} reviews"):
            found = measure(model.steps, texts)
        table = Table(title=f"{folder} ({model.config['model']['cell']}), {len(texts):,} reviews, mean and 95 % interval",
                      box=box.SIMPLE_HEAD)
        for i, name in enumerate(("method", *SHOWN.values(), "AOPC less random", "of leave-one-out")):
            table.add_column(name, justify="right" if i else "left", min_width=0 if i else len("integrated-gradients"))
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


def compare(console: Console, arguments: argparse.Namespace, texts: list[str]) -> None:
    """One table: each model's methods by normalised AOPC, less random, and less the same method of the first model."""
    found = {}
    for folder in arguments.models:
        foreign = is_transformers_folder(Path(folder))
        model = load_any(Path(folder), max_length=arguments.max_length if foreign else None)
        with console.status(f"{folder}: asking about {len(texts):,} reviews"):
            found[folder] = measure_normalised(model, texts, exact=arguments.exact, beam=arguments.beam)
    first = found[arguments.models[0]]["normalised"]
    table = Table(title=f"normalised AOPC, {len(texts):,} reviews, mean and 95 % interval", box=box.SIMPLE_HEAD)
    for i, name in enumerate(("model", "method", "normalised", "less random", f"less {arguments.models[0]}'s", "raw")):
        table.add_column(name, justify="right" if i > 1 else "left")
    for folder, own in found.items():
        for method, values in own["normalised"].items():
            floor = np.subtract(values, own["normalised"]["random"])
            other = "" if own["normalised"] is first or method not in first else _said(
                figure(np.subtract(values, first[method])), "+")
            table.add_row(folder, method, _said(figure(values)), _said(figure(floor), "+"), other,
                          _said(figure(own["raw"][method])))
    console.print(table)
    for folder, own in found.items():
        nothing = int(np.isnan(own["normalised"]["random"]).sum())
        console.print(f"  {folder}: limits {np.mean(own['low']):.3f} to {np.mean(own['high']):.3f}, exact of "
                      f"{np.mean(own['exact']):.0%} of the reviews; {nothing} that no order tells apart are left out",
                      highlight=False)


def _said(found, sign: str = "") -> str:
    return "" if found.mean != found.mean else "{} ({}, {})".format(*found.spell(sign=sign))


if __name__ == "__main__":
    main()
