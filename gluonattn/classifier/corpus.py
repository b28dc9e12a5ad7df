"""The words that drive a model's decisions in a corpus, by class and by kind of error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import TextError
from ..plain import is_blank
from ..statistics import Figure, calibration, figure
from .top_words import Word, open_top_words

_CHUNK = 1024
SENTENCES = 5  # texts shown for each word


@dataclass(frozen=True)
class Decision:
    """A text with the model's prediction and explanation.

    Attributes
    ----------
    text : str
    predicted : str
    probability : float
        The probability of the predicted label.
    truth : str or None
    words : list of Word
        With scores for the predicted label, highest first.
    """

    text: str
    predicted: str
    probability: float
    truth: str | None
    words: list[Word] = field(repr=False)


@dataclass(frozen=True)
class Driver:
    """A word that drives the decisions of a group.

    Attributes
    ----------
    word : str
    texts : int
        Number of texts in the group that contain it.
    score : Figure
        Mean of its scores in these texts, with an interval over texts.
    examples : list of (Decision, Word)
        The texts in which its score is highest, each with the word's place.
    """

    word: str
    texts: int
    score: Figure
    examples: list[tuple[Decision, Word]]


def read_corpus(predictor: Any, texts: Sequence[str], truths: Sequence[str | None], method: str = "default",
                progress: Callable[[int, int], None] | None = None) -> list[Decision]:
    """Classify and explain every text.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    texts : sequence of str
        Blank texts are left out.
    truths : sequence of str or None
        The true label of each text, None where it is unknown. Empty if none is known.
    method : str, default "default"
    progress : callable or None
        Called with (texts done, texts in all).

    Raises
    ------
    TextError
        If no text is left.
    """
    known = truths or [None] * len(texts)
    seen = [(text, truth) for text, truth in zip(texts, known) if not is_blank(text)]
    if not seen:
        raise TextError("there is nothing to report on: expected at least one text with a visible character.")
    found = []
    with open_top_words(predictor, method, None, None) as ask:
        for first in range(0, len(seen), _CHUNK):
            part = seen[first : first + _CHUNK]
            predictions = predictor.predict([text for text, _ in part])
            decided = [i for i, one in enumerate(predictions) if one.label is not None]
            words = ask([part[i][0] for i in decided])
            found += [Decision(part[i][0], predictions[i].label, predictions[i].confidence, part[i][1], own)
                      for i, own in zip(decided, words)]
            if progress:
                progress(min(first + _CHUNK, len(seen)), len(seen))
    return found


def groups_of(decisions: Sequence[Decision]) -> dict[tuple[str, str | None], list[Decision]]:
    """Group decisions by (predicted label, true label of wrong ones); (label, None) has all with that prediction.

    Parameters
    ----------
    decisions : sequence of Decision
    """
    groups: dict[tuple[str, str | None], list[Decision]] = defaultdict(list)
    for one in decisions:
        groups[one.predicted, None].append(one)
        if one.truth is not None and one.truth != one.predicted:
            groups[one.predicted, one.truth].append(one)
    return dict(groups)


def drivers_of(decisions: Sequence[Decision], count: int = 20, min_count: int = 3) -> list[Driver]:
    """The words that contributed most to the decisions of a group, by the sum of their scores over its texts.

    Parameters
    ----------
    decisions : sequence of Decision
        The decisions of one group.
    count : int, default 20
        Maximum number of words.
    min_count : int, default 3
        Number of texts that must contain a word.

    Returns
    -------
    list of Driver
        Only words whose scores sum to more than 0.
    """
    scores: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    best: dict[tuple[str, int], Word] = {}
    for number, one in enumerate(decisions):
        for word in one.words:  # a word that occurs several times in a text has the sum
            scores[word.text][number] += word.score
            best.setdefault((word.text, number), word)
    kept = [(word, own) for word, own in scores.items() if len(own) >= min_count and sum(own.values()) > 0]
    kept.sort(key=lambda pair: (-sum(pair[1].values()), pair[0]))
    return [Driver(word, len(own), figure(np.array(list(own.values()))), [
        (decisions[number], best[word, number]) for number in sorted(own, key=lambda n: (-own[n], n))[:SENTENCES]])
        for word, own in kept[:count]]


def reliability(decisions: Sequence[Decision], bins: int = 10) -> tuple[Figure, float, list[dict[str, Any]]] | None:
    """Accuracy with its interval, expected calibration error and calibration curve. None without true labels.

    Parameters
    ----------
    decisions : sequence of Decision
    bins : int, default 10
    """
    known = [one for one in decisions if one.truth is not None]
    if not known:
        return None
    correct = np.array([one.truth == one.predicted for one in known])
    error, curve = calibration(np.array([one.probability for one in known]), correct, bins)
    return figure(correct.astype(float)), error, curve
