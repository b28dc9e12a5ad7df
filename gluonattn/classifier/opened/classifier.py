"""An opened torch classifier. It predicts and explains by words, with the methods of a `Predictor`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...capture.chosen import chosen_weights, holds_all
from ...capture.hooks import holds_transformers
from ...errors import CaptureError, OptionError
from ...plain import read_texts
from ...record import AttentionRecord, Part, Prediction
from ...record.units import merge_weights
from ...reference import softmax
from ..choosing import find_class
from ..explanation import Explanation, explain_batch, make_prediction
from ..faithfulness import DRAWS
from ..fitted import choose_method, with_fitted
from ..methods import Method
from .batch import WordBatch, row_of
from .explanation import OpenedExplanation
from .methods import METHODS
from .network import Network
from .words import WordReader, WordText

_TOGETHER = 16  # texts in a batch of explanations
_CHUNK = 256  # texts whose pieces are held at once
EVEN = {"cell": "none", "attention": "none between pieces; each word is shown attending to itself"}


class OpenedClassifier:
    """A classifier that another program trained; see `gluonattn.open_classifier`.

    Parameters
    ----------
    network : Network
    reader : WordReader
    labels : sequence of str
    label_names : dict of str to str
    name : str
    versions : dict of str to str
        Versions of the libraries that compute.
    folder : path or None, default None
        The folder from which the model was read.

    Attributes
    ----------
    labels : list of str
    label_names : dict of str to str
        Display names of the labels.
    tokenizer : transformers tokenizer
    network : Network
    steps : WordReader
        Splits texts into words and pieces.
    name : str
    """

    def __init__(self, network: Network, reader: WordReader, labels: Sequence[str], label_names: dict[str, str],
                 name: str, versions: dict[str, str], folder: Path | None = None):
        self.network, self.steps, self.labels, self.label_names = network, reader, list(labels), dict(label_names)
        self.tokenizer, self.name, self._versions = reader.tokenizer, name, versions
        self.engine, self.folder = "torch", folder

    default_method = "leave-one-out"

    @property
    def methods(self) -> dict[str, Method]:
        """The attribution methods by name, with the fitted one if `fit-attention` wrote head weights into the folder."""
        return with_fitted(METHODS, self.folder)

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Label and probabilities of each text, in input order.

        Parameters
        ----------
        texts : iterable of str
            A text without a visible character gets ``Prediction(None, {})``.

        Raises
        ------
        TextError
            If `texts` is not an ordered iterable of texts, or a text cannot be read (see `explain`).
        """
        texts = read_texts(texts, "predict")
        self._require_readable([text for text in texts if not self.steps.is_blank(text)])
        found = [Prediction(None)] * len(texts)
        for start in range(0, len(texts), _CHUNK):
            seen = [i for i in range(start, min(start + _CHUNK, len(texts))) if not self.steps.is_blank(texts[i])]
            rows = [self.steps.read(texts[i]) for i in seen]
            if rows:
                for i, row in zip(seen, softmax(self.network.logits([(own.ids, own.types) for own in rows]))):
                    found[i] = make_prediction(self.labels, row)
        return found

    def explain(self, text: str, method: str | None = None, target: str | None = None,
                against: str | None = None, *, part: Part | None = None) -> Explanation:
        """Prediction and attention weights of one text by its words, and how much each word contributed.

        Parameters
        ----------
        text : str
        method : str or None
            A key of `gluonattn.classifier.opened.methods.METHODS`, or "default": leave-one-out. None computes no
            attribution and is faster.
        target : str or None
            Label of the class to explain; None is the predicted class of each text.
        against : str or None
            Label of another class. Then the two classes are compared as if there were no others, and every probability in
            ``source["explanation"]`` is between these two. None is all other classes.
        part : Part or None
            The layers, heads, query words and number of key words whose weights are kept. Only these are computed, so that
            a text of thousands of pieces fits in memory. None keeps all.

        Returns
        -------
        Explanation
            An `AttentionRecord` with weights (layers, heads, words, words): sums over the pieces of a key word, means over
            those of a query word. The weights of special tokens such as ``[CLS]`` are left out, so rows sum to less than 1.
            It has `drop` and `replace`. ``source["explanation"]`` is like that of `Predictor.explain`.

        Raises
        ------
        TextError
            If the text is blank, not a string, or has more pieces than the model has positions.
        OptionError
            If the method or the target is unknown, or the model lacks what the method needs; if `part` keeps more than 2 GB
            of weights, or its `top` is not a number of words.
        RecordError
            If a layer, head or word of `part` does not exist or is given twice.
        """
        return next(self.explain_each([text], method, target, against, part=part))

    def explain_all(self, texts: Iterable[str], method: str | None = None,
                    target: str | None = None, against: str | None = None) -> list[Explanation]:
        """An explanation for each text, in input order.

        Parameters
        ----------
        texts : iterable of str
        method, target, against
            As for `explain`.
        """
        return list(self.explain_each(texts, method, target, against))

    def explain_each(self, texts: Iterable[str], method: str | None = None, target: str | None = None,
                     against: str | None = None, *, draws: int = DRAWS, what_if: bool = True, part: Part | None = None,
                     progress: Callable[[int, int], None] | None = None) -> Iterator[Explanation]:
        """Yield the explanations of `explain_all` one by one.

        Parameters
        ----------
        texts : iterable of str
        method, target, against : str or None
            As for `explain`.
        draws : int, default 100
            Draws of random words with which each attribution is compared.
        what_if : bool, default True
            Whether records have the probabilities without each word, which a page shows on a click.
        part : Part or None
            As for `explain`.
        progress : callable or None
            Called with (texts done, texts in all).

        Yields
        ------
        Explanation
            One for each text, in input order.

        Raises
        ------
        TextError, OptionError
            As `explain`, before anything is computed.
        """
        texts = read_texts(texts, "explain_each")
        if isinstance(draws, bool) or not isinstance(draws, Integral) or draws < 1:
            raise OptionError(f"draws must be a whole number, at least 1; got {draws!r:.60}.")
        if method == "default":
            method = self.default_method
        if method is not None:
            choose_method(method, self.methods)
        for what, given in (("target", target), ("against", against)):
            if given is not None and method is None:
                raise OptionError(f"{what} {given!r} names the class of an attribution: give a method too, "
                                  'method="default" for one.')
        number, other = (None if given is None else find_class(given, self.labels, self.label_names, what=what)
                         for what, given in (("target", target), ("against", against)))
        if other is not None and other == number:
            raise OptionError(f"target and against are both {self.labels[other]!r}: give two classes.")
        self._require_readable(texts)
        if part is not None:
            part.check()
        return self._explain(texts, method, (number, other), int(draws), what_if, part, progress)

    def explain_encoded(self, encoded: WordText, changed: dict[str, Any]) -> Explanation:
        """The explanation of an encoded text.

        Parameters
        ----------
        encoded : WordText
        changed : dict
            The change that was made, for the record's source.
        """
        return self._record(WordBatch(self.network, self.steps, [encoded]), 0, changed, None)

    def _explain(self, texts: Sequence[str], method: str | None, classes: tuple[int | None, int | None], draws: int,
                 what_if: bool, part: Part | None, progress: Callable[[int, int], None] | None) -> Iterator[Explanation]:
        for start in range(0, len(texts), _TOGETHER):
            if progress:  # also before the work, since a single long text takes minutes
                progress(start, len(texts))
            encoded_texts = [self.steps.read(text) for text in texts[start : start + _TOGETHER]]
            batch = WordBatch(self.network, self.steps, encoded_texts)
            found = None if method is None else self._said(batch, method, classes[0], classes[1], draws, what_if)
            for number in range(len(encoded_texts)):
                yield self._record(batch, number, {}, None if found is None else found[number], part)
            if progress:
                progress(start + len(encoded_texts), len(texts))

    def _said(self, batch: WordBatch, method: str, target: int | None, against: int | None, draws: int,
              what_if: bool) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Attributions and notes of each text of a batch, between two classes if one is explained against another."""
        if against is None:
            return explain_batch(batch, method, [target] * len(batch.encoded_texts), self.labels, None, draws, what_if,
                                 methods=self.methods)
        found = []
        for encoded, passed in zip(batch.encoded_texts, batch.passes):
            own = int(passed.probabilities.argmax()) if target is None else target
            if own == against:
                raise OptionError(f"{encoded.text[:20]!r} is given {self.labels[own]!r}, which is what it should stand "
                                  "against: give a target too.")
            judged = WordBatch(self.network.between(own, against), self.steps, [encoded])
            [(scores, about)] = explain_batch(judged, method, [own], self.labels, None, draws, what_if, methods=self.methods,
                                              switch=False)
            about.update(against=against, label=f"{self.labels[own]} : {self.labels[against]}")
            found.append((scores, about))
        return found

    def _record(self, batch: WordBatch, number: int, changed: dict[str, Any],
                found: tuple[dict[str, Any], dict[str, Any]] | None, part: Part | None = None) -> Explanation:
        encoded, passed = batch.encoded_texts[number], batch.passes[number]
        chosen = None if part is None else self._chosen(encoded, part)
        weights, about = self._weights(batch, number) if chosen is None else (chosen[0], {"chosen": chosen[1]})
        rows, columns = [np.arange(len(encoded.tokens))] * 2 if chosen is None else chosen[2:]
        scores, notes = found or ({}, {})
        source = {
            "model": self.name, "tokenizer": type(self.tokenizer).__name__, "framework": "torch", "versions": self._versions,
            "label_names": self.label_names, "units": self.steps.units,
            "tokens": {"in_text": encoded.in_text, "seen": len(encoded.tokens), "unknown": list(encoded.unknown)},
            **about, **({"what_if": changed} if changed else {}), **({"explanation": notes} if notes else {}),
        }
        queries, keys = (tuple(encoded.tokens[i] for i in kept) for kept in (rows, columns))
        record: AttentionRecord = OpenedExplanation(
            encoded.text, queries, keys, weights, source=source,
            prediction=make_prediction(self.labels, passed.probabilities), normalised=holds_all(weights),
            attributions={name: own[columns] for name, own in scores.items()})
        if part is None:
            object.__setattr__(record, "_opened", (self, encoded))
        return cast(Explanation, record if part is None or chosen is not None else part.of(record))

    def _weights(self, batch: WordBatch, number: int) -> tuple[NDArray[Any], dict[str, Any]]:
        """Weights between the words of a text, and their description for a record."""
        encoded, own = batch.encoded_texts[number], batch.attended(number)
        if own is None:
            return np.eye(len(encoded.tokens), dtype=np.float32)[None, None], EVEN
        groups = [np.flatnonzero(encoded.owner == word).tolist() for word in range(len(encoded.tokens))]
        weights = merge_weights(own.weights, groups, groups).astype(np.float32)
        read = np.flatnonzero(own.read)
        names = self.tokenizer.convert_ids_to_tokens(encoded.ids[read].tolist()) if len(read) < len(own.read) else ["all"]
        return weights, {"head_reads": names}

    def _chosen(self, encoded: WordText, part: Part
                ) -> tuple[NDArray[Any], dict[str, Any], list[int], NDArray[Any]] | None:
        """`chosen_weights` between words. None if the model does not compute attention by transformers' interface."""
        if not holds_transformers(self.network.model) or len(np.unique(encoded.owner[encoded.owner >= 0])) < len(
                encoded.tokens):
            return None
        try:
            return chosen_weights(self.network.model, self.network.given([row_of(encoded)]), part, encoded.owner)
        except CaptureError:
            return None  # then all weights are captured, and the part is selected from them

    def _require_readable(self, texts: Sequence[str]) -> None:
        for text in texts:
            self.steps.require_readable(text)
