"""Translate sequences of ids, greedily or with a beam search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.padding import plan_by_length
from .subwords import BEGIN, END, PADDING, UNKNOWN

FORBIDDEN = (PADDING, UNKNOWN, BEGIN)  # never generated
_BATCH = 128
_MAX_CELLS = 400_000  # maximum of sources x beams x longest source squared in a batch


class Decoded(NamedTuple):
    """One translation.

    Attributes
    ----------
    ids : list of int
        Ids without the beginning and end marks.
    score : float
        Log probability of the subwords and the end mark, in nats, divided by the length penalty.
    ended : bool
        Whether the model generated the end mark. Otherwise the translation was cut at the maximum length.
    """

    ids: list[int]
    score: float
    ended: bool


def translate_ids(model: Any, sources: Sequence[Sequence[int]], *, beam: int = 1, alpha: float = 0.0, max_length: int = 64,
                  progress: Any = None) -> list[Decoded]:
    """Translate sequences of ids.

    Parameters
    ----------
    model : TranslationTransformer
    sources : sequence of sequence of int
        Sequences without end marks.
    beam : int, default 1
        Number of translations that the search keeps. 1 is greedy.
    alpha : float, default 0.0
        Length penalty of the search (Wu et al. 2016): 0 prefers short translations.
    max_length : int, default 64
        Maximum length of a target, including the beginning mark.
    progress : callable or None
        Called with (sources done, all sources).
    """
    from ..models.decoding import decode

    found: list[Decoded] = [Decoded([], 0.0, False)] * len(sources)
    done = 0
    for batch in plan_by_length([len(row) + 1 for row in sources], max(1, _BATCH // beam), _MAX_CELLS // beam):
        source, lengths = as_arrays([sources[i] for i in batch])
        decoded, scores = decode(model, source, lengths, BEGIN, END, beam, max_length, FORBIDDEN, alpha)
        for i, ids, score in zip(batch, decoded, scores):
            best = [int(one) for one in ids[0]]
            found[i] = Decoded(best, float(score[0]), len(best) < max_length - 1)
        done += len(batch)
        if progress:
            progress(done, len(sources))
    return found


def as_arrays(sources: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Padded ids with end marks, and their lengths. These are the model's first two inputs."""
    from ..runtime import mx

    rows = [[*row, END] for row in sources]
    table = np.full((len(rows), max(map(len, rows))), PADDING, np.float32)
    for line, row in zip(table, rows):
        line[: len(row)] = row
    return mx.nd.array(table), mx.nd.array([len(row) for row in rows])
