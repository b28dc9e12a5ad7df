"""GluonNLP's Vocab over token texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..runtime import nlp

PADDING, UNKNOWN = "<pad>", "<unk>"


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
    counter = nlp.data.count_tokens(token for tokens in tokenized for token in tokens)
    return nlp.Vocab(counter, min_freq=min_count, max_size=max_size, unknown_token=UNKNOWN,
                     padding_token=PADDING, bos_token=None, eos_token=None)
