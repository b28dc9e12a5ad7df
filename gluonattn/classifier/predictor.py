"""A trained classifier that predicts, explains and returns its attention."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..data.reviews import Reviews
from ..errors import CheckpointError, OptionError
from ..plain import read_texts
from ..record import AttentionRecord, Part, Prediction, Token
from ..reference import softmax
from .attribution import METHODS
from .batch import pass_through
from .choosing import find_class
from .config import load_classifier
from .evaluation import evaluate
from .explanation import Explanation, make_prediction
from .faithfulness import DRAWS
from .fitted import choose_method, with_fitted
from .forward_steps import ForwardSteps
from .many import Asked, explain_many
from .methods import Method
from .reader import EncodedText
from .text_model import TextModel

SHIPPED = Path(__file__).parents[1] / "pretrained" / "nsmc"


def shipped() -> Path:
    """Folder of the bundled model. CheckpointError if this installation has none."""
    if not SHIPPED.is_dir():
        raise CheckpointError(
            f"this installation has no model (none at {SHIPPED}): give the folder of one, made by "
            "`gluonattn train`."
        )
    return SHIPPED


def load(folder: str | os.PathLike[str] | None = None, device: str = "auto", engine: str = "auto") -> Predictor:
    """Load a checkpoint folder written by `gluonattn.train`, or the bundled model.

    Parameters
    ----------
    folder : path or None
        None is the bundled model, trained on Naver movie reviews.
    device : {"auto", "cpu", "gpu", "gpu:N"}, default "auto"
        "auto" is the CPU, or the first usable GPU of an engine that has one.
    engine : {"auto", "numpy", "onnx", "torch", "mxnet"}, default "auto"
        The library that computes. All agree to 1e-5. "auto" is the fastest
        installed one; `Predictor.engine` names it.

    Returns
    -------
    Predictor

    Raises
    ------
    CheckpointError
        If the folder is missing, truncated, of another version, or inconsistent.
    DependencyError
        If the engine is not installed.
    """
    place = shipped() if folder is None else Path(folder)
    return Predictor(load_classifier(place), place, device, engine)


class Predictor(TextModel):
    """Labels, probabilities and attention records for raw texts.

    Parameters and attributes are those of `TextModel`.
    """

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Label and probabilities of each text, in input order.

        Parameters
        ----------
        texts : iterable of str
            Read once, in order: a list, a generator, a pandas Series with any index. A text without a visible
            character gets ``Prediction(None, {})``. Canonically equivalent texts get the same prediction.

        Raises
        ------
        TextError
            If `texts` is not an ordered iterable, or an item is not a string. A single string is one text.
        """
        texts = read_texts(texts, "predict")
        results = [Prediction(None)] * len(texts)
        for places, (logits, _) in self._run(self._batches(texts), len(texts)):
            for i, row in zip(places, softmax(logits)):
                results[i] = make_prediction(self.labels, row)
        return results

    def explain(self, text: str, method: str | None = None, target: str | None = None, *, part: Part | None = None
                ) -> Explanation:
        """Prediction and attention weights of one text, and how much each token contributed.

        Parameters
        ----------
        text : str
        method : str or None
            A key of `gluonattn.classifier.attribution.METHODS`, or "default": the
            method that was most faithful on validation when the model was trained
            (leave-one-out if that is not known). None computes no attribution and
            is faster.
        target : str or None
            The class to explain, by its label or its display name ("1", "긍정").
            None is the predicted class.
        part : Part or None
            The heads, query tokens and number of key tokens that the record keeps; None keeps all.

        Returns
        -------
        Explanation
            An `AttentionRecord` with weights (1, heads, tokens, tokens) and
            methods for what-if questions. If the text is longer than `max_length`
            tokens, the record has the tokens that the model read, and
            ``source["tokens"]`` is the number of all tokens. With a method,
            ``attributions`` has its scores and ``source["explanation"]`` the tests
            of its faithfulness, see `gluonattn.classifier.explanation.explain_batch`.

        Raises
        ------
        TextError
            If the text is blank or not a string.
        OptionError
            If the method or the target is unknown, a target is given without a method, or `top` of `part` is not a number.
        RecordError
            If a layer, head or token of `part` does not exist or is given twice.
        """
        return next(self.explain_each([text], method, target, part=part))

    def explain_all(self, texts: Iterable[str], method: str | None = None,
                    target: str | None = None) -> list[Explanation]:
        """An explanation for each text, in input order; see `explain`.

        Parameters
        ----------
        texts : iterable of str
        method, target : str or None
            As for `explain`.
        """
        return list(self.explain_each(texts, method, target))

    def explain_each(self, texts: Iterable[str], method: str | None = None, target: str | None = None, *,
                     draws: int = DRAWS, what_if: bool = True, part: Part | None = None,
                     progress: Callable[[int, int], None] | None = None) -> Iterator[Explanation]:
        """Yield the explanations of `explain_all` one by one.

        Parameters
        ----------
        texts : iterable of str
        method, target : str or None
            As for `explain`.
        draws : int, default 100
            Draws of random tokens with which each attribution is compared. They take
            most of the time. The record has their number.
        what_if : bool, default True
            Whether records have the probabilities without each token, which a page
            shows on a click.
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
        method, number = self._method(method), self._target(target, method)
        tokens = [self.reader.visible(text) for text in texts]
        asked = Asked(method, number, int(draws), what_if)
        if part is not None:
            part.check()
        found = explain_many(self, list(zip(texts, tokens)), asked, self._workers, progress)
        return found if part is None else (cast(Explanation, part.of(record)) for record in found)

    @cached_property
    def steps(self) -> ForwardSteps:
        """The model's forward pass in separate steps."""
        return ForwardSteps(self)

    @property
    def inside(self) -> ForwardSteps:
        """The older name of `steps`."""
        return self.steps

    @property
    def default_method(self) -> str:
        """The attribution method of explanations if none is named."""
        result: str = self.config.get("explanation", {}).get("method", "leave-one-out")
        return result

    @property
    def methods(self) -> dict[str, Method]:
        """The attribution methods by name, with the fitted one if `fit-attention` wrote head weights into the folder."""
        return with_fitted(METHODS, self.folder)

    def _method(self, name: str | None) -> str | None:
        if name == "default":
            name = self.default_method
        if name is not None:
            choose_method(name, self.methods)
        return name

    def _target(self, name: str | None, method: str | None) -> int | None:
        """The number of a class by its label or its name."""
        if name is None:
            return None
        if method is None:
            raise OptionError(f"target {name!r} names the class of an attribution: give a method too, "
                              'method="default" for one.')
        return find_class(name, self.labels, self.label_names)

    def explain_encoded(self, encoded: EncodedText, changed: dict[str, Any]) -> Explanation:
        """The explanation of an encoded text. `changed` goes into its source.

        Parameters
        ----------
        encoded : EncodedText
        changed : dict
            The changes that were made to the text.
        """
        passed = pass_through(self.steps, encoded)
        return self.explanation(encoded, passed.probabilities, passed.weights[0], changed)

    def explanation(self, encoded: EncodedText, probabilities: NDArray[Any], matrix: NDArray[Any], changed: dict[str, Any],
                    found: tuple[dict[str, Any], dict[str, Any]] | None = None) -> Explanation:
        """Make an explanation from the model's output for a text.

        Parameters
        ----------
        encoded : EncodedText
        probabilities : numpy.ndarray, shape (classes,)
        matrix : numpy.ndarray, shape (heads, T, T)
            Attention weights. They may include padding.
        changed : dict
            The changes that were made to the text or its weights; empty for none.
        found : (attributions, notes) or None
            The result of `gluonattn.classifier.explanation.explain_batch`.
        """
        seen = encoded.tokens
        unknown = [i for i, token in enumerate(seen) if token.text not in self._vocabulary]
        source = {
            "model": self.folder.name, "recipe": self.config["recipe"],
            "cell": self.steps.model["cell"], "tokenizer": self.tokenizer.name,
            "epoch": self.config.get("epoch"),
            "framework": "numpy" if found or changed else self.engine,  # attribution and what-if are computed in numpy
            "versions": self.config["versions"],
            "label_names": self.label_names,
            "tokens": {"in_text": encoded.in_text, "seen": len(seen), "unknown": unknown},
            **({"what_if": changed} if changed else {}),
        }
        scores, notes = found or ({}, {})
        if notes:
            source["explanation"] = notes
        padding = [Token("<pad>", len(encoded.text), len(encoded.text))] * (matrix.shape[-1] - len(seen))
        if self.config["recipe"] != "post":  # padding is masked, so nothing is lost without it
            matrix, padding = matrix[:, : len(seen), : len(seen)], []
        everything = (*seen, *padding)
        given = {name: np.append(own, np.zeros(len(padding))) for name, own in scores.items()}
        record: AttentionRecord = Explanation(encoded.text, everything, everything, matrix[None], source=source,
                                              prediction=make_prediction(self.labels, probabilities), attributions=given)
        if padding:
            record = record.select(range(len(seen)), range(len(seen)))
        object.__setattr__(record, "_opened", (self, encoded))
        return cast(Explanation, record)

    def evaluate(self, reviews: Reviews) -> dict[str, Any]:
        """Compute accuracy and further metrics on labelled reviews; see `gluonattn.classifier.evaluation.evaluate`.

        Parameters
        ----------
        reviews : Reviews
        """
        return evaluate(self, reviews)
