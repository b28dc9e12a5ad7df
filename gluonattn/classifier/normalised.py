"""Normalised AOPC: AOPC relative to the lowest and the highest value of any order, comparable between models.

How far probabilities can fall depends on the model, so raw AOPC can differ between models for equally good explanations.
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

EXACT = 8  # tokens up to which all orders are covered: 2^tokens forward passes, not tokens!
BEAM = 5  # beam width on longer texts
_TEXTS = 16


class Normalised(NamedTuple):
    """AOPC of the texts of a batch, raw and normalised.

    Attributes
    ----------
    raw : dict of str to numpy.ndarray, shape (texts,)
        By method: the mean of p(text) - p(text without them) over 1, 2, ... all tokens taken out.
    normalised : dict of str to numpy.ndarray, shape (texts,)
        0 if no order has a lower AOPC, 1 if none has a higher one; NaN if all orders have the same.
    low, high : numpy.ndarray, shape (texts,)
        The lowest and the highest AOPC of each text.
    exact : numpy.ndarray of bool, shape (texts,)
        Whether its limits are those of all orders. Otherwise they come from a beam search and the methods' own orders,
        and the true limits may be wider.
    """

    raw: dict[str, NDArray[Any]]
    normalised: dict[str, NDArray[Any]]
    low: NDArray[Any]
    high: NDArray[Any]
    exact: NDArray[Any]


def normalised_aopc(batch: AskedTexts, scores: Mapping[str, Sequence[NDArray[Any]]], targets: Sequence[int], *,
                    exact: int = EXACT, beam: int = BEAM) -> Normalised:
    """Compute raw and normalised AOPC of several methods on the texts of a batch.

    Parameters
    ----------
    batch : AskedTexts
    scores : mapping of str to sequence of numpy.ndarray, shape (tokens,)
        By method, one array for each text.
    targets : sequence of int
        For each text the class whose probability is measured.
    exact : int, default 8
        Tokens up to which the limits are exact. Each further token doubles the forward passes.
    beam : int, default 5
        Beam width on longer texts. It takes about ``beam`` times the square of the tokens in forward passes.
    """
    raw = {name: orders_reach(batch, [_ordered(one) for one in own], targets) for name, own in scores.items()}
    short = np.array([len(encoded.tokens) <= exact for encoded in batch.encoded_texts])
    low, high = np.zeros((2, len(short)))
    for sign, limit in ((-1, low), (1, high)):
        limit[short] = sign * _exact(batch, np.flatnonzero(short), targets, sign)
        limit[~short] = sign * _beam(batch, np.flatnonzero(~short), targets, sign, beam)
    for own in raw.values():  # a method's own order is within the limits
        low, high = np.minimum(low, own), np.maximum(high, own)
    room = np.where(high - low > RESOLUTION, high - low, np.nan)
    return Normalised(raw, {name: (own - low) / room for name, own in raw.items()}, low, high, short)


def orders_reach(batch: AskedTexts, orders: Sequence[Sequence[int]], targets: Sequence[int]) -> NDArray[Any]:
    """AOPC (texts,) of taking tokens out one by one in a given order for each text.

    Parameters
    ----------
    batch : AskedTexts
    orders : sequence of sequence of int
        For each text, all of its tokens in order.
    targets : sequence of int
    """
    gone = []
    for order in orders:
        ranks = np.empty(len(order), int)
        ranks[list(order)] = np.arange(len(order))
        gone.append(ranks < np.arange(1, len(order) + 1)[:, None])
    return np.array([own.mean() for own in _lost(batch, gone, targets)])


def _lost(batch: AskedTexts, gone: Sequence[NDArray[Any]], targets: Sequence[int]) -> list[NDArray[Any]]:
    """Loss of probability of each variant of each text."""
    return [passed.probabilities[target] - found[:, target]
            for passed, found, target in zip(batch.passes, batch.without(gone), targets)]


def _ask(batch: AskedTexts, which: Sequence[int], gone: Sequence[NDArray[Any]],
         targets: Sequence[int]) -> list[NDArray[Any]]:
    """`_lost` for some texts of the batch."""
    asked = [np.zeros((0, len(encoded.tokens)), bool) for encoded in batch.encoded_texts]
    for text, rows in zip(which, gone):
        asked[text] = rows
    lost = _lost(batch, asked, targets)
    return [lost[text] for text in which]


def _exact(batch: AskedTexts, which: NDArray[Any], targets: Sequence[int], sign: int) -> NDArray[Any]:
    """The maximum over orders of sign x AOPC: the best path through all sets of tokens, smaller sets first."""
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
    """`_exact` with a beam: only the best sets of each size are kept. Texts are computed together."""
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
                kept.setdefault(more[place].tobytes(), int(place))  # the better of two paths to a set
                if len(kept) == beam:
                    break
            sums[i], sets[i] = total[list(kept.values())], more[list(kept.values())]
    return np.array([own.max() / size for own, size in zip(sums, sizes)])


def measure_normalised(predictor: Any, texts: Iterable[str], methods: Sequence[str] | None = None, *, exact: int = EXACT,
                       beam: int = BEAM, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Measure the normalised AOPC of a model's methods for the predicted class, one number for each text.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    texts : iterable of str
        None of them blank.
    methods : sequence of str or None
        None is all methods of this kind of model.
    exact, beam : int
        As for `normalised_aopc`.
    progress : callable or None
        Called with (texts done, texts in all).

    Returns
    -------
    dict
        "raw" and "normalised", by method; "low", "high" and "exact". Each is a list with one entry for each text. For
        paired intervals, give `gluonattn.statistics.figure` the differences of two models or methods on the same texts.
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
