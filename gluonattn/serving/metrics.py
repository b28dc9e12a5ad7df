"""Metrics for Prometheus."""

from __future__ import annotations

import os
from typing import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counters of one server. They have their own registry, so that one process can have several servers.

    With several serving processes (PROMETHEUS_MULTIPROC_DIR is set when they start), `page` has the sums over all of them.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        self._requests = Counter("gluonattn_requests", "Requests answered.", ["route", "status"], registry=self._registry)
        self._seconds = Histogram("gluonattn_request_seconds", "Seconds from a request's headers to its answer.", ["route"],
                                  buckets=_SECONDS, registry=self._registry)
        self._batches = Histogram("gluonattn_batch_texts", "Texts computed together.", ["model"],
                                  buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256), registry=self._registry)
        self._waiting = Gauge("gluonattn_waiting_texts", "Texts that are waiting or being computed.", ["model"],
                              registry=self._registry, multiprocess_mode="livesum")
        self._found: dict[tuple[str, int], tuple[Counter, Histogram]] = {}  # by route and status

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one request.

        Parameters
        ----------
        route : str
            Name of the route. Never text that a client sent.
        status : int
            HTTP status of the answer.
        seconds : float
            Time from the request's headers to its answer.
        """
        key = route, status
        if key not in self._found:
            self._found[key] = self._requests.labels(route, str(status)), self._seconds.labels(route)
        count, histogram = self._found[key]
        count.inc()
        histogram.observe(seconds)

    def watch(self, model: str, waiting: Callable[[], int]) -> Callable[[int], None]:
        """Return a function that records the sizes of a model's batches.

        Parameters
        ----------
        model : str
            Name of the model.
        waiting : callable
            Returns the number of waiting texts.
        """
        gauge = self._waiting.labels(model)
        observe: Callable[[int], None] = self._batches.labels(model).observe
        if not self._shared:
            gauge.set_function(waiting)
            return observe

        def note(count: int) -> None:
            observe(count)
            gauge.set(waiting())  # another process may report this gauge, and cannot call this function

        return note

    def page(self) -> bytes:
        """The metrics in the text format of Prometheus."""
        registry = self._registry
        if self._shared:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        text: bytes = generate_latest(registry)
        return text
