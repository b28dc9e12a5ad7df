"""Ray Data: `Dataset.map_batches` with a pool of actors; the model travels through the object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from .cluster import Cluster, Columns, Work
from .partition import Scorer


class _Actor:
    """A process that scores one table after another."""

    def __init__(self, work: Work, scorer: Scorer):
        self._work, self._scorer = work, scorer

    def __call__(self, frame: Any) -> Any:
        return self._work(frame, self._scorer)


def _map(table: Any, work: Work, scorer: Scorer, batch_size: int | None = None) -> Any:
    import ray
    from ray.data import ActorPoolStrategy

    actors = max(1, int(ray.cluster_resources().get("CPU", 1)))
    return table.map_batches(_Actor, fn_constructor_args=(work, _share(scorer)), batch_format="pandas",
                             batch_size=batch_size, compute=ActorPoolStrategy(min_size=1, max_size=actors), num_cpus=1)


def _share(scorer: Scorer) -> Scorer:
    import ray

    def put(checkpoint: Any) -> Any:
        sent = ray.put(checkpoint)
        return lambda: ray.get(sent)

    return scorer.shared(put)


@contextmanager
def _connect(address: str) -> Iterator[Any]:
    import ray

    ours = not ray.is_initialized()
    if ours:  # Ray Client, for drivers outside the cluster, listens on port 10001
        ray.init(f"ray://{address}" if address.endswith(":10001") else address or "auto", log_to_driver=False)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _run(session: Any, frame: Any, work: Work, scorer: Scorer, columns: Columns) -> Any:
    session.data.DataContext.get_current().enable_progress_bars = False  # the bars would fill a log
    rows = session.data.from_pandas([frame.iloc[[i]] for i in range(len(frame))])
    return _map(rows, work, scorer, batch_size=1).to_pandas()[list(columns)]


CLUSTER = Cluster("ray", lambda: find_spec("ray") is not None, lambda module: module.startswith("ray.data."),
                  _map, _connect, _run)
