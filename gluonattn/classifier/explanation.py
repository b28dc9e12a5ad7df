"""A record that answers "what if" questions: other weights, words removed, a word replaced."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..metrics import tie_close
from ..plain import expect_text
from ..record import ROW_SUM_TOLERANCE, AttentionRecord, Prediction, position, positions
from .account import account_of
from .asking import AskedTexts
from .attribution import METHODS, Attribution, Method, attribute_batch
from .batch import Batch, pass_through
from .faithfulness import DRAWS, deletion_tests, draw_tokens
from .forward_steps import ForwardPass, ForwardSteps
from .reader import EncodedText

if TYPE_CHECKING:
    from .predictor import Predictor

MOST_ASKED = 128  # tokens of a text up to which what-if answers are computed in advance for a page
MOST_CLASSES = 6  # classes up to which a page also has the scores of the other classes


class Explanation(AttentionRecord):
    """An `AttentionRecord` with a reference to its model.

    `edit`, `drop` and `replace` return a new explanation with the changed
    ``prediction`` and leave this one as it is. A loaded, selected or merged
    record has no model, so call them before saving or merging.
    """

    _opened: tuple[Predictor, EncodedText] | None = None
    _source: Mapping[str, Any]

    @property
    def source(self) -> Mapping[str, Any]:
        """Origin of the weights. The account of the decision is computed on first access."""
        about = self._source.get("explanation", {})
        if self._opened and "what_if" in about and "account" not in about:
            self._add_account(about)
        return self._source

    @source.setter
    def source(self, source: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_source", source)

    def edit(self, weights: Any) -> Explanation:
        """The prediction with other attention weights and everything else unchanged.

        Parameters
        ----------
        weights : array, shape (queries, keys), (heads, queries, keys) or as `weights`
            Not negative; each row sums to 1. One matrix is used for all heads.

        Raises
        ------
        RecordError
            If the shape or the rows are wrong, or the record has no model.
        """
        predictor, encoded = self._model("edit")
        heads, size = self.heads, len(self.queries)
        try:
            given = np.asarray(weights, dtype=np.float32)
        except (TypeError, ValueError):
            given = np.zeros(0, np.float32)  # not numbers, or rows of different lengths
        if given.shape not in ((size, size), (heads, size, size), (1, heads, size, size)):  # no broadcasting of other shapes
            raise RecordError(f"edit needs weights of shape ({size}, {size}) or ({heads}, {size}, {size}); got "
                              f"{given.shape if given.size else type(weights).__name__}.")
        given = np.broadcast_to(given, (1, heads, size, size)).copy()
        if given.min() < 0 or np.abs(given.sum(-1) - 1).max() > ROW_SUM_TOLERANCE:
            raise RecordError("edit needs weights that are not negative and rows that sum to 1: divide each row by "
                              "its sum.")
        steps: ForwardSteps = predictor.steps
        passed = pass_through(steps, encoded)
        full = passed.weights.copy()
        full[..., :size, :] = 0  # in the post's recipe, padding keeps its queries' weights but receives none
        full[..., :size, :size] = given
        return predictor.explanation(encoded, steps.decide(passed, full)[0], full[0], {"edited": True})

    def drop(self, tokens: int | Collection[int]) -> Explanation:
        """The prediction without some tokens, by their numbers; the text is not tokenized again.

        The token's n-grams, and all n-grams of the text that contain a part of it, are removed too. The new record
        has the other tokens with their original spans.

        Raises
        ------
        RecordError
            If a token does not exist, none would be left, or the record has no
            model.
        """
        predictor, encoded = self._model("drop")
        size = len(encoded.tokens)
        gone = set(positions("token", tokens, size))
        if len(gone) == size:
            raise RecordError(f"drop must leave a token: all {size} were given.")
        steps = predictor.steps
        return predictor.explain_encoded(steps.encoded_without(encoded, gone), {"dropped": sorted(gone)})

    def replace(self, token: int, text: str) -> Explanation:
        """The prediction with one token replaced by other characters. The new text is tokenized again.

        Parameters
        ----------
        token : int
            Its number.
        text : str
            The replacement.

        Raises
        ------
        RecordError
            If the token does not exist, or the record has no model.
        TextError
            If `text` is not a string, or nothing visible would be left.
        """
        predictor, encoded = self._model("replace")
        expect_text(text)
        _, start, end, _ = encoded.tokens[position("token", token, len(encoded.tokens))]
        changed = encoded.text[:start] + text + encoded.text[end:]
        return predictor.explain_encoded(predictor.steps.read(changed), {"replaced": [start, end, text]})

    def _add_account(self, about: dict[str, Any]) -> None:
        predictor, encoded = self._model("account")
        about["account"] = account_of(predictor.steps, encoded, about["target"]).to_json()

    def _model(self, name: str) -> tuple[Predictor, EncodedText]:
        if self._opened is None:
            raise RecordError(
                f"{name} needs the model this record came from: use the explanation as explain() returned it, before "
                "it is saved, merged or selected."
            )
        return self._opened


def explain_batch(batch: AskedTexts, method: str, targets: Sequence[int | None], labels: Sequence[str],
                  validation: dict[str, Any] | None, draws: int = DRAWS, what_if: bool = True, *,
                  methods: Mapping[str, Method] = METHODS,
                  switch: bool = True) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Compute the attributions and notes of each text of a batch.

    Parameters
    ----------
    batch : AskedTexts
    method : str
        A key of `methods`.
    targets : sequence of int or None
        The class that each text's scores are for; None is the predicted one.
    labels : sequence of str
    validation : dict or None
        ``config["explanation"]`` of the model.
    draws : int, default 100
        Draws of random tokens with which each explanation is compared.
    what_if : bool, default True
        Whether to compute in advance what a page shows on a click.
    methods : mapping of str to Method
        The methods of the batch's kind of model.
    switch : bool, default True
        Whether this includes scores for the other classes, to which a page can switch.

    Returns
    -------
    list of (attributions, notes)
        Attributions by the method's name, and what is for ``source["explanation"]``:
        method, sign, "target" and "label" (number and label of the class that is
        explained), what the method reports of itself, "honesty" (see
        `gluonattn.classifier.faithfulness.DeletionTest`), "validation" (AOPC of the
        method and of random, where the model knows) and, if asked and up to `MOST_ASKED`
        tokens, "what_if": probabilities without each token ("drop") and, of our own models, with
        no attention on each ("unseen") and with even attention ("uniform"), and "other_classes":
        scores for the classes that are not explained, of up to `MOST_CLASSES`. An `Explanation` of
        these adds "account" (see `gluonattn.classifier.account`) to what has "what_if".
    """
    each = [np.eye(size, dtype=bool)[: size if what_if and 1 < size <= MOST_ASKED else 0]
            for size in (len(encoded.tokens) for encoded in batch.encoded_texts)]
    drawn = [draw_tokens(encoded, draws=draws) for encoded in batch.encoded_texts]
    batch.expect([np.concatenate(both) for both in zip(each, drawn)])  # these do not depend on the scores
    classes = [int(passed.probabilities.argmax()) if target is None else target
               for passed, target in zip(batch.passes, targets)]
    attributions = attribute_batch(batch, method, classes, methods)
    tests = deletion_tests(batch, [scores for scores, _ in attributions], classes, drawn=drawn)
    without = batch.without(each)
    others = [{} for _ in classes] if not (what_if and switch) else _other_classes(
        batch, methods[method], classes, labels, attributions)
    known = (validation or {}).get("comprehensiveness", {})
    figures = {name: known[name] for name in (method, "random") if name in known}
    found = []
    for passed, (scores, notes), test, target, dropped, other in zip(batch.passes, attributions, tests, classes, without,
                                                                    others):
        about = {"method": method, "sign": methods[method].sign, "target": target, "label": labels[target], **notes,
                 "honesty": {k: round(v, 6) for k, v in test._asdict().items()}, "validation": dict(figures)}
        about.update(_answers(batch, passed, dropped, other) if len(dropped) else {})
        found.append(({method: scores}, about))
    return found


def _answers(batch: AskedTexts, passed: Any, dropped: NDArray[Any], other: dict[str, list[float]]) -> dict[str, Any]:
    """The answers that a page shows on a click, computed in advance."""
    asked = (asked_in_advance(batch.steps, passed, dropped) if isinstance(batch, Batch) else
             {"drop": dropped.round(4).tolist()})  # a torch model, whose attention cannot be changed
    return {"what_if": asked, **({"other_classes": other} if other else {})}


def _other_classes(batch: AskedTexts, method: Method, classes: Sequence[int], labels: Sequence[str],
                   attributions: Sequence[Attribution]) -> list[dict[str, list[float]]]:
    """Scores of each text for the other classes, by label, if the scores depend on the class.

    With two classes, the scores of one are the negated scores of the other.
    """
    found: list[dict[str, list[float]]] = [{} for _ in classes]
    if not 2 <= len(labels) <= MOST_CLASSES:
        return found
    for step in range(1, len(labels)):
        targets = [(target + step) % len(labels) for target in classes]
        opposite = method.signed and len(labels) == 2
        given = [-own.scores for own in attributions] if opposite else [
            tie_close(own.scores, method.scale) for own in method.run(batch, targets)]
        for own, scores, first, target in zip(found, given, attributions, targets):
            if not np.array_equal(scores, first.scores):
                own[labels[target]] = [float(f"{score:.6g}") for score in scores]
    return found


def asked_in_advance(steps: ForwardSteps, passed: ForwardPass, dropped: NDArray[Any]) -> dict[str, list[Any]]:
    """Probabilities without each token, without attention to it, and with uniform attention.

    Parameters
    ----------
    steps : ForwardSteps
    passed : ForwardPass
        The whole text's forward pass.
    dropped : numpy.ndarray, shape (tokens, classes)
        Probabilities without each token.
    """
    weights = passed.weights
    even = np.full_like(weights, 1 / weights.shape[-1])
    unseen = steps.decide(passed, np.concatenate([without_attention_to_each(weights[0], len(dropped)), even]))
    return {"drop": dropped.round(4).tolist(), "unseen": unseen[:-1].round(4).tolist(),
            "uniform": unseen[-1].round(4).tolist()}


def without_attention_to_each(weights: NDArray[Any], tokens: int) -> NDArray[Any]:
    """Set the weights on one token after the other to 0. The other tokens share its weight in proportion to their own.

    Parameters
    ----------
    weights : numpy.ndarray, shape (heads, T, T)
    tokens : int
        Number of tokens, from the first, to treat.

    Returns
    -------
    numpy.ndarray, shape (tokens, heads, T, T)
    """
    kept = ~np.eye(tokens, weights.shape[-1], dtype=bool)[:, None, None]  # (tokens, 1, 1, T)
    left = weights * kept
    total = left.sum(axis=-1, keepdims=True)
    even = kept / np.float32(weights.shape[-1] - 1)
    return np.where(total > 1e-6, left / np.maximum(total, 1e-6), even)


def make_prediction(labels: list[str], row: NDArray[Any]) -> Prediction:
    """Make a `Prediction` from a row of probabilities.

    Parameters
    ----------
    labels : list of str
    row : numpy.ndarray, shape (classes,)
    """
    return Prediction(labels[int(row.argmax())], dict(zip(labels, map(float, row))))
