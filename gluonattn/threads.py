"""Matrix products on the calling thread, and work done ahead on other threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy  # noqa: F401, its BLAS must be loaded to be found
from threadpoolctl import ThreadpoolController


class _OneThread:
    """Keeps numpy's matrix products on the calling thread while any thread is in its block.

    These products are too small to share: on a busy machine, waiting for a
    second thread took thirty times as long as the work.
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
    """Yield ``function(*item)`` in order. At most `workers` calls run; others wait for them.

    Parameters
    ----------
    function : callable
    inputs : iterable of tuple
    workers : int
    pending : int or None
        Calls that run or wait, less one; None is as many as workers.
    """
    if workers < 2:
        yield from (function(*item) for item in inputs)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield from in_order(partial(pool.submit, function), inputs, pending or workers)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C nothing new begins


def in_order(submit: Callable[..., Future[Any]], inputs: Iterable[tuple[Any, ...]],
             max_pending: int) -> Iterator[Any]:
    """Yield the results of ``submit(*item)`` in order.

    Parameters
    ----------
    submit : callable
        Gives a future.
    inputs : iterable of tuple
    max_pending : int
        Calls under way; one more waits.
    """
    waiting: deque[Future[Any]] = deque()
    for item in inputs:
        waiting.append(submit(*item))
        if len(waiting) > max_pending:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
