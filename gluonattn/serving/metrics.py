"""What is counted for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counters of one server; a registry of their own, so that several live in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("gluonattn_requests", "Requests answered.", ["route", "status"], registry=self._registry)
        self._seconds = Histogram("gluonattn_request_seconds", "From a request's headers to its answer.", ["route"],
                                  buckets=_SECONDS, registry=self._registry)
        self._batches = Histogram("gluonattn_batch_texts", "Texts computed together.", ["model"],
                                  buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256), registry=self._registry)
        self._waiting = Gauge("gluonattn_waiting_texts", "Texts that wait or are computed.", ["model"],
                              registry=self._registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one request.

        Parameters
        ----------
        route : str
            The address's name, never what a client wrote.
        status : int
        seconds : float
        """
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def watch(self, model: str, waiting):
        """Where the sizes of a model's batches are told.

        Parameters
        ----------
        model : str
        waiting : callable
            Gives the number of texts that wait.
        """
        self._waiting.labels(model).set_function(waiting)
        return self._batches.labels(model).observe

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)
