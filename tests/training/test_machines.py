"""Which process of a run on several machines this is, from options and what launchers set."""

import socket

import pytest

from gluonattn.errors import OptionError
from gluonattn.training.machines import PORT, Machines, find_machines

MPI = {"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4"}
SLURM = {"SLURM_PROCID": "0", "SLURM_NTASKS": "2"}
KUBERNETES = {"DMLC_ROLE": "worker", "DMLC_NUM_WORKER": "3", "DMLC_WORKER_ID": "2", "DMLC_PS_ROOT_URI": "train-0.train",
              "DMLC_PS_ROOT_PORT": "9091"}


@pytest.mark.parametrize(("hosts", "rank", "environment", "wanted"), [
    ("a,b,c", 1, {}, Machines(1, 3, "a", PORT)),
    ("a:7000, b", 0, {}, Machines(0, 2, "a", 7000)),
    ("fe80::1,b", 0, {}, Machines(0, 2, "fe80::1", PORT)),
    (f"a,{socket.gethostname()}", None, {}, Machines(1, 2, "a", PORT)),
    (f"{socket.gethostname()}:7000,b", None, {}, Machines(0, 2, socket.gethostname(), 7000)),
    ("a,b,c,d", None, MPI, Machines(3, 4, "a", PORT)),
    ("a,b,c,d", 2, MPI, Machines(2, 4, "a", PORT)),
    ("a,b", None, {"JOB_COMPLETION_INDEX": "1"}, Machines(1, 2, "a", PORT)),
    ("auto", None, {**MPI, "DMLC_PS_ROOT_URI": "head"}, Machines(3, 4, "head", PORT)),
    ("auto", None, {**MPI, "OMPI_COMM_WORLD_LOCAL_SIZE": "4"}, Machines(3, 4, "127.0.0.1", PORT)),
    ("auto", None, {**SLURM, "SLURM_JOB_NODELIST": "gpu[07-09,12],big"}, Machines(0, 2, "gpu07", PORT)),
    ("auto", None, {**SLURM, "SLURM_JOB_NODELIST": "n[3,5].cluster"}, Machines(0, 2, "n3.cluster", PORT)),
    ("auto", None, {**SLURM, "SLURM_STEP_NODELIST": "one,two"}, Machines(0, 2, "one", PORT)),
    ("auto", None, KUBERNETES, Machines(2, 3, "train-0.train", 9091)),
])
def test_rank_size_and_address(hosts, rank, environment, wanted):
    assert find_machines(hosts, rank, environment) == wanted


@pytest.mark.parametrize(("hosts", "rank", "environment", "message"), [
    ("a", 0, {}, "2 to 256 processes; got 1. Leave it out"),
    ("a,,b", 0, {}, "names separated by commas, as in a,b,c; got 'a,,b'"),
    ("a,b", None, {}, "the rank of this process is unknown.*--host-rank, 0 on a and up to 1"),
    ("localhost,localhost", None, {}, "give --host-rank"),
    ("a,b", 2, {}, "from 0 to 1, for 2 processes; got 2"),
    ("a,b", -1, {}, "from 0 to 1"),
    ("a:x,b", 0, {}, "a port is a number.*got 'x'"),
    ("a:,b", 0, {}, "a port is a number"),
    ("a:70000,b", 0, {}, "from 1 to 65535"),
    ("auto", None, {}, "found none of OMPI_COMM_WORLD_SIZE.*--hosts a,b --host-rank 0"),
    ("auto", None, MPI, "does not find rank 0: set DMLC_PS_ROOT_URI"),
    ("auto", None, {**KUBERNETES, "DMLC_ROLE": "server"}, "DMLC_ROLE is 'server'.*start workers only"),
])
def test_what_is_missing_is_said(hosts, rank, environment, message):
    with pytest.raises(OptionError, match=message):
        find_machines(hosts, rank, environment)
