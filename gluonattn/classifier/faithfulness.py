"""Tests of whether an explanation is faithful to the model.

Each function returns one number for each text (NaN if a text cannot be tested), so that intervals can be computed over
texts and seeds. Tokens are removed by number (`ForwardSteps.without`). p is the probability of the predicted class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics import RESOLUTION, tie_close
from .asking import AskedTexts
from .batch import Batch
from .forward_steps import ForwardPass, ForwardSteps
from .reader import EncodedText

DRAWS = 100  # draws of random tokens with which an explanation is compared
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # shares of a text's tokens, ERASER's bins


class Erasure(NamedTuple):
    """ERASER's two measures, (texts, shares) each.

    Attributes
    ----------
    comprehensiveness : numpy.ndarray
        p(text) - p(text without its top tokens): high if these were necessary.
    sufficiency : numpy.ndarray
        p(text) - p(its top tokens alone): low if these were sufficient.
    """

    comprehensiveness: NDArray[Any]
    sufficiency: NDArray[Any]


def top(scores: NDArray[Any], share: float) -> set[int]:
    """The tokens with the highest scores: the given share of them, at least one. Ties (`tie_close`) keep reading order.

    Parameters
    ----------
    scores : numpy.ndarray, shape (tokens,)
    share : float
        From 0 to 1.
    """
    return set(_ordered(scores)[: _count(len(scores), share)])


def _count(tokens: int, share: float) -> int:
    """The number of tokens in a share."""
    return max(1, math.ceil(share * tokens - 1e-9))


def _ordered(scores: NDArray[Any]) -> list[int]:
    """The tokens, highest scores first."""
    return [int(token) for token in np.argsort(-tie_close(scores), kind="stable")]


def erasure(steps: ForwardSteps, encoded_texts: Sequence[EncodedText], scores: Sequence[NDArray[Any]],
            targets: Sequence[int], way: str = "remove") -> Erasure:
    """Comprehensiveness and sufficiency at each of `SHARES`; their means are the AOPC.

    DeYoung et al., ERASER, ACL 2020.

    Parameters
    ----------
    steps : ForwardSteps
    encoded_texts : sequence of EncodedText
    scores : sequence of numpy.ndarray, shape (tokens,)
    targets : sequence of int
        Class of each text.
    way : {"remove", "mask"}, default "remove"
        Take tokens out, or put the unknown word in their place.
    """
    return erase(Batch(steps, encoded_texts), scores, targets, way)


def erase(batch: AskedTexts, scores: Sequence[NDArray[Any]], targets: Sequence[int], way: str = "remove") -> Erasure:
    """`erasure` of the texts of a batch.

    Parameters
    ----------
    batch : AskedTexts
    scores : sequence of numpy.ndarray, shape (tokens,)
    targets : sequence of int
        Class of each text.
    way : {"remove", "mask"}, default "remove"
        Take tokens out, or put the unknown word in their place.
    """
    asked = []
    for own in scores:
        chosen = np.stack([_among(top(own, share), len(own)) for share in SHARES])
        asked.append(np.concatenate([chosen, ~chosen]))
    lost = np.stack([passed.probabilities[target] - found[:, target] for passed, found, target in zip(
        batch.passes, batch.without(asked, way), targets)])  # (texts, 2 x shares)
    return Erasure(lost[:, : len(SHARES)], lost[:, len(SHARES) :])


def decision_flip(steps: ForwardSteps, encoded_texts: Sequence[EncodedText], scores: Sequence[NDArray[Any]],
                  targets: Sequence[int]) -> NDArray[Any]:
    """Share of a text's tokens that must go, highest scores first, before the decision changes.

    Serrano and Smith, ACL 2019. 1 if it never changes. Shape (texts,). Probabilities that float32 cannot
    distinguish count as equal.

    Parameters
    ----------
    steps : ForwardSteps
    encoded_texts : sequence of EncodedText
    scores : sequence of numpy.ndarray, shape (tokens,)
    targets : sequence of int
        Class of each text.
    """
    return flips(Batch(steps, encoded_texts), scores, targets)


def flips(batch: AskedTexts, scores: Sequence[NDArray[Any]], targets: Sequence[int]) -> NDArray[Any]:
    """`decision_flip` of the texts of a batch.

    Parameters
    ----------
    batch : AskedTexts
    scores : sequence of numpy.ndarray, shape (tokens,)
    targets : sequence of int
        Class of each text.
    """
    asked = []
    for own in scores:
        ranks = np.empty(len(own), int)
        ranks[_ordered(own)] = np.arange(len(own))
        asked.append(ranks < np.arange(1, len(own) + 1)[:, None])  # the first, the first two, ...
    shares = np.ones(len(asked))
    for i, found in enumerate(batch.without(asked)):
        changed = found.max(axis=1) - found[:, targets[i]] > RESOLUTION
        if changed.any():
            shares[i] = (changed.argmax() + 1) / len(changed)
    return shares


def permutation(steps: ForwardSteps, passed: ForwardPass, target: int, rng: np.random.Generator,
                shuffles: int = 100) -> float:
    """Median change |dp| when every query's weights are shuffled among the tokens.

    Jain and Wallace, NAACL 2019. Near 0, the assignment of weights to tokens does not matter to the decision.

    Parameters
    ----------
    steps : ForwardSteps
    passed : ForwardPass
    target : int
        Class whose probability is watched.
    rng : numpy.random.Generator
    shuffles : int, default 100
    """
    weights = passed.weights
    if weights.shape[-1] < 2:
        return float("nan")
    order = rng.random((shuffles, *weights.shape[1:])).argsort(axis=-1)
    shuffled = np.take_along_axis(np.broadcast_to(weights, order.shape), order, axis=-1)
    change = steps.decide(passed, shuffled)[:, target] - passed.probabilities[target]
    return float(np.median(np.abs(change)))


def highest_weight(passed: ForwardPass) -> float:
    """Mean over queries (and heads) of a query's largest weight. It helps to interpret `permutation`."""
    return float(passed.weights.max(axis=-1).mean())


def uniform_change(steps: ForwardSteps, passed: ForwardPass, target: int) -> float:
    """|dp| when every query attends to all tokens equally.

    Parameters
    ----------
    steps : ForwardSteps
    passed : ForwardPass
    target : int
        Class whose probability is watched.
    """
    even = np.full_like(passed.weights, 1 / passed.weights.shape[-1])
    return float(abs(steps.decide(passed, even)[0, target] - passed.probabilities[target]))


def conicity(passed: ForwardPass, tokens: int) -> float:
    """Mean cosine of the hidden states to their mean. Near 1, attention can hardly distinguish the tokens.

    Chandrahas et al., ACL 2018; Mohankumar et al., ACL 2020, for attention.

    Parameters
    ----------
    passed : ForwardPass
    tokens : int
        Number of positions with a token. The rest is padding.
    """
    states = passed.states[0, :tokens].astype(np.float64)
    middle = states.mean(axis=0)
    lengths = np.linalg.norm(states, axis=1) * np.linalg.norm(middle)
    return float((states @ middle / np.maximum(lengths, 1e-12)).mean())


class DeletionTest(NamedTuple):
    """How far removing a text's top tokens moves its probability, compared with random tokens.

    Attributes
    ----------
    tokens : int
        Number of tokens removed.
    before, after : float
        p of the whole text, and without its top tokens.
    random, low, high : float
        Mean p without as many random tokens, and the interval with 95 % of the draws.
    further : float
        Share of the draws that lower p less than the top tokens do. Values that float32 cannot distinguish are equal.
    draws : int
    """

    tokens: int
    before: float
    after: float
    random: float
    low: float
    high: float
    further: float
    draws: int


def deletion_test(steps: ForwardSteps, encoded: EncodedText, scores: NDArray[Any], target: int, share: float = 0.2,
                  draws: int = DRAWS) -> DeletionTest:
    """Run the deletion test of one explanation; see `DeletionTest`.

    Parameters
    ----------
    steps : ForwardSteps
    encoded : EncodedText
    scores : numpy.ndarray, shape (tokens,)
    target : int
        The class whose probability is measured.
    share : float, default 0.2
        Share of the text's tokens to remove.
    draws : int, default 100
        Number of draws of as many random tokens.
    """
    return deletion_tests(Batch(steps, [encoded]), [scores], [target], share, draws)[0]


def deletion_tests(batch: AskedTexts, scores: Sequence[NDArray[Any]], targets: Sequence[int], share: float = 0.2,
                   draws: int = DRAWS, drawn: Sequence[NDArray[Any]] | None = None) -> list[DeletionTest]:
    """`deletion_test` of every text of a batch.

    Parameters
    ----------
    batch : AskedTexts
    scores : sequence of numpy.ndarray, shape (tokens,)
    targets : sequence of int
        For each text the class whose probability is measured.
    share : float, default 0.2
        Share of a text's tokens to remove.
    draws : int, default 100
        Number of draws of as many random tokens.
    drawn : sequence of numpy.ndarray, bool, shape (draws, tokens), or None
        The result of `draw_tokens` for this share; None draws anew.
    """
    drawn = [draw_tokens(encoded, share, draws) for encoded in batch.encoded_texts] if drawn is None else drawn
    asked = [np.concatenate([_among(top(own, share), len(own))[None], others]) for own, others in zip(scores, drawn)]
    found = []
    for passed, gone, p, target in zip(batch.passes, asked, batch.without(asked), targets):
        after, rest = float(p[0, target]), p[1:, target]
        low, high = np.percentile(rest, [2.5, 97.5])
        found.append(DeletionTest(int(gone[0].sum()), float(passed.probabilities[target]), after, float(rest.mean()),
                                  float(low), float(high), float((rest - after > RESOLUTION).mean()), len(rest)))
    return found


def draw_tokens(encoded: EncodedText, share: float = 0.2, draws: int = DRAWS) -> NDArray[Any]:
    """Random tokens of a text, as many as `top` returns: bool, shape (draws, tokens). The same for the same text.

    Parameters
    ----------
    encoded : EncodedText
    share : float, default 0.2
        Of the text's tokens.
    draws : int, default 100
    """
    size, rng = len(encoded.tokens), np.random.default_rng(encoded.seed)
    gone = np.zeros((draws, size), bool)
    gone[np.arange(draws)[:, None], [rng.choice(size, _count(size, share), replace=False) for _ in range(draws)]] = True
    return gone


def _among(tokens: Iterable[int], size: int) -> NDArray[Any]:
    """Which of `size` tokens are among some, bool."""
    return np.isin(np.arange(size), list(tokens))


def mean_over(shares: NDArray[Any]) -> NDArray[Any]:
    """Area over the perturbation curve (AOPC): the mean over shares, one number for each text."""
    return np.asarray(shares.mean(axis=1))
