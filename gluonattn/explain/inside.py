"""A model opened: its steps one by one, and the same text with words taken out.

Everything an attribution method or a test of faithfulness asks of a model is asked here, in numpy;
derivatives come from `gluonattn.engines.gradient_engine`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..data.examples import Example
from ..data.ngrams import text_ngram_spans
from ..engines.choice import prepare
from ..engines.forward import decide, mask_of, states_of, values_of, weights_of, wide, words_of
from ..engines.numpy_engine import ONE_THREAD, NumpyClassifier
from ..record import Token

if TYPE_CHECKING:
    from .predictor import Predictor

_NOTHING = np.zeros(0, np.int32)
_PAIRS = 100_000  # query-key pairs at once; bounds memory


@dataclass(frozen=True)
class Reading:
    """A text as the model reads it.

    Attributes
    ----------
    text : str
    tokens : tuple of Token
        Those the model sees; what lies behind its longest text is cut off.
    example : Example
    """

    text: str
    tokens: tuple[Token, ...]
    example: Example

    @cached_property
    def spans(self) -> np.ndarray | None:
        """Characters each n-gram of the text was read from, (n-grams, 2); None where none is read."""
        return None if self.example.ngrams is None else text_ngram_spans(self.text[: self.tokens[-1].end])

    @property
    def seed(self) -> int:
        """For random draws: the same for the same text, on every machine."""
        return zlib.crc32(self.text.encode("utf-8", "surrogatepass"))


class Passed(NamedTuple):
    """What a text became on its way through the model.

    Attributes
    ----------
    states : numpy.ndarray, float32, shape (1, T, C)
    weights : numpy.ndarray, float32, shape (1, heads, T, T)
    values : numpy.ndarray, float32, shape (1, heads, T, C / heads)
        What the weights read.
    mask : numpy.ndarray, float32, shape (1, T)
    more : numpy.ndarray, shape (1, classes)
        Logits of the linear branch over n-grams, 0 where there is none.
    logits : numpy.ndarray, shape (1, classes)
    probabilities : numpy.ndarray, shape (classes,)

    Notes
    -----
    T is the number of tokens, or the fixed length of the post's recipe, in
    which padding takes part.
    """

    states: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    mask: np.ndarray
    more: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray


class Inside:
    """The steps of a predictor's model.

    Attributes
    ----------
    predictor : Predictor
    recipe : str
    model : dict
    classes : int
    """

    def __init__(self, predictor: Predictor):
        self.predictor = predictor
        self.recipe, self.model, self._weights = prepare(predictor.checkpoint)
        self.classes: int = self.model["classes"]
        self._numpy = NumpyClassifier(self.recipe, self.model, self._weights)
        self._gradient: Any = None

    def read(self, text: str, tokens: Sequence[Token] | None = None) -> Reading:
        """Read a text, or one that is tokenized already; TextError if there is nothing in it."""
        tokens = tuple((tokens or self.predictor.visible(text))[: self.predictor.max_length])
        return Reading(text, tokens, self.predictor.example(text, tokens))

    # ---- words taken out

    def without(self, reading: Reading, positions: Collection[int]) -> Example:
        """The text without some tokens, by their numbers; it is not tokenized again.

        A token goes with its own n-grams, and every n-gram of the text that
        was read from one of its characters goes too: nothing the model has is
        left of it. Where no token is left, one unknown word stands.
        """
        ids, subwords, _ = reading.example
        kept = [i for i in range(len(ids)) if i not in positions]
        if not kept:
            return self.masked(reading, positions, only_first=True)
        return Example(ids[kept], subwords and [subwords[i] for i in kept], self._left(reading, positions))

    def reading_without(self, reading: Reading, positions: Collection[int]) -> Reading:
        """The text read without some tokens, of which one at least is left; see `without`."""
        tokens = tuple(token for i, token in enumerate(reading.tokens) if i not in positions)
        found = Reading(reading.text, tokens, self.without(reading, positions))
        if reading.spans is not None:  # reading the text again would find what was taken out
            found.__dict__["spans"] = reading.spans[self._kept(reading, positions)]
        return found

    def masked(self, reading: Reading, positions: Collection[int], only_first: bool = False) -> Example:
        """The text with some tokens replaced by the unknown word; their n-grams go as in `without`."""
        gone = np.isin(np.arange(len(reading.example.ids)), list(positions))
        ids = np.where(gone, np.int32(self.predictor.unknown), reading.example.ids)
        subwords = reading.example.subwords
        subwords = subwords and [_NOTHING if lost else grams for grams, lost in zip(subwords, gone)]
        end = 1 if only_first else None
        return Example(ids[:end], subwords and subwords[:end], self._left(reading, positions))

    def _left(self, reading: Reading, positions: Collection[int]) -> np.ndarray | None:
        """The n-grams of the text that are left."""
        grams = reading.example.ngrams
        return None if grams is None else grams[self._kept(reading, positions)]

    def _kept(self, reading: Reading, positions: Collection[int]) -> np.ndarray:
        """Which n-grams of the text have no character of these tokens, (n-grams,) of bool."""
        starts, ends = np.zeros((2, 0)) if reading.spans is None else reading.spans.T
        kept = np.ones(len(starts), bool)
        for i in positions:
            _, start, end, _ = reading.tokens[i]
            kept &= (starts >= end) | (ends <= start)
        return kept

    def probabilities(self, examples: Sequence[Example]) -> np.ndarray:
        """Probabilities (examples, classes) by the predictor's own engine, in batches."""
        return self.predictor.probabilities(examples)

    # ---- the steps

    def run(self, reading: Reading) -> Passed:
        """Pass a text through."""
        ids, valid_length, *grams = self.predictor.pad([reading.example])
        F, model = self._numpy, self.model
        with ONE_THREAD:
            mask = mask_of(F, self.recipe, ids, valid_length)
            words = words_of(F, model, ids, grams[0] if grams else None)
            states = states_of(F, self.recipe, model, words, valid_length)
            weights = weights_of(F, model, states, mask)
            more = wide(F, grams[1]) if grams else np.zeros((1, self.classes), np.float32)
            logits = decide(F, self.recipe, model, states, weights, mask) + more
            values = values_of(F, model, states)
        return Passed(states, weights, values, mask, more, logits, softmax(logits)[0])

    def decide(self, passed: Passed, weights: np.ndarray) -> np.ndarray:
        """Probabilities (N, classes) under other attention weights (N, heads, T, T), all else as it was."""
        most = max(1, _PAIRS // passed.mask.size**2)
        with ONE_THREAD:
            logits = [decide(self._numpy, self.recipe, self.model, passed.states, weights[i : i + most], passed.mask)
                      for i in range(0, len(weights), most)]
        return softmax(np.concatenate(logits) + passed.more)

    # ---- derivatives, in float64

    @property
    def gradient(self):
        """The engine that can be derived; `autograd` is loaded with it."""
        if self._gradient is None:
            from ..engines.gradient_engine import GradientClassifier

            self._gradient = GradientClassifier(self.recipe, self.model, self._weights)
        return self._gradient

    def words(self, example: Example) -> np.ndarray:
        """Word vectors (1, T, E) the Bi-GRU reads of a text."""
        ids, _, *grams = self.predictor.pad([example])
        return np.array(words_of(self.gradient, self.model, ids, grams[0] if grams else None))

    def from_words(self, reading: Reading) -> Callable:
        """``f(words)``: from word vectors (B, T, E) of the text to logits (B, classes) without n-grams'."""
        ids, valid_length, *_ = self.predictor.pad([reading.example])
        F = self.gradient

        def logits_of(words):
            batch = words.shape[0]
            lengths = np.repeat(valid_length, batch)
            mask = mask_of(F, self.recipe, np.repeat(ids, batch, axis=0), lengths)
            states = states_of(F, self.recipe, self.model, words, lengths)
            return decide(F, self.recipe, self.model, states, weights_of(F, self.model, states, mask), mask)

        return logits_of

    def from_weights(self, passed: Passed) -> Callable:
        """``f(weights)``: from attention weights (B, heads, T, T) to logits (B, classes)."""
        states, mask = passed.states.astype(np.float64), passed.mask.astype(np.float64)
        return lambda weights: (decide(self.gradient, self.recipe, self.model, states, weights, mask)
                                + passed.more)

    def ngram_logits(self, reading: Reading) -> np.ndarray:
        """What each n-gram of the text adds to the logits, (n-grams, classes); none where none is read."""
        grams = reading.example.ngrams
        if grams is None:
            return np.zeros((0, self.classes))
        return self._weights["wide.weight"][grams].astype(np.float64) / np.sqrt(len(grams) + 1)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis, in float64."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float64)
    return shares / shares.sum(axis=-1, keepdims=True)
