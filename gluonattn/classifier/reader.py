"""From a raw text to the model's input. Each text is tokenized once, and its n-grams are hashed once."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.evidence import Evidence, find_places
from ..data.examples import Encoder, Example
from ..data.ngrams import ngram_numbers, ngram_spans
from ..data.spread import Spread
from ..errors import TextError
from ..plain import expect_text, place, plain
from ..record import Token

_NO_NUMBERS, _NO_SPANS = np.zeros(0, np.int32), np.zeros((0, 2), np.int64)


def seed_of(text: str) -> int:
    """Seed of random draws for a text: the same on every machine, and in every Unicode normal form."""
    return zlib.crc32(plain(text).encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, eq=False)
class EncodedText:
    """A text as the model takes it.

    Attributes
    ----------
    text : str
    tokens : tuple of Token
        The tokens that the model reads. Tokens after its maximum length are cut off.
    example : Example
    numbers : numpy.ndarray, int32, shape (places,)
        Known n-grams of the text, one entry for each occurrence.
    spans : numpy.ndarray, int64, shape (places, 2)
        The characters of each n-gram, in `gluonattn.plain` of the text. Scores divided by characters are then the same for
        every Unicode normal form of the text.
    token_spans : numpy.ndarray, int64, shape (tokens, 2)
        The same for tokens. `tokens` themselves have spans in the original text.
    in_text : int
        Number of tokens of the whole text.
    spread : Spread or None
        Places of the n-grams that give evidence; None if the model reads none.
    """

    text: str
    tokens: tuple[Token, ...]
    example: Example
    numbers: NDArray[Any]
    spans: NDArray[Any]
    token_spans: NDArray[Any]
    in_text: int
    spread: Spread | None = None

    @property
    def seed(self) -> int:
        """Seed of random draws: the same on every machine, and in every Unicode normal form of the text."""
        return seed_of(self.text)

    def lost_ngrams(self, gone: NDArray[Any]) -> NDArray[Any]:
        """Which n-grams are removed with some tokens: those that contain one of their characters.

        An n-gram without a token (a space by itself) belongs to all tokens. It is removed when no token is left.

        Parameters
        ----------
        gone : numpy.ndarray, bool, shape (variants, tokens)

        Returns
        -------
        numpy.ndarray, bool, shape (variants, places)
        """
        starts, ends = self.token_spans.T
        touched = (self.spans[:, :1] < ends) & (self.spans[:, 1:] > starts)  # (places, tokens)
        lost = gone.astype(np.float32) @ touched.T.astype(np.float32) > 0
        result: NDArray[Any] = lost | gone.all(axis=1, keepdims=True)
        return result


class Reader:
    """Reads texts for one model.

    Parameters
    ----------
    tokenizer : callable
        Returns the tokens of a text.
    vocabulary : Vocabulary
    max_length : int
        Number of tokens of a text that are read.
    subword_buckets : int, default 0
        As in `AttentionClassifier`; 0 reads none.
    known : numpy.ndarray, uint32, or None
        Sorted hashes of the model's n-grams of texts; None reads none.
    evidence : Evidence or None
        Computes the evidence of tokens; None reads none.
    """

    def __init__(self, tokenizer: Callable[[str], list[Token]], vocabulary: Any, max_length: int,
                 subword_buckets: int = 0, known: NDArray[Any] | None = None,
                 evidence: Evidence | None = None):
        self.evidence = evidence
        self._tokenizer, self._max_length, self._known = tokenizer, max_length, known
        self._encode = Encoder(vocabulary, max_length, subword_buckets)

    def visible(self, text: str) -> list[Token]:
        """The tokens of a text, with spans in `gluonattn.plain` of it. TextError if it has none."""
        expect_text(text)
        tokens = self._tokenizer(plain(text))
        if not tokens:
            raise TextError(
                f"there is nothing to explain in {text[:20]!r}: expected a text with at least one "
                "visible character."
            )
        return tokens

    def read(self, text: str, tokens: Sequence[Token] | None = None) -> EncodedText:
        """Encode a text. TextError if it has no visible character.

        Parameters
        ----------
        text : str
        tokens : sequence of Token or None
            The result of `visible` for the text; None computes it.
        """
        everything = tokens or self.visible(text)
        tokens, typed = everything[: self._max_length], place(text)
        token_spans = np.array([(token.start, token.end) for token in tokens])
        example = self._encode(text, [token.text for token in tokens])
        numbers, spans = _NO_NUMBERS, _NO_SPANS
        if self._known is not None:
            # N-grams after the last token that is read are not read either.
            hashes, spans = ngram_spans(typed.text[: tokens[-1].end], tokens)
            numbers = ngram_numbers(hashes, self._known)
            numbers, spans = numbers[numbers > 0], spans[numbers > 0]
            example = example._replace(ngrams=np.unique(numbers))
        spread = None
        if self.evidence is not None:
            read, words = typed.text[: tokens[-1].end], [token.text for token in tokens]
            spread = Spread.of(find_places([read], [words], lambda _: list(tokens), self.evidence.known))
            example = example._replace(evidence=self.evidence_without(spread, np.zeros((1, len(tokens)), bool))[0])
        shown = tuple(token._replace(start=start, end=end)
                      for token in tokens for start, end in [typed.span(token.start, token.end)])
        return EncodedText(text, shown, example, numbers, spans, token_spans, len(everything), spread)

    def evidence_without(self, spread: Spread, gone: NDArray[Any]) -> NDArray[Any]:
        """The evidence (variants, tokens, channels) without some tokens, 0 at these.

        Parameters
        ----------
        spread : Spread
        gone : numpy.ndarray, bool, shape (variants, tokens)
        """
        assert self.evidence is not None
        result: NDArray[Any] = (spread.without(self.evidence, gone) / self.evidence.spread).astype(np.float32)
        return result
