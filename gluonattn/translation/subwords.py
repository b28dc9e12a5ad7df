"""Subwords of both languages: SentencePiece, trained on the data, with each piece's place in the text."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import CheckpointError, DataError, DependencyError
from ..plain import plain
from ..record import Token

PADDING, UNKNOWN, BEGIN, END = 0, 1, 2, 3
BEGIN_TEXT, END_TEXT = "<s>", "</s>"
_NAME = "sentencepiece"


def _library() -> Any:
    try:
        import sentencepiece
    except ImportError:
        raise DependencyError("translation needs SentencePiece: pip install \"gluonattn[translation]\".") from None
    return sentencepiece


class Subwords:
    """A SentencePiece unigram model (Kudo and Richardson 2018) that includes every character of the training texts.

    Parameters
    ----------
    model : bytes
        The model as serialised by SentencePiece.
    """

    def __init__(self, model: bytes):
        self.model = model
        try:
            self._processor = _library().SentencePieceProcessor(model_proto=model)
        except RuntimeError:
            raise CheckpointError("the subwords of this model cannot be read. Copy the whole folder again.") from None

    def __len__(self) -> int:
        return int(self._processor.vocab_size())

    def encode(self, text: str) -> tuple[list[int], tuple[Token, ...]]:
        """Ids of a text's subwords, without an end mark, and their places in the text.

        Parameters
        ----------
        text : str

        Returns
        -------
        ids : list of int
        tokens : tuple of Token
            Spans into `text`. The span of a subword that begins a word excludes the space before it. A subword that is only
            a space has an empty span.
        """
        pieces = self._processor.encode(_spaced(text), out_type=str)
        tokens, start = [], -1  # SentencePiece puts a space before the text, and keeps every character
        for piece in pieces:
            end = start + len(piece)
            shown = text[max(start, 0) : end]
            begin = end - len(shown.lstrip()) if shown.strip() else end
            tokens.append(Token(text[begin:end], begin, end))
            start = end
        return [int(self._processor.piece_to_id(piece)) for piece in pieces], tuple(tokens)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of many texts, without end marks."""
        return [list(map(int, row)) for row in self._processor.encode([_spaced(text) for text in texts], out_type=int)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a sequence of ids."""
        return str(self._processor.decode([int(one) for one in ids]))

    def unknown(self, text: str) -> list[str]:
        """The distinct characters of a text that no subword has."""
        ids, tokens = self.encode(text)
        return list(dict.fromkeys(token.text for one, token in zip(ids, tokens) if one == UNKNOWN))

    def to_json(self) -> str:
        """The model as text, for a checkpoint's vocab.json."""
        return json.dumps({_NAME: base64.b64encode(self.model).decode("ascii")})


def train_subwords(texts: Iterable[str], size: int) -> Subwords:
    """Learn subwords from texts of both languages.

    Parameters
    ----------
    texts : iterable of str
    size : int
        Maximum number of subwords. The first four are padding, unknown, begin and end.

    Raises
    ------
    DataError
        If `size` is too small for the characters of the texts.
    """
    content = io.BytesIO()
    # Nothing is normalised, so that the pieces of a text together have exactly its characters.
    options = dict(model_writer=content, normalization_rule_name="identity", remove_extra_whitespaces=False,
                   pad_id=PADDING, unk_id=UNKNOWN, bos_id=BEGIN, eos_id=END, pad_piece="<pad>", bos_piece=BEGIN_TEXT,
                   eos_piece=END_TEXT, character_coverage=1.0, hard_vocab_limit=False, num_threads=1, minloglevel=2,
                   max_sentence_length=1_000_000, vocab_size=size)
    rows = [_spaced(plain(text)) for text in texts]
    characters = len({character for row in rows for character in row if not character.isspace()})
    if characters + 5 > size:
        raise DataError(f"the sentences have {characters:,} different characters, too many for {size:,} subwords: give "
                        f"--subwords {characters + 100} or more.")
    try:
        _library().SentencePieceTrainer.train(sentence_iterator=iter(rows), **options)
    except RuntimeError as error:
        raise DataError(f"SentencePiece cannot learn {size:,} subwords from these sentences ({error}). Give another number "
                        "with --subwords.") from None
    return Subwords(content.getvalue())


def from_json(text: str, path: Any) -> Subwords:
    """Read the subwords of a checkpoint's vocab.json.

    Parameters
    ----------
    text : str
    path : path
        Name of the file in messages.

    Raises
    ------
    CheckpointError
        If the text does not contain subwords.
    """
    try:
        return Subwords(base64.b64decode(json.loads(text)[_NAME], validate=True))
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{path} contains no subwords of a translation model. Copy the whole folder again.") from None


def _spaced(text: str) -> str:
    """Replace every white space character by a plain space. The length does not change."""
    return re.sub(r"\s", " ", text)
