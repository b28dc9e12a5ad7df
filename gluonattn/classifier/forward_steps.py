"""The forward pass of a model step by step, also for a text without some of its words.

Everything that an attribution method or a test of faithfulness needs from a model is computed here, in numpy.
Derivatives come from `gluonattn.classifier.engines.gradient_engine`. `gluonattn.classifier.batch` computes many texts at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import reference
from ..data.examples import Example
from ..record import Token
from ..record import positions as token_positions
from ..threads import ONE_THREAD
from .engines.choice import prepare
from .engines.forward import DIRECTIONS, decide, mask_of, states_of, weights_of, words_of
from .engines.numpy_engine import NumpyClassifier
from .reader import EncodedText

if TYPE_CHECKING:
    from .predictor import Predictor

_NOTHING = np.zeros(0, np.int32)
_PAIRS = 100_000  # query-key pairs at once; bounds memory


class ForwardPass(NamedTuple):
    """The intermediate results of one text in the model.

    Attributes
    ----------
    states : numpy.ndarray, float32, shape (1, T, C)
    weights : numpy.ndarray, float32, shape (1, heads, T, T)
    values : numpy.ndarray, float32, shape (1, heads, T, C / heads)
        The values that the weights mix.
    mask : numpy.ndarray, float32, shape (1, T)
    more : numpy.ndarray, shape (1, classes)
        Logits of the linear branch over n-grams; 0 if there is none.
    logits : numpy.ndarray, shape (1, classes)
    probabilities : numpy.ndarray, shape (classes,)

    Notes
    -----
    T is the number of tokens, or the fixed length of the post's recipe, in
    which padding takes part.
    """

    states: NDArray[Any]
    weights: NDArray[Any]
    values: NDArray[Any]
    mask: NDArray[Any]
    more: NDArray[Any]
    logits: NDArray[Any]
    probabilities: NDArray[Any]


class ForwardSteps:
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
        self.numpy = NumpyClassifier(self.recipe, self.model, self._weights)
        self._gradient: Any = None
        self.origins: dict[int, tuple[NDArray[Any], NDArray[Any]]] = {}  # starting points of integrated gradients, by length

    def read(self, text: str, tokens: Sequence[Token] | None = None) -> EncodedText:
        """Encode a text. TextError if it has no visible character.

        Parameters
        ----------
        text : str
        tokens : sequence of Token or None
            The result of `Reader.visible` for the text; None computes it.
        """
        return self.predictor.read(text, tokens)

    # ---- removing words

    def without(self, encoded: EncodedText, positions: Collection[int]) -> Example:
        """The text without some tokens, given by their numbers. It is not tokenized again.

        A token is removed with its own n-grams and with every n-gram of the
        text that contains one of its characters, so nothing of it reaches the
        model. If no token is left, no n-gram is left either (not even that of
        a space), and the input is one unknown word. The decision is then the
        same for every text.

        Parameters
        ----------
        encoded : EncodedText
        positions : int or collection of int
            Numbers of the tokens to remove.

        Raises
        ------
        RecordError
            If a position is not a whole number, or no token has it.
        """
        gone = self._gone(encoded, positions)
        if gone.all():
            return self._nothing(encoded)
        ids, subwords, *_ = encoded.example
        kept, evidence = np.flatnonzero(~gone), self._evidence(encoded, gone)
        return Example(ids[kept], subwords and [subwords[i] for i in kept], self._left(encoded, gone),
                       None if evidence is None else evidence[kept])

    def encoded_without(self, encoded: EncodedText, positions: Collection[int]) -> EncodedText:
        """The encoded text without some tokens. At least one must be left; see `without`.

        Parameters
        ----------
        encoded : EncodedText
        positions : int or collection of int
            Numbers of the tokens to remove.
        """
        gone = self._gone(encoded, positions)
        positions = np.flatnonzero(gone).tolist()
        tokens = tuple(token for token, lost in zip(encoded.tokens, gone) if not lost)
        kept = ~encoded.lost_ngrams(gone[None])[0]
        spread = None if encoded.spread is None else encoded.spread.take(gone)
        return EncodedText(encoded.text, tokens, self.without(encoded, positions), encoded.numbers[kept],
                       encoded.spans[kept], encoded.token_spans[~gone], len(tokens), spread)

    def masked(self, encoded: EncodedText, positions: Collection[int]) -> Example:
        """The text with some tokens replaced by the unknown word. Their n-grams are removed as in `without`.

        If no token is left, the result is that of `without`, so the length of
        the text does not matter either.

        Parameters
        ----------
        encoded : EncodedText
        positions : int or collection of int
            Numbers of the tokens to replace.
        """
        gone = self._gone(encoded, positions)
        if gone.all():
            return self._nothing(encoded)
        ids, subwords, *_ = encoded.example
        ids = np.where(gone, np.int32(self.predictor.unknown), ids)
        subwords = subwords and [_NOTHING if lost else grams for grams, lost in zip(subwords, gone)]
        return Example(ids, subwords, self._left(encoded, gone), self._evidence(encoded, gone))

    def unknown_words(self, encoded: EncodedText) -> Example:
        """As many unknown words as the text has tokens, without n-grams: the starting point of integrated gradients."""
        ids, subwords, ngrams, evidence = encoded.example
        return Example(np.full_like(ids, self.predictor.unknown), subwords and [_NOTHING] * len(ids),
                       None if ngrams is None else _NOTHING, None if evidence is None else np.zeros_like(evidence))

    def _nothing(self, encoded: EncodedText) -> Example:
        """One unknown word and no n-gram."""
        _, subwords, ngrams, evidence = encoded.example
        return Example(np.array([self.predictor.unknown], np.int32), subwords and [_NOTHING],
                       None if ngrams is None else _NOTHING, None if evidence is None else np.zeros_like(evidence[:1]))

    def _gone(self, encoded: EncodedText, positions: Collection[int]) -> NDArray[Any]:
        size = len(encoded.tokens)
        return np.isin(np.arange(size), token_positions("token", positions, size))

    def _evidence(self, encoded: EncodedText, gone: NDArray[Any]) -> NDArray[Any] | None:
        """The remaining evidence (tokens, channels), 0 at removed tokens."""
        if encoded.spread is None:
            return None
        result: NDArray[Any] | None = self.predictor.reader.evidence_without(encoded.spread, gone[None])[0]
        return result

    def _left(self, encoded: EncodedText, gone: NDArray[Any]) -> NDArray[Any] | None:
        """The remaining n-grams of the text."""
        if encoded.example.ngrams is None:
            return None
        result: NDArray[Any] | None = np.unique(encoded.numbers[~encoded.lost_ngrams(gone[None])[0]])
        return result

    def probabilities(self, examples: Sequence[Example]) -> NDArray[Any]:
        """Probabilities (examples, classes) by the predictor's own engine, in batches."""
        return self.predictor.probabilities(examples)

    # ---- the steps

    def decide(self, passed: ForwardPass, weights: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (N, classes) with other attention weights (N, heads, T, T) and everything else unchanged.

        Parameters
        ----------
        passed : ForwardPass
        weights : numpy.ndarray, shape (N, heads, T, T)
        """
        most = max(1, _PAIRS // passed.mask.size**2)
        with ONE_THREAD:
            logits = [decide(self.numpy, self.recipe, self.model, passed.states, weights[i : i + most], passed.mask)
                      for i in range(0, len(weights), most)]
        return softmax(np.concatenate(logits) + passed.more)

    def ngram_table(self, numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Logits (N, classes) and squares (N, 1) of n-grams by their numbers, float64. `wide` sums and divides them."""
        return (self._weights["ngram_scores.weight"][numbers].astype(np.float64),
                self._weights["ngram_squares.weight"][numbers].astype(np.float64))

    def ngram_logits(self, encoded: EncodedText) -> NDArray[Any]:
        """Contribution of the n-gram at each place of the text to the logits, (places, classes).

        An n-gram at several places counts once, and the places share it.
        """
        if not len(encoded.numbers):
            return np.zeros((0, self.classes))
        distinct, which, times = np.unique(encoded.numbers, return_inverse=True, return_counts=True)
        scores, squares = self.ngram_table(distinct)
        result: NDArray[Any] = (scores / times[:, None] / np.sqrt(squares.sum() + 1e-12))[which.ravel()]
        return result

    # ---- derivatives, in float64

    @property
    def gradient(self) -> Any:
        """The differentiable engine. It loads `autograd`."""
        if self._gradient is None:
            from .engines.gradient_engine import GradientClassifier

            self._gradient = GradientClassifier(self.recipe, self.model, self._weights)
        return self._gradient

    def words(self, example: Example) -> NDArray[Any]:
        """The Bi-GRU's input vectors (1, T, E) for a text."""
        ids, _, *more = self.predictor.pad([example])
        return np.array(words_of(self.gradient, self.model, ids, *more))

    def input_gates(self, example: Example) -> NDArray[Any]:
        """The words' part of the Bi-GRU's gates, (T, 2, 3H)."""
        result: NDArray[Any] = self.gradient.input_gates(self.words(example)[0], DIRECTIONS[self.recipe])
        return result

    def from_words(self, encoded: EncodedText) -> Callable[..., Any]:
        """``f(words)``: from word vectors (B, T, E) of the text to logits (B, classes), without those of n-grams."""
        ids, valid_length, *_ = self.predictor.pad([encoded.example])
        F = self.gradient

        def logits_of(words: Any) -> Any:
            batch = words.shape[0]
            lengths = np.repeat(valid_length, batch)
            mask = mask_of(F, self.recipe, np.repeat(ids, batch, axis=0), lengths)
            states = states_of(F, self.recipe, self.model, words, lengths)
            return decide(F, self.recipe, self.model, states, weights_of(F, self.model, states, mask), mask)

        return logits_of

    def from_states(self, states: Any, mask: NDArray[Any]) -> Any:
        """Logits (B, classes) of states (B, T, C), without those of n-grams.

        Parameters
        ----------
        states : array, shape (B, T, C)
        mask : array, shape (B, T)
            1 at tokens, 0 at padding.
        """
        F = self.gradient
        return decide(F, self.recipe, self.model, states, weights_of(F, self.model, states, mask), mask)

    def from_weights(self, passed: ForwardPass) -> Callable[..., Any]:
        """``f(weights)``: from attention weights (B, heads, T, T) to logits (B, classes)."""
        states, mask = passed.states.astype(np.float64), passed.mask.astype(np.float64)
        return lambda weights: (decide(self.gradient, self.recipe, self.model, states, weights, mask)
                                + passed.more)


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Over the last axis, in float64."""
    return reference.softmax(np.asarray(logits, np.float64))
