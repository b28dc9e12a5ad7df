"""Measure how well a model translates pairs that it has not seen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import OptionError
from .pairs import by_source, read_pairs
from .scores import require_scores, scores_with_intervals
from .translator import load_translator

_SHOWN = 5  # examples


def evaluate_translator(folder: str | os.PathLike[str], *, data: str | os.PathLike[str] | None = None,
                        source_column: str | None = None, target_column: str | None = None, beam: int = 5,
                        limit: int | None = None, seed: int = 0, progress: Any = None) -> dict[str, Any]:
    """Translate held-out sources and score the translations.

    Parameters
    ----------
    folder : path
        A checkpoint folder of `gluonattn translation train`.
    data : path or None
        Other pairs. None takes those that training held out.
    source_column, target_column : str or None
        Columns of `data`. None finds the usual ones.
    beam : int, default 5
        Number of translations that the search keeps.
    limit : int or None
        Evaluate only this many sources, the first ones. None takes all.
    seed : int, default 0
        Seed of the intervals.
    progress : callable or None
        Called with (sources done, all sources).

    Returns
    -------
    dict
        "bleu" and "chrf" (`gluonattn.statistics.Figure`, 0 to 100), "sources", "too_long" (sources with more subwords than
        the model reads, whose translation is empty), "beam", "seed", and some "examples".

    Raises
    ------
    CheckpointError, DataError, DependencyError, OptionError
        See their messages.
    """
    require_scores()
    if limit is not None and limit < 1:
        raise OptionError(f"limit must be at least 1; got {limit}.")
    translator = load_translator(folder)
    pairs = translator.held_out("test") if data is None else read_pairs(
        Path(data), source_column=source_column, target_column=target_column).pairs
    every = list(by_source(pairs).items())[:limit]
    short = [source for source, _ in every if len(translator.subwords.ids([source])[0]) <= translator.max_length]
    said = dict(zip(short, (one.text for one in translator.translate(short, beam=beam, progress=progress))))
    found = scores_with_intervals([said.get(source, "") for source, _ in every], [targets for _, targets in every],
                                  seed=seed)
    step = max(1, len(every) // _SHOWN)
    examples = [{"source": source, "translation": said.get(source, ""), "targets": targets}
                for source, targets in every[step // 2 :: step][:_SHOWN]]
    return {**found, "sources": len(every), "too_long": len(every) - len(short), "beam": beam, "seed": seed,
            "examples": examples}
