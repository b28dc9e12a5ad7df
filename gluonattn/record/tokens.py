"""A token of a text, and a prediction about a text."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import RecordError


class Token(NamedTuple):
    """A token and its characters in the raw text.

    Attributes
    ----------
    text : str
        The token as it is in the model's vocabulary. It may differ from the
        raw characters: a lemma, a normalised form, a special token.
    start, end : int
        Half-open character span in the raw text, ``0 <= start <= end``.
        Spans of neighbours may overlap (비해 -> 비하 + 어); a special token
        has an empty span.
    tag : str or None
        Part of speech, in the tagger's own tag set.
    """

    text: str
    start: int
    end: int
    tag: str | None = None


@dataclass(frozen=True)
class Prediction:
    """A predicted label and the probability of every label.

    Attributes
    ----------
    label : str or None
        The most probable label; None if nothing could be predicted, for a
        text without a visible character.
    probabilities : dict of str to float
        By label name; sums to 1, or is empty when `label` is None.
    """

    label: str | None
    probabilities: Mapping[str, float] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """Probability of the predicted label; NaN if there is none."""
        return self.probabilities[self.label] if self.label is not None else float("nan")


def read_tokens(side: str, tokens: Sequence[Any]) -> tuple[Token, ...]:
    """Make tokens with plain Python strings and integers, from anything that unpacks like a token.

    Parameters
    ----------
    side : str
        "query" or "key", for messages.
    tokens : sequence of Token or of (text, start, end[, tag])

    Raises
    ------
    RecordError
        If one has other parts, or a position that is not a whole number.
    """
    found = []
    for i, token in enumerate(tokens):
        try:
            text, start, end, tag = Token(*token)
            found.append(Token("" + text, operator.index(start), operator.index(end), tag and "" + tag))
        except TypeError:
            raise RecordError(
                f"{side} {i} must be a Token(text, start, end, tag=None) with whole numbers; got {token!r}."
            ) from None
    return tuple(found)
