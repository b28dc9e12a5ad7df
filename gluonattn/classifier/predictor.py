"""A trained classifier, ready to predict and to show what it attended to.

Stays whole: it is one public class, much of it docstrings. Files of texts and batches of explanations are
elsewhere.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..data.evidence import Evidence, cut
from ..data.examples import Example
from ..data.ngrams import known_ngrams
from ..data.packed import Packed, pack
from ..data.padding import pad_batch, plan_by_length
from ..data.reviews import Reviews, label_text
from ..data.vocabulary import Vocabulary
from ..errors import CheckpointError, DataError, OptionError, TextError
from ..models.checkpoint import CONFIG, EVIDENCE, KNOWN_NGRAMS, Checkpoint
from ..plain import plain, read_texts
from ..record import AttentionRecord, Part, Prediction, Token
from ..reference import softmax
from ..runtime import total_threads
from ..text import tokenizer
from ..text.tokenizers import KNOWN as TOKENIZERS
from ..text.tokens import Tokens
from ..threads import ahead
from .attribution import METHODS
from .batch import pass_through
from .choosing import find_class
from .config import load_classifier
from .engines.choice import make_engine
from .explanation import Explanation, make_prediction
from .faithfulness import DRAWS
from .fitted import choose_method, with_fitted
from .forward_steps import ForwardSteps
from .many import Asked, explain_many
from .methods import Method
from .reader import EncodedText, Reader

SHIPPED = Path(__file__).parents[1] / "pretrained" / "nsmc"
LONGEST = 512  # tokens the default recipe reads of one text
_CHUNK = 2048  # texts whose n-grams are looked up together, and of which batches are made
_AHEAD = 32  # batches that wait for a thread while the next chunk is tokenized


def shipped() -> Path:
    """Folder of the bundled model; CheckpointError where this installation has none."""
    if not SHIPPED.is_dir():
        raise CheckpointError(
            f"this installation carries no model (none at {SHIPPED}): give the folder of one, made by "
            "`gluonattn train`."
        )
    return SHIPPED


def load(folder: str | os.PathLike[str] | None = None, device: str = "auto", engine: str = "auto") -> Predictor:
    """Load a checkpoint folder written by `gluonattn.train`, or the bundled model.

    Parameters
    ----------
    folder : path or None
        None is the model this package carries, of Naver movie reviews.
    device : {"auto", "cpu", "gpu", "gpu:N"}, default "auto"
        "auto" is the CPU, or the first usable GPU of an engine that has one.
    engine : {"auto", "numpy", "onnx", "torch", "mxnet"}, default "auto"
        What computes; all give the same to 1e-5. "auto" is the fastest one
        installed, and `Predictor.engine` names it.

    Returns
    -------
    Predictor

    Raises
    ------
    CheckpointError
        If the folder is missing, cut, of another version, or does not fit together.
    DependencyError
        If the engine is not installed.
    """
    place = shipped() if folder is None else Path(folder)
    return Predictor(load_classifier(place), place, device, engine)


class Predictor:
    """Labels, probabilities and attention records for raw texts.

    Parameters
    ----------
    checkpoint : Checkpoint
    folder : pathlib.Path
        Where it was read; errors name it.
    device, engine : str
        As for `load`.

    Attributes
    ----------
    labels : list of str
    tokenizer : Tokenizer
    max_length : int
        Longest text in tokens that is read whole; a record says when one was cut.
    config : dict
        The checkpoint's config.json.
    engine : str
        The name of what computes.
    classifier : callable
        The forward pass: arrays of `inputs` to logits and weights.
    checkpoint : Checkpoint
    evidence : Evidence or None
        What the evidence of tokens is read with, where the model reads any.
    unknown, padding : int
        Ids of the word that stands for all unknown ones, and of padding.
    fixed_length : int or None
        Tokens that every text is padded to (the post's recipe); None: its own.
    """

    def __init__(self, checkpoint: Checkpoint, folder: Path, device: str = "auto", engine: str = "auto"):
        config = checkpoint.config
        self.checkpoint, self.config, self.folder = checkpoint, config, folder
        self.labels: list[str] = config["labels"]
        if config["tokenizer"] not in TOKENIZERS:
            raise CheckpointError(
                f"{folder / CONFIG} names the tokenizer {config['tokenizer']!r:.40}; this version has "
                f"{', '.join(TOKENIZERS)}. Copy the whole folder again, or install the version that wrote it."
            )
        self.tokenizer = tokenizer(config["tokenizer"])
        self._vocabulary = Vocabulary(checkpoint.vocabulary)
        if len(self._vocabulary) != config["model"]["vocab_size"]:
            raise CheckpointError(
                f"{folder}: vocab.json has {len(self._vocabulary)} words, the model was built for "
                f"{config['model']['vocab_size']}: they are of different models."
            )
        self.unknown, self.padding = self._vocabulary.unknown, self._vocabulary.padding
        self.fixed_length: int | None = config["max_length"] if config["recipe"] == "post" else None
        self.max_length = self.fixed_length or LONGEST
        self._known = checkpoint.weights.get(KNOWN_NGRAMS)
        if config["model"].get("ngrams", 0) != (0 if self._known is None else len(self._known)):
            raise CheckpointError(f"{folder}: model.safetensors does not hold the n-grams of this model.")
        self.evidence = None
        if config["model"].get("evidence"):
            self.evidence = Evidence(*(checkpoint.weights[name] for name in EVIDENCE))
        self.reader = Reader(self.tokenizer, self._vocabulary, self.max_length,
                             config["model"].get("subword_buckets", 0), self._known, self.evidence)
        self.engine, self.classifier = make_engine(checkpoint, engine, device)
        self._workers = total_threads() if self.classifier.parallel else 1

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Label and probabilities of each text, in input order.

        Parameters
        ----------
        texts : iterable of str
            Read once, in order: a list, a generator, a pandas Series whatever its index. A text of which nothing
            can be seen gets ``Prediction(None, {})``. Canonically equivalent texts get the same answer.

        Raises
        ------
        TextError
            If `texts` gives no texts in an order, or an item is not a string. A single string is one text.
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
            one that was most faithful on validation when the model was trained
            (leave-one-out where that is not known). None computes no
            attribution and is faster.
        target : str or None
            The class whose attribution is wanted, by its label or its name
            ("1", "긍정"); None is the class each text is given.
        part : Part or None
            Heads, looking tokens and so many tokens looked at that the record keeps; None keeps all.

        Returns
        -------
        Explanation
            An `AttentionRecord` with weights (1, heads, tokens, tokens) that can
            be asked what if. Where the text is longer than `max_length`
            tokens, the record holds the tokens the model saw and
            ``source["tokens"]`` tells how many there were. With a method,
            ``attributions`` holds its scores and ``source["explanation"]`` how
            far it can be trusted, see `gluonattn.classifier.explanation.explain_batch`.

        Raises
        ------
        TextError
            If the text is blank or not a string.
        OptionError
            If the method or the target is unknown, a target is given without a method, or `top` of `part` is no number.
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
        """The explanations of `explain_all`, handed over as they are made.

        Parameters
        ----------
        texts : iterable of str
        method, target : str or None
            As for `explain`.
        draws : int, default 100
            Of random tokens, against which each attribution is held; they take most of
            the time. The record tells how many there were.
        what_if : bool, default True
            Whether records carry what the model would say without each token, which a
            page shows by a click.
        part : Part or None
            As for `explain`.
        progress : callable or None
            Called with (texts done, texts in all).

        Yields
        ------
        Explanation
            Of each text, in input order.

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

    def look(self, encoded_texts: Sequence[EncodedText]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Probabilities (classes,) and padded attention weights of each text, by this predictor's engine, in one batch."""
        logits, weights = self.classifier(*self.pad([encoded.example for encoded in encoded_texts]))
        return zip(softmax(logits), weights)

    @cached_property
    def steps(self) -> ForwardSteps:
        """The model, opened at its steps."""
        return ForwardSteps(self)

    @property
    def inside(self) -> ForwardSteps:
        """`steps`, by its older name."""
        return self.steps

    @property
    def label_names(self) -> dict[str, str]:
        """Display names of the labels, where the model has them."""
        result: dict[str, str] = self.config.get("label_names", {})
        return result

    @property
    def default_method(self) -> str:
        """The attribution method that explanations show where none is named."""
        result: str = self.config.get("explanation", {}).get("method", "leave-one-out")
        return result

    @property
    def methods(self) -> dict[str, Method]:
        """The attribution methods, by name; with weights of heads where `fit-attention` left some in the folder."""
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
            raise OptionError(f"target {name!r} says which class an attribution is for: give a method too, "
                              'method="default" for one.')
        return find_class(name, self.labels, self.label_names)

    def explain_encoded(self, encoded: EncodedText, changed: dict[str, Any]) -> Explanation:
        """The explanation of a text that is read already; `changed` goes into its source.

        Parameters
        ----------
        encoded : EncodedText
        changed : dict
            What was changed of the text.
        """
        passed = pass_through(self.steps, encoded)
        return self.explanation(encoded, passed.probabilities, passed.weights[0], changed)

    def explanation(self, encoded: EncodedText, probabilities: NDArray[Any], matrix: NDArray[Any], changed: dict[str, Any],
                    found: tuple[dict[str, Any], dict[str, Any]] | None = None) -> Explanation:
        """An explanation of what the model made of a text.

        Parameters
        ----------
        encoded : EncodedText
        probabilities : numpy.ndarray, shape (classes,)
        matrix : numpy.ndarray, shape (heads, T, T)
            Attention weights; T may hold padding.
        changed : dict
            What was changed of the text or its weights; empty for nothing.
        found : (attributions, notes) or None
            Of `gluonattn.classifier.explanation.explain_batch`.
        """
        seen = encoded.tokens
        unknown = [i for i, token in enumerate(seen) if token.text not in self._vocabulary]
        source = {
            "model": self.folder.name, "recipe": self.config["recipe"],
            "cell": self.steps.model["cell"], "tokenizer": self.tokenizer.name,
            "epoch": self.config.get("epoch"),
            "framework": "numpy" if found or changed else self.engine,  # attribution and what-if open the model in numpy
            "versions": self.config["versions"],
            "label_names": self.label_names,
            "tokens": {"in_text": encoded.in_text, "seen": len(seen), "unknown": unknown},
            **({"what_if": changed} if changed else {}),
        }
        scores, notes = found or ({}, {})
        if notes:
            source["explanation"] = notes
        padding = [Token("<pad>", len(encoded.text), len(encoded.text))] * (matrix.shape[-1] - len(seen))
        if self.config["recipe"] != "post":  # padding is masked: nothing is lost with it
            matrix, padding = matrix[:, : len(seen), : len(seen)], []
        everything = (*seen, *padding)
        given = {name: np.append(own, np.zeros(len(padding))) for name, own in scores.items()}
        record: AttentionRecord = Explanation(encoded.text, everything, everything, matrix[None], source=source,
                                              prediction=make_prediction(self.labels, probabilities), attributions=given)
        if padding:
            record = record.select(range(len(seen)), range(len(seen)))
        object.__setattr__(record, "_opened", (self, encoded))
        return cast(Explanation, record)

    def inputs(self, texts: Iterable[str]) -> tuple[NDArray[Any], ...]:
        """The inputs of the classifier for some texts, as one batch.

        Returns
        -------
        ids : numpy.ndarray, int32, shape (B, T)
        valid_length : numpy.ndarray, int32, shape (B,)
        subwords : numpy.ndarray, int32, shape (B, T, K)
            Only for a model that reads n-grams, as `ngrams`.
        ngrams : numpy.ndarray, int32, shape (B, N)
        evidence : numpy.ndarray, float32, shape (B, T, channels)
            Only for a model that reads evidence.

        Raises
        ------
        TextError
            If there is no text, or one is blank or not a string.
        """
        texts = read_texts(texts, "inputs")
        if not texts:
            raise TextError("inputs makes a batch of texts: give at least one.")
        return self.pad([self.read(text).example for text in texts])

    def probabilities(self, examples: Sequence[Example]) -> NDArray[Any]:
        """Probabilities (examples, classes) of examples as `read` makes them, in input order."""
        found = np.zeros((len(examples), len(self.labels)))
        for batch, (logits, _) in self._run_examples(examples):
            found[batch] = softmax(logits)
        return found

    def evaluate(self, reviews: Reviews) -> dict[str, Any]:
        """Accuracy and the rest on labelled reviews.

        Returns
        -------
        dict
            reviews, accuracy, macro_f1, log_loss, f1 by label, and the
            confusion matrix (rows true, columns predicted, in the order of
            `labels`).

        Raises
        ------
        TextError
            If a review has no visible character.
        DataError
            If there are no reviews, or a label is none of the model's.
        """
        from sklearn import metrics

        if not isinstance(reviews, Reviews) or not len(reviews):
            raise DataError(f"evaluate takes reviews with their labels, at least one; got {type(reviews).__name__}"
                            f"{' without any' * isinstance(reviews, Reviews)}. Make them with Reviews(texts, labels) or "
                            "read_reviews(FILE).")
        names = {label_text(label, str(self.folder)): label for label in self.labels}
        unknown = next((label for label in reviews.labels if label not in names), None)
        if unknown is not None:
            raise DataError(f"{reviews.origin}: label {unknown!r} is unknown to this model, which knows "
                            f"{', '.join(map(repr, self.labels))}.")
        predictions = self.predict(reviews.texts)
        found = [p.label for p in predictions]
        if None in found:
            raise TextError(
                f"review {found.index(None)} (counted from 0) has no text: leave such reviews out, as "
                "read_reviews does."
            )
        table = np.array([[p.probabilities[label] for label in self.labels] for p in predictions])
        table /= table.sum(1, keepdims=True)  # float32 sums are off by 1e-7
        truth = [names[label] for label in reviews.labels]
        f1 = metrics.f1_score(truth, found, labels=self.labels, average=None, zero_division=0)
        return {
            "reviews": len(reviews),
            "skipped": reviews.skipped,
            "accuracy": float(metrics.accuracy_score(truth, found)),
            "macro_f1": float(np.mean(f1)),
            "log_loss": float(metrics.log_loss(truth, table, labels=self.labels)),
            "f1": dict(zip(self.labels, map(float, f1))),
            "confusion": metrics.confusion_matrix(truth, found, labels=self.labels).tolist(),
            "labels": self.labels,
        }

    def _pack(self, texts: list[str], words: list[list[str]]) -> Packed:
        """Texts and their tokens, at least one each, as the numbers the model reads."""
        ngrams = None
        if self._known is not None:
            seen = list(texts)
            for i, found in enumerate(words):
                if len(found) > self.max_length:  # n-grams of what lies behind are not read either
                    seen[i] = plain(texts[i])
                    seen[i] = seen[i][: self.tokenizer(seen[i])[self.max_length - 1].end]
            ngrams = known_ngrams(seen, [found[: self.max_length] for found in words], self._known)
        evidence = None
        if self.evidence is not None:
            read, kept = cut(texts, words, self.tokenizer, self.max_length)
            shares = self.evidence.read(read, kept, self.tokenizer)
            behind = (np.zeros((len(own) - len(rows), rows.shape[1]), np.float32) for own, rows in zip(words, shares))
            evidence = np.concatenate([part for pair in zip(shares, behind) for part in pair])
        return pack(Tokens.gather([words]), slice(None), self._vocabulary, self.max_length,
                    subword_buckets=self.config["model"].get("subword_buckets", 0), fixed=self.fixed_length, ngrams=ngrams,
                    evidence=evidence)

    def _batches(self, texts: list[str]) -> Iterator[tuple[list[int], tuple[Any, ...]]]:
        """Places of texts of similar length, and the arrays the model reads of them; a text without tokens is in none."""
        for start in range(0, len(texts), _CHUNK):
            part = texts[start : start + _CHUNK]
            words = [self.tokenizer.words(text) for text in part]
            kept = [i for i, found in enumerate(words) if found]
            if not kept:
                continue
            packed = self._pack([part[i] for i in kept], [words[i] for i in kept])
            for batch in self._plan(packed.lengths.tolist()):
                yield [start + kept[i] for i in batch], packed.batch(batch)

    def _run_examples(self, examples: Sequence[Example]) -> Iterator[Any]:
        plan = self._plan([len(e.ids) for e in examples])
        return self._run(((batch, self.pad([examples[i] for i in batch])) for batch in plan), len(examples))

    def _plan(self, lengths: list[int]) -> list[list[int]]:
        return plan_by_length(lengths, self.classifier.batch_size, self.classifier.batch_pairs)

    def _run(self, batches: Iterator[tuple[list[int], tuple[Any, ...]]], count: int) -> Iterator[Any]:
        """Yield (places, (logits, weights)) of batches; the next ones are made while threads compute.

        Parameters
        ----------
        batches : iterator of (places, arrays)
        count : int
            Texts, at most.
        """
        waiting: deque[list[int]] = deque()

        def arrays() -> Iterator[tuple[Any, ...]]:
            for places, given in batches:
                waiting.append(places)
                yield given

        workers = self._workers if count > self.classifier.batch_size else 1
        for found in ahead(self.classifier, arrays(), workers, _AHEAD):
            yield waiting.popleft(), found

    def read(self, text: str, tokens: Sequence[Token] | None = None) -> EncodedText:
        """A text as the model reads it, or one whose `Reader.visible` tokens are known; TextError if it is blank.

        Parameters
        ----------
        text : str
        tokens : sequence of Token or None
            What `visible` gave of the text; None finds them.
        """
        return self.reader.read(text, tokens)

    def visible(self, text: str) -> list[Token]:
        """The tokens of a text; TextError if it has none."""
        return self.reader.visible(text)

    def example(self, text: str, tokens: Sequence[Token]) -> Example:
        """A text and its tokens as the numbers the model reads.

        Parameters
        ----------
        text : str
        tokens : sequence of Token
        """
        return self.read(text, tokens).example

    def pad(self, examples: Sequence[Example]) -> tuple[NDArray[Any], ...]:
        """Examples as one batch, as `inputs` gives it."""
        return pad_batch(examples, self.padding, self.fixed_length)
