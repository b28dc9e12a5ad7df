"""Spark: `DataFrame.mapInPandas`; the model travels as a broadcast."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from .cluster import Cluster, Columns, Work
from .partition import Scorer


def _map(table: Any, work: Work, scorer: Scorer) -> Any:
    from pyspark.sql import types

    kinds = {"string": types.StringType(), "double": types.DoubleType()}
    schema = types.StructType([*table.schema.fields, *(types.StructField(name, kinds[kind])
                                                       for name, kind in scorer.columns.items())])
    shared = _share(table.sparkSession, scorer)
    return table.mapInPandas(lambda frames: (work(frame, shared) for frame in frames), schema)


def _share(session: Any, scorer: Scorer) -> Scorer:
    """Broadcast the model. Spark Connect has no broadcasts, so there the model is sent with the function."""
    context = getattr(session, "sparkContext", None) if "connect" not in type(session).__module__ else None
    if context is None:
        return scorer

    def put(checkpoint: Any) -> Any:
        sent = context.broadcast(checkpoint)
        return lambda: sent.value

    return scorer.shared(put)


@contextmanager
def _connect(address: str) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # by default Spark takes any python3
    builder = SparkSession.builder.appName("gluonattn")
    active = SparkSession.getActiveSession()  # a notebook's session is not ours to stop
    session = (builder.master(f"spark://{address}") if address else builder).getOrCreate()
    try:
        yield session
    finally:
        if active is None:
            session.stop()


def _run(session: Any, frame: Any, work: Work, scorer: Scorer, columns: Columns) -> Any:
    shared = _share(session, scorer)

    def each(numbers: Iterator[Any]) -> Iterator[Any]:
        for part in numbers:
            for number in part["id"]:
                yield work(frame.iloc[[number]], shared)

    schema = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return session.range(0, len(frame), 1, len(frame)).mapInPandas(each, schema).toPandas()


CLUSTER = Cluster("spark", lambda: find_spec("pyspark") is not None, lambda module: module.startswith("pyspark."),
                  _map, _connect, _run)
