"""From a raw text to the pieces that a torch model takes, and the words to which they belong."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...capture.pieces import hf_tokens
from ...errors import OptionError, TextError, choose
from ...plain import expect_text, plain
from ...record import Token, positions
from ...record.units import eojeol_groups, join_tokens
from ..reader import seed_of

UNITS = ("eojeol", "words")
_NO_WORD = -1


@dataclass(frozen=True, eq=False)
class WordText:
    """A text as a torch model takes it.

    Attributes
    ----------
    text : str
    tokens : tuple of Token
        Its words, with spans in the original text.
    ids : numpy.ndarray, int64, shape (pieces,)
    types : numpy.ndarray, int64, shape (pieces,), or None
        Token types, if the tokenizer makes any.
    owner : numpy.ndarray, int64, shape (pieces,)
        The word of each piece; -1 for special tokens (``[CLS]``), which are never removed.
    in_text : int
        Number of words of the whole text, before truncation.
    unknown : tuple of int
        Words with a piece that is not in the vocabulary.
    """

    text: str
    tokens: tuple[Token, ...]
    ids: NDArray[Any]
    types: NDArray[Any] | None
    owner: NDArray[Any]
    in_text: int
    unknown: tuple[int, ...]

    @property
    def seed(self) -> int:
        """Seed of random draws: the same for the same text on every machine."""
        return seed_of(self.text)

    def take(self, gone: NDArray[Any]) -> NDArray[Any]:
        """Positions of the pieces that remain without some words.

        Parameters
        ----------
        gone : numpy.ndarray, bool, shape (words,)
        """
        return np.flatnonzero(~np.append(gone, False)[self.owner])

    def sum_words(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Sum scores (..., pieces) by words, (..., words)."""
        belongs = self.owner[:, None] == np.arange(len(self.tokens))
        result: NDArray[Any] = scores @ belongs
        return result


class WordReader:
    """Reads texts for one torch model.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        It is copied, so the original keeps its truncation and padding.
    limit : int or None
        Number of the model's positions; None if it has no limit.
    max_length : int or None
        Number of pieces of a text that are read. With None, a text longer than `limit` is refused.
    units : {"eojeol", "words"}, default "eojeol"
        Words separated by white space, or the tokenizer's own words before it splits them into pieces.
    """

    def __init__(self, tokenizer: Any, limit: int | None, max_length: int | None = None, units: str = "eojeol"):
        choose("unit", units, dict.fromkeys(UNITS))
        self.tokenizer, self.units, self.limit, self.max_length = copy.deepcopy(tokenizer), units, limit, max_length
        if units == "words" and not getattr(tokenizer, "is_fast", False):
            raise OptionError(f"{type(tokenizer).__name__} does not tell which pieces are of one word (only a fast "
                              'tokenizer does): use units="eojeol".')

    def require_readable(self, text: str) -> None:
        """Raise TextError if a text cannot be read."""
        self._encode(text)

    def read(self, text: str, tokens: Any = None) -> WordText:
        """Read a text.

        Parameters
        ----------
        text : str
        tokens : None
            Not used here. It makes the signature that of `Predictor.read`.

        Raises
        ------
        TextError
            If it has no visible character, the tokenizer makes no pieces of it, or it has more pieces than the model has
            positions.
        """
        encoded, whole = self._encode(text)
        ids = np.array(encoded["input_ids"], np.int64)
        tokens, groups = self._group(text, encoded)
        unknown, owner = self.tokenizer.unk_token_id, np.full(len(ids), _NO_WORD)
        for number, group in enumerate(groups):
            owner[group] = number
        types = encoded.get("token_type_ids")
        return WordText(text, tuple(tokens), ids, None if types is None else np.array(types, np.int64), owner,
                        len(groups) if whole is encoded else len(self._group(text, whole)[1]),
                        tuple(int(i) for i in np.unique(owner[(ids == unknown) & (owner != _NO_WORD)])))

    def encoded_without(self, encoded: WordText, gone: Collection[int]) -> WordText:
        """The text without some words, at least one of which must be left. It is not tokenized again.

        Parameters
        ----------
        encoded : WordText
        gone : collection of int
        """
        lost = np.isin(np.arange(len(encoded.tokens)), positions("token", gone, len(encoded.tokens)))
        kept, number = encoded.take(lost), np.append(np.cumsum(~lost) - 1, _NO_WORD)
        tokens = tuple(token for token, out in zip(encoded.tokens, lost) if not out)
        return replace(encoded, tokens=tokens, ids=encoded.ids[kept], owner=number[encoded.owner[kept]],
                       types=None if encoded.types is None else encoded.types[kept], in_text=len(tokens),
                       unknown=tuple(int(number[i]) for i in encoded.unknown if not lost[i]))

    @property
    def stand_in(self) -> int:
        """The id that replaces a word: the mask token, otherwise the unknown, padding or end token."""
        names = ("mask_token_id", "unk_token_id", "pad_token_id", "eos_token_id")
        found = (getattr(self.tokenizer, name, None) for name in names)
        return next((int(i) for i in found if i is not None), 0)

    def is_blank(self, text: str) -> bool:
        """Whether a text has no visible character."""
        expect_text(text)
        return not plain(text).strip()

    def _encode(self, text: str) -> tuple[Any, Any]:
        """The tokenizer's encoding of the part of a text that is read, and the size of the whole."""
        if self.is_blank(text):
            raise TextError(f"there is nothing to explain in {text[:20]!r}: expected a text with at least one visible "
                            "character.")
        options = {"verbose": False, "return_special_tokens_mask": True, "padding": False}
        try:
            whole = self.tokenizer(text, truncation=False, **options)
        except (UnicodeError, TypeError):
            raise TextError(f"the tokenizer cannot read {text[:20]!r}, which holds half a character: write it out, or leave "
                            "it out.") from None
        if all(whole["special_tokens_mask"]):
            raise TextError(f"{type(self.tokenizer).__name__} makes no pieces of {text[:20]!r}: leave the text out.")
        size, longest = len(whole["input_ids"]), self.max_length or self.limit
        if longest is None or size <= longest:
            return whole, whole
        if self.max_length is None:
            raise TextError(
                f"the text {text[:20]!r}... has {size} pieces, and the model has positions for {self.limit}: shorten it, or "
                f"have its beginning read alone with max_length={self.limit} (--max-length {self.limit}).")
        cut = self.tokenizer(text, truncation=True, max_length=longest, **options)
        if all(cut["special_tokens_mask"]):
            raise TextError(f"max_length={longest} leaves no piece of {text[:20]!r}: give a larger one.")
        return cut, whole

    def _group(self, text: str, encoded: Any) -> tuple[list[Token], list[list[int]]]:
        """Group an encoding by words: the words and the positions of their pieces."""
        pieces = hf_tokens(self.tokenizer, text, np.array(encoded["input_ids"]))
        inner = [i for i, special in enumerate(encoded["special_tokens_mask"]) if not special]
        if self.units == "words":
            groups = _runs([encoded.word_ids()[i] for i in inner])
        else:
            groups = eojeol_groups([pieces[i] for i in inner], text)
        groups = [[inner[i] for i in group] for group in groups]
        groups = _join_empty(groups, [any(pieces[i].end > pieces[i].start for i in group) for group in groups])
        return [_join(pieces, group, text) for group in groups], groups


def _runs(numbers: Sequence[Any]) -> list[list[int]]:
    """Positions of runs of equal values."""
    groups: list[list[int]] = []
    for i, number in enumerate(numbers):
        if groups and numbers[i - 1] == number:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _join_empty(groups: list[list[int]], stands: Sequence[bool]) -> list[list[int]]:
    """Join a piece with an empty span (a mark of a word's beginning) to the next word."""
    found: list[list[int]] = []
    waiting: list[int] = []
    for group, there in zip(groups, stands):
        if there:
            found.append(waiting + group)
            waiting = []
        else:
            waiting += group
    if waiting and found:
        found[-1] += waiting
    elif waiting:
        found.append(waiting)
    return found


def _join(pieces: Sequence[Token], group: Sequence[int], text: str) -> Token:
    standing = [i for i in group if pieces[i].end > pieces[i].start]
    return join_tokens(pieces, standing, text) if standing else pieces[group[0]]
