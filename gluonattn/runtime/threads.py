"""The cores that this process may use, and the threads with which MXNet computes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAIVE = "NaiveEngine"
_process_threads: int | None = None  # threads of this process, if several processes share the cores
_synchronous = False


def cores() -> int:
    """CPU cores that this process may use, including affinity and container quota."""
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        available = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            available = min(available, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return available


def asked_threads() -> int | None:
    """The value of OMP_NUM_THREADS, if it is a number."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and int(wanted) else None


def total_threads() -> int:
    """Number of threads for all processes of a run together: OMP_NUM_THREADS, or one for each core."""
    return asked_threads() or cores()


def limit_threads(threads: int, synchronous: bool = False) -> None:
    """Limit the threads with which MXNet computes in this process. It has no effect after MXNet is loaded.

    Parameters
    ----------
    threads : int
        At least 1.
    synchronous : bool, default False
        Compute each operator on the calling thread (MXNet's NaiveEngine), which is
        faster if the process has one core to itself. This lasts as long as the process.
    """
    global _process_threads, _synchronous
    _process_threads, _synchronous = threads, synchronous


def restore_engine_type() -> None:
    """Remove the variable that `limit_threads` put into the environment.

    Call this after the first operator that is written in Python.
    """
    if _synchronous and os.environ.get("MXNET_ENGINE_TYPE") == _NAIVE:
        del os.environ["MXNET_ENGINE_TYPE"]


def choose_threads() -> None:
    """Use one OpenMP thread per core. Waiting threads spin briefly, then sleep.

    By default MXNet uses half of the cores. Threads that never spin lose a fifth
    of the speed on an idle machine. Threads that spin for long lose two thirds
    beside one busy process (docs/performance.md).
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(cores()))
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "500")


@contextmanager
def threads_while_loading() -> Iterator[bool]:
    """Set the environment variables that MXNet reads while it loads. OMP_NUM_THREADS is restored afterwards.

    Yields
    ------
    bool
        Whether the engine must be started within the block. The environment names the one that `limit_threads` chose,
        until `restore_engine_type` is called.
    """
    choose_threads()
    total = os.environ["OMP_NUM_THREADS"]
    try:
        if _process_threads is not None:
            os.environ["OMP_NUM_THREADS"] = str(_process_threads)
        start_engine = _synchronous and "MXNET_ENGINE_TYPE" not in os.environ
        if start_engine:
            os.environ["MXNET_ENGINE_TYPE"] = _NAIVE
        yield start_engine
    finally:
        os.environ["OMP_NUM_THREADS"] = total
