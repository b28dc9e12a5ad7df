"""Connections between the machines of a training run."""

from __future__ import annotations

import json
import os
import socket
import time
from multiprocessing.connection import Connection
from typing import Callable

from .. import __version__
from ..errors import GluonAttnError
from .machines import Machines

WAIT = 600.0  # seconds within which all ranks must connect


def connect(machines: Machines, say: Callable[[str], None]) -> Connection:
    """Connect to rank 0, and wait until it is there.

    Parameters
    ----------
    machines : Machines
    say : callable
        Called with a line if rank 0 is not there yet.
    """
    end, told = time.monotonic() + WAIT, False
    while True:
        try:
            one = socket.create_connection((machines.host, machines.port), timeout=10)
            one.settimeout(None)
            keep_alive(one)
            link = Connection(one.detach())
            link.send_bytes(json.dumps([__version__, machines.rank, machines.size, socket.gethostname()]).encode())
            return link
        except OSError as error:
            if time.monotonic() > end:
                raise GluonAttnError(f"rank 0 does not answer at {machines.host}:{machines.port} ({error}): start it there "
                                     "with the same command and --host-rank 0, and open the port in firewalls.") from None
        if not told:
            say(f"rank {machines.rank} of {machines.size}: waiting for rank 0 at {machines.host}:{machines.port}")
            told = True
        time.sleep(1)


def welcome(machines: Machines, say: Callable[[str], None]) -> dict[int, tuple[socket.socket, Connection, str]]:
    """Wait for all other ranks. Return the socket, connection and machine of each, by rank.

    Parameters
    ----------
    machines : Machines
    say : callable
        Called with a line before the wait.
    """
    came: dict[int, tuple[socket.socket, Connection, str]] = {}
    local = machines.host in ("127.0.0.1", "localhost")
    try:
        door = socket.create_server(("127.0.0.1" if local else "", machines.port), backlog=machines.size)
    except OSError as error:
        raise GluonAttnError(f"port {machines.port} cannot be opened ({error.strerror}): give a free port after the "
                             f"first of --hosts, as in {machines.host}:{machines.port + 1}, on all machines.") from None
    say(f"waiting at {machines.host}:{machines.port} for {machines.size - 1} more: run the same command there, each with "
        "its --host-rank")
    end = time.monotonic() + WAIT
    with door:
        while len(came) < machines.size - 1:
            door.settimeout(max(0.01, end - time.monotonic()))
            try:
                one = door.accept()[0]
            except socket.timeout:  # not TimeoutError before Python 3.10
                missing = sorted(set(range(1, machines.size)) - set(came))
                raise GluonAttnError(f"rank {', '.join(map(str, missing))} did not connect within {WAIT:.0f} s: run the "
                                     "same command there, with its --host-rank.") from None
            rank, link, name = greet(one, machines)
            if rank in came or rank >= machines.size:
                raise GluonAttnError(f"rank {rank}, last from {name}, connected twice or is too large for {machines.size} "
                                     "processes: give each its own --host-rank.")
            if rank:
                came[rank] = one, link, name
    return came


def greet(one: socket.socket, machines: Machines) -> tuple[int, Connection, str]:
    """Return rank, connection and machine of a new connection. Rank 0 means that it does not belong to this run.

    Parameters
    ----------
    one : socket.socket
        The new connection.
    machines : Machines
    """
    keep_alive(one)
    link = Connection(os.dup(one.fileno()))
    try:
        version, rank, size, name = json.loads(link.recv_bytes(10_000)) if link.poll(10) else ("", 0, 0, "")
    except (ValueError, TypeError, EOFError, OSError):
        return 0, link, ""
    if not isinstance(rank, int) or rank < 1:
        return 0, link, ""
    if (version, size) != (__version__, machines.size):
        raise GluonAttnError(f"rank {rank} on {name} runs gluonattn {version} with {size} processes, rank 0 {__version__} "
                             f"with {machines.size}: give the same --hosts and install the same version everywhere.")
    return rank, link, str(name)


def keep_alive(one: socket.socket) -> None:
    """Make the connection fail within a minute if the other machine loses power."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60_000)):
        if hasattr(socket, name):
            one.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def has_ended(link: Connection) -> bool:
    """Whether the other side has closed the connection. Its messages can still be read."""
    with socket.socket(fileno=os.dup(link.fileno())) as one:
        try:
            return one.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
