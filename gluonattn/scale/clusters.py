"""Find the engine that a table or an address belongs to."""

from __future__ import annotations

import socket
from typing import Any

from ..errors import ClusterError, DataError, DependencyError, OptionError
from ..finding import find_entries
from .cluster import Cluster
from .partition import Scorer, score_partition

_SECONDS = 5  # that a host has to answer

CLUSTERS: dict[str, Cluster] = {one.name: one for one in find_entries(__file__, __package__, "cluster")}


def find_cluster(address: str) -> tuple[Cluster, str]:
    """Find the engine of an address such as "spark://host:7077". Return it and the part after "://".

    Raises
    ------
    OptionError
        If no engine has the address's name, or a place is not HOST:PORT.
    DependencyError
        If the engine is not installed.
    ClusterError
        If nothing listens at the address.
    """
    name, _, place = address.partition("://")
    if name not in CLUSTERS:
        raise OptionError(f"{address!r} is not a cluster: expected "
                          f"{', '.join(f'{one}://HOST:PORT' for one in CLUSTERS)}, or "
                          f"{', '.join(CLUSTERS)} alone for the one that the environment names.")
    cluster = CLUSTERS[name]
    if not cluster.is_installed():
        raise DependencyError(f'{name} is not installed: run pip install "gluonattn[{name}]" here and on every worker.')
    if place:
        _require_listener(address, place)
    return cluster, place


def _require_listener(address: str, place: str) -> None:
    """Raise ClusterError unless one of the hosts answers. The engines themselves keep trying for minutes."""
    reasons = []
    for one in place.split(","):
        host, _, port = one.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise OptionError(f"{address!r}: expected HOST:PORT after ://, got {one!r}.")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
            return
        except OSError as error:
            reasons.append(f"{one}: {error.strerror or error}")
    raise ClusterError(f"no cluster answers at {address} ({'; '.join(reasons)}). Start it, or check the address and the "
                       "network between; nothing was computed or written.")


def score_table(table: Any, scorer: Scorer) -> Any:
    """Add columns to a table of Spark, Ray Data, Dask or pandas. The table's engine computes them lazily.

    Parameters
    ----------
    table : pyspark.sql.DataFrame, ray.data.Dataset, dask.dataframe.DataFrame or pandas.DataFrame
    scorer : Scorer

    Returns
    -------
    As `table`
        The same rows, in order within each partition. The columns of `Scorer.columns` follow the table's own.

    Raises
    ------
    DataError
        If the table has another type.
    """
    module = type(table).__module__
    if module.partition(".")[0] == "pandas":
        return score_partition(table, scorer)
    for cluster in CLUSTERS.values():
        if cluster.holds(module):
            return cluster.map(table, score_partition, scorer)
    raise DataError(f"expected a table of pandas, {', '.join(CLUSTERS)}; got {module}.{type(table).__name__}.")
