"""Gradients in memory that several processes share, and their sum.

A process's memory begins with int64 numbers: whether there are gradients, then how many rows each has. The gradients
follow, each with its row numbers (int64, row_sparse only) and its values.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import GluonAttnError
from ..runtime import memory_of


class SharedMemory:
    """A file in memory that grows as needed."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor
        self._map: mmap.mmap | None = None

    def map_at_least(self, size: int) -> mmap.mmap:
        """Return a mapping of at least `size` bytes."""
        if self._map is None or len(self._map) < size:
            if os.fstat(self.descriptor).st_size < size:
                try:
                    # This reports a lack of memory. With ftruncate, a later write would kill the process.
                    os.posix_fallocate(self.descriptor, 0, size + size // 2)
                except OSError as error:
                    raise GluonAttnError(
                        f"{size:,} bytes of shared memory for gradients are not available ({error.strerror}): "
                        "free some memory, or use fewer --workers."
                    ) from None
            self._map = mmap.mmap(self.descriptor, 0)
        return self._map

    def close(self) -> None:
        self._map = None  # unmapped when no array uses it any more
        os.close(self.descriptor)


def open_memory() -> int:
    """Open a file without a name and return its descriptor. The file disappears when the processes end."""
    try:
        return os.memfd_create("gluonattn")
    except (AttributeError, OSError):  # a Python built for an older Linux
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())


def write_gradients(memory: SharedMemory, gradients: Sequence[Any] | None) -> None:
    """Write this process's gradients.

    Parameters
    ----------
    memory : SharedMemory
    gradients : sequence of mxnet.nd.NDArray, or None
        None if this process's part of the batch was empty.
    """
    if gradients is None:
        memory.map_at_least(8)[:8] = np.int64(0).tobytes()
        return
    arrays: list[NDArray[Any]] = []
    counts = [1]
    for gradient in gradients:
        if gradient.stype == "row_sparse":
            arrays += [gradient.indices.asnumpy(), gradient.data.asnumpy()]
            counts.append(len(arrays[-1]))
        else:
            arrays.append(values_of(gradient))
            counts.append(gradient.shape[0])
    arrays.insert(0, np.array(counts, dtype="int64"))
    place = 0
    buffer = memory.map_at_least(sum(_aligned(array.nbytes) for array in arrays))
    for array in arrays:
        np.frombuffer(buffer, array.dtype, array.size, place)[:] = array.ravel()
        place += _aligned(array.nbytes)


def read_gradients(memory: SharedMemory, gradients: Sequence[Any]) -> list[Any] | None:
    """Return a process's gradients, as views of its memory. None if its part of the batch was empty.

    Parameters
    ----------
    memory : SharedMemory
    gradients : sequence of mxnet.nd.NDArray
        Gradients of the calling process. They have the same types and widths.
    """
    place = 0

    def take(dtype: DTypeLike, *shape: int) -> NDArray[Any]:
        nonlocal place
        count = int(np.prod(shape))
        size = count * np.dtype(dtype).itemsize
        place += _aligned(size)
        buffer = memory.map_at_least(place)
        return np.frombuffer(buffer, dtype, count, place - _aligned(size)).reshape(shape)

    if not np.frombuffer(memory.map_at_least(8), "int64", 1)[0]:
        return None
    counts = take("int64", 1 + len(gradients))[1:].tolist()
    found: list[Any] = []
    for gradient, count in zip(gradients, counts):
        shape = (count, *gradient.shape[1:])
        if gradient.stype == "row_sparse":
            found.append((take("int64", count), take(gradient.dtype, *shape)))
        else:
            found.append(take(gradient.dtype, *shape))
    return found


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


def values_of(gradient: Any) -> NDArray[Any]:
    """A dense gradient's values: a view of its memory on the CPU, a copy from a GPU."""
    result: NDArray[Any] = memory_of(gradient) if gradient.context.device_type == "cpu" else gradient.asnumpy()
    return result


def set_sum(gradient: Any, parts: Sequence[NDArray[Any]]) -> None:
    """Write the sum of dense gradients into one. This bypasses MXNet's queue, which would double the time.

    Parameters
    ----------
    gradient : mxnet.nd.NDArray
    parts : sequence of numpy.ndarray
    """
    on_cpu = gradient.context.device_type == "cpu"
    result = memory_of(gradient) if on_cpu else np.empty_like(parts[0])
    result[...] = parts[0]
    for part in parts[1:]:
        result += part
    if not on_cpu:
        gradient[:] = result


def set_rows(gradient: Any, rows: NDArray[Any], values: NDArray[Any]) -> None:
    """Write rows into a row-sparse gradient.

    Parameters
    ----------
    gradient : mxnet.nd.NDArray, row_sparse
    rows : numpy.ndarray, int64, shape (n,)
    values : numpy.ndarray, shape (n, width)
    """
    from ..runtime import mx

    fresh = mx.nd.sparse.row_sparse_array((values, rows), shape=gradient.shape, dtype=gradient.dtype)
    fresh.copyto(gradient)


def add_rows(parts: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sum row-sparse matrices in order.

    Parameters
    ----------
    parts : sequence of (rows, values)
        Row numbers, sorted and unique, and the values of these rows (rows, width).

    Returns
    -------
    rows, values
    """
    rows = np.concatenate([rows for rows, _ in parts])
    rows.sort(kind="stable")  # merges parts that are already sorted
    rows = rows[np.diff(rows, prepend=-1) > 0]
    values = np.zeros((len(rows), parts[0][1].shape[1]), dtype=parts[0][1].dtype)
    for part_rows, part_values in parts:
        values[np.searchsorted(rows, part_rows)] += part_values
    return rows, values
