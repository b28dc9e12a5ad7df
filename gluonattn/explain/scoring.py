"""Score a file of reviews larger than memory."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Callable

from ..data.reviews import TEXT_COLUMNS
from ..data.tables import atomic_file, pick_column, read_rows, write_rows
from ..errors import DataError

_CHUNK = 2048


def score_file(
    predictor,
    source: str | os.PathLike,
    out: str | os.PathLike,
    *,
    text_column: str | None = None,
    weights: str | os.PathLike | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Write every row of `source` to `out` with its predicted label and probabilities.

    Rows and columns are kept as they are, in order; a row without text gets an
    empty label and is counted. `out` appears only when it is complete.

    Parameters
    ----------
    predictor : Predictor
    source, out : path
        TSV, CSV or JSON lines, by their endings.
    text_column : str or None
        None takes the first usual name present.
    weights : path or None
        Also write each row's attention record there, as JSON lines.
    on_bytes : callable or None
        Called with the number of bytes of each line read.

    Returns
    -------
    dict
        Counts: "rows" and "without_text".

    Raises
    ------
    DataError
        If a file cannot be read or written, or a new column exists already.
    """
    if Path(source).resolve() == Path(out).resolve():
        raise DataError(f"{out} is the input itself: give another file to write to.")
    rows = read_rows(source, on_bytes)
    counts = {"rows": 0, "without_text": 0}
    name = None
    new = ["predicted_label", *(f"probability_{label}" for label in predictor.labels)]
    with ExitStack() as stack:
        write = stack.enter_context(write_rows(out))
        weight_file = stack.enter_context(atomic_file(Path(weights))) if weights else None
        while chunk := list(islice(rows, _CHUNK)):
            if name is None:
                columns = list(chunk[0][1])
                name = pick_column(source, columns, text_column, TEXT_COLUMNS, "text")
                taken = sorted(set(new) & set(columns))
                if taken:
                    raise DataError(f"{source} already has a column {taken[0]!r}: rename it first.")
            texts = ["" if row.get(name) is None else str(row[name]) for _, row in chunk]
            for (line, row), text, prediction in zip(chunk, texts, predictor.predict(texts)):
                shares = [round(prediction.probabilities[k], 6) if prediction.label is not None else ""
                          for k in predictor.labels]
                write({**row, **dict(zip(new, [prediction.label or "", *shares]))})
                counts["rows"] += 1
                counts["without_text"] += prediction.label is None
            if weight_file:
                _write_weights(weight_file, predictor, chunk, texts)
    return counts


def _write_weights(file, predictor, chunk, texts) -> None:
    visible = [i for i, text in enumerate(texts) if text.strip()]
    records = predictor.explain_all([texts[i] for i in visible])
    for i, record in zip(visible, records):
        file.write(json.dumps({"line": chunk[i][0], **record.to_dict()}) + "\n")
