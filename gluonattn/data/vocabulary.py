"""Words and their numbers: built, saved and read in the format of a GluonNLP Vocab, without GluonNLP."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from ..contents import COPY_AGAIN, parse_json
from ..errors import CheckpointError

PADDING, UNKNOWN = "<pad>", "<unk>"


class Vocabulary:
    """Ids of token texts, from the JSON of a GluonNLP Vocab.

    Parameters
    ----------
    content : str
        The result of ``gluonnlp.Vocab.to_json()``.

    Attributes
    ----------
    idx_to_token : list of str
    unknown, padding : int
        Ids of the unknown and of the padding token.

    Raises
    ------
    CheckpointError
        If it has another format, or a word's number is not its position.
    """

    def __init__(self, content: str) -> None:
        try:
            found = parse_json(content, "vocab.json", ValueError)
            words, numbers = found["idx_to_token"], found["token_to_idx"]
            # GluonNLP before 0.8 kept the padding token outside the table of names.
            names = found.get("identifiers_to_tokens", {})
            self._ids: dict[str, int] = {word: number for number, word in enumerate(words)}
            self.unknown: int = self._ids[found["unknown_token"]]
            self.padding: int = self._ids[names.get("padding_token") or found["padding_token"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _no_vocabulary(repr(error)) from None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or self._ids != numbers:
            raise _no_vocabulary("its words and their numbers do not agree")
        self.idx_to_token: list[str] = words
        self._content = content

    @classmethod
    def from_tokens(cls, tokens: Sequence[str]) -> Vocabulary:
        """Make a vocabulary of these tokens in their order. They must include <unk> and <pad>."""
        names = {"padding_token": PADDING, "bos_token": None, "eos_token": None}
        return cls(json.dumps({
            "idx_to_token": list(tokens), "token_to_idx": {token: i for i, token in enumerate(tokens)},
            "reserved_tokens": [PADDING], "unknown_token": UNKNOWN, "identifiers_to_tokens": names,
        }))

    def to_json(self) -> str:
        """JSON that ``gluonnlp.Vocab.from_json`` reads."""
        return self._content

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def __getitem__(self, tokens: Sequence[str]) -> list[int]:
        """Ids of a list of token texts; `unknown` for tokens outside the vocabulary."""
        return [self._ids.get(token, self.unknown) for token in tokens]


def _no_vocabulary(reason: str) -> CheckpointError:
    return CheckpointError(
        f"vocab.json is not a GluonNLP Vocab with an unknown and a padding token ({reason}). {COPY_AGAIN}"
    )


def build_vocabulary(tokenized: Iterable[Sequence[str]], min_count: int = 3,
                     max_size: int | None = None) -> Vocabulary:
    """Build a vocabulary of the tokens with at least `min_count` occurrences, by frequency, then by spelling.

    Parameters
    ----------
    tokenized : iterable of sequences of str
    min_count : int, default 3
    max_size : int or None
        Maximum number of tokens, without special ones.

    Returns
    -------
    Vocabulary
        It includes <unk> and <pad>, and has the same words and numbers as GluonNLP's Vocab of these counts.
    """
    special = (UNKNOWN, PADDING)
    counts = Counter(token for tokens in tokenized for token in tokens)
    kept = sorted((-count, token) for token, count in counts.items() if count >= min_count and token not in special)
    return Vocabulary.from_tokens([*special, *(token for _, token in kept[:max_size])])
