"""The base class of tokenizers: ``tokenizer(text) -> list[Token]``.

Each has a `name` that rebuilds it from a checkpoint. Every visible character of
the text is in some token's span. A tokenizer reads `gluonattn.plain` of the text,
so canonically equivalent texts have the same tokens. Spans refer to the original
text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..plain import expect_text, place, plain
from ..record import Token


class Tokenizer(ABC):
    """Base class of all tokenizers.

    Attributes
    ----------
    name : str
        Rebuilds this tokenizer: ``tokenizer(name)``.
    needs : str
        Required packages, as `gluonattn tokenizers` shows them.
    wheels : tuple of str
        Wheels that split the texts: with another version of one, tokens kept from before are not used.
    """

    name: str
    needs = "nothing"
    wheels: tuple[str, ...] = ()
    example = ""

    def __call__(self, text: str) -> list[Token]:
        """Tokenize a raw text.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of Token
            Tokens in reading order; empty for a text without a visible
            character. Their texts are in NFC, without invisible characters.
            Their spans refer to `text`.

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
        """``[token.text for token in tokenizer(text)]``, but faster, since no spans are made."""
        expect_text(text)
        read = plain(text)
        return self._words(read) if read.strip() else []

    def _words(self, text: str) -> list[str]:
        return [token.text for token in self._tokens(text)]

    @abstractmethod
    def _tokens(self, text: str) -> list[Token]:
        """Tokens, with spans, of a plain text that has a visible character."""

    @classmethod
    def lacking(cls) -> str | None:
        """Missing requirements, in the words of an error. None if the tokenizer can be made.

        Java and Kiwi's model are not started, so faults that only show there are not found.
        """
        return None

    def __repr__(self) -> str:
        return f"tokenizer({self.name!r})"
