"""The interface of an engine that shares work among machines. An engine is a file ``NAME_cluster.py`` with a ``CLUSTER``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .partition import Scorer

if TYPE_CHECKING:
    import pandas

Work = Callable[["pandas.DataFrame", Scorer], "pandas.DataFrame"]  # on one partition, in a worker
Columns = dict[str, str]  # "string" or "double" by a column's name


@dataclass(frozen=True)
class Cluster:
    """An engine: how its tables are mapped, and how its cluster is reached.

    Attributes
    ----------
    name : str
        In ``--on NAME://ADDRESS``, and of the package's extra.
    is_installed : callable
        Whether it can be imported here.
    holds : callable
        Whether a table is of this engine, by the name of its type's module.
    map : callable
        ``map(table, work, scorer)`` gives the engine's own table with `work` done on each partition, lazily: its columns are
        those of the table and `Scorer.columns`.
    connect : callable
        ``connect(address)`` with "" for what the environment says: a context manager that gives a session.
    run : callable
        ``run(session, frame, work, scorer, columns)`` does `work` on each row of a pandas table by itself, on the workers,
        and gives the rows that come back, of these columns. The work of a lost worker is done again by another.
    """

    name: str
    is_installed: Callable[[], bool]
    holds: Callable[[str], bool]
    map: Callable[[Any, Work, Scorer], Any]
    connect: Callable[[str], AbstractContextManager[Any]]
    run: Callable[[Any, pandas.DataFrame, Work, Scorer, Columns], pandas.DataFrame]
