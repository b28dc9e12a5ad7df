"""Score a file of reviews larger than memory.

Stays whole: `score_file` writes both files in one pass, and neither appears unless both are complete.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from ..data.reviews import TEXT_COLUMNS, as_text
from ..data.tables import atomic_file, pick_column, read_rows, write_rows
from ..errors import DataError, OptionError
from .choosing import find_class
from .top_words import open_top_words

if TYPE_CHECKING:
    from .opened.classifier import OpenedClassifier
    from .predictor import Predictor

_CHUNK = 2048  # rows
_EXPLAINED = 1024  # of them, where words are asked for too: they take seconds


def score_file(
    predictor: Predictor | OpenedClassifier,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    text_column: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    method: str | None = None,
    target: str | None = None,
    explain: str | None = None,
    top: int = 5,
    on_bytes: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Write every row of `source` to `out` with its predicted label and probabilities.

    Rows and columns are kept as they are, in order; a row without text gets an
    empty label and is counted. `out` appears only when it is complete.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    source, out : path
        TSV, CSV or JSON lines, by their endings.
    text_column : str or None
        None takes the first usual name present.
    weights : path or None
        Also write each row's attention record there, as JSON lines.
    method, target : str or None
        Attribution in these records, and the class it is for, as for `Predictor.explain`.
    explain : str or None
        Also write the words that decided most by this attribution: columns ``word_1``, ``score_1`` and so on, highest
        scores first, empty where a text has fewer words.
    top : int, default 5
        As many words.
    on_bytes : callable or None
        Called with the number of bytes of each line read.

    Returns
    -------
    dict
        Counts: "rows" and "without_text".

    Raises
    ------
    DataError
        If a file cannot be read or written, has no rows, or has a new column
        already, or if two of the three files are the same.
    OptionError
        If a method, the target or the number of words is unknown or out of range, or there are no records to write
        attributions to.
    """
    if method is not None and weights is None:
        raise OptionError("attributions go into the attention records: give a file for these too (weights, or --weights).")
    if top < 1:
        raise OptionError(f"top is how many words are written of each text, at least 1; got {top}.")
    for own in (method, explain):  # whether these are known
        predictor.explain_each([], own, target if own or not (method or explain) else None)
    number = None if target is None else find_class(target, predictor.labels, predictor.label_names)
    taken = {Path(source).resolve(): "the input itself"}
    for path in (out, weights):
        if path is None:
            continue
        place = Path(path).resolve()
        if place in taken:
            raise DataError(f"{path} is {taken[place]}: give another file to write to.")
        taken[place] = "where the scores go"
    rows = read_rows(source, on_bytes)
    counts = {"rows": 0, "without_text": 0}
    name = None
    new = ["predicted_label", *(f"probability_{label}" for label in predictor.labels),
           *(f"{what}_{i}" for i in range(1, top + 1 if explain else 1) for what in ("word", "score"))]
    with ExitStack() as stack:
        ask = stack.enter_context(open_top_words(predictor, explain, number, top)) if explain else None
        write = stack.enter_context(write_rows(out))
        write_weights = stack.enter_context(atomic_file(Path(weights))) if weights else None
        while chunk := list(islice(rows, _EXPLAINED if explain else _CHUNK)):
            if name is None:
                name = pick_column(source, list(chunk[0][1]), text_column, TEXT_COLUMNS, "text")
            texts = [as_text(source, line, name, row.get(name)) for line, row in chunk]
            predictions = predictor.predict(texts)
            visible = [i for i, prediction in enumerate(predictions) if prediction.label is not None]
            words = dict(zip(visible, ask([texts[i] for i in visible]))) if ask and visible else {}
            for i, ((line, row), prediction) in enumerate(zip(chunk, predictions)):
                clash = next((column for column in new if column in row), None)
                if clash:
                    raise DataError(
                        f"{source}, line {line}: it has a column {clash!r} already: rename it first."
                    )
                shares = [round(prediction.probabilities[k], 6) if prediction.label is not None else ""
                          for k in predictor.labels]
                cells = [cell for word in words.get(i, []) for cell in (word.text, float(f"{word.score:.6g}"))]
                values = [prediction.label or "", *shares, *cells]
                write({**row, **dict(zip(new, [*values, *[""] * (len(new) - len(values))]))})
                counts["rows"] += 1
                counts["without_text"] += prediction.label is None
            if write_weights:
                for i, record in zip(visible, predictor.explain_each([texts[i] for i in visible], method, target)):
                    write_weights(json.dumps({"line": chunk[i][0], **record.to_dict()}) + "\n")
        if name is None:
            raise DataError(f"{source} has no rows: expected a header line and rows below it.")
    return counts
