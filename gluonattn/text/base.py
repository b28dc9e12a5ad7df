"""What a tokenizer is: ``tokenizer(text) -> list[Token]``.

Each has a `name` that rebuilds it from a checkpoint; every visible character of
the text is covered by some token's span. What a tokenizer reads is
`gluonattn.plain` of the text, so canonically equivalent texts have the same
tokens; their spans are of the text as it was typed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..plain import expect_text, place, plain
from ..record import Token


class Tokenizer(ABC):
    """Base of all tokenizers.

    Attributes
    ----------
    name : str
        Rebuilds this tokenizer: ``tokenizer(name)``.
    needs : str
        What must be installed, for `gluonattn tokenizers`.
    """

    name: str
    needs = "nothing"
    example = ""

    def __call__(self, text: str) -> list[Token]:
        """Tokenize a raw text.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of Token
            In reading order; empty for a text without a visible character.
            Their texts are in NFC, without invisible characters; their spans
            are of `text`.

        Raises
        ------
        TextError
            If `text` is not a string.
        """
        expect_text(text)
        read = place(text)
        if not read.text.strip():
            return []
        tokens = self._tokens(read.text)
        if read.places is None:
            return tokens
        return [token._replace(start=start, end=end)
                for token in tokens for start, end in [read.span(token.start, token.end)]]

    def words(self, text: str) -> list[str]:
        """``[token.text for token in tokenizer(text)]``, quicker where no spans are needed."""
        expect_text(text)
        read = plain(text)
        return self._words(read) if read.strip() else []

    def _words(self, text: str) -> list[str]:
        return [token.text for token in self._tokens(text)]

    @abstractmethod
    def _tokens(self, text: str) -> list[Token]:
        """Tokens of a plain text with a visible character, and spans into it."""

    @classmethod
    def lacking(cls) -> str | None:
        """What is missing here, in the words of an error; None if the tokenizer can be made.

        Neither Java nor Kiwi's model is started, so faults that only show there are not found.
        """
        return None

    def __repr__(self) -> str:
        return f"tokenizer({self.name!r})"
