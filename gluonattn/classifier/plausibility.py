"""Agreement of explanations with human rationales: token F1, IoU and AUPRC, one number for each text.

DeYoung et al., ERASER: A Benchmark to Evaluate Rationalized NLP Models, ACL 2020. Agreement does
not make an explanation faithful: it may name what people would look at while the model uses something else. For
faithfulness see `gluonattn.classifier.faithfulness`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.rationales import Rationale
from ..errors import offer_extra
from ..metrics import tie_close
from .attribution import attribute_batch
from .faithfulness import top
from .kinds import open_batch

FIGURES = ("token_f1", "iou", "auprc")
_TEXTS = 16


class Scored(NamedTuple):
    """A text's words with their scores.

    Attributes
    ----------
    spans : list of (int, int)
        Start and end of each word in the text; the end is exclusive.
    scores : numpy.ndarray, shape (words,)
    """

    spans: list[tuple[int, int]]
    scores: NDArray[Any]


def agreement(rationales: Sequence[Rationale], scored: Sequence[Scored]) -> dict[str, NDArray[Any]]:
    """Measure the agreement of scores with human rationales, (texts,) for each of `FIGURES`.

    A word is marked if one of its characters is. For token F1 and IoU, the words with the highest scores are selected: the
    same share of each text's words that people marked over all texts. AUPRC (average precision) needs no such choice. The
    result is NaN if a text has no marked word, and for AUPRC also if all of its words are marked.

    Parameters
    ----------
    rationales : sequence of Rationale
    scored : sequence of Scored
        The scores of the same texts.    """
    marked = [one.marked_units(own.spans) for one, own in zip(rationales, scored)]
    shares = [words.mean() for words in marked if words.any()]
    share = float(np.mean(shares)) if shares else 1.0
    found: dict[str, list[float]] = {name: [] for name in FIGURES}
    for words, own in zip(marked, scored):
        taken = np.isin(np.arange(len(words)), list(top(own.scores, share)))
        both, either = int((taken & words).sum()), int((taken | words).sum())
        found["token_f1"].append(2 * both / (taken.sum() + words.sum()) if words.any() else np.nan)
        found["iou"].append(both / either if words.any() else np.nan)
        found["auprc"].append(average_precision(words, own.scores))
    return {name: np.array(values) for name, values in found.items()}


def average_precision(marked: NDArray[Any], scores: NDArray[Any]) -> float:
    """Area under the precision-recall curve as a mean of precisions. Words with equal scores are taken together.

    Parameters
    ----------
    marked : numpy.ndarray of bool, shape (words,)
    scores : numpy.ndarray, shape (words,)

    Returns
    -------
    float
        NaN if all words or none are marked.
    """
    with offer_extra("measure", "average precision"):
        from sklearn.metrics import average_precision_score

    if marked.all() or not marked.any():
        return float("nan")
    return float(average_precision_score(marked, tie_close(scores)))


def score_texts(predictor: Any, texts: Sequence[str], methods: Sequence[str], target: int | None = None,
                progress: Callable[[int, int], None] | None = None) -> dict[str, list[Scored]]:
    """Compute the scores of the words of texts by several methods of a model.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    texts : sequence of str
        None of them blank.
    methods : sequence of str
        Methods of this kind of model.
    target : int or None
        The class that scores are for; None is the predicted class of each text.
    progress : callable or None
        Called with (texts done, texts in all).

    Returns
    -------
    dict of str to list of Scored
        By method.
    """
    found: dict[str, list[Scored]] = {name: [] for name in methods}
    for done in range(0, len(texts), _TEXTS):
        batch, table = open_batch(predictor, texts[done : done + _TEXTS])
        targets = [int(passed.probabilities.argmax()) if target is None else target for passed in batch.passes]
        for name in methods:
            for encoded, own in zip(batch.encoded_texts, attribute_batch(batch, name, targets, table)):
                found[name].append(Scored([(token.start, token.end) for token in encoded.tokens], own.scores))
        if progress:
            progress(min(done + _TEXTS, len(texts)), len(texts))
    return found
