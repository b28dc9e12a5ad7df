"""MXNet's KVStore for a run on several machines: its processes on this machine, and sums of numbers over all machines.

If a machine is lost, KVStore waits for ever, and so does the process with its worker, even at exit. So worker, server and
scheduler are separate processes that can be killed. This file is also their program.

Numbers are cut into pieces. Each piece is a key of KVStore, so the pieces are distributed over the servers. A row_sparse
key for the embedding would need less work, but without an optimizer on the server it returns wrong rows (docs/scale.md).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from .. import runtime
from ..errors import GluonAttnError
from ..text.parallel import child_environment
from .shared_gradients import SharedMemory, open_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = 65_536  # numbers in a piece; KVStore keeps a key of this size on one server
_LOOK = 1.0  # seconds between checks whether all machines are still there
AGAIN = "Run the same command with --resume on all machines to continue from the last resume file."


class Store:
    """KVStore's processes on this machine, and the memory through which gradients pass.

    Parameters
    ----------
    variables : mapping of str to str
        KVStore's environment variables: the scheduler's address, and the number of processes.
    roles : sequence of str
        The processes to start: "scheduler", "server", "worker".
    """

    def __init__(self, variables: dict[str, str], roles: Sequence[str]):
        self._memory = SharedMemory(open_memory())
        self._link, there = Pipe()
        self._processes: list[subprocess.Popen[bytes]] = []
        passed = (there.fileno(), self._memory.descriptor)
        with there:
            for role in roles:
                self._processes.append(subprocess.Popen(
                    [sys.executable, "-m", "gluonattn.training.kvstore", *map(str, passed)], pass_fds=passed,
                    env={**child_environment(), **variables, "DMLC_ROLE": role, "OMP_NUM_THREADS": "1"},
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))

    def numbers(self, count: int) -> NDArray[Any]:
        """The first `count` numbers of the memory, rounded up to whole pieces."""
        count = -(-count // PIECE) * PIECE
        return np.frombuffer(self._memory.map_at_least(4 * count), np.float32, count)

    def add(self, count: int, look: Callable[[], None]) -> None:
        """Replace the first pieces of the memory by their sums over all machines.

        Parameters
        ----------
        count : int
            Number of pieces.
        look : callable
            Called once a second. It raises if a machine is lost.
        """
        self._link.send(count)
        self.wait(look)

    def wait(self, look: Callable[[], None], seconds: float = float("inf")) -> None:
        """Wait until the worker has answered.

        Parameters
        ----------
        look : callable
            As for `add`.
        seconds : float
            Longest time to wait.
        """
        end = time.monotonic() + seconds
        while not self._link.poll(_LOOK):
            look()
            if time.monotonic() > end or any(process.poll() is not None for process in self._processes):
                raise GluonAttnError(f"MXNet's KVStore ended or does not answer on this machine. {AGAIN}")
        try:
            self._link.recv()
        except EOFError:
            raise GluonAttnError(f"MXNet's KVStore ended on this machine. {AGAIN}") from None

    def close(self) -> None:
        for process in self._processes:  # they store nothing
            process.kill()
            process.wait()
        self._link.close()
        self._memory.close()


def main() -> None:
    """Run as scheduler, server or worker, as DMLC_ROLE says, until the parent process ends this one or has ended."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: end with the parent
    link, memory = Connection(int(sys.argv[1])), SharedMemory(int(sys.argv[2]))
    if os.getppid() != parent:
        return
    mx = runtime.mx  # a scheduler or server works inside the import of MXNet
    if os.environ["DMLC_ROLE"] == "worker":
        store = mx.kv.create("dist_sync")
        link.send(None)
        serve(store, link, memory)


def serve(store: Any, link: Connection, memory: SharedMemory) -> None:
    """Sum pieces for each request.

    Parameters
    ----------
    store : mxnet.kvstore.KVStore
    link : multiprocessing.connection.Connection
        It delivers the number of pieces, and takes None when their sums are ready.
    memory : SharedMemory
        The memory with the pieces.
    """
    given: list[Any] = []
    taken: list[Any] = []
    while True:
        count = link.recv()
        for key in range(len(given), count):
            for arrays in (given, taken):
                arrays.append(runtime.mx.nd.zeros(PIECE))
            store.init(str(key), given[key])
        pieces = np.frombuffer(memory.map_at_least(4 * PIECE * count), np.float32, PIECE * count).reshape(count, PIECE)
        for key in range(count):
            runtime.memory_of(given[key])[...] = pieces[key]
            store.push(str(key), given[key])
            store.pull(str(key), out=taken[key])
        for key in range(count):
            pieces[key] = runtime.memory_of(taken[key])
        link.send(None)


if __name__ == "__main__":
    main()
