"""Training in several processes: each takes its share of every batch, all apply the summed gradient.

MXNet's threads share the small operators of one step badly, and its engine
runs one RNN operator at a time; processes of one thread each share nothing but
the gradients (docs/performance.md). All of them run the same loop in step, from
the same parameters, so parameters stay equal and never travel.

Messages and waiting go through one pipe a process: whoever waits sleeps, and a
process that is gone is noticed at once. Gradients go through shared memory
without a name, which the system frees with the last process, however that ended.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Callable

import numpy as np

from ..errors import GluonAttnError
from ..runtime import memory_of
from ..text.parallel import child_environment


class Group:
    """The processes of a run, as one of them sees them. This one is alone: nothing to do.

    Attributes
    ----------
    rank : int
        0 is the process that was asked to train; it alone runs callbacks.
    size : int
    """

    rank, size = 0, 1

    def share(self, positions: Sequence[int], length: Callable[[int], int]) -> Sequence[int]:
        """This process's part of a batch; the parts have lengths, and so costs, alike."""
        if self.size == 1:
            return positions
        return sorted(positions, key=length)[self.rank :: self.size]

    def agree(self, value):
        """The value of rank 0, in every process."""
        return value

    def total(self, values: Sequence[float]) -> list[float]:
        """Sums over all processes, the same in each; none gets them before all have asked."""
        return list(values)

    def add_gradients(self, gradients: Sequence, values: Sequence[float], present: bool) -> list[float]:
        """Replace gradients by their sum over all processes, always added in the order of ranks.

        Parameters
        ----------
        gradients : sequence of mxnet.nd.NDArray, dense or row_sparse
        values : sequence of float
            Summed as by `total`.
        present : bool
            False where the share was empty; what `gradients` hold does not count then.
        """
        return self.total(values)

    def close(self) -> None:
        """End the other processes."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class Gone(Exception):
    """Rank 0 is no longer there."""


class _Member(Group):
    """A process among several: gradients through shared memory.

    Parameters
    ----------
    rank, size : int
    descriptors : sequence of int
        Two files in memory for each rank. A step writes to one of them while a
        slower process may still read the other, of the step before.
    """

    def __init__(self, rank: int, size: int, descriptors: Sequence[int]):
        self.rank, self.size = rank, size
        self._memories = [_Memory(descriptor) for descriptor in descriptors]
        self._turn = 0

    def add_gradients(self, gradients, values, present):
        memories = self._memories[self._turn :: 2]
        self._turn = 1 - self._turn
        _write(memories[self.rank], gradients if present else None)
        sums = self.total(values)  # no answer before all have written
        parts = [part for part in (_read(memory, gradients) for memory in memories) if part]
        for gradient, pieces in zip(gradients, zip(*parts)):
            if gradient.stype == "row_sparse":
                _set_rows(gradient, *add_rows(pieces))
            else:
                _set_sum(gradient, pieces)
        return sums


class Leader(_Member):
    """Rank 0: starts the others and ends them.

    Parameters
    ----------
    size : int
        Processes in all.
    threads : int
        Threads each of the others computes with.

    Raises
    ------
    GluonAttnError
        Here or later, when one of the others has ended by itself.
    """

    def __init__(self, size: int, threads: int):
        self._links: list[Connection] = []
        self._processes: list[subprocess.Popen] = []
        self._said: list[Any] = []
        super().__init__(0, size, [_memory_file() for _ in range(2 * size)])
        try:
            for rank in range(1, size):
                self._start(rank, threads)
        except BaseException:
            self.close()
            raise

    def _start(self, rank: int, threads: int) -> None:
        """Start a process of our own; not by multiprocessing, which runs the user's script again."""
        here, there = Pipe()
        self._links.append(here)
        descriptors = [there.fileno(), *(memory.descriptor for memory in self._memories)]
        self._said.append(os.fdopen(_memory_file(), "w+b"))
        with there:
            self._processes.append(subprocess.Popen(
                [sys.executable, "-m", "gluonattn.training.worker", str(rank), *map(str, descriptors)],
                env={**child_environment(), "OMP_NUM_THREADS": str(threads)}, pass_fds=descriptors,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._said[-1],
                start_new_session=True,  # Ctrl-C is for this process, which ends the others
            ))

    def send(self, message) -> None:
        """Send to every other process."""
        for number, link in enumerate(self._links):
            try:
                link.send(message)
            except OSError:
                raise self._ended(number) from None

    def agree(self, value):
        self.send(value)
        return value

    def total(self, values):
        rows = [values]
        for number, link in enumerate(self._links):
            try:
                rows.append(link.recv())
            except (EOFError, OSError):
                raise self._ended(number) from None
        return self.agree([float(sum(column)) for column in zip(*rows)])

    def close(self):
        for process in self._processes:  # they keep nothing that a kill could harm
            process.kill()
            process.wait()
        for thing in (*self._links, *self._said, *self._memories):
            thing.close()
        self._links, self._processes, self._said, self._memories = [], [], [], []

    def _ended(self, number: int) -> GluonAttnError:
        try:
            code = self._processes[number].wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = 0
        self._said[number].seek(0)
        said = self._said[number].read().decode("utf-8", "replace").strip().splitlines()
        why = f"by signal {-code}" if code < 0 else said[-1] if said else f"with status {code}"
        return GluonAttnError(
            f"training process {number + 1} of {self.size - 1} ended early ({why}). Run the same command "
            "with --resume to go on from the last resume file; if memory ran out, use fewer --workers."
        )


class Follower(_Member):
    """Any other rank.

    Raises
    ------
    Gone
        When rank 0 has ended.
    """

    def __init__(self, rank: int, link: Connection, descriptors: Sequence[int]):
        super().__init__(rank, len(descriptors) // 2, descriptors)
        self._link = link

    def receive(self):
        """What rank 0 sends next."""
        try:
            return self._link.recv()
        except (EOFError, ConnectionError):
            raise Gone from None

    def agree(self, value):
        return self.receive()

    def total(self, values):
        try:
            self._link.send(list(values))
        except ConnectionError:
            raise Gone from None
        return self.receive()


def add_rows(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Sum row-sparse matrices in order.

    Parameters
    ----------
    parts : sequence of (rows, values)
        Row numbers, each once and rising, and the values of those rows (rows, width).

    Returns
    -------
    rows, values
    """
    rows = np.concatenate([rows for rows, _ in parts])
    rows.sort(kind="stable")  # merges runs that are sorted already
    rows = rows[np.diff(rows, prepend=-1) > 0]
    values = np.zeros((len(rows), parts[0][1].shape[1]), dtype=parts[0][1].dtype)
    for part_rows, part_values in parts:
        values[np.searchsorted(rows, part_rows)] += part_values
    return rows, values


class _Memory:
    """A file in memory that grows by need."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor
        self._map: mmap.mmap | None = None

    def at_least(self, size: int) -> mmap.mmap:
        """The mapping, of `size` bytes or more."""
        if self._map is None or len(self._map) < size:
            if os.fstat(self.descriptor).st_size < size:
                try:
                    # Where memory is short this says so; ftruncate would let a later write end the process.
                    os.posix_fallocate(self.descriptor, 0, size + size // 2)
                except OSError as error:
                    raise GluonAttnError(
                        f"{size:,} bytes of shared memory for gradients cannot be had ({error.strerror}): "
                        "free some memory, or use fewer --workers."
                    ) from None
            self._map = mmap.mmap(self.descriptor, 0)
        return self._map

    def close(self) -> None:
        self._map = None  # unmapped when no array looks into it any more
        os.close(self.descriptor)


def _memory_file() -> int:
    """Descriptor of a file without a name: nothing is left of it when the processes are gone."""
    try:
        return os.memfd_create("gluonattn")
    except (AttributeError, OSError):  # Python was built for an older Linux
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())


# One process's gradients in memory: as int64 whether there are any, then how
# many rows each has; then for each its rows (int64, row_sparse only) and values.

def _write(memory: _Memory, gradients: Sequence | None) -> None:
    if gradients is None:
        memory.at_least(8)[:8] = np.int64(0).tobytes()
        return
    arrays: list[np.ndarray] = []
    counts = [1]
    for gradient in gradients:
        if gradient.stype == "row_sparse":
            arrays += [gradient.indices.asnumpy(), gradient.data.asnumpy()]
            counts.append(len(arrays[-1]))
        else:
            arrays.append(memory_of(gradient))
            counts.append(gradient.shape[0])
    arrays.insert(0, np.array(counts, dtype="int64"))
    place = 0
    buffer = memory.at_least(sum(_aligned(array.nbytes) for array in arrays))
    for array in arrays:
        np.frombuffer(buffer, array.dtype, array.size, place)[:] = array.ravel()
        place += _aligned(array.nbytes)


def _read(memory: _Memory, gradients: Sequence) -> list | None:
    """A process's gradients, as arrays that look into its memory; None if its share was empty."""
    place = 0

    def take(dtype, *shape):
        nonlocal place
        count = int(np.prod(shape))
        size = count * np.dtype(dtype).itemsize
        place += _aligned(size)
        buffer = memory.at_least(place)
        return np.frombuffer(buffer, dtype, count, place - _aligned(size)).reshape(shape)

    if not np.frombuffer(memory.at_least(8), "int64", 1)[0]:
        return None
    counts = take("int64", 1 + len(gradients))[1:].tolist()
    found: list = []
    for gradient, count in zip(gradients, counts):
        shape = (count, *gradient.shape[1:])
        if gradient.stype == "row_sparse":
            found.append((take("int64", count), take(gradient.dtype, *shape)))
        else:
            found.append(take(gradient.dtype, *shape))
    return found


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


def _set_sum(gradient, parts: Sequence[np.ndarray]) -> None:
    """Past MXNet's queue, which takes as long as all the rest of the exchange."""
    result = memory_of(gradient)
    result[...] = parts[0]
    for part in parts[1:]:
        result += part


def _set_rows(gradient, rows: np.ndarray, values: np.ndarray) -> None:
    from ..runtime import mx

    fresh = mx.nd.sparse.row_sparse_array((values, rows), shape=gradient.shape, dtype=gradient.dtype)
    fresh.copyto(gradient)


ALONE = Group()
