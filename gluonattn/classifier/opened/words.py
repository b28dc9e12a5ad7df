"""From a raw text to the pieces that a torch model reads, and the words these are pieces of."""

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
    """A text as a torch model reads it.

    Attributes
    ----------
    text : str
    tokens : tuple of Token
        Its words, with spans in the text as it was typed.
    ids : numpy.ndarray, int64, shape (pieces,)
    types : numpy.ndarray, int64, shape (pieces,), or None
        Token types, where the tokenizer makes any.
    owner : numpy.ndarray, int64, shape (pieces,)
        The word that each piece is of; -1 for what the tokenizer adds (``[CLS]``), which is never taken out.
    in_text : int
        Words of the whole text, also of what was cut off.
    unknown : tuple of int
        Words with a piece that the vocabulary does not have.
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
        """For random draws: the same for the same text on every machine."""
        return seed_of(self.text)

    def take(self, gone: NDArray[Any]) -> NDArray[Any]:
        """Positions of the pieces that stand without some words.

        Parameters
        ----------
        gone : numpy.ndarray, bool, shape (words,)
        """
        return np.flatnonzero(~np.append(gone, False)[self.owner])

    def sum_words(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Scores (..., pieces) added up by words, (..., words)."""
        belongs = self.owner[:, None] == np.arange(len(self.tokens))
        result: NDArray[Any] = scores @ belongs
        return result


class WordReader:
    """Reads texts for one torch model.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        It is copied: the truncation and padding that it was left with stay.
    limit : int or None
        Pieces that the model has positions for; None for a model without such a bound.
    max_length : int or None
        Pieces that are read of one text; None refuses a text that is longer than `limit`.
    units : {"eojeol", "words"}, default "eojeol"
        Words as white space parts them, or as the tokenizer does before it looks for pieces.
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
            Texts are always read whole; `Predictor.read` takes tokens that are known.

        Raises
        ------
        TextError
            If nothing can be seen of it, the tokenizer makes nothing of it, or it is longer than the model's positions.
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
        """The text without some words, of which one at least is left; it is not tokenized again.

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
        """The id that stands for a word that is not known: the mask, else the unknown word, padding or the end."""
        names = ("mask_token_id", "unk_token_id", "pad_token_id", "eos_token_id")
        found = (getattr(self.tokenizer, name, None) for name in names)
        return next((int(i) for i in found if i is not None), 0)

    def is_blank(self, text: str) -> bool:
        """Whether nothing can be seen of a text."""
        expect_text(text)
        return not plain(text).strip()

    def _encode(self, text: str) -> tuple[Any, Any]:
        """What the tokenizer makes of a text as far as it is read, and of all of it."""
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
            raise TextError(f"{type(self.tokenizer).__name__} makes nothing of {text[:20]!r}: leave the text out.")
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
        """The words of an encoding, and the positions of their pieces."""
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
    """Positions of equal neighbours."""
    groups: list[list[int]] = []
    for i, number in enumerate(numbers):
        if groups and numbers[i - 1] == number:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _join_empty(groups: list[list[int]], stands: Sequence[bool]) -> list[list[int]]:
    """A piece that stands nowhere in the text (a mark of a word's beginning) goes with the word behind it."""
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
