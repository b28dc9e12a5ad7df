"""A record that can be asked "what if": with other weights, without some words, with another word."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import RecordError
from ..plain import expect_text
from ..record import ROW_SUM_TOLERANCE, AttentionRecord, Prediction, position, positions
from .account import account_of
from .asking import Asked
from .attribution import METHODS, Method, attribute_batch
from .batch import Batch
from .faithfulness import DRAWS, deletion_tests
from .inside import EncodedText, ForwardPass, ForwardSteps

if TYPE_CHECKING:
    from .predictor import Predictor

MOST_ASKED = 128  # tokens of a text whose every word is taken out in advance, for the page


class Explanation(AttentionRecord):
    """An `AttentionRecord` that knows the model it came from.

    `edit`, `drop` and `replace` give a new explanation and leave this one as
    it is; ``prediction`` tells what the model then says. A loaded, selected or
    merged record has no model: ask before saving or merging.
    """

    _opened: tuple[Predictor, EncodedText] | None = None

    def edit(self, weights: Any) -> Explanation:
        """The prediction if attention had been this, all else as it was.

        Parameters
        ----------
        weights : array, shape (queries, keys), (heads, queries, keys) or as `weights`
            Not negative; each row sums to 1. Given once, all heads take it.

        Raises
        ------
        RecordError
            If shape or rows are wrong, or the model is not known any more.
        """
        predictor, reading = self._model("edit")
        heads, size = self.heads, len(self.queries)
        try:
            given = np.asarray(weights, dtype=np.float32)
            given = np.broadcast_to(given, (1, heads, size, size)).copy()
        except (TypeError, ValueError):
            raise RecordError(
                f"edit needs weights of shape ({size}, {size}) or ({heads}, {size}, {size}); got {np.shape(weights)}."
            ) from None
        if given.min() < 0 or np.abs(given.sum(-1) - 1).max() > ROW_SUM_TOLERANCE:
            raise RecordError("edit needs weights that are not negative and rows that sum to 1: divide each row by "
                              "its sum.")
        inside: ForwardSteps = predictor.inside
        passed = inside.run(reading)
        full = passed.weights.copy()
        full[..., :size, :] = 0  # in the post's recipe padding looks on as before, but is not looked at
        full[..., :size, :size] = given
        return predictor.explanation(reading, inside.decide(passed, full)[0], full[0], {"edited": True})

    def drop(self, tokens: int | Collection[int]) -> Explanation:
        """The prediction without some tokens, by their numbers; the text is not tokenized again.

        With a token go its n-grams and all n-grams of the text it has a part
        in. The new record has the other tokens, at their old places in the text.

        Raises
        ------
        RecordError
            If a token does not exist, none would be left, or the model is not
            known any more.
        """
        predictor, reading = self._model("drop")
        size = len(reading.tokens)
        gone = set(positions("token", tokens, size))
        if len(gone) == size:
            raise RecordError(f"drop must leave a token: all {size} were given.")
        inside = predictor.inside
        return predictor.explain_reading(inside.reading_without(reading, gone), {"dropped": sorted(gone)})

    def replace(self, token: int, text: str) -> Explanation:
        """The prediction with other characters in the place of one token; the new text is read afresh.

        Raises
        ------
        RecordError
            If the token does not exist, or the model is not known any more.
        TextError
            If `text` is not a string, or nothing visible would be left.
        """
        predictor, reading = self._model("replace")
        expect_text(text)
        _, start, end, _ = reading.tokens[position("token", token, len(reading.tokens))]
        changed = reading.text[:start] + text + reading.text[end:]
        return predictor.explain_reading(predictor.inside.read(changed), {"replaced": [start, end, text]})

    def _model(self, name: str) -> tuple[Predictor, EncodedText]:
        if self._opened is None:
            raise RecordError(
                f"{name} needs the model this record came from: ask the explanation as explain() gave it, before "
                "it is saved, merged or selected."
            )
        return self._opened


def explain_batch(batch: Asked, method: str, targets: Sequence[int | None], labels: Sequence[str],
                  validation: dict | None, draws: int = DRAWS, what_if: bool = True, *,
                  methods: Mapping[str, Method] = METHODS) -> list[tuple[dict, dict]]:
    """What is said beside the attention of each text of a batch.

    Parameters
    ----------
    batch : Asked
    method : str
        A key of `methods`.
    targets : sequence of int or None
        Class each text's scores are for; None is the predicted one.
    labels : sequence of str
    validation : dict or None
        ``config["explanation"]`` of the model.
    draws : int, default 100
        Of random tokens, against which each explanation is held.
    what_if : bool, default True
        Whether to ask in advance what a page answers by a click.
    methods : mapping of str to Method
        Those of the batch's kind of model.

    Returns
    -------
    list of (attributions, notes)
        Attributions by the method's name, and what is for ``source["explanation"]``:
        method, sign, "target" and "label" (number and label of the class that is
        explained), what the method reports of itself, "honesty" (see
        `gluonattn.classifier.faithfulness.DeletionTest`), "validation" (AOPC of the
        method and of random, where the model knows) and, if asked and up to `MOST_ASKED`
        tokens, "what_if": probabilities without each token ("drop") and, of our own models, with no
        attention on each ("unseen") and with even attention ("uniform"); of these also
        "account" (see `gluonattn.classifier.account`).
    """
    classes = [int(passed.probabilities.argmax()) if target is None else target
               for passed, target in zip(batch.passes, targets)]
    attributions = attribute_batch(batch, method, classes, methods)
    each = [np.eye(size, dtype=bool)[: size if what_if and 1 < size <= MOST_ASKED else 0]
            for size in (len(reading.tokens) for reading in batch.readings)]
    batch.expect(each)
    tests = deletion_tests(batch, [scores for scores, _ in attributions], classes, draws=draws)
    without = batch.without(each)
    known = (validation or {}).get("comprehensiveness", {})
    found = []
    for reading, passed, (scores, notes), test, target, dropped in zip(batch.readings, batch.passes, attributions, tests,
                                                                       classes, without):
        about = {"method": method, "sign": methods[method].sign, "target": target, "label": labels[target], **notes,
                 "honesty": {k: round(v, 6) for k, v in test._asdict().items()},
                 "validation": {name: known[name] for name in (method, "random") if name in known}}
        if len(dropped):
            about["what_if"] = {"drop": dropped.round(4).tolist()}
            if isinstance(batch, Batch):  # its attention can be changed
                about.setdefault("account", account_of(batch.inside, reading, target).to_json())
                about["what_if"] = asked_in_advance(batch.inside, passed, dropped)
        found.append(({method: scores}, about))
    return found


def asked_in_advance(inside: ForwardSteps, passed: ForwardPass, dropped: np.ndarray) -> dict[str, list]:
    """Probabilities without each token, with no attention on it, and with even attention."""
    size, weights = len(dropped), passed.weights
    unseen = inside.decide(passed, np.concatenate([*(without_attention_to(weights, i) for i in range(size)),
                                                   np.full_like(weights, 1 / weights.shape[-1])]))
    return {"drop": dropped.round(4).tolist(), "unseen": unseen[:-1].round(4).tolist(),
            "uniform": unseen[-1].round(4).tolist()}


def without_attention_to(weights: np.ndarray, token: int) -> np.ndarray:
    """Weights (..., T, T) with none on a token: the others share what it had, by what they have."""
    left = weights.copy()
    left[..., token] = 0
    total = left.sum(axis=-1, keepdims=True)
    even = np.full_like(left, 1 / (left.shape[-1] - 1))
    even[..., token] = 0
    return np.where(total > 1e-6, left / np.maximum(total, 1e-6), even)


def make_prediction(labels: list[str], row: np.ndarray) -> Prediction:
    """A row of probabilities by label."""
    return Prediction(labels[int(row.argmax())], dict(zip(labels, map(float, row))))
