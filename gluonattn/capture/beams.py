"""The row of a generated sentence in each step's batch, for beam search and several answers to a prompt. numpy only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .calls import Call, Generation, Pass


def untangled(passes: list[Pass]) -> list[Pass]:
    """Passes of beam search with one row for each returned sentence: the history of the winning beam.

    Weights that are computed once for each prompt (an encoder's attention) are repeated for its answers.
    """
    found = []
    steps: dict[int, int] = {}
    for one in passes:
        made = one.generation
        if made is None or (made.beams == made.copies == 1) or (made.beams > 1 and made.rows is None):
            found.append(one)
            continue
        step = steps.get(id(made), 0)
        steps[id(made)] = step + any(c.kind in ("decoder", "cross") for c in one.calls)
        rows = _rows(made, step, one)
        if rows is not None:
            found.append(_picked(one, rows, made))
    return found


def _rows(made: Generation, step: int, one: Pass) -> NDArray[Any] | None:
    """The row of each sentence at a step, (B * copies,); None after the last step."""
    if made.rows is not None:
        return np.maximum(made.rows[:, step], 0) if step < made.rows.shape[1] else None
    return np.arange(max(len(c.weights) for c in one.calls if c.weights is not None))


def _picked(one: Pass, rows: NDArray[Any], made: Generation) -> Pass:
    prompts = len(rows) // made.copies

    def pick(array: NDArray[Any]) -> NDArray[Any]:
        if len(array) == 1:
            return array
        if len(array) == prompts * max(made.beams, made.copies) and len(array) != prompts:
            chosen: NDArray[Any] = array[rows]
            return chosen
        return np.repeat(array, made.copies, 0) if len(array) == prompts else array

    def call(its: Call) -> Call:
        names = ("weights", "queries", "keys", "values", "bias", "padding", "context", "covered")
        given = {name: getattr(its, name) for name in names}
        parts: dict[str, Any] = {name: pick(part) for name, part in given.items() if part is not None}
        return replace(its, **parts)

    return replace(one, calls=[call(c) for c in one.calls], ids={k: pick(v) for k, v in one.ids.items()},
                   padding={k: pick(v) for k, v in one.padding.items()})


def hidden_after_end(made: Generation, before: int, total: int) -> NDArray[Any] | None:
    """(B, total), True at positions that were read after the end of a sentence; None if there can be none.

    Parameters
    ----------
    made : Generation
    before : int
        Number of positions of the first pass.
    total : int
    """
    if made.rows is None:
        return None if made.ended is None or made.ended.shape[1] < total else made.ended[:, :total].copy()
    hidden = np.zeros((len(made.rows), total), dtype=bool)
    ended = made.rows[:, 1:] < 0  # a step's token is read in the next step
    count = min(ended.shape[1], total - before)
    hidden[:, before:before + count] = ended[:, :count]
    return hidden
