"""Faithfulness that may be compared between models: AOPC between the least and the most that any order reaches.

How far probabilities can fall at all depends on the model: raw AOPC of two models differs where no explanation does.
Edin et al., Normalized AOPC: Fixing Misleading Faithfulness Metrics for Feature Attribution Explainability, ACL 2025
(arXiv 2408.08137). Tokens are taken out one by one, highest scores first, until none is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics import RESOLUTION
from ..plain import read_texts
from .asking import AskedTexts
from .attribution import attribute_batch
from .faithfulness import _ordered
from .kinds import open_batch

EXACT = 8  # tokens up to which all orders are looked at: 2^tokens questions, not tokens!
BEAM = 5  # orders that are followed at once on longer texts
_TEXTS = 16


class Normalised(NamedTuple):
    """AOPC of the texts of a batch, raw and normalised.

    Attributes
    ----------
    raw : dict of str to numpy.ndarray, shape (texts,)
        By method: mean over 1, 2, ... all tokens taken out of p(text) - p(text without them).
    normalised : dict of str to numpy.ndarray, shape (texts,)
        0 where no order reaches less, 1 where none reaches more; NaN where all orders reach the same.
    low, high : numpy.ndarray, shape (texts,)
        The limits of each text.
    exact : numpy.ndarray of bool, shape (texts,)
        Whether its limits are of all orders. The others are of a beam search and of the methods' own orders, so the true
        ones may lie further out.
    """

    raw: dict[str, NDArray[Any]]
    normalised: dict[str, NDArray[Any]]
    low: NDArray[Any]
    high: NDArray[Any]
    exact: NDArray[Any]


def normalised_aopc(batch: AskedTexts, scores: Mapping[str, Sequence[NDArray[Any]]], targets: Sequence[int], *,
                    exact: int = EXACT, beam: int = BEAM) -> Normalised:
    """AOPC of several methods on the texts of a batch, between the limits that these texts have.

    Parameters
    ----------
    batch : AskedTexts
    scores : mapping of str to sequence of numpy.ndarray, shape (tokens,)
        By method, of each text.
    targets : sequence of int
        The class whose probability is watched, of each text.
    exact : int, default 8
        Tokens up to which the limits are exact; each token more doubles what the model is asked.
    beam : int, default 5
        Orders followed at once on longer texts: about ``beam`` times the square of the tokens is asked.
    """
    raw = {name: orders_reach(batch, [_ordered(one) for one in own], targets) for name, own in scores.items()}
    short = np.array([len(encoded.tokens) <= exact for encoded in batch.encoded_texts])
    low, high = np.zeros((2, len(short)))
    for sign, limit in ((-1, low), (1, high)):
        limit[short] = sign * _exact(batch, np.flatnonzero(short), targets, sign)
        limit[~short] = sign * _beam(batch, np.flatnonzero(~short), targets, sign, beam)
    for own in raw.values():  # what a method reaches can be reached
        low, high = np.minimum(low, own), np.maximum(high, own)
    room = np.where(high - low > RESOLUTION, high - low, np.nan)
    return Normalised(raw, {name: (own - low) / room for name, own in raw.items()}, low, high, short)


def orders_reach(batch: AskedTexts, orders: Sequence[Sequence[int]], targets: Sequence[int]) -> NDArray[Any]:
    """AOPC (texts,) of taking tokens out one by one, in an order given for each text.

    Parameters
    ----------
    batch : AskedTexts
    orders : sequence of sequence of int
        All tokens of each text.
    targets : sequence of int
    """
    gone = []
    for order in orders:
        ranks = np.empty(len(order), int)
        ranks[list(order)] = np.arange(len(order))
        gone.append(ranks < np.arange(1, len(order) + 1)[:, None])
    return np.array([own.mean() for own in _lost(batch, gone, targets)])


def _lost(batch: AskedTexts, gone: Sequence[NDArray[Any]], targets: Sequence[int]) -> list[NDArray[Any]]:
    """Probability lost by each variant of each text."""
    return [passed.probabilities[target] - found[:, target]
            for passed, found, target in zip(batch.passes, batch.without(gone), targets)]


def _ask(batch: AskedTexts, which: Sequence[int], gone: Sequence[NDArray[Any]],
         targets: Sequence[int]) -> list[NDArray[Any]]:
    """`_lost` of some texts of the batch alone."""
    asked = [np.zeros((0, len(encoded.tokens)), bool) for encoded in batch.encoded_texts]
    for text, rows in zip(which, gone):
        asked[text] = rows
    lost = _lost(batch, asked, targets)
    return [lost[text] for text in which]


def _exact(batch: AskedTexts, which: NDArray[Any], targets: Sequence[int], sign: int) -> NDArray[Any]:
    """The most that an order reaches of sign x AOPC: the best way through all sets of tokens, smaller ones first."""
    sizes = [len(batch.encoded_texts[text].tokens) for text in which]
    gone = [(np.arange(1, 1 << size)[:, None] >> np.arange(size)) & 1 == 1 for size in sizes]
    found = []
    for size, lost in zip(sizes, _ask(batch, which.tolist(), gone, targets)):
        best = np.zeros(1 << size)
        for number in range(1, 1 << size):
            best[number] = sign * lost[number - 1] + max(best[number ^ (1 << token)] for token in range(size)
                                                         if number >> token & 1)
        found.append(best[-1] / size)
    return np.array(found)


def _beam(batch: AskedTexts, which: NDArray[Any], targets: Sequence[int], sign: int, beam: int) -> NDArray[Any]:
    """`_exact`, where of the sets of each size only the best ones are followed; texts go side by side."""
    sizes = [len(batch.encoded_texts[text].tokens) for text in which]
    sums = [np.zeros(1) for _ in sizes]
    sets = [np.zeros((1, size), bool) for size in sizes]
    for step in range(max(sizes, default=0)):
        open_texts = [i for i, size in enumerate(sizes) if step < size]
        grown = []
        for i in open_texts:
            rows, tokens = np.nonzero(~sets[i])
            more = sets[i][rows]
            more[np.arange(len(rows)), tokens] = True
            grown.append((sums[i][rows], more))
        lost = _ask(batch, [int(which[i]) for i in open_texts], [more for _, more in grown], targets)
        for i, (before, more), own in zip(open_texts, grown, lost):
            total = before + sign * own
            kept: dict[bytes, int] = {}
            for place in np.argsort(-total, kind="stable"):
                kept.setdefault(more[place].tobytes(), int(place))  # of two ways to a set the better one
                if len(kept) == beam:
                    break
            sums[i], sets[i] = total[list(kept.values())], more[list(kept.values())]
    return np.array([own.max() / size for own, size in zip(sums, sizes)])


def measure_normalised(predictor: Any, texts: Iterable[str], methods: Sequence[str] | None = None, *, exact: int = EXACT,
                       beam: int = BEAM, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Normalised AOPC of the methods of a model, one number a text: of the class that each text is given.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    texts : iterable of str
        None of them blank.
    methods : sequence of str or None
        None takes all that this kind of model has.
    exact, beam : int
        As for `normalised_aopc`.
    progress : callable or None
        Called with (texts done, texts in all).

    Returns
    -------
    dict
        "raw" and "normalised", by method; "low", "high" and "exact". Lists with one entry a text: differences of the same
        texts, of two models or methods, go into `gluonattn.statistics.figure` for paired intervals.
    """
    texts = read_texts(texts, "measure_normalised")
    found: dict[str, Any] = {"raw": {}, "normalised": {}, "low": [], "high": [], "exact": []}
    for done in range(0, len(texts), _TEXTS):
        batch, table = open_batch(predictor, texts[done : done + _TEXTS])
        targets = [int(passed.probabilities.argmax()) for passed in batch.passes]
        scores = {name: [own for own, _ in attribute_batch(batch, name, targets, table)]
                  for name in (table if methods is None else methods)}
        part = normalised_aopc(batch, scores, targets, exact=exact, beam=beam)
        for kind in ("raw", "normalised"):
            for name, values in getattr(part, kind).items():
                found[kind].setdefault(name, []).extend(values.tolist())
        for kind in ("low", "high", "exact"):
            found[kind] += getattr(part, kind).tolist()
        if progress:
            progress(min(done + _TEXTS, len(texts)), len(texts))
    return found
