"""Scores of translations: BLEU and chrF by sacreBLEU, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError, OptionError
from ..statistics import Figure, draws, interval

RESAMPLES = 1000


def require_scores() -> Any:
    """Import sacrebleu and return it.

    Raises
    ------
    DependencyError
        If sacreBLEU is not installed.
    """
    try:
        import sacrebleu
    except ImportError:
        raise DependencyError("scores of translations need sacreBLEU: pip install \"gluonattn[translation]\".") from None
    return sacrebleu


def corpus_scores(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """BLEU (Papineni et al. 2002) and chrF (Popovic 2015) of a corpus, each from 0 to 100.

    Parameters
    ----------
    hypotheses : sequence of str
    references : sequence of sequence of str
        One or several translations of each source.

    Returns
    -------
    dict
        "bleu" and "chrf", with sacreBLEU's defaults (tokenizer 13a, mixed case, chrF2).
    """
    metrics = _metrics()
    table = _pad(references)
    return {name: float(metric.corpus_score(list(hypotheses), table).score) for name, metric in metrics.items()}


def scores_with_intervals(hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, seed: int = 0,
                          resamples: int = RESAMPLES) -> dict[str, Figure]:
    """BLEU and chrF of a corpus with 95 % intervals, for which sources are resampled (Koehn 2004).

    Parameters
    ----------
    hypotheses, references
        As for `corpus_scores`.
    seed : int, default 0
    resamples : int, default 1000
    """
    drawn = draws(len(hypotheses), resamples=resamples, seed=seed)
    return {name: interval(values) for name, values in resampled_scores(hypotheses, references, drawn).items()}


def resampled_scores(hypotheses: Sequence[str], references: Sequence[Sequence[str]],
                     drawn: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """BLEU and chrF of a corpus and of its resamples. Results of two systems for the same draws can be subtracted.

    Parameters
    ----------
    hypotheses, references
        As for `corpus_scores`.
    drawn : numpy.ndarray, shape (1 + resamples, sources)
        Draws from `gluonattn.statistics.draws`.

    Returns
    -------
    dict of str to numpy.ndarray, shape (1 + resamples,)
    """
    if len(hypotheses) != len(references):
        raise OptionError(f"expected as many translations as sources; got {len(hypotheses)} and {len(references)}.")
    found = {}
    for name, metric in _metrics().items():
        # sacreBLEU's statistics of each sentence are summed with weights, so a resample needs no second count.
        counts = np.array(metric._extract_corpus_statistics(list(hypotheses), _pad(references)), dtype=np.float64)
        found[name] = np.array([metric._compute_score_from_stats([round(one) for one in row]).score
                                for row in drawn @ counts])
    return found


def _metrics() -> dict[str, Any]:
    metrics = require_scores().metrics
    # `force` changes no score. It suppresses the warning that texts of a weak model end in " ."
    return {"bleu": metrics.BLEU(force=True), "chrf": metrics.CHRF()}


def _pad(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """sacreBLEU's table: a row of first references, a row of second ones, and so on. None if a source has no more."""
    most = max(map(len, references), default=1)
    return [[row[i] if i < len(row) else None for row in references] for i in range(most)]
