"""Figures of each head over sentences: the entropy, distance and targets of its attention.

The sums are stored by sentence, and intervals resample sentences.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from ..record import AttentionRecord
from ..statistics import intervals, rate

SHARES = ("previous", "same", "next", "punctuation", "special")
FIGURES = ("entropy", "distance", *SHARES)
EVEN = "even"  # no specialisation: weight spread over everything


def count(records: Sequence[AttentionRecord]) -> dict[str, NDArray[Any]]:
    """Compute sums over the rows of each sentence, for every head.

    Parameters
    ----------
    records : sequence of AttentionRecord
        Records of one kind.

    Returns
    -------
    dict of str to numpy.ndarray
        "rows", shape (sentences,), and each of `FIGURES`, shape (sentences, layers, heads): entropy as a fraction of the
        largest possible; distance in subwords; weight on the previous, the same and the next position, on punctuation, and
        on the end mark of the source (in the decoder, the beginning mark of the target). The position of a target row is its
        own in the decoder, where key j is the subword before it, and the proportional position in cross-attention.
    """
    layers, heads = records[0].weights.shape[:2]
    found = {name: np.zeros((len(records), layers, heads)) for name in FIGURES}
    found["rows"] = np.array([len(record.queries) for record in records], float)
    for i, record in enumerate(records):
        weights = record.weights.astype(np.float64)
        own = own_places(record)
        steps = np.arange(len(record.keys)) - own[:, None]  # (queries, keys)
        visible = (weights.max((0, 1)) > 0).sum(-1)
        found["entropy"][i] = (metrics.entropy(weights) / np.log(np.maximum(visible, 2))).sum(-1)
        found["distance"][i] = (weights * np.abs(steps)).sum((-2, -1))
        for name, step in (("previous", -1), ("same", 0), ("next", 1)):
            found[name][i] = (weights * (steps == step)).sum((-2, -1))
        found["punctuation"][i] = weights[..., punctuation(record)].sum((-2, -1))
        found["special"][i] = weights[..., 0 if record.kind == "decoder" else -1].sum(-1)
    return found


def own_places(record: AttentionRecord) -> NDArray[Any]:
    """The key at the position of each row; shape (queries,)."""
    queries, keys = len(record.queries), len(record.keys)
    if record.kind != "cross":
        return np.arange(queries)
    result: NDArray[Any] = np.rint(np.arange(queries) * (keys - 1) / max(queries - 1, 1)).astype(int)
    return result


def punctuation(record: AttentionRecord) -> NDArray[Any]:
    """Whether each key is a punctuation mark; bool, shape (keys,)."""
    return np.array([bool(token.text) and token.end > token.start
                     and all(unicodedata.category(character).startswith("P") for character in token.text)
                     for token in record.keys])


def figures_of(counts: dict[str, NDArray[Any]], drawn: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Each figure of every head with its interval: object arrays of Figure, shape (layers, heads).

    Parameters
    ----------
    counts : dict
        Sums from `count`.
    drawn : numpy.ndarray, shape (draws, sentences)
        Draws from `gluonattn.statistics.draws`.
    """
    return {name: intervals(rate(drawn, counts[name], counts["rows"])) for name in FIGURES}


def compare(counts: dict[str, NDArray[Any]], before: dict[str, NDArray[Any]],
            drawn: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """How much each figure changed from one epoch to another on the same sentences, with intervals.

    Parameters
    ----------
    counts, before : dict
        Sums from `count`.
    drawn : numpy.ndarray, shape (draws, sentences)
    """
    return {name: intervals(rate(drawn, counts[name], counts["rows"]) - rate(drawn, before[name], before["rows"]))
            for name in FIGURES}


def by_layer(counts: dict[str, NDArray[Any]], drawn: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Each figure's mean over the heads of a layer: object arrays of Figure, shape (layers,).

    Parameters
    ----------
    counts : dict
        Sums from `count`.
    drawn : numpy.ndarray, shape (draws, sentences)
    """
    return {name: intervals(rate(drawn, counts[name], counts["rows"]).mean(-1)) for name in FIGURES}


def specialise(figures: dict[str, Any], change: dict[str, Any], layer: int, head: int) -> list[str]:
    """What a head specialised in: what has a large part of its weight and has gained weight in training.

    Parameters
    ----------
    figures, change : dict
        Results of `figures_of` and `compare`, for one kind.
    layer, head : int

    Returns
    -------
    list of str
        Names from `SHARES` with at least a third of the weight, and with more than before training; "even" if the entropy is
        more than nine tenths of the largest; empty if nothing stands out.
    """
    found = [name for name in SHARES if figures[name][layer, head].mean >= 1 / 3 and change[name][layer, head].low > 0]
    found.sort(key=lambda name: -figures[name][layer, head].mean)
    if not found and figures["entropy"][layer, head].low > 0.9:
        return [EVEN]
    return found
