"""All figures about a model's explanations on a sample of texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.reviews import Reviews
from ..errors import DataError
from ..finding import find_entries
from ..metrics import entropy
from ..models.checkpoint import update_config
from ..plain import read_texts
from ..statistics import figure, rank_agreement
from .adversary import find_adversary
from .asking import WAYS
from .attribution import METHODS, attribute_batch, received
from .batch import Batch
from .config import load_classifier
from .faithfulness import (
    conicity,
    erase,
    flips,
    highest_weight,
    mean_over,
    permutation,
    uniform_change,
)
from .forward_steps import ForwardPass, ForwardSteps
from .predictor import Predictor
from .reader import EncodedText

ABOUT_A_METHOD = ("comprehensiveness", "sufficiency", "comprehensiveness_mask", "sufficiency_mask", "flip",
                  "tau_gradient", "tau_leave_one_out")


class WeightFigure(NamedTuple):
    """A figure about the attention weights of a text. Each one is a file ``NAME_figure.py``.

    Attributes
    ----------
    name : str
        Its column in reports.
    meaning : str
        Its explanation in reports.
    compute : callable
        ``compute(steps, encoded, passed, target)`` returns a float; NaN if the figure is not defined for the text.
    """

    name: str
    meaning: str
    compute: Callable[[ForwardSteps, EncodedText, ForwardPass, int], float]


ADDED: list[WeightFigure] = find_entries(__file__, __package__, "figure")
ABOUT_THE_WEIGHTS = ("entropy", "highest_weight", "permutation", "uniform_change", "adversarial",
                     "adversarial_bound", "conicity", *(found.name for found in ADDED))
FLOOR = "random"
_TEXTS = 16  # texts in a batch
CHOSEN_ON = 100  # validation reviews on which a model's default method is chosen


def measure(steps: ForwardSteps, texts: Iterable[str], *, methods: Sequence[str] | None = None,
            progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Measure the faithfulness of methods, and properties of the attention weights.

    Parameters
    ----------
    steps : ForwardSteps
    texts : iterable of str
        None of them blank.
    methods : sequence of str or None
        Keys of `METHODS`; None is all of them.
    progress : callable or None
        Called with (texts done, texts in all).

    Returns
    -------
    dict
        "methods": by method and figure of `ABOUT_A_METHOD`, one number for each
        text (the first four are AOPCs); "weights": the same by
        `ABOUT_THE_WEIGHTS`; "received": for each text the attention that its
        tokens receive; "targets": the predicted classes. Values are JSON values;
        NaN where a figure is not defined.
    """
    texts = read_texts(texts, "measure")
    methods = list(METHODS if methods is None else methods)
    needed = dict.fromkeys([*methods, "gradient-input", "leave-one-out"])
    found: dict[str, Any] = {"methods": {name: {} for name in methods}, "weights": {}, "received": [], "targets": []}
    for done in range(0, len(texts), _TEXTS):
        batch = Batch(steps, [steps.read(text) for text in texts[done : done + _TEXTS]])
        targets = [int(passed.probabilities.argmax()) for passed in batch.passes]
        scores = {name: [own for own, _ in attribute_batch(batch, name, targets)] for name in needed}
        for name in methods:
            _extend(found["methods"][name], _about_a_method(batch, targets, name, scores))
        for encoded, passed, target in zip(batch.encoded_texts, batch.passes, targets):
            _extend(found["weights"], _about_the_weights(steps, encoded, passed, target))
            found["received"].append(received(steps, passed)[: len(encoded.tokens)].round(6).tolist())
        found["targets"] += targets
        if progress:
            progress(min(done + _TEXTS, len(texts)), len(texts))
    return found


def _extend(table: dict[str, list[Any]], more: dict[str, list[Any]]) -> None:
    for name, values in more.items():
        table.setdefault(name, []).extend(values)


def _about_a_method(batch: Batch, targets: Sequence[int], name: str,
                    scores: Mapping[str, Sequence[NDArray[Any]]]) -> dict[str, list[float]]:
    own, found = scores[name], {}
    for way in WAYS:
        erased = erase(batch, own, targets, way)
        ending = "" if way == "remove" else "_mask"
        found[f"comprehensiveness{ending}"] = mean_over(erased.comprehensiveness)
        found[f"sufficiency{ending}"] = mean_over(erased.sufficiency)
    found["flip"] = flips(batch, own, targets)
    for other, label in (("gradient-input", "tau_gradient"), ("leave-one-out", "tau_leave_one_out")):
        found[label] = np.array([np.nan if name == other else rank_agreement(a, b)
                                 for a, b in zip(own, scores[other])])
    return {label: values.round(6).tolist() for label, values in found.items()}


def _about_the_weights(steps: ForwardSteps, encoded: EncodedText, passed: ForwardPass,
                       target: int) -> dict[str, list[float]]:
    tokens = len(encoded.tokens)
    rng = np.random.default_rng(encoded.seed)
    adversary = find_adversary(steps, passed, rng)
    figures = {
        "entropy": float(entropy(passed.weights[0][:, :tokens], relative=True).mean()) if tokens > 1 else np.nan,
        "highest_weight": highest_weight(passed),
        "permutation": permutation(steps, passed, target, rng),
        "uniform_change": uniform_change(steps, passed, target),
        "adversarial": adversary.divergence,
        "adversarial_bound": adversary.bound,
        "conicity": conicity(passed, tokens),
        **{found.name: found.compute(steps, encoded, passed, target) for found in ADDED},
    }
    return {name: [value] for name, value in figures.items()}


def most_faithful(steps: ForwardSteps, texts: Iterable[str]) -> tuple[str, dict[str, list[float]]]:
    """Find the method with the highest AOPC-comprehensiveness, and that figure for every method.

    Parameters
    ----------
    steps : ForwardSteps
    texts : iterable of str
        None of them blank.

    Returns
    -------
    name : str
    figures : dict of str to [mean, low, high]
    """
    lost: dict[str, list[float]] = {}
    texts = read_texts(texts, "most_faithful")
    for done in range(0, len(texts), _TEXTS):
        batch = Batch(steps, [steps.read(text) for text in texts[done : done + _TEXTS]])
        targets = [int(passed.probabilities.argmax()) for passed in batch.passes]
        for name in METHODS:
            erased = erase(batch, [own for own, _ in attribute_batch(batch, name, targets)], targets)
            _extend(lost, {name: mean_over(erased.comprehensiveness).tolist()})
    figures = {name: figure(values) for name, values in lost.items()}
    best = max((name for name in figures if name != FLOOR), key=lambda name: figures[name].mean)
    return best, {name: [round(x, 4) for x in found] for name, found in figures.items()}


def record_method(folder: str | os.PathLike[str], reviews: Reviews) -> str:
    """Find a model's most faithful method on validation reviews and write it to its config.json.

    The first `CHOSEN_ON` reviews are used (the split has shuffled them), which
    takes a few seconds. ``config["explanation"]`` then has the method and the
    AOPC-comprehensiveness of every method, each with its interval.

    Parameters
    ----------
    folder : path
        A checkpoint.
    reviews : Reviews
        The validation reviews.

    Returns
    -------
    str
        The method.
    """
    if not len(reviews):
        raise DataError("there is no validation review to choose an attribution method on.")
    steps = ForwardSteps(Predictor(load_classifier(folder), Path(folder), "cpu", "numpy"))
    texts = reviews.texts[:CHOSEN_ON]
    method, figures = most_faithful(steps, texts)
    update_config(folder, explanation={"method": method, "reviews": len(texts), "comprehensiveness": figures})
    return method
