"""The interface of an engine that distributes work. Each engine is a file ``NAME_cluster.py`` with a ``CLUSTER``."""

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
        The name in ``--on NAME://ADDRESS``, also the name of this package's extra.
    is_installed : callable
        Returns whether the engine can be imported here.
    holds : callable
        Returns whether a table belongs to this engine, given the name of the module of its type.
    map : callable
        ``map(table, work, scorer)`` returns a lazy table of the engine, with `work` done on each partition. Its columns are
        those of the table and `Scorer.columns`.
    connect : callable
        ``connect(address)`` is a context manager that yields a session. "" is the address that the environment names.
    run : callable
        ``run(session, frame, work, scorer, columns)`` does `work` on each row of a pandas table separately, on the workers,
        and returns the resulting rows, with these columns. If a worker is lost, another one does its work again.
    """

    name: str
    is_installed: Callable[[], bool]
    holds: Callable[[str], bool]
    map: Callable[[Any, Work, Scorer], Any]
    connect: Callable[[str], AbstractContextManager[Any]]
    run: Callable[[Any, pandas.DataFrame, Work, Scorer, Columns], pandas.DataFrame]
