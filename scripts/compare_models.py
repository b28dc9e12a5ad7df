"""Compare two classifiers: their accuracy, how differently they read words, and one page with both.

    python scripts/compare_models.py gluonattn/pretrained/nsmc runs/bert --data nsmc --out both.html

Each model is a checkpoint or a folder of transformers. Both predict the same test reviews. Words are eojeols, so both
models score the same words. `scripts/faithfulness.py A B --compare` shows whose explanations are more faithful.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import gluonattn
from gluonattn.classifier.opened.loading import load_any
from gluonattn.classifier.opened.opening import is_transformers_folder
from gluonattn.data.sources import locate
from gluonattn.files import replace_file
from gluonattn.statistics import figure, rank_agreement

MAX_LENGTH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs=2, type=Path)
    parser.add_argument("--data", default="sample", help="sample, nsmc or a folder with NSMC: its test reviews")
    parser.add_argument("--reviews", type=int, default=200, help="reviews whose words are scored, drawn with seed 0")
    parser.add_argument("--shown", type=int, default=10, help="number of reviews on the page, the most different first")
    parser.add_argument("--method", default="leave-one-out", help="attribution method that both models have")
    parser.add_argument("--no-accuracy", action="store_true", help="leave out the pass over all test reviews")
    parser.add_argument("--out", type=Path, help="page to write")
    arguments = parser.parse_args()
    source = locate(arguments.data)
    reviews = gluonattn.read_reviews(source.test or source.train)
    drawn = np.sort(np.random.default_rng(0).permutation(len(reviews))[: arguments.reviews])
    texts = [reviews.texts[i] for i in drawn]
    models = [load_any(path, max_length=MAX_LENGTH if is_transformers_folder(path) else None) for path in arguments.models]
    if not arguments.no_accuracy:
        correct = [np.array(right(model, reviews)) for model in models]
        for path, own in zip(arguments.models, correct):
            mean, low, high = figure(own).spell(4)
            print(f"{path}: accuracy {mean} ({low} to {high}) on {len(own):,} reviews")
        print(f"second less first: {figure(correct[1] - correct[0])}", flush=True)

    found = [[record.merge() for record in model.explain_each(texts, arguments.method, draws=1, what_if=False)]
             for model in models]
    attention = [[record.weights.mean((0, 1, 2)) for record in records] for records in found]
    scores = [[record.attributions[arguments.method] for record in records] for records in found]
    same = [a.prediction.label == b.prediction.label or named(models, a, b) for a, b in zip(*found)]
    print(f"{len(texts):,} reviews, {np.mean(same):.1%} decided alike; Kendall's tau of words, and the same "
          "top word")
    rows = {f"{arguments.method}, model against model": scores, "attention, model against model": attention,
            "attention against its own scores, first": [attention[0], scores[0]],
            "attention against its own scores, second": [attention[1], scores[1]]}
    for name, (one, other) in rows.items():
        fit = [i for i, (a, b) in enumerate(zip(one, other)) if len(a) == len(b) > 1]
        tau = [rank_agreement(one[i], other[i]) for i in fit]
        top = [float(np.argmax(one[i]) == np.argmax(other[i])) for i in fit]
        print(f"  {name}: tau {figure(tau)}, same top word {figure(top)} ({len(fit)} reviews)", flush=True)
    if arguments.out:
        apart = [rank_agreement(a, b) if len(a) == len(b) > 1 else 1.0 for a, b in zip(*scores)]
        shown = np.argsort(np.nan_to_num(apart, nan=1.0), kind="stable")[: arguments.shown]
        page = gluonattn.to_html([records[i] for i in shown for records in found], title="두 모델이 본 곳")
        replace_file(arguments.out, page)
        print(f"wrote {arguments.out}: {len(shown)} reviews, each by both models")


def right(model, reviews) -> list[float]:
    """1 where a model gives a review its label, by number or by name."""
    names = {label: {str(label), str(model.label_names.get(label, label))} for label in model.labels}
    truths = {"0": {"0", "부정"}, "1": {"1", "긍정"}}
    return [float(bool(names[found.label] & truths.get(str(truth), {str(truth)})))
            for found, truth in zip(model.predict(reviews.texts), reviews.labels)]


def named(models, first, second) -> bool:
    """Whether two labels are one to people."""
    one, other = (model.label_names.get(record.prediction.label, record.prediction.label)
                  for model, record in zip(models, (first, second)))
    return one == other


if __name__ == "__main__":
    main()
