"""The work of one worker: read a piece of a file, score it, and write it as one part."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..classifier.answers import Answers
from ..classifier.scoring import score_rows, types_of
from ..data.tables import atomic_file, write_rows
from ..errors import ClusterError, GluonAttnError
from .partition import Scorer
from .pieces import Piece, read_piece

if TYPE_CHECKING:
    import pandas

DONE = {"number": "double", "rows": "double", "without_text": "double", "columns": "string", "error": "string"}


@dataclass(frozen=True)
class Job:
    """What a worker needs to know besides the model.

    Attributes
    ----------
    source : str
        Path of the first file. Its column types are used.
    folder : str
        Where parts are written. Every machine must be able to reach it.
    ending : str
        The ending of the parts' names.
    one_file : bool
        Whether the parts will be joined into one file, so that only the first has a header.
    weights : str or None
        The ending of parts with attention records. None writes no records.
    method : str or None
        Attribution method of these records.
    """

    source: str
    folder: str
    ending: str
    one_file: bool
    weights: str | None = None
    method: str | None = None

    def part(self, number: int, what: str = "part") -> Path:
        """The path of a piece's output file.

        Parameters
        ----------
        number : int
            The piece's number.
        what : {"part", "weights"}, default "part"
            The scored rows or the attention records.
        """
        return Path(self.folder) / f"{what}-{number:05}{self.weights if what == 'weights' else self.ending}"


def score_piece(job: Job, piece: Piece, scorer: Scorer) -> dict[str, Any]:
    """Write one part. Errors in the user's data are returned, not raised, because the engine would try again.

    Parameters
    ----------
    job : Job
    piece : Piece
    scorer : Scorer

    Returns
    -------
    dict
        "number" of the piece, "rows", rows "without_text", "columns" as JSON, and "error", which is "" on success.
    """
    found: dict[str, Any] = {"number": float(piece.number), "rows": 0.0, "without_text": 0.0, "columns": "[]", "error": ""}
    try:
        if not Path(job.folder).is_dir():
            raise ClusterError(f"{socket.gethostname()} cannot find {job.folder}: source and output must be on "
                               "storage that all machines reach under the same path.")
        answers = scorer.answers()
        found.update(_write_part(job, piece, scorer, answers))
    except GluonAttnError as error:
        found["error"] = str(error)
    return found


def _write_part(job: Job, piece: Piece, scorer: Scorer, answers: Answers) -> dict[str, Any]:
    part = job.part(piece.number)
    columns: list[str] = []
    with ExitStack() as stack:
        types = types_of(answers, job.source, part)
        write = stack.enter_context(write_rows(part, header=not (job.one_file and piece.number), types=types))
        write_weights = stack.enter_context(atomic_file(job.part(piece.number, "weights"))) if job.weights else None

        def write_row(row: dict[str, Any]) -> None:
            if not columns:
                columns.extend(row)
            write(row)

        counts = score_rows(answers, read_piece(piece), piece.path, write_row, text_column=scorer.text_column,
                            write_weights=write_weights, method=job.method, target=scorer.target if job.method else None)
    return {**{name: float(count) for name, count in counts.items()}, "columns": json.dumps(columns)}


def work_on(job: Job, frame: pandas.DataFrame, scorer: Scorer) -> pandas.DataFrame:
    """Call `score_piece` for each row of a table of pieces.

    Parameters
    ----------
    job : Job
    frame : pandas.DataFrame
        One row for each piece.
    scorer : Scorer

    Returns
    -------
    pandas.DataFrame
        What `score_piece` returns, one row for each piece.
    """
    import pandas

    found = [score_piece(job, Piece(*row), scorer) for row in frame[list(Piece._fields)].itertuples(index=False)]
    return pandas.DataFrame(found, columns=list(DONE)).astype(
        {name: "float64" if kind == "double" else object for name, kind in DONE.items()})
