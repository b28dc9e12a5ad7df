"""Dask: `DataFrame.map_partitions`; a plugin sends the model to every worker, including workers that join later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from .cluster import Cluster, Columns, Work
from .partition import Scorer

_HELD: dict[str, Any] = {}  # the checkpoints in this process, by the identity of their models


@dataclass(frozen=True)
class _Held:
    """A function that returns the checkpoint in the calling process."""

    identity: str

    def __call__(self) -> Any:
        return _HELD[self.identity]


def _plugin(identity: str, checkpoint: Any) -> Any:
    from distributed import WorkerPlugin

    class Bring(WorkerPlugin):
        name = f"gluonattn {identity}"

        def setup(self, worker: Any) -> None:
            from gluonattn.scale import dask_cluster

            dask_cluster._HELD[identity] = checkpoint

    return Bring()


def _share(scorer: Scorer) -> Scorer:
    from distributed import get_client

    identity = scorer.model.identity

    def put(checkpoint: Any) -> Any:
        _HELD[identity] = checkpoint  # for Dask's threads in this process
        try:
            client = get_client()
        except ValueError:  # there are no other processes
            return _Held(identity)
        client.register_plugin(_plugin(identity, checkpoint))
        return _Held(identity)

    return scorer.shared(put)


def _map(table: Any, work: Work, scorer: Scorer) -> Any:
    kinds = {"string": "object", "double": "float64"}
    empty = table._meta.assign(**{name: table._meta.index.to_series().astype(kinds[kind])
                                  for name, kind in scorer.columns.items()})
    return table.map_partitions(work, _share(scorer), meta=empty, enforce_metadata=False)


@contextmanager
def _connect(address: str) -> Iterator[Any]:
    from distributed import Client

    with Client(f"tcp://{address}" if address else None, set_as_default=True) as client:
        yield client


def _run(session: Any, frame: Any, work: Work, scorer: Scorer, columns: Columns) -> Any:
    import dask.dataframe
    import pandas

    kinds = {"string": "object", "double": "float64"}
    empty = pandas.DataFrame({name: pandas.Series(dtype=kinds[kind]) for name, kind in columns.items()})
    rows = dask.dataframe.from_pandas(frame, chunksize=1)
    return rows.map_partitions(work, _share(scorer), meta=empty, enforce_metadata=False).compute()


CLUSTER = Cluster("dask", lambda: find_spec("distributed") is not None, lambda module: module.startswith("dask."),
                  _map, _connect, _run)
