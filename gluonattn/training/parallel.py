"""Training in several processes. Each takes its part of every batch, and all apply the summed gradient.

MXNet's threads divide the small operators of one step badly, and its engine
runs one RNN operator at a time. Processes with one thread each share only the
gradients (docs/performance.md). All of them run the same loop in step, from
the same parameters, so the parameters stay equal and are never sent.

Messages go through one pipe per process. A waiting process sleeps, and the end of
a process is noticed at once. Gradients go through shared memory without a name,
which the system frees with the last process, however that process ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Callable

from ..errors import GluonAttnError
from ..text.parallel import child_environment
from .shared_gradients import (
    SharedMemory,
    add_rows,
    open_memory,
    read_gradients,
    set_rows,
    set_sum,
    write_gradients,
)


class Group:
    """The processes of a run, seen from one of them. This base class is a single process.

    Attributes
    ----------
    rank : int
        Rank of this process. Rank 0 is the process in which training was called. Only it runs callbacks.
    size : int
        Number of processes.
    """

    rank, size = 0, 1

    def shard(self, positions: Sequence[int], length: Callable[[int], int]) -> Sequence[int]:
        """This process's part of a batch. All parts have similar lengths and so similar costs.

        Parameters
        ----------
        positions : sequence of int
            Positions of the batch's texts.
        length : callable
            Returns the length of the text at a position.
        """
        if self.size == 1:
            return positions
        return sorted(positions, key=length)[self.rank :: self.size]

    def send(self, message: Any) -> None:
        """Send to every other process."""

    def agree(self, value: Any) -> Any:
        """Return the value of rank 0 in every process."""
        return value

    def total(self, values: Sequence[float]) -> list[float]:
        """Return sums over all processes, the same in each. It returns after all processes have called it."""
        return list(values)

    def add_gradients(self, gradients: Sequence[Any], values: Sequence[float], present: bool) -> list[float]:
        """Replace gradients by their sum over all processes, always added in the order of ranks.

        Parameters
        ----------
        gradients : sequence of mxnet.nd.NDArray, dense or row_sparse
        values : sequence of float
            Summed as by `total`.
        present : bool
            False if this process's part of the batch was empty. The values of `gradients` are then ignored.
        """
        return self.total(values)

    def close(self) -> None:
        """End the other processes."""

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class LeaderGone(Exception):
    """Rank 0 has ended."""


class _Member(Group):
    """A process among several: gradients through shared memory.

    Parameters
    ----------
    rank, size : int
    descriptors : sequence of int
        Two files in memory for each rank. A step writes to one of them while a
        slower process may still read the other, from the step before.
    """

    def __init__(self, rank: int, size: int, descriptors: Sequence[int]):
        self.rank, self.size = rank, size
        self._memories = [SharedMemory(descriptor) for descriptor in descriptors]
        self._turn = 0

    def add_gradients(self, gradients: Sequence[Any], values: Sequence[float], present: bool) -> list[float]:
        memories = self._memories[self._turn :: 2]
        self._turn = 1 - self._turn
        write_gradients(memories[self.rank], gradients if present else None)
        sums = self.total(values)  # returns after all have written
        parts = [part for part in (read_gradients(memory, gradients) for memory in memories) if part]
        for gradient, pieces in zip(gradients, zip(*parts)):
            if gradient.stype == "row_sparse":
                set_rows(gradient, *add_rows(pieces))
            else:
                set_sum(gradient, pieces)
        return sums


class Leader(_Member):
    """Rank 0. It starts and ends the others.

    Parameters
    ----------
    size : int
        Number of all processes.
    threads : int
        Number of threads in each other process.
    synchronous : bool, default True
        As for `runtime.limit_threads`.

    Raises
    ------
    GluonAttnError
        If another process ends unexpectedly, now or later.
    """

    def __init__(self, size: int, threads: int, synchronous: bool = True):
        self._engine = {} if synchronous else {"MXNET_ENGINE_TYPE": "ThreadedEnginePerDevice"}
        self._links: list[Connection] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stderr_files: list[Any] = []
        super().__init__(0, size, [open_memory() for _ in range(2 * size)])
        try:
            for rank in range(1, size):
                self._start(rank, threads)
        except BaseException:
            self.close()
            raise

    def _start(self, rank: int, threads: int) -> None:
        """Start a process. multiprocessing is not used, because it would run the user's script again."""
        here, there = Pipe()
        self._links.append(here)
        descriptors = [there.fileno(), *(memory.descriptor for memory in self._memories)]
        self._stderr_files.append(os.fdopen(open_memory(), "w+b"))
        with there:
            self._processes.append(subprocess.Popen(
                [sys.executable, "-m", "gluonattn.training.worker", str(rank), *map(str, descriptors)],
                env={**child_environment(), "OMP_NUM_THREADS": str(threads), **self._engine}, pass_fds=descriptors,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._stderr_files[-1],
                start_new_session=True,  # Ctrl-C is for this process, which ends the others
            ))

    def send(self, message: Any) -> None:
        for number, link in enumerate(self._links):
            try:
                link.send(message)
            except OSError:
                raise self._member_error(number) from None

    def agree(self, value: Any) -> Any:
        self.send(value)
        return value

    def total(self, values: Sequence[float]) -> list[float]:
        rows = [values, *self.receive_each()]
        result: list[float] = self.agree([float(sum(column)) for column in zip(*rows)])
        return result

    def receive_each(self) -> list[Any]:
        """Return a message from each other process, in the order of ranks."""
        found = []
        for number, link in enumerate(self._links):
            try:
                found.append(link.recv())
            except (EOFError, OSError):
                raise self._member_error(number) from None
        return found

    def close(self) -> None:
        for process in self._processes:  # a kill cannot harm them: they store nothing
            process.kill()
            process.wait()
        for thing in (*self._links, *self._stderr_files, *self._memories):
            thing.close()
        self._links, self._processes, self._stderr_files, self._memories = [], [], [], []

    def _member_error(self, number: int) -> GluonAttnError:
        try:
            code = self._processes[number].wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = 0
        self._stderr_files[number].seek(0)
        said = self._stderr_files[number].read().decode("utf-8", "replace").strip().splitlines()
        why = f"by signal {-code}" if code < 0 else said[-1] if said else f"with status {code}"
        return GluonAttnError(
            f"training process {number + 1} of {self.size - 1} ended early ({why}). Run the same command "
            "with --resume to continue from the last resume file; if memory ran out, use fewer --workers."
        )


class Follower(_Member):
    """Any other rank.

    Parameters
    ----------
    rank : int
    link : multiprocessing.connection.Connection
        The connection to rank 0.
    descriptors : sequence of int
        Two files in memory for each rank, as for the leader.

    Raises
    ------
    LeaderGone
        When rank 0 has ended.
    """

    def __init__(self, rank: int, link: Connection, descriptors: Sequence[int]):
        super().__init__(rank, len(descriptors) // 2, descriptors)
        self._link = link

    def receive(self) -> Any:
        """Return the next message from rank 0."""
        try:
            return self._link.recv()
        except (EOFError, ConnectionError):
            raise LeaderGone from None

    def agree(self, value: Any) -> Any:
        return self.receive()

    def total(self, values: Sequence[float]) -> list[float]:
        try:
            self._link.send(list(values))
        except ConnectionError:
            raise LeaderGone from None
        result: list[float] = self.receive()
        return result


ALONE = Group()
