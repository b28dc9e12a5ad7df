"""The attention that differs most from the learned one and gives the same decision."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics import jensen_shannon
from .forward_steps import ForwardPass, ForwardSteps


class Adversary(NamedTuple):
    """Other weights that give the same decision.

    Attributes
    ----------
    divergence : float
        Mean over queries of the Jensen-Shannon divergence from the learned weights, at most ln 2.
    bound : float
        The largest divergence that any weights can have from the learned ones.
    change : float
        How far the probabilities moved (total variation; with two classes |dp|).
    weights : numpy.ndarray, shape (1, heads, T, T)
    """

    divergence: float
    bound: float
    change: float
    weights: NDArray[Any]


def find_adversary(steps: ForwardSteps, passed: ForwardPass, rng: np.random.Generator, *, most: float = 0.05,
                   population: int = 32, rounds: int = 12) -> Adversary:
    """The most different attention found that moves no probability by more than `most`.

    Jain and Wallace, NAACL 2019, use gradient ascent. Here the weights are
    sampled. The divergence is convex, so the weights that differ most from the
    learned ones put all of a query's weight on one token. Such weights are drawn,
    more often for tokens with little weight, and the best of each round are partly
    drawn again. The result is a lower bound of the largest possible divergence. If
    no sample keeps the decision, the best one is mixed with the learned weights
    as far as needed.

    Parameters
    ----------
    steps : ForwardSteps
    passed : ForwardPass
    rng : numpy.random.Generator
    most : float, default 0.05
    population, rounds : int
        Weights tried in each round, and the number of rounds.
    """
    learned = passed.weights[0].astype(np.float64)  # (heads, T, T)
    size = learned.shape[-1]
    if size < 2:
        nothing = float("nan")
        return Adversary(nothing, nothing, 0.0, passed.weights)
    gain = _divergence_of_one(learned)
    bound = float(gain.max(axis=-1).mean())
    odds = np.cumsum(gain**8 + 1e-12, axis=-1)  # for drawing columns
    odds /= odds[..., -1:]

    def draw(count: int) -> NDArray[Any]:
        result: NDArray[Any] = (rng.random((count, *learned.shape[:2], 1)) > odds).sum(axis=-1)  # (count, heads, T)
        return result

    def weigh(places: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        weights = np.eye(size, dtype=np.float32)[places]
        change = np.abs(steps.decide(passed, weights) - passed.probabilities).sum(axis=1) / 2
        gained = np.take_along_axis(np.broadcast_to(gain, (*places.shape, size)), places[..., None], -1)
        return gained.mean(axis=(1, 2, 3)), change

    places = np.concatenate([gain.argmax(axis=-1)[None], draw(population - 1)])
    divergence, change = weigh(places)
    for _ in range(rounds):
        order = np.argsort(-_worth(divergence, change, most), kind="stable")[: population // 4]
        places, divergence, change = places[order], divergence[order], change[order]
        if change[0] <= most and divergence[0] > bound - 1e-6:
            break
        parents = places[rng.integers(len(places), size=population)]
        children = np.where(rng.random(parents.shape) < rng.choice([0.05, 0.2, 0.5]), draw(population), parents)
        more, moved = weigh(children)
        places = np.concatenate([places, children])
        divergence, change = np.concatenate([divergence, more]), np.concatenate([change, moved])
    best = int(_worth(divergence, change, most).argmax())
    one = np.eye(size)[places[best]]
    if change[best] <= most:
        return Adversary(float(divergence[best]), bound, float(change[best]), one[None].astype(np.float32))
    return _mixed(steps, passed, learned, one, bound, most)


def _divergence_of_one(weights: NDArray[Any]) -> NDArray[Any]:
    """Jensen-Shannon divergence of each row from all weight on one token; it depends only on that token's weight a."""
    a = np.clip(weights, 0, 1)
    own = np.where(a > 0, a * np.log(np.where(a > 0, a, 1)), 0)
    result: NDArray[Any] = np.maximum((own - (1 + a) * np.log((1 + a) / 2) + (1 - a) * math.log(2)) / 2, 0)
    return result


def _worth(divergence: NDArray[Any], change: NDArray[Any], most: float) -> NDArray[Any]:
    result: NDArray[Any] = divergence - 4 * np.maximum(change - most, 0)
    return result


def _mixed(steps: ForwardSteps, passed: ForwardPass, learned: NDArray[Any], one: NDArray[Any], bound: float,
           most: float) -> Adversary:
    """The mixture with the largest share of `one` that keeps the decision."""
    parts = np.linspace(0, 1, 41)
    mixed = learned + parts[:, None, None, None] * (one - learned)
    change = np.abs(steps.decide(passed, mixed.astype(np.float32)) - passed.probabilities).sum(axis=1) / 2
    best = int(np.flatnonzero(change <= most).max(initial=0))
    found = float(jensen_shannon(learned, mixed[best]).mean())
    return Adversary(found, bound, float(change[best]), mixed[best][None].astype(np.float32))
