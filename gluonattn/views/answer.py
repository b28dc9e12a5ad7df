"""The first sentences of a page: the label, the most decisive words, and how reliable they are.

Every sentence is a list of parts: a string, or a list with one string for a word of the text, which a page marks and
which may have any characters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..record import AttentionRecord
from .answer_en import ENGLISH
from .answer_ko import KOREAN
from .answer_words import Sentences

WORDS: dict[str, type[Sentences]] = {"ko": KOREAN, "en": ENGLISH}
Line = list[Any]  # of str or [str]

_NAMED = 3  # maximum number of words in a sentence
_STRONG = 0.25  # fraction of the strongest word: weaker words are not named
_MOVED = 0.0005  # change of probability: a smaller change is printed as none
_MANY = 100  # with more words than this, the answer only gives their number
DOUBT = 0.5  # an explanation must change the probability more than this fraction of random draws


def label_text(name: str, lang: str) -> str:
    """A label's name in the page's language, if it is known: 부정 is "negative (부정)" in English.

    Parameters
    ----------
    name : str
    lang : {"ko", "en"}
    """
    known = WORDS[lang].labels.get(name)
    return f"{known} ({name})" if known else name


def explained(record: AttentionRecord) -> dict[str, Any] | None:
    """The notes on the record's attribution. None if there are none that can be shown."""
    about = record.source.get("explanation")
    if not about or not record.prediction or about["method"] not in record.attributions:
        return None
    result: dict[str, Any] | None = about
    return result


def explained_label(record: AttentionRecord) -> str:
    """The label that the scores are for. The predicted one if the record does not name it."""
    about = record.source["explanation"]
    return about.get("label") or (record.prediction and record.prediction.label) or ""


def scores_of(record: AttentionRecord) -> NDArray[Any]:
    """Scores of the explained attribution, one for each key."""
    return record.attributions[record.source["explanation"]["method"]]


def what_if(record: AttentionRecord, target: int | None = None) -> dict[str, Any] | None:
    """Probabilities of a label without each token ("drop"). If attention can be changed, also without attention to
    each ("unseen") and with uniform attention ("uniform").

    None if they were not computed, or belong to other tokens.

    Parameters
    ----------
    record : AttentionRecord
    target : int or None
        Number of the label. None is the explained one.
    """
    about = explained(record)
    asked = about and about.get("what_if")
    # A merged or selected record has other tokens.
    if not about or not asked or len(asked["drop"]) != len(scores_of(record)):
        return None
    target = about["target"] if target is None else target
    return {
        "drop": [row[target] for row in asked["drop"]],
        **({"unseen": [row[target] for row in asked["unseen"]]} if asked.get("unseen") else {}),
        **({"uniform": asked["uniform"][target]} if asked.get("uniform") is not None else {}),
    }


def answer(record: AttentionRecord, lang: str) -> list[Line]:
    """The sentences about a record, most important first. Empty if it has no prediction.

    Parameters
    ----------
    record : AttentionRecord
    lang : {"ko", "en"}

    Returns
    -------
    list of lines
        The label and the decisive words; an explanation if scores and removal seem to contradict each other; a note if
        attention concentrates on other words.
    """
    if record.prediction is None:
        return []
    words = WORDS[lang]
    if record.prediction.label is None:
        return [[words.no_label]]
    label = label_text(record.label_name(record.prediction.label), lang)
    lines = [words.verdict(label, percent(record.prediction.confidence))]
    about = explained(record)
    if about is None:
        return lines
    scores = scores_of(record)
    target = label_text(record.label_name(explained_label(record)), lang)
    pro, con = _strongest(record, scores, 1), _strongest(record, scores, -1)
    signed = about["sign"].startswith("positive")
    if pro:
        because = words.because if _better_than_chance(record) else words.moved_little
        lines[0] = [*lines[0], " ", *because(pro, target if target != label else "")]
    if con and signed and abs(con[0][1]) >= _STRONG * np.abs(scores).max():
        lines[0] = [*lines[0], " ", *words.against(con[:2])]
    odd = contradicting(record)
    if odd:
        shown = [
            (*_named(record, i, scores), percent(about["honesty"]["before"]), percent(after), score > 0)
            for i, score, after in odd[:2]
        ]
        lines.append(words.contradiction(shown, about["method"]))
    looked = _looked_at_most(record)
    if looked is not None and signed and looked not in [place for place, *_ in _ordered(scores)[:_NAMED]]:
        lines.append(words.looked_elsewhere([record.keys[looked].text]))
    return lines


def trust(record: AttentionRecord, lang: str) -> Line:
    """The sentences on the attribution's reliability, as measured on this text and on validation.

    Parameters
    ----------
    record : AttentionRecord
    lang : {"ko", "en"}
    """
    about = explained(record)
    if about is None:
        return []
    words, test = WORDS[lang], about["honesty"]
    target = label_text(record.label_name(explained_label(record)), lang)
    draws = test.get("draws", 100)
    if _no_choice(record):
        said = [words.no_choice(target, percent(test["before"]), percent(test["after"]))]
    else:
        said = [
            words.deletion(
                test["tokens"], target, percent(test["before"]), percent(test["after"]), percent(test["random"])
            ),
            words.draws(round(test["further"] * draws), draws),
        ]
    if not _better_than_chance(record):
        said.append(words.doubt)
    known = about.get("validation", {})
    if len(known) == 2:
        said.append(words.validated(points(known[about["method"]][0]), points(known["random"][0])))
    if about.get("approximated"):
        rough = about["approximated"]
        said.append(words.approximated(rough["steps"], f"{rough['missing']:.2g}", f"{rough['of']:.2g}"))
    return [" ".join(said)]


def _no_choice(record: AttentionRecord) -> bool:
    """Whether all words were removed, so that there are no random ones to compare with."""
    result: bool = len(record.keys) <= record.source["explanation"]["honesty"]["tokens"]
    return result


def _better_than_chance(record: AttentionRecord) -> bool:
    return _no_choice(record) or record.source["explanation"]["honesty"]["further"] >= DOUBT


def not_asked(record: AttentionRecord, lang: str) -> str | None:
    """The reason why what-if answers are missing. None if they exist.

    Parameters
    ----------
    record : AttentionRecord
    lang : {"ko", "en"}
    """
    if explained(record) is None or what_if(record) is not None:
        return None
    size = len(record.keys)
    return WORDS[lang].only_word if size == 1 else WORDS[lang].not_asked(size if size > _MANY else None)


def contradicting(record: AttentionRecord) -> list[tuple[int, float, float]]:
    """Strong words whose score and removal disagree: (token, score, probability without it)."""
    asked, about = what_if(record), explained(record)
    if asked is None or about is None or not about["sign"].startswith("positive"):
        return []
    scores, before = scores_of(record), about["honesty"]["before"]
    strong = [i for i, _ in _ordered(scores)[: max(1, about["honesty"]["tokens"])]]
    return [
        (i, float(scores[i]), asked["drop"][i])
        for i in strong
        if abs(before - asked["drop"][i]) >= _MOVED and (before - asked["drop"][i]) * scores[i] < 0
    ]


def percent(share: float) -> str:
    """Format a probability: 96.1%, or 0.42% below 1%."""
    return f"{100 * share:.{2 if 0 < abs(share) < 0.0095 else 1}f}%"


def points(change: float) -> str:
    """Format a change of probability in percentage points, without the unit."""
    return f"{100 * change:.1f}"


def signed(score: float) -> str:
    """Format a score with its sign, two significant digits and a true minus."""
    return f"{'−' if score < 0 else '+'}{_digits(abs(score))}"


def _digits(value: float) -> str:
    return f"{value:.2f}" if 0.095 <= value < 100 else f"{value:.2g}"


def _ordered(scores: NDArray[Any]) -> list[tuple[int, float]]:
    return [(int(i), float(scores[i])) for i in np.argsort(-np.abs(scores), kind="stable") if scores[i]]


def _named(record: AttentionRecord, i: int, scores: NDArray[Any]) -> tuple[str, float, str]:
    return record.keys[i].text, float(scores[i]), signed(float(scores[i]))


def _strongest(record: AttentionRecord, scores: NDArray[Any], sign: int) -> list[tuple[str, float, str]]:
    """The strongest words in one direction: (text, score, printed score), each text once."""
    most, found = float(np.abs(scores).max(initial=0)), {}
    for i, score in _ordered(scores):
        if sign * score >= _STRONG * most and record.keys[i].text not in found:
            found[record.keys[i].text] = _named(record, i, scores)
    return list(found.values())[:_NAMED]


def _looked_at_most(record: AttentionRecord) -> int | None:
    """The key that receives most attention. None if attention is spread so evenly that none stands out."""
    received = record.matrix(None, None).mean(axis=0)
    best = int(received.argmax())
    return best if len(received) > 1 and received[best] > 1.5 / len(received) else None
