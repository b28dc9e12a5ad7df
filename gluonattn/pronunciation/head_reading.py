"""Attention of each head, counted over words: its shape, and whether it follows the cause.

`count` makes sums by word from the records of one kind. `shape_of` and `agreement` compute figures from them.
Intervals resample words, so the sounds of a word stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from ..record import AttentionRecord
from ..statistics import bootstrap_p, holm, interval, intervals, rate
from .causes import Pattern, changed_sites, locate_sites, own_keys, unchanged_sites
from .pronounce import Pronunciation

SHAPE = ("entropy", "distance", "diagonal", "first", "last")
REACH = 3  # the largest distance in letters of positional baselines


@dataclass(frozen=True)
class Counts:
    """Sums by word over records of one kind at one epoch. W words, L layers, H heads.

    Attributes
    ----------
    rows : shape (W,)
        Number of attending letters or sounds.
    shape : dict of str to shape (W, L, H)
        Sums over rows of each figure of `SHAPE`.
    steps : shape (W, 2 * REACH + 1, L, H)
        Number of rows by the distance of the strongest key from the row's own key.
    rules : tuple of str
    patterns : tuple of Pattern
    sites : shape (W, rules, patterns)
        Number of changed sounds whose cause is in the record.
    hits, weight, own : shape (W, rules, patterns, L, H)
        Among these: the strongest key is the cause; the weight on the cause; the strongest key is the own letter.
    chance : shape (W, rules, patterns)
        Fraction of letters that are the cause, summed over sites.
    positional : shape (W, 2 * REACH + 1)
        Sites where a head that always attends at this distance would find the cause.
    still, still_hits : shape (W, patterns) and (W, patterns, L, H)
        Unchanged sounds, and those whose strongest key is where the cause would be.
    """

    rows: NDArray[Any]
    shape: dict[str, NDArray[Any]]
    steps: NDArray[Any]
    rules: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    sites: NDArray[Any]
    hits: NDArray[Any]
    weight: NDArray[Any]
    own: NDArray[Any]
    chance: NDArray[Any]
    positional: NDArray[Any]
    still: NDArray[Any]
    still_hits: NDArray[Any]


def count(said: Sequence[Pronunciation], records: Sequence[AttentionRecord]) -> Counts:
    """Count over the records of one kind. They are teacher-forced with the sounds of `said`, in the same order.

    Parameters
    ----------
    said : sequence of Pronunciation
    records : sequence of AttentionRecord
        One for each of `said`, all of one kind.

    Raises
    ------
    RecordError
        If a record does not have the letters and sounds of its word.
    """
    sites = [changed_sites(word) for word in said]
    rules = tuple(dict.fromkeys(site.rule for word in sites for site in word))
    patterns = tuple(dict.fromkeys(site.pattern for word in sites for site in word))
    words, (layers, heads) = len(said), records[0].weights.shape[:2]
    reach, at = 2 * REACH + 1, (len(rules), len(patterns))

    def zeros(*shape: int) -> NDArray[Any]:
        return np.zeros((words, *shape))

    found = Counts(
        rows=zeros(), shape={name: zeros(layers, heads) for name in SHAPE}, steps=zeros(reach, layers, heads), rules=rules,
        patterns=patterns, sites=zeros(*at), hits=zeros(*at, layers, heads), weight=zeros(*at, layers, heads),
        own=zeros(*at, layers, heads), chance=zeros(*at), positional=zeros(reach), still=zeros(len(patterns)),
        still_hits=zeros(len(patterns), layers, heads),
    )
    for w, (word, record) in enumerate(zip(said, records)):
        rows, own = own_keys(word, record)
        weights = record.weights[:, :, rows].astype(np.float64)
        distances = metrics.offsets(own)
        _count_shape(found, w, weights, own, distances)
        strongest = _strongest(record.weights)  # (L, H, queries, keys)
        row_of = {row: i for i, row in enumerate(rows)}
        special = np.array([token.end == token.start for token in record.keys])
        for site, look in zip(sites[w], locate_sites(word, record, sites[w])):
            if look is None:
                continue
            here = (w, rules.index(site.rule), patterns.index(site.pattern))
            found.sites[here] += 1
            found.hits[here] += strongest[:, :, look.row, list(look.cause)].sum(-1)
            found.own[here] += strongest[:, :, look.row, list(look.own)].sum(-1)
            found.weight[here] += record.weights[:, :, look.row, list(look.cause)].sum(-1)
            seen = (record.weights[:, :, look.row].max((0, 1)) > 0) & ~special
            found.chance[here] += len(look.cause) / seen.sum()
            steps = {int(distances[row_of[look.row], k]) for k in look.cause}
            found.positional[w, [step + REACH for step in steps if abs(step) <= REACH]] += 1
        still = unchanged_sites(word, patterns)
        for site, look in zip(still, locate_sites(word, record, still)):
            if look is not None:
                p = patterns.index(site.pattern)
                found.still[w, p] += 1
                found.still_hits[w, p] += strongest[:, :, look.row, list(look.cause)].sum(-1)
    return found


def _count_shape(found: Counts, w: int, weights: NDArray[Any], own_keys: NDArray[Any], distances: NDArray[Any]) -> None:
    """Add the rows of one word; `weights` has shape (L, H, rows, keys)."""
    visible = (weights.max((0, 1)) > 0).sum(-1)  # keys that a mask leaves to each row
    room = np.log(np.maximum(visible, 2))
    found.rows[w] = weights.shape[2]
    found.shape["entropy"][w] = (metrics.entropy(weights) / room).sum(-1)
    found.shape["distance"][w] = metrics.mean_distance(weights, own_keys).sum(-1)
    found.shape["diagonal"][w] = (weights * own_keys).sum((-2, -1))
    found.shape["first"][w] = weights[..., 0].sum(-1)
    found.shape["last"][w] = weights[:, :, np.arange(weights.shape[2]), _last(weights)].sum(-1)
    strongest = _strongest(weights)  # (L, H, rows, keys)
    for d in range(-REACH, REACH + 1):
        found.steps[w, d + REACH] = (strongest * (distances == d)).sum((-2, -1))


def _strongest(weights: NDArray[Any]) -> NDArray[Any]:
    """1 at the strongest key of each row. Keys that float32 cannot distinguish share it, so an even head is at chance."""
    top = weights >= weights.max(-1, keepdims=True) * (1 - metrics.RESOLUTION)
    result: NDArray[Any] = top / top.sum(-1, keepdims=True)
    return result


def _last(weights: NDArray[Any]) -> NDArray[Any]:
    """The last key that each row may attend to."""
    visible = weights.max((0, 1)) > 0
    result: NDArray[Any] = visible.shape[1] - 1 - visible[:, ::-1].argmax(-1)
    return result


def drift(before: Sequence[AttentionRecord], after: Sequence[AttentionRecord]) -> NDArray[Any]:
    """Jensen-Shannon divergence from one epoch to another, mean over the rows of each word.

    Parameters
    ----------
    before, after : sequence of AttentionRecord
        Records of the same words at two epochs.

    Returns
    -------
    numpy.ndarray, shape (words, layers, heads)
        In nats: 0 is no change, ln 2 the maximum.
    """
    return np.stack([metrics.jensen_shannon(a.weights, b.weights).mean(-1) for a, b in zip(before, after)])


def shape_of(counts: Counts, drawn: NDArray[Any]) -> dict[str, Any]:
    """Figures of each head, as arrays (layers, heads) of Figure, and the most frequent step to its strongest key.

    Parameters
    ----------
    counts : Counts
    drawn : numpy.ndarray, shape (draws, words)
        How often each bootstrap sample has a word.

    Returns
    -------
    dict
        Each name of `SHAPE` and "step_share" hold an object array of Figure; "step" an array of int.
    """
    figures: dict[str, Any] = {name: intervals(rate(drawn, sums, counts.rows)) for name, sums in counts.shape.items()}
    total = counts.steps.sum(0)  # (steps, L, H)
    best = total.argmax(0)
    figures["step"] = best - REACH
    mostly = np.take_along_axis(counts.steps, best[None, None], axis=1)[:, 0]
    figures["step_share"] = intervals(rate(drawn, mostly, counts.rows))
    return figures


def agreement(counts: Counts, drawn: NDArray[Any], untrained: Counts | None = None) -> dict[str, Any]:
    """How often each head's strongest key is the cause, compared with baselines.

    "positional" is the best head that always attends at one distance from its own letter, chosen on these same sites.
    "still" is how often the head attends to where the cause would be at unchanged sounds, with the patterns weighted as
    among the changed sounds.

    Parameters
    ----------
    counts : Counts
    drawn : numpy.ndarray, shape (draws, words)
        How often each bootstrap sample has a word.
    untrained : Counts or None
        Counts of the same words before training.

    Returns
    -------
    dict
        "cause", "weight", "own", "still", "untrained": object arrays (layers, heads) of Figure; "chance" and "positional":
        Figure; "positional_step": int; "above" and "p": dict of comparison to an array (layers, heads): whether the rate is
        higher, and the p-value of that difference, corrected by Holm over all these heads; "rules": per rule, the same
        without the comparisons, and "more": "cause" less "still".
    """
    sites, every = counts.sites.sum((1, 2)), (1, 2)
    hits = rate(drawn, counts.hits.sum(every), sites)
    chance = rate(drawn, counts.chance.sum(every), sites)
    step = int(counts.positional.sum(0).argmax())
    positional = rate(drawn, counts.positional[:, step], sites)
    unchanged = rate(drawn, counts.still_hits, counts.still)  # (draws, patterns, L, H): the same for every rule
    still = _mix_patterns(unchanged, drawn, counts.sites.sum(1))
    against = {"chance": chance[:, None, None], "positional": positional[:, None, None], "still": still}
    found = {
        "sites": int(sites.sum()), "words": int((sites > 0).sum()), "cause": intervals(hits),
        "weight": intervals(rate(drawn, counts.weight.sum(every), sites)),
        "own": intervals(rate(drawn, counts.own.sum(every), sites)), "still": intervals(still),
        "chance": interval(chance), "positional": interval(positional), "positional_step": step - REACH,
        "rules": {name: _rule(counts, drawn, r, unchanged) for r, name in enumerate(counts.rules)},
    }
    if untrained is not None:
        before = rate(drawn, untrained.hits.sum(every), sites)
        found["untrained"] = intervals(before)
        against["untrained"] = before
    found["above"] = {name: hits[0] > other[0] for name, other in against.items()}
    found["p"] = {name: _holm(hits - other) for name, other in against.items()}
    return found


def _rule(counts: Counts, drawn: NDArray[Any], r: int, unchanged: NDArray[Any]) -> dict[str, Any]:
    sites = counts.sites[:, r].sum(1)
    hits, still = rate(drawn, counts.hits[:, r].sum(1), sites), _mix_patterns(unchanged, drawn, counts.sites[:, r])
    return {
        "sites": int(sites.sum()), "words": int((sites > 0).sum()), "cause": intervals(hits), "still": intervals(still),
        "more": intervals(hits - still),
        "weight": intervals(rate(drawn, counts.weight[:, r].sum(1), sites)),
        "own": intervals(rate(drawn, counts.own[:, r].sum(1), sites)),
        "chance": interval(rate(drawn, counts.chance[:, r].sum(1), sites)),
    }


def _mix_patterns(rates: NDArray[Any], drawn: NDArray[Any], sites: NDArray[Any]) -> NDArray[Any]:
    """Rate at unchanged sounds, with patterns weighted by their fraction of the changed `sites`, shape (draws, L, H)."""
    known = ~np.isnan(rates[:, :, 0, 0])
    fractions = (drawn @ sites) * known
    total = fractions.sum(1, keepdims=True)
    fractions = np.divide(fractions, total, out=np.full_like(fractions, np.nan), where=total > 0)
    result: NDArray[Any] = np.einsum("dp,dplh->dlh", fractions, np.nan_to_num(rates))
    return result


def _holm(drawn: NDArray[Any]) -> NDArray[Any]:
    """Corrected p-values for the hypothesis that differences are 0, (draws, layers, heads) to (layers, heads)."""
    flat = drawn.reshape(len(drawn), -1)
    p = np.array([bootstrap_p(flat[:, i]) for i in range(flat.shape[1])])
    known = ~np.isnan(p)
    p[known] = holm(p[known])
    return p.reshape(drawn.shape[1:])
