"""Find this process's rank in a run on several machines, from --hosts or from what mpirun, SLURM or Kubernetes set."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import OptionError

PORT = 29500
_MOST = 256  # the same limit as for `workers`
_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "JOB_COMPLETION_INDEX", "DMLC_WORKER_ID")
_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS", "DMLC_NUM_WORKER")
_NODES = ("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST")


class Machines(NamedTuple):
    """The processes of a run on several machines, and the rank of this one.

    Attributes
    ----------
    rank : int
        Rank of this process. Rank 0 reads the texts, saves the model and has the callbacks.
    size : int
        Number of processes.
    host : str
        Address of rank 0.
    port : int
        Port at which rank 0 waits for the others.
    """

    rank: int
    size: int
    host: str
    port: int


def find_machines(hosts: str, rank: int | None = None, environment: Mapping[str, str] | None = None) -> Machines:
    """Resolve --hosts and --host-rank for this process.

    Parameters
    ----------
    hosts : str
        Names or addresses separated by commas, one for each process, rank 0's first, optionally with its port
        (a:29501,b). Or "auto", which takes what the launcher set.
    rank : int or None
        None takes what the launcher set, or the place of this machine's name among the hosts.
    environment : mapping or None
        Environment variables. None takes those of this process.

    Raises
    ------
    OptionError
        If the rank or address cannot be found, or the values contradict each other.
    """
    env = os.environ if environment is None else environment
    role = env.get("DMLC_ROLE", "worker")
    if role != "worker":
        raise OptionError(f"DMLC_ROLE is {role!r}, but gluonattn starts the scheduler and the servers itself: start workers "
                          "only.")
    if hosts == "auto":
        size, names = _number(env, _SIZES), _launched(env)
        if size is None:
            raise OptionError(f"--hosts auto found none of {', '.join(_SIZES)}: use mpirun, srun or Kubernetes "
                              "(docs/scale.md), or name the machines, as in --hosts a,b --host-rank 0.")
        if not names:
            raise OptionError("--hosts auto does not find rank 0: set DMLC_PS_ROOT_URI to its name or address, as "
                              "in mpirun -x DMLC_PS_ROOT_URI=$(hostname), or name the machines in --hosts.")
    else:
        names = [name.strip() for name in hosts.split(",")]
        size = len(names)
        if not all(names):
            raise OptionError(f"--hosts takes names separated by commas, as in a,b,c; got {hosts!r:.60}.")
    host, port = _address(names[0], env)
    if not 2 <= size <= _MOST:
        raise OptionError(f"--hosts needs 2 to {_MOST} processes; got {size}. Leave it out for one machine.")
    found = rank if rank is not None else _number(env, _RANKS)
    if found is None and hosts != "auto":
        own = _own_names()
        places = [i for i, name in enumerate([host, *names[1:]]) if name in own]
        found = places[0] if len(places) == 1 else None
    if found is None:
        raise OptionError(f"the rank of this process is unknown: give --host-rank, 0 on {host} and up to {size - 1}.")
    if not 0 <= found < size:
        raise OptionError(f"--host-rank must be from 0 to {size - 1}, for {size} processes; got {found}.")
    return Machines(found, size, host, port)


def _number(env: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    return next((int(env[name]) for name in names if env.get(name, "").isdecimal()), None)


def _launched(env: Mapping[str, str]) -> list[str]:
    """The address of rank 0 according to the launcher."""
    nodes = next((env[name] for name in _NODES if env.get(name)), "")
    here = env.get("OMPI_COMM_WORLD_LOCAL_SIZE", "") == env.get("OMPI_COMM_WORLD_SIZE", "none")
    named = env.get("DMLC_PS_ROOT_URI") or _first_node(nodes) or ("127.0.0.1" if here else "")
    return [named] if named else []


def _first_node(nodes: str) -> str:
    """Return the first name in SLURM's short form: gpu07 for gpu[07-09,12],big."""
    match = re.match(r"([^,\[]*)(?:\[([^\],-]+)[^\]]*\])?([^,]*)", nodes)
    return "".join(part or "" for part in match.groups()) if match else ""


def _address(name: str, env: Mapping[str, str]) -> tuple[str, int]:
    host, colon, port = name.rpartition(":") if name.count(":") == 1 else (name, "", "")
    port = port if colon else env.get("DMLC_PS_ROOT_PORT", str(PORT))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise OptionError(f"a port is a number from 1 to 65535, as in --hosts a:{PORT},b; got {port!r:.20}.")
    return host, int(port)


def _own_names() -> set[str]:
    name = socket.gethostname()
    return {name, name.split(".")[0], socket.getfqdn()}
