"""Several processes at one address. Each has its own models, and the kernel distributes the connections."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from socket import socket
from typing import Any

from .server import Options, listen, rules_of, run, url_of

_LOOK = 0.2  # seconds between two checks of the processes
_AGAIN = 1.0  # seconds before a process that ended unexpectedly is replaced
_SPAWN = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads have


@dataclass
class _Worker:
    process: BaseProcess
    ready: Event
    said: bool = False  # whether it has reported that it is ready


def serve_with_workers(options: Options, workers: int, say: Callable[[str], None]) -> None:
    """Serve with several processes until SIGTERM or Ctrl-C. Requests accepted by then are answered.

    SIGHUP makes every process reload the models. A process that ends unexpectedly is replaced.

    Parameters
    ----------
    options : Options
    workers : int
        Number of processes.
    say : callable
        Called with one line that contains the address, when every process answers.
    """
    rules_of(options)  # raises here what every process would raise
    with listen(options.host, options.port) as listening, tempfile.TemporaryDirectory(prefix="gluonattn-") as counted:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = counted  # read by prometheus_client in each process
        try:
            _Workers(options, listening).run(workers, say)
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]


class _Workers:
    def __init__(self, options: Options, listening: socket):
        self._options, self._listening = options, listening
        self._workers: list[_Worker] = []
        self._ending = False

    def run(self, count: int, say: Callable[[str], None]) -> None:
        handlers = {one: signal.signal(one, self._end) for one in (signal.SIGINT, signal.SIGTERM)}
        if hasattr(signal, "SIGHUP"):
            handlers[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._pass_on)
        try:
            self._workers = [self._start() for _ in range(count)]
            self._watch(say)
        finally:
            self._stop()
            for one, handler in handlers.items():
                signal.signal(one, handler)

    def _watch(self, say: Callable[[str], None]) -> None:
        told = False
        while not self._ending:
            for i, worker in enumerate(self._workers):
                worker.said = worker.said or worker.ready.is_set()
                if worker.process.is_alive() or self._ending:
                    continue
                if not worker.said:  # a new one would fail too; the reason is on standard error
                    sys.exit(worker.process.exitcode or 1)
                print(f"a process ended with code {worker.process.exitcode} and will be replaced", file=sys.stderr,
                      flush=True)
                _forget(worker.process.pid)
                time.sleep(_AGAIN)
                self._workers[i] = self._start()
            if not told and all(worker.said for worker in self._workers):
                told = True
                say(f"{len(self._workers)} processes: {url_of(self._listening)}")
            time.sleep(_LOOK)

    def _start(self) -> _Worker:
        ready = _SPAWN.Event()
        process = _SPAWN.Process(target=_work, args=(self._options, self._listening, ready), name="gluonattn-serve")
        process.start()
        return _Worker(process, ready)

    def _stop(self) -> None:
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.terminate()  # SIGTERM: the process first answers accepted requests
        for worker in self._workers:
            worker.process.join()

    def _end(self, number: int, frame: Any) -> None:
        self._ending = True

    def _pass_on(self, number: int, frame: Any) -> None:
        for worker in self._workers:
            if worker.said and worker.process.is_alive() and worker.process.pid:
                os.kill(worker.process.pid, number)


def _work(options: Options, listening: socket, ready: Event) -> None:
    """Main function of one process."""
    from ..errors import GluonAttnError

    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    listening.setblocking(False)
    try:
        run(options, listening, lambda _: ready.set())
    except GluonAttnError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


def _end_with(parent: Any) -> None:
    """End this process when its parent has gone, for any reason."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _forget(pid: int | None) -> None:
    """Remove the gauges of a dead process."""
    for left in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob(f"gauge_live*_{pid}.db"):
        left.unlink()
