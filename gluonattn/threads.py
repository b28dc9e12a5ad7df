"""Keep matrix products on the calling thread, and do work ahead on other threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy  # noqa: F401, threadpoolctl only finds a BLAS that is loaded
from threadpoolctl import ThreadpoolController


class _OneThread:
    """Keep numpy's matrix products on the calling thread while any thread is in its block.

    These products are too small to divide. On a busy machine, waiting for a
    second thread took thirty times as long as the work itself.
    """

    def __init__(self) -> None:
        self._lock, self._depth = threading.Lock(), 0
        self._blas = ThreadpoolController().select(user_api="blas")

    def __enter__(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._limit = self._blas.limit(limits=1)
            self._depth += 1

    def __exit__(self, *_: Any) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._limit.restore_original_limits()


ONE_THREAD = _OneThread()


def ahead(function: Callable[..., Any], inputs: Iterable[tuple[Any, ...]], workers: int,
          pending: int | None = None) -> Iterator[Any]:
    """Yield ``function(*item)`` in order. At most `workers` calls run at a time, on other threads.

    Parameters
    ----------
    function : callable
    inputs : iterable of tuple
    workers : int
        Number of threads.
    pending : int or None
        Number of calls that run or wait, less one. None is the same as `workers`.
    """
    if workers < 2:
        yield from (function(*item) for item in inputs)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield from in_order(partial(pool.submit, function), inputs, pending or workers)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C no new call begins


def in_order(submit: Callable[..., Future[Any]], inputs: Iterable[tuple[Any, ...]],
             max_pending: int) -> Iterator[Any]:
    """Yield the results of ``submit(*item)`` in order.

    Parameters
    ----------
    submit : callable
        Starts a call and returns its future.
    inputs : iterable of tuple
    max_pending : int
        Number of calls that may be pending when the next one is submitted.
    """
    waiting: deque[Future[Any]] = deque()
    for item in inputs:
        waiting.append(submit(*item))
        if len(waiting) > max_pending:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
