"""All figures about a model's explanations, on a sample of texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.reviews import Reviews
from ..errors import DataError
from ..metrics import entropy
from ..models.checkpoint import load_checkpoint, update_config
from .attribution import METHODS, attribute
from .faithfulness import (
    WAYS,
    adversarial,
    conicity,
    decision_flip,
    erasure,
    highest_weight,
    mean_over,
    permutation,
    uniform_change,
)
from .inside import Inside
from .predictor import Predictor
from .statistics import figure, rank_agreement

ABOUT_A_METHOD = ("comprehensiveness", "sufficiency", "comprehensiveness_mask", "sufficiency_mask", "flip",
                  "tau_gradient", "tau_leave_one_out")
ABOUT_THE_WEIGHTS = ("entropy", "highest_weight", "permutation", "uniform_change", "adversarial",
                     "adversarial_bound", "conicity")
FLOOR = "random"
CHOSEN_ON = 100  # validation reviews that choose a model's default method


def measure(inside: Inside, texts: Sequence[str], *, methods: Sequence[str] | None = None,
            progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Faithfulness of methods, and what the weights themselves can be trusted with.

    Parameters
    ----------
    inside : Inside
    texts : sequence of str
        None of them blank.
    methods : sequence of str or None
        Keys of `METHODS`; None takes all.
    progress : callable or None
        Called with (texts done, texts in all).

    Returns
    -------
    dict
        "methods": by method, by `ABOUT_A_METHOD`, one number a text (the first
        four are AOPCs); "weights": by `ABOUT_THE_WEIGHTS`; "received": for each
        text the attention its tokens receive; "targets": the predicted classes.
        JSON values; NaN where a text cannot be asked.
    """
    methods = list(METHODS if methods is None else methods)
    readings = [inside.read(text) for text in texts]
    targets = inside.probabilities([r.example for r in readings]).argmax(axis=1).tolist()
    needed = dict.fromkeys([*methods, "gradient-input", "leave-one-out"])
    scores: dict[str, list[np.ndarray]] = {name: [] for name in needed}
    about: dict[str, list[float]] = {name: [] for name in ABOUT_THE_WEIGHTS}
    attention = []
    for done, (reading, target) in enumerate(zip(readings, targets), 1):
        for name, found in scores.items():
            found.append(attribute(inside, reading, name, target).scores)
        attention.append(attribute(inside, reading, "attention", target).scores)
        for name, value in _about_the_weights(inside, reading, target).items():
            about[name].append(value)
        if progress:
            progress(done, len(readings))
    return {
        "methods": {name: _about_a_method(inside, readings, targets, name, scores) for name in methods},
        "weights": about,
        "received": [row.round(6).tolist() for row in attention],
        "targets": targets,
    }


def _about_a_method(inside, readings, targets, name, scores) -> dict[str, list[float]]:
    own, found = scores[name], {}
    for way in WAYS:
        erased = erasure(inside, readings, own, targets, way)
        ending = "" if way == "remove" else "_mask"
        found[f"comprehensiveness{ending}"] = mean_over(erased.comprehensiveness)
        found[f"sufficiency{ending}"] = mean_over(erased.sufficiency)
    found["flip"] = decision_flip(inside, readings, own, targets)
    for other, label in (("gradient-input", "tau_gradient"), ("leave-one-out", "tau_leave_one_out")):
        found[label] = np.array([np.nan if name == other else rank_agreement(a, b)
                                 for a, b in zip(own, scores[other])])
    return {label: values.round(6).tolist() for label, values in found.items()}


def _about_the_weights(inside, reading, target) -> dict[str, float]:
    passed, tokens = inside.run(reading), len(reading.tokens)
    rng = np.random.default_rng(reading.seed)
    adversary = adversarial(inside, passed, rng)
    return {
        "entropy": float(entropy(passed.weights[0][:, :tokens], relative=True).mean()) if tokens > 1 else np.nan,
        "highest_weight": highest_weight(passed),
        "permutation": permutation(inside, passed, target, rng),
        "uniform_change": uniform_change(inside, passed, target),
        "adversarial": adversary.divergence,
        "adversarial_bound": adversary.bound,
        "conicity": conicity(passed, tokens),
    }


def most_faithful(inside: Inside, texts: Sequence[str]) -> tuple[str, dict[str, list[float]]]:
    """The method with the highest AOPC-comprehensiveness, and that figure of every method.

    Returns
    -------
    name : str
    figures : dict of str to [mean, low, high]
    """
    readings = [inside.read(text) for text in texts]
    targets = inside.probabilities([r.example for r in readings]).argmax(axis=1).tolist()
    figures = {}
    for name in METHODS:
        scores = [attribute(inside, r, name, target).scores for r, target in zip(readings, targets)]
        figures[name] = figure(mean_over(erasure(inside, readings, scores, targets).comprehensiveness))
    best = max((name for name in figures if name != FLOOR), key=lambda name: figures[name].mean)
    return best, {name: [round(x, 4) for x in found] for name, found in figures.items()}


def record_method(folder: str | os.PathLike, reviews: Reviews) -> str:
    """Find a model's most faithful method on validation reviews and write it to its config.json.

    The first `CHOSEN_ON` reviews are asked (the split has mixed them); a few
    seconds. ``config["explanation"]`` then holds the method and the
    AOPC-comprehensiveness of every method, each with its interval.

    Returns
    -------
    str
        The method.
    """
    if not len(reviews):
        raise DataError("there is no validation review to choose an attribution method on.")
    inside = Inside(Predictor(load_checkpoint(folder), Path(folder), "cpu", "numpy"))
    texts = reviews.texts[:CHOSEN_ON]
    method, figures = most_faithful(inside, texts)
    update_config(folder, explanation={"method": method, "reviews": len(texts), "comprehensiveness": figures})
    return method
