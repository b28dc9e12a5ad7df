"""Score files on a cluster or on all cores of this machine. Output gets its name only when it is complete.

Parts are written into a hidden folder beside the output. Each part is written completely or not at all, even if several
workers write it. When all parts exist, they become the output: one file, or a folder with a manifest, ``_SUCCESS``. The
folder gets its name by one rename.

Stays whole: `score_files` is half docstring.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ..classifier.scoring import require_other_files
from ..data.formats import CSV, FORMATS, PARQUET, TSV, compression_of, ending_of, format_of
from ..errors import ClusterError, DataError, GluonAttnError, OptionError
from ..files import new_folder, replace_file, replacing_file
from ..processes import processes
from ..runtime import total_threads
from ..threads import in_order
from .clusters import find_cluster
from .partition import Scorer
from .pieces import ROWS, Piece, list_tables, plan_pieces
from .work import DONE, Job, score_piece, work_on

SUCCESS = "_SUCCESS"


def score_files(source: str | os.PathLike[str], out: str | os.PathLike[str], scorer: Scorer, *, on: str | None = None,
                weights: str | os.PathLike[str] | None = None, method: str | None = None, rows: int = ROWS,
                on_rows: Callable[[int], None] | None = None) -> dict[str, int]:
    """Score a file, or a folder of files, as `gluonattn.score_file` does: the same rows in the same order.

    Parameters
    ----------
    source : path
        A table, or a folder of tables of one format.
    out : path
        A file, or a new folder. In a folder each part is a file of its own, in the format of the source, and ``_SUCCESS``
        is a manifest of the parts. A path without an ending is a folder.
    scorer : Scorer
    on : str or None
        The cluster: ``spark://HOST:7077``, ``ray://HOST:6379``, ``dask://HOST:8786``, or the engine's name alone for the
        cluster that the environment names. None uses all cores of this machine.
    weights : path or None
        Also write each row's attention record there, as JSON lines.
    method : str or None
        Attribution method of these records. None adds no attribution.
    rows : int, default 16384
        Number of rows in one piece of work.
    on_rows : callable or None
        Called with the number of rows of each finished piece, if the engine reports pieces before the end.

    Returns
    -------
    dict
        The counts "rows", "without_text" and "parts".

    Raises
    ------
    GluonAttnError
        As for `gluonattn.score_file`, and if there is no cluster or it loses the work. Nothing is then written.
    """
    source, out = Path(source), Path(out)
    if scorer.records:
        raise OptionError("attention records of files go into a file of their own: give weights, not records.")
    if method is not None and weights is None:
        raise OptionError("attributions go into the attention records: give a file for these too (weights, or --weights).")
    paths = list_tables(source)
    for path in paths:
        require_other_files(path, out, weights)
    one_file = bool(out.suffix) and not out.is_dir()
    if one_file:
        format_of(out)
    else:
        _require_new(out)
    cluster = find_cluster(on) if on else None
    pieces = plan_pieces(paths, rows)
    shape = out if one_file else paths[0]
    with _filled_folder(out) as folder:
        job = Job(str(paths[0]), str(folder), _ending(shape), one_file, _ending(Path(weights)) if weights else None, method)
        found = _run_on(*cluster, job, pieces, scorer) if cluster else _run_here(job, pieces, scorer, on_rows)
        done = _check(found, pieces, format_of(shape))
        counts = {name: sum(int(row[name]) for row in done) for name in ("rows", "without_text")}
        if not counts["rows"]:
            raise DataError(f"{source} has no rows: expected a header line and rows below it.")
        counts["parts"] = len(done)
        if weights:
            _join_bytes([job.part(piece.number, "weights") for piece in pieces], Path(weights))
        if one_file:
            _join(job, pieces, out)
        else:
            _finish(job, pieces, done, out, scorer, counts)
    return counts


def _ending(path: Path) -> str:
    return ending_of(path) + (compression_of(path) or "")


def _require_new(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DataError(f"{out} exists already: give a new folder to write to, or a file that ends in "
                        f"{', '.join(FORMATS)}.")


@contextmanager
def _filled_folder(out: Path) -> Iterator[Path]:
    try:
        with new_folder(Path(os.path.abspath(out))) as folder:
            yield folder
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}. Choose a folder that exists, is writable and has "
                        "space; nothing was left half-written.") from None


# ---- on a cluster, or here

def _run_on(cluster: Any, address: str, job: Job, pieces: list[Piece], scorer: Scorer) -> list[dict[str, Any]]:
    import pandas

    frame = pandas.DataFrame(pieces, columns=list(Piece._fields))
    try:
        with cluster.connect(address) as session:
            done = cluster.run(session, frame, partial(work_on, job), scorer, DONE)
    except (GluonAttnError, KeyboardInterrupt):
        raise
    except Exception as error:  # each engine has its own errors
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ClusterError(f"{cluster.name} could not finish ({type(error).__name__}: {reason:.300}); nothing was written. "
                           "Its log has the details. Every worker needs this package, the engine "
                           f"{scorer.model.engine!r} and the paths of source and output.") from error
    return [dict(row) for row in done.to_dict("records")]


def _run_here(job: Job, pieces: list[Piece], scorer: Scorer, on_rows: Callable[[int], None] | None) -> list[dict[str, Any]]:
    count = min(total_threads(), len(pieces))
    found = []
    with ExitStack() as stack:
        submit = stack.enter_context(processes(
            count, _open, job, scorer, cure="set OMP_NUM_THREADS=1: then there is one process")) if count > 1 else None
        each = in_order(submit, ((piece,) for piece in pieces), 2 * count) if submit else (
            score_piece(job, piece, scorer) for piece in pieces)
        for one in each:
            if one["error"]:
                raise DataError(one["error"])
            found.append(one)
            if on_rows:
                on_rows(int(one["rows"]))
    return found


def _open(job: Job, scorer: Scorer) -> Callable[[Piece], dict[str, Any]]:
    return lambda piece: score_piece(job, piece, scorer)


# ---- from parts to the output

def _check(found: list[dict[str, Any]], pieces: list[Piece], kind: str) -> list[dict[str, Any]]:
    """Return the results of all pieces, in order. Raises if a piece is missing, failed, or has different columns."""
    by_number = {int(row["number"]): row for row in found}
    for piece in pieces:
        row = by_number.get(piece.number)
        if row is None:
            raise ClusterError(f"piece {piece.number} of {piece.path} returned no result: nothing was written. Start again.")
        if row["error"]:
            raise DataError(str(row["error"]))
    done = [by_number[piece.number] for piece in pieces]
    columns = {row["columns"] for row in done if row["rows"]}
    if len(columns) > 1 and kind in (TSV, CSV, PARQUET):
        first, other = sorted(columns)[:2]
        raise DataError(f"rows have different columns ({', '.join(json.loads(first))}; {', '.join(json.loads(other))}): "
                        f"{kind} needs the same columns in every row. Write to .jsonl instead.")
    return done


def _join(job: Job, pieces: list[Piece], out: Path) -> None:
    parts = [job.part(piece.number) for piece in pieces]
    if format_of(out) == PARQUET:
        from ..data.parquet import join_parquet

        join_parquet(parts, out)
    else:
        _join_bytes(parts, out)


def _join_bytes(parts: list[Path], out: Path) -> None:
    """Concatenate files. This also works for compressed files: a reader continues after the end of a member."""
    with replacing_file(out, DataError) as write:
        for part in parts:
            with open(part, "rb") as file:
                while content := file.read(1 << 20):
                    write(content)


def _finish(job: Job, pieces: list[Piece], done: list[dict[str, Any]], out: Path, scorer: Scorer,
            counts: dict[str, int]) -> None:
    """Write the manifest and give the folder its name."""
    if job.weights:
        for piece in pieces:
            job.part(piece.number, "weights").unlink()
    parts = [{"file": job.part(piece.number).name, "rows": int(row["rows"]), "without_text": int(row["without_text"]),
              "source": piece.path, "first_row": piece.first} for piece, row in zip(pieces, done)]
    manifest = {"written_by": "gluonattn", **counts, "columns": scorer.columns, "model": json.loads(scorer.model.identity)
                if scorer.model.content else scorer.model.identity, "parts": parts}
    replace_file(Path(job.folder) / SUCCESS, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
    try:
        os.rename(job.folder, out)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror}. Give a new folder.") from None
