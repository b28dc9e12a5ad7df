"""Memory of the process, and of an MXNet array as numpy sees it."""

from __future__ import annotations

import ctypes
import importlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # this room is loaded where numpy may be missing
    from numpy.typing import NDArray


def keep_freed_memory() -> bool:
    """Let the C library keep large freed blocks for the next batch instead of giving them back.

    Batches of differing length free and ask for tens of megabytes each time,
    and a block fresh from the system is zeroed page by page: a sixth of the
    training time (docs/performance.md). The process holds its peak memory
    until it ends, so this is for training, not for a long-lived server.
    Threads that start later share one store, because glibc would give back what stores of their own have free.

    Returns
    -------
    bool
        False where the C library is not glibc; nothing changes then.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    trim_threshold, most_mapped, most_arenas = -1, -4, -8  # M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX in malloc.h
    return all([set_option(trim_threshold, 2**31 - 1), set_option(most_mapped, 0), set_option(most_arenas, 1)])


def give_back_memory() -> None:
    """Let the C library (glibc) give back what is free, also between used blocks; `keep_freed_memory` stays in force."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def memory_of(array: Any, wait: bool = True) -> NDArray[Any]:
    """The memory of a dense MXNet array on the CPU as a numpy array, without a copy: writes change the MXNet array.

    Parameters
    ----------
    array : mxnet.nd.NDArray
        Kept alive by the caller as long as the result is used.
    wait : bool, default True
        Until every operator that writes or reads it is done. A custom operator
        must not wait for its own arrays: one that is queued behind it may be among those.
    """
    import numpy as np

    base = importlib.import_module("mxnet.base")
    if wait:  # MXNDArrayGetData does not
        base.check_call(base._LIB.MXNDArrayWaitToWrite(array.handle))
    address, kind = ctypes.c_void_p(), np.dtype(array.dtype)
    base.check_call(base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    content = (ctypes.c_byte * (array.size * kind.itemsize)).from_address(address.value or 0)
    return np.frombuffer(content, kind).reshape(array.shape)
