"""Words and their numbers: GluonNLP's Vocab is built and saved, and read without GluonNLP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ..errors import CheckpointError

PADDING, UNKNOWN = "<pad>", "<unk>"


class Vocabulary:
    """Ids of token texts, from the JSON of a GluonNLP Vocab.

    Parameters
    ----------
    content : str
        What ``gluonnlp.Vocab.to_json()`` gave.

    Attributes
    ----------
    idx_to_token : list of str
    unknown, padding : int
        Ids of the unknown and of the padding token.
    """

    def __init__(self, content: str):
        try:
            found = json.loads(content)
            self.idx_to_token: list[str] = found["idx_to_token"]
            self._ids: dict[str, int] = found["token_to_idx"]
            self.unknown: int = self._ids[found["unknown_token"]]
            # GluonNLP before 0.8 kept the padding token outside of the table of names.
            names = found.get("identifiers_to_tokens", {})
            self.padding: int = self._ids[names.get("padding_token") or found["padding_token"]]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"vocab.json is not a GluonNLP Vocab with an unknown and a padding token ({error!r}): copy "
                "the whole checkpoint folder again."
            ) from None

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def __getitem__(self, tokens: Sequence[str]) -> list[int]:
        """Ids of a list of token texts; those it does not know are `unknown`."""
        return [self._ids.get(token, self.unknown) for token in tokens]


def build_vocabulary(tokenized: Iterable[Sequence[str]], min_count: int = 3, max_size: int | None = None):
    """Vocabulary of the tokens seen at least `min_count` times, most frequent first.

    Parameters
    ----------
    tokenized : iterable of sequences of str
    min_count : int, default 3
    max_size : int or None
        Most tokens to keep, special ones aside.

    Returns
    -------
    gluonnlp.Vocab
        With <unk> and <pad>.
    """
    from ..runtime import nlp

    counter = nlp.data.count_tokens(token for tokens in tokenized for token in tokens)
    return nlp.Vocab(counter, min_freq=min_count, max_size=max_size, unknown_token=UNKNOWN,
                     padding_token=PADDING, bos_token=None, eos_token=None)
