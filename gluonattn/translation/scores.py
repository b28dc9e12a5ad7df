"""How good translations are: BLEU and chrF by sacreBLEU, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError, OptionError
from ..statistics import Figure, draws, interval

RESAMPLES = 1000


def require_scores() -> Any:
    """The module sacrebleu.

    Raises
    ------
    DependencyError
        If it is not installed.
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
        One translation or several of each source.

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
    """BLEU and chrF of a corpus with intervals of 95 %: sources are resampled (Koehn 2004).

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
    """BLEU and chrF of a corpus and of resamples of it. Those of two systems on the same draws can be subtracted.

    Parameters
    ----------
    hypotheses, references
        As for `corpus_scores`.
    drawn : numpy.ndarray, shape (1 + resamples, sources)
        Of `gluonattn.statistics.draws`.

    Returns
    -------
    dict of str to numpy.ndarray, shape (1 + resamples,)
    """
    if len(hypotheses) != len(references):
        raise OptionError(f"expected as many translations as sources; got {len(hypotheses)} and {len(references)}.")
    found = {}
    for name, metric in _metrics().items():
        # The statistics that sacreBLEU counts for each sentence are summed by weight, so a resample needs no second count.
        counts = np.array(metric._extract_corpus_statistics(list(hypotheses), _pad(references)), dtype=np.float64)
        found[name] = np.array([metric._compute_score_from_stats([round(one) for one in row]).score
                                for row in drawn @ counts])
    return found


def _metrics() -> dict[str, Any]:
    metrics = require_scores().metrics
    # `force` changes no score: it keeps the library from warning that texts of a weak model end in " ."
    return {"bleu": metrics.BLEU(force=True), "chrf": metrics.CHRF()}


def _pad(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """sacreBLEU's table: a row of the first references, one of the second, and so on; None where a source has no more."""
    most = max(map(len, references), default=1)
    return [[row[i] if i < len(row) else None for row in references] for i in range(most)]
