"""Products of matrices on the calling thread."""

from __future__ import annotations

import threading

import numpy  # noqa: F401, its library must be there to be found
from threadpoolctl import ThreadpoolController


class _OneThread:
    """Matrix products of numpy on the calling thread while any thread is inside.

    These products are too small to share: on a busy machine, waiting for a
    second thread took thirty times as long as the work.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._blas = ThreadpoolController().select(user_api="blas")

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit = self._blas.limit(limits=1)
            self._inside += 1

    def __exit__(self, *_) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()


ONE_THREAD = _OneThread()
