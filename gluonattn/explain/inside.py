"""A model opened: its steps one by one, and the same text with words taken out.

Everything an attribution method or a test of faithfulness asks of a model is asked here, in numpy;
derivatives come from `gluonattn.engines.gradient_engine`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..data.examples import Example
from ..data.ngrams import ngram_numbers, ngram_spans
from ..engines.choice import prepare
from ..engines.forward import decide, mask_of, states_of, values_of, weights_of, wide, words_of
from ..engines.numpy_engine import NumpyClassifier
from ..models.checkpoint import KNOWN_NGRAMS
from ..record import Token
from ..threads import ONE_THREAD

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
    numbers : numpy.ndarray, int32, shape (places,)
        Known n-grams of the text, once for every place at which one stands.
    spans : numpy.ndarray, int64, shape (places, 2)
        The characters each was read from.
    """

    text: str
    tokens: tuple[Token, ...]
    example: Example
    numbers: np.ndarray
    spans: np.ndarray

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
        self._known = predictor.checkpoint.weights.get(KNOWN_NGRAMS, np.zeros(0, np.uint32))
        self._numpy = NumpyClassifier(self.recipe, self.model, self._weights)
        self._gradient: Any = None

    def read(self, text: str, tokens: Sequence[Token] | None = None) -> Reading:
        """Read a text, or one that is tokenized already; TextError if there is nothing in it."""
        tokens = tuple((tokens or self.predictor.visible(text))[: self.predictor.max_length])
        hashes, spans = ngram_spans(text[: tokens[-1].end], tokens)
        numbers = ngram_numbers(hashes, self._known)
        return Reading(text, tokens, self.predictor.example(text, tokens), numbers[numbers > 0], spans[numbers > 0])

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
        kept = self._kept(reading, positions)
        return Reading(reading.text, tokens, self.without(reading, positions), reading.numbers[kept],
                       reading.spans[kept])

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
        if reading.example.ngrams is None:
            return None
        return np.unique(reading.numbers[self._kept(reading, positions)])

    def _kept(self, reading: Reading, positions: Collection[int]) -> np.ndarray:
        """Which n-grams of the text have no character of these tokens, (places,) of bool."""
        starts, ends = reading.spans.T
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
        """What the n-gram at each place of the text adds to the logits, (places, classes).

        One that stands at several places counts once, and they share it.
        """
        if not len(reading.numbers):
            return np.zeros((0, self.classes))
        distinct, which, times = np.unique(reading.numbers, return_inverse=True, return_counts=True)
        scores = self._weights["ngram_scores.weight"][distinct].astype(np.float64)
        square = self._weights["ngram_squares.weight"][distinct].sum(dtype=np.float64)
        return (scores / times[:, None] / np.sqrt(square + 1e-12))[which.ravel()]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis, in float64."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float64)
    return shares / shares.sum(axis=-1, keepdims=True)
