"""A trained classifier that predicts and returns its attention.

Stays whole: it is one public class, much of it docstrings. Files of texts and batches of explanations are
in other modules.
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
from ..data.reviews import Reviews
from ..data.vocabulary import Vocabulary
from ..errors import CheckpointError, OptionError, TextError
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
from .evaluation import evaluate
from .explanation import Explanation, make_prediction
from .faithfulness import DRAWS
from .fitted import choose_method, with_fitted
from .forward_steps import ForwardSteps
from .many import Asked, explain_many
from .methods import Method
from .reader import EncodedText, Reader

SHIPPED = Path(__file__).parents[1] / "pretrained" / "nsmc"
LONGEST = 512  # tokens of a text that the default recipe reads
_CHUNK = 2048  # texts whose n-grams are looked up together, and from which batches are made
_AHEAD = 32  # batches that wait for a thread while the next chunk is tokenized


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


class Predictor:
    """Labels, probabilities and attention records for raw texts.

    Parameters
    ----------
    checkpoint : Checkpoint
    folder : pathlib.Path
        The folder from which it was read, for error messages.
    device, engine : str
        As for `load`.

    Attributes
    ----------
    labels : list of str
    tokenizer : Tokenizer
    max_length : int
        Number of tokens of a text that are read. A record says if a text was truncated.
    config : dict
        The checkpoint's config.json.
    engine : str
        Name of the engine that computes.
    classifier : callable
        The forward pass, from the arrays of `inputs` to logits and weights.
    checkpoint : Checkpoint
    evidence : Evidence or None
        Computes the evidence of tokens, if the model reads any.
    unknown, padding : int
        Ids of the unknown word and of padding.
    fixed_length : int or None
        Length to which every text is padded (the post's recipe); None is the text's own.
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
                f"{config['model']['vocab_size']}: they belong to different models."
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

    def look(self, encoded_texts: Sequence[EncodedText]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Probabilities (classes,) and padded attention weights of each text, computed by this engine in one batch."""
        logits, weights = self.classifier(*self.pad([encoded.example for encoded in encoded_texts]))
        return zip(softmax(logits), weights)

    @cached_property
    def steps(self) -> ForwardSteps:
        """The model's forward pass in separate steps."""
        return ForwardSteps(self)

    @property
    def inside(self) -> ForwardSteps:
        """The older name of `steps`."""
        return self.steps

    @property
    def label_names(self) -> dict[str, str]:
        """Display names of the labels, if the model has them."""
        result: dict[str, str] = self.config.get("label_names", {})
        return result

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

    def inputs(self, texts: Iterable[str]) -> tuple[NDArray[Any], ...]:
        """Make the classifier's inputs for some texts, as one batch.

        Returns
        -------
        ids : numpy.ndarray, int32, shape (B, T)
        valid_length : numpy.ndarray, int32, shape (B,)
        subwords : numpy.ndarray, int32, shape (B, T, K)
            Like `ngrams`, only for a model that reads n-grams.
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
        """Probabilities (examples, classes) of examples, in input order. `example` makes them."""
        found = np.zeros((len(examples), len(self.labels)))
        for batch, (logits, _) in self._run_examples(examples):
            found[batch] = softmax(logits)
        return found

    def evaluate(self, reviews: Reviews) -> dict[str, Any]:
        """Compute accuracy and further metrics on labelled reviews; see `gluonattn.classifier.evaluation.evaluate`.

        Parameters
        ----------
        reviews : Reviews
        """
        return evaluate(self, reviews)

    def _pack(self, texts: list[str], words: list[list[str]]) -> Packed:
        """Encode texts and their tokens (at least one in each) as the model's numbers."""
        ngrams = None
        if self._known is not None:
            seen = list(texts)
            for i, found in enumerate(words):
                if len(found) > self.max_length:  # n-grams after the last token are not read either
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
        """Yield batches of texts of similar length: their places and input arrays. A text without tokens is in none."""
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
        """Yield (places, (logits, weights)) of batches. The next batches are made while threads compute.

        Parameters
        ----------
        batches : iterator of (places, arrays)
        count : int
            Maximum number of texts.
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
        """Encode a text. TextError if it is blank.

        Parameters
        ----------
        text : str
        tokens : sequence of Token or None
            The result of `visible` for the text; None computes it.
        """
        return self.reader.read(text, tokens)

    def visible(self, text: str) -> list[Token]:
        """The tokens of a text. TextError if it has none."""
        return self.reader.visible(text)

    def example(self, text: str, tokens: Sequence[Token]) -> Example:
        """Encode a text and its tokens as the model's numbers.

        Parameters
        ----------
        text : str
        tokens : sequence of Token
        """
        return self.read(text, tokens).example

    def pad(self, examples: Sequence[Example]) -> tuple[NDArray[Any], ...]:
        """Pad examples to one batch, as `inputs` returns it."""
        return pad_batch(examples, self.padding, self.fixed_length)
