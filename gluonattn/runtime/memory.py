"""Memory of the process, and of an MXNet array as numpy sees it."""

from __future__ import annotations

import ctypes
import importlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # this package is also loaded without numpy
    from numpy.typing import NDArray


def keep_freed_memory() -> bool:
    """Let the C library keep large freed blocks for the next batch instead of returning them to the system.

    Batches of different lengths free and allocate tens of megabytes each time,
    and a new block from the system is zeroed page by page. This takes a sixth of
    the training time (docs/performance.md). The process keeps its peak memory
    until it ends, so this is for training, not for a long-lived server.
    Threads that start later share one arena, because glibc would return the free memory of separate arenas.

    Returns
    -------
    bool
        False if the C library is not glibc. Then nothing changes.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    trim_threshold, most_mapped, most_arenas = -1, -4, -8  # M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX in malloc.h
    return all([set_option(trim_threshold, 2**31 - 1), set_option(most_mapped, 0), set_option(most_arenas, 1)])


def give_back_memory() -> None:
    """Let the C library (glibc) return free memory, also between used blocks. `keep_freed_memory` stays in force."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def memory_of(array: Any, wait: bool = True) -> NDArray[Any]:
    """View the memory of a dense MXNet array on the CPU as a numpy array, without a copy. Writes change the MXNet array.

    Parameters
    ----------
    array : mxnet.nd.NDArray
        The caller must keep it alive as long as the result is used.
    wait : bool, default True
        Whether to wait until every operator that writes or reads it is done. A custom operator
        must not wait for its own arrays, because an operator queued after it may use them.
    """
    import numpy as np

    base = importlib.import_module("mxnet.base")
    if wait:  # MXNDArrayGetData does not wait
        base.check_call(base._LIB.MXNDArrayWaitToWrite(array.handle))
    address, kind = ctypes.c_void_p(), np.dtype(array.dtype)
    base.check_call(base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    content = (ctypes.c_byte * (array.size * kind.itemsize)).from_address(address.value or 0)
    return np.frombuffer(content, kind).reshape(array.shape)
