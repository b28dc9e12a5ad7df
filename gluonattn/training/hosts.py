"""Training on several machines: each takes its part of every batch, and MXNet's KVStore sums the gradients.

Rank 0 controls the training. Each other rank receives texts, settings and parameters over one connection to it. The same
connection carries values that all ranks must agree on, and shows at once when a machine is lost.

Neither this nor KVStore uses encryption or passwords. Use it only in a network whose machines trust each other.
"""

from __future__ import annotations

import json
import math
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, Callable

import numpy as np

from .. import runtime
from ..errors import GluonAttnError, Interrupted, OptionError
from .kvstore import AGAIN, PIECE, Store
from .links import WAIT, connect, has_ended, welcome
from .machines import Machines
from .parallel import Follower, Group, Leader, LeaderGone
from .shared_gradients import set_rows, set_sum, values_of

_leading: ContextVar[partial[Any] | None] = ContextVar("leading", default=None)


@contextmanager
def lead(machines: Machines | None, say: Callable[[str], None]) -> Iterator[None]:
    """Make trainings in the block rank 0 of several machines.

    Parameters
    ----------
    machines : Machines or None
        None changes nothing.
    say : callable
        Called with a line while rank 0 waits for the others.
    """
    make: partial[Any] | None = partial(Conductor, machines, say) if machines else None
    token = _leading.set(make)
    try:
        yield
    finally:
        _leading.reset(token)


def leading(workers: int) -> Callable[[], Group] | None:
    """Return a function that creates the group for `lead`, or None outside its block.

    Parameters
    ----------
    workers : int
        Number of processes in the resolved settings.

    Raises
    ------
    OptionError
        If the training cannot be divided among processes.
    """
    make = _leading.get()
    if make and workers != make.args[0].size:
        raise OptionError("several machines train with MXNet on the CPUs of Linux: add --framework mxnet --device cpu, or "
                          "leave --hosts out.")
    return make


def follow(machines: Machines, say: Callable[[str], None]) -> None:
    """Train as a rank other than 0, until rank 0 has ended.

    Parameters
    ----------
    machines : Machines
    say : callable
        Called with lines about the progress.

    Raises
    ------
    GluonAttnError
        If rank 0 does not answer, or is lost.
    Interrupted
        After Ctrl-C, once rank 0 has ended the run.
    """
    interrupts: list[int] = []
    threads = runtime.total_threads()
    runtime.keep_freed_memory()
    runtime.limit_threads(threads, synchronous=True)
    try:
        with _patient(interrupts, say), closing(Member(machines, say)) as group:
            from .loop import fit, new_run
            from .state import receive_state

            while (start := group.receive()) is not None:  # one stage after another
                run = new_run(**start, group=group)
                receive_state(run, group)
                say(f"rank {machines.rank} of {machines.size}: training")
                fit(run, [])
    except LeaderGone:
        if interrupts:
            raise Interrupted("rank 0 has ended the run; its output says how to continue.") from None
        raise GluonAttnError(f"rank 0 on {machines.host} ended before the run was done; its output says why. "
                             f"{AGAIN}") from None
    say("rank 0 has ended the run: done")


@contextmanager
def _patient(interrupts: list[int], say: Callable[[str], None]) -> Iterator[None]:
    """Leave the first Ctrl-C to rank 0, because mpirun and srun send it to all ranks. A second one ends this process."""
    def wait(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        signal.signal(signal.SIGINT, before)
        say("rank 0 ends the run after this batch if it also got Ctrl-C; press Ctrl-C again to end only this process")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _BySums:
    """Addition of gradients over several machines."""

    _store: Store
    meet: Callable[[Any], Any]
    look: Callable[[], None]

    def add_gradients(self, gradients: Sequence[Any], values: Sequence[float], present: bool) -> list[float]:
        sparse = [g for g in gradients if g.stype == "row_sparse"]
        none = np.zeros(0, np.int64)
        own = [g.indices.asnumpy() if present else none for g in sparse]
        sums: list[float]
        sums, united = self.meet((list(map(float, values)), own))
        rows = {id(gradient): both for gradient, *both in zip(sparse, own, united)}
        shapes = [(len(rows[id(g)][1]), *g.shape[1:]) if id(g) in rows else g.shape for g in gradients]
        ends = np.cumsum([math.prod(shape) for shape in shapes]).tolist()
        flat = self._store.numbers(ends[-1])
        flat[:] = 0
        parts = [flat[end - math.prod(shape) : end].reshape(shape) for shape, end in zip(shapes, ends)]
        for gradient, part in zip(gradients, parts) if present else ():
            if id(gradient) in rows:
                mine, all_rows = rows[id(gradient)]
                part[np.searchsorted(all_rows, mine)] = gradient.data.asnumpy()
            else:
                part[...] = values_of(gradient)
        self._store.add(len(flat) // PIECE, self.look)
        for gradient, part in zip(gradients, parts):
            if id(gradient) in rows:
                set_rows(gradient, rows[id(gradient)][1], part)
            else:
                set_sum(gradient, [part])
        return sums


class Conductor(_BySums, Leader):
    """Rank 0 of several machines.

    Parameters
    ----------
    machines : Machines
    say : callable
        Called with a line while it waits for the others.

    Raises
    ------
    GluonAttnError
        If another rank does not connect, or is lost then or later.
    """

    def __init__(self, machines: Machines, say: Callable[[str], None]):
        self.rank, self.size = 0, machines.size
        self._links: list[Connection] = []
        self._names: list[str] = []
        try:
            self._gather(machines, say)
        except BaseException:
            self.close()
            raise

    def _gather(self, machines: Machines, say: Callable[[str], None]) -> None:
        came = welcome(machines, say)
        for _, (_, link, name) in sorted(came.items()):
            self._links.append(link)
            self._names.append(name)
        with socket.create_server(("", 0)) as free:
            port = free.getsockname()[1]
        homes = [socket.gethostname(), *self._names]
        common = {"DMLC_PS_ROOT_PORT": str(port), "DMLC_NUM_WORKER": str(self.size), "DMLC_NUM_SERVER": str(len(set(homes)))}
        for rank, (one, link, name) in sorted(came.items()):
            mine, theirs = one.getsockname()[0], one.getpeername()[0]
            roles = ["worker"] if name in homes[:rank] else ["server", "worker"]
            link.send_bytes(json.dumps([{**common, "DMLC_PS_ROOT_URI": mine, "DMLC_NODE_HOST": theirs}, roles]).encode())
            common_here = {**common, "DMLC_PS_ROOT_URI": mine, "DMLC_NODE_HOST": mine}
        for one, _, _ in came.values():
            one.close()  # the link has its own descriptor
        self._store = Store(common_here, ["scheduler", "server", "worker"])
        self._store.wait(self.look, WAIT)

    def meet(self, own: Any) -> Any:
        """Return the sums of values and the union of rows over all processes."""
        values, rows = zip(own, *self.receive_each())
        return self.agree(([float(sum(column)) for column in zip(*values)],
                           [np.unique(np.concatenate(one)) for one in zip(*rows)]))

    def look(self) -> None:
        for number, link in enumerate(self._links):
            if has_ended(link):
                raise self._member_error(number)

    def close(self) -> None:
        for link in self._links:
            link.close()
        self._links = []
        if hasattr(self, "_store"):
            self._store.close()
            del self._store

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            with suppress(GluonAttnError):
                self.send(None)  # tells the others that this is a normal end
        self.close()

    def _member_error(self, number: int) -> GluonAttnError:
        return GluonAttnError(f"rank {number + 1} of {self.size} (on {self._names[number]}) was lost; its output may "
                              f"say why. {AGAIN}")


class Member(_BySums, Follower):
    """Any other rank of several machines.

    Parameters
    ----------
    machines : Machines
    say : callable

    Raises
    ------
    GluonAttnError
        If rank 0 does not answer in time or has another version. Later, LeaderGone.
    """

    def __init__(self, machines: Machines, say: Callable[[str], None]):
        self.rank, self.size = machines.rank, machines.size
        self._link = connect(machines, say)
        try:
            variables, roles = json.loads(self._link.recv_bytes(100_000))
        except (EOFError, OSError):
            self._link.close()
            raise GluonAttnError(f"rank 0 on {machines.host} did not take rank {self.rank}, or has ended; its output says "
                                 "why.") from None
        self._store = Store(variables, roles)
        try:
            self._store.wait(self.look, WAIT)
        except BaseException:
            self.close()
            raise

    def meet(self, own: Any) -> Any:
        try:
            self._link.send(own)
        except OSError:
            raise LeaderGone from None
        return self.receive()

    def look(self) -> None:
        if has_ended(self._link):
            raise LeaderGone

    def close(self) -> None:
        self._store.close()
        self._link.close()
