"""The figures of a comparison, each with its interval over sentences and training seeds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import jensen_shannon, top_k_overlap
from ..record import Token
from ..statistics import Figure, calibration, figure, holm, mcnemar
from .compare import BETWEEN_MODELS, Comparison
from .measure import ABOUT_A_METHOD, ABOUT_THE_WEIGHTS
from .parts_of_speech import attention_by_kind

TOP = 3  # tokens of which agreement is counted
LEVEL = 0.05


def summarise(comparison: Comparison) -> dict[str, Any]:
    """Compute all figures of a comparison.

    Returns
    -------
    dict
        "cells": by cell, its figures (a `Figure` where there is an interval);
        "pairs": one dict for each pair of cells; "attention_pairs": for each pair
        the difference of their attention's normalised AOPC, review by review;
        "sentences": what is shown side by side; and the data behind the figures.
    """
    cells: dict[str, list[dict[str, Any]]] = {}
    for result in comparison.results:
        cells.setdefault(result["cell"], []).append(result)
    first = comparison.results[0]
    truth = np.array([first["labels"].index(label) for label in comparison.test.labels])
    probabilities = {cell: np.array([r["probabilities"] for r in own]) for cell, own in cells.items()}
    right = {cell: p.argmax(axis=-1) == truth for cell, p in probabilities.items()}  # (seeds, reviews)
    received = {cell: [[np.array(row) for row in r["measured"]["received"]] for r in own]
                for cell, own in cells.items()}
    diverge = _divergences(received)
    return {
        "data": first["data"], "seeds": len(comparison.results) // len(cells), "test_reviews": len(truth),
        "new_test_reviews": int(comparison.new.sum()), "explained": len(comparison.explained), "level": LEVEL,
        "cells": {cell: {
            "accuracy": figure(right[cell]),
            "accuracy_new": figure(right[cell][:, comparison.new]),
            "accuracy_by_seed": right[cell].mean(axis=1).round(5).tolist(),
            **_calibrated(probabilities[cell], right[cell]),
            "parameters": own[0]["parameters"],
            "seconds": float(np.mean([r["seconds"] for r in own])),
            "weights": {name: figure(_table(own, "weights", name)) for name in ABOUT_THE_WEIGHTS},
            "methods": {method: {name: figure(_table(own, "methods", method, name))
                                 for name in (*ABOUT_A_METHOD, *BETWEEN_MODELS)}
                        for method in own[0]["measured"]["methods"]},
            "attention_less": _attention_less(own),
            "chosen": [r["method"] for r in own],
            "kinds": _kinds(own, received[cell]),
            "seeds_agree": _agreement(received, diverge, list(combinations([(cell, i) for i in range(len(own))], 2))),
        } for cell, own in cells.items()},
        "pairs": _pairs(right, probabilities, truth, received, diverge),
        "attention_pairs": _attention_pairs(cells),
        "sentences": [_side_by_side(cells, i) for i in range(len(first["shown"]))],
    }


def _table(results: list[dict[str, Any]], *path: str) -> NDArray[Any]:
    """Figures of each review, (seeds, reviews); NaN where a figure is not defined."""
    rows = []
    for result in results:
        row = result["measured"]
        for key in path:
            row = row[key]
        rows.append(row)
    return np.array(rows, dtype=np.float64)


def _calibrated(probabilities: NDArray[Any], right: NDArray[Any]) -> dict[str, Any]:
    by_seed = [calibration(p.max(axis=-1), r) for p, r in zip(probabilities, right)]
    pooled = calibration(probabilities.max(axis=-1).ravel(), right.ravel())
    return {"ece": float(np.mean([error for error, _ in by_seed])),
            "ece_by_seed": [round(error, 5) for error, _ in by_seed], "reliability": pooled[1]}


def _attention_less(results: list[dict[str, Any]]) -> dict[str, Figure]:
    """AOPC-comprehensiveness of attention minus that of each other method, review by review. Verdicts are drawn from it."""
    found = {method: _table(results, "methods", method, "comprehensiveness")
             for method in results[0]["measured"]["methods"]}
    return {method: figure(found["attention"] - table) for method, table in found.items() if method != "attention"}


def _attention_pairs(cells: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Normalised AOPC of the second cell's attention minus that of the first, on the same reviews."""
    found = {cell: _table(own, "methods", "attention", "normalised_aopc") for cell, own in cells.items()}
    return [{"cells": [first, second], "difference": figure(found[second] - found[first])}
            for first, second in combinations(found, 2)]


Model = tuple[str, int]  # a cell, and which of its seeds


def _divergences(received: dict[str, list[Any]]) -> dict[tuple[Model, Model], NDArray[Any]]:
    """Divergence of the received attention of every pair of models, in both orders, for each review."""
    models = [(cell, i) for cell, own in received.items() for i in range(len(own))]
    found = {}
    for a, b in combinations(models, 2):
        rows = zip(received[a[0]][a[1]], received[b[0]][b[1]])
        found[a, b] = found[b, a] = np.array([float(jensen_shannon(one, other)) for one, other in rows])
    return found


def _agreement(received: dict[str, list[Any]], diverge: Mapping[tuple[Model, Model], NDArray[Any]],
               pairs: list[tuple[Model, Model]]) -> dict[str, Figure]:
    """Divergence and common top tokens of pairs of models' received attention, over pairs and reviews."""
    if not pairs:
        nothing = figure([np.nan])
        return {"divergence": nothing, "overlap": nothing}
    overlap = [[top_k_overlap(a, b, TOP) if len(a) > TOP else np.nan
                for a, b in zip(received[first[0]][first[1]], received[second[0]][second[1]])] for first, second in pairs]
    return {"divergence": figure([diverge[pair] for pair in pairs]), "overlap": figure(overlap)}


def _more_than_seeds(diverge: Mapping[tuple[Model, Model], NDArray[Any]], cell: str, other: str, seeds: int) -> Figure:
    """How much more a cell's models differ from those of another cell than from its own models of other seeds.

    For each model and review: the mean divergence from the other cell's models minus that from its own cell's models.
    """
    if seeds < 2:
        return figure([np.nan])
    return figure([np.mean([diverge[(cell, i), (other, j)] for j in range(seeds)], axis=0)
                   - np.mean([diverge[(cell, i), (cell, j)] for j in range(seeds) if j != i], axis=0)
                   for i in range(seeds)])


def _kinds(results: list[dict[str, Any]], received: list[list[Any]]) -> dict[str, dict[str, Figure]]:
    """Attention by kind of word, the kind's share of tokens, and the difference of the two."""
    tokens = [[Token(*token) for token in text] for text in results[0]["tokens"]]
    found = [attention_by_kind(tokens, own) for own in received]
    return {kind: {
        "attention": figure([f[kind]["attention"] for f in found]),
        "tokens": figure([f[kind]["tokens"] for f in found]),
        "more": figure([f[kind]["attention"] - f[kind]["tokens"] for f in found]),
    } for kind in found[0]}


def _pairs(right: dict[str, NDArray[Any]], probabilities: dict[str, NDArray[Any]], truth: NDArray[Any],
           received: dict[str, list[Any]], diverge: Mapping[tuple[Model, Model], NDArray[Any]]) -> list[dict[str, Any]]:
    """Compare each pair of cells by McNemar's test on the decisions of the seeds' mean probabilities.

    A difference is beyond chance if both McNemar's test (after Holm) and the interval of the mean difference find it in
    the same direction. The two may disagree: the mean of the seeds can be right more often while single seeds are not.
    """
    pairs: list[dict[str, Any]] = []
    for first, second in combinations(right, 2):
        together = {cell: probabilities[cell].mean(axis=0).argmax(axis=-1) == truth for cell in (first, second)}
        seeds = len(right[first])
        models = product([(first, i) for i in range(seeds)], [(second, i) for i in range(seeds)])
        pairs.append({
            "cells": [first, second],
            "difference": figure(right[second].astype(float) - right[first]),
            "p": mcnemar(together[first], together[second]),
            "mcnemar_sign": int(np.sign(int(together[second].sum()) - int(together[first].sum()))),
            "agree": {**_agreement(received, diverge, list(models)),
                      "more_than_seeds": {cell: _more_than_seeds(diverge, cell, other, seeds)
                                          for cell, other in ((first, second), (second, first))}},
        })
    for pair, p in zip(pairs, holm([pair["p"] for pair in pairs])):
        sign = pair["difference"].sign
        pair.update(p_holm=p, beyond_chance=bool(p < LEVEL and sign and sign == pair["mcnemar_sign"]))
    return pairs


def _side_by_side(cells: dict[str, list[dict[str, Any]]], i: int) -> dict[str, Any]:
    """A sentence with each cell's prediction and received attention, averaged over seeds."""
    first = next(iter(cells.values()))[0]
    shown = first["shown"][i]
    return {
        "text": shown["text"], "tokens": [token[0] for token in shown["tokens"]],
        "labels": [first["label_names"].get(label, label) for label in first["labels"]],
        "cells": {cell: {
            "received": np.mean([r["shown"][i]["received"] for r in own], axis=0).round(5).tolist(),
            "probabilities": np.mean([r["shown"][i]["probabilities"] for r in own], axis=0).round(4).tolist(),
        } for cell, own in cells.items()},
    }
