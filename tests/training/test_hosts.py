"""Training on several machines, with real processes on the loopback or in network namespaces, and MXNet's real KVStore."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.classifier.training import train
from gluonattn.errors import GluonAttnError, OptionError
from gluonattn.models.checkpoint import load_checkpoint
from gluonattn.runtime import mx
from gluonattn.training.callbacks import Callback
from gluonattn.training.hosts import Conductor, Member, lead
from gluonattn.training.kvstore import PIECE
from gluonattn.training.links import connect, greet, welcome
from gluonattn.training.machines import Machines

from ..classifier.test_training import ROOT, start, wait_for
from .test_parallel import PLAIN, sparse, wait_until_gone

real = pytest.mark.slow  # five processes that load MXNet


class Sums:
    """The store's part without KVStore: both processes' numbers meet in this one."""

    def __init__(self, barrier, all_numbers):
        self.barrier, self.all, self.pieces = barrier, all_numbers, None

    def numbers(self, count):
        self.own = np.full(-(-count // PIECE) * PIECE, np.nan, np.float32)
        return self.own

    def add(self, count, look):
        assert len(self.own) == count * PIECE
        self.all.append(self.own.copy())
        self.barrier.wait(60)
        self.own[:] = self.all[-1] + self.all[-2]
        self.barrier.wait(60)


@contextmanager
def two_ranks():
    conductor, member = Conductor.__new__(Conductor), Member.__new__(Member)
    here, there = Pipe()
    barrier, numbers = threading.Barrier(2), []
    conductor.rank, conductor.size, conductor._links, conductor._names = 0, 2, [here], ["other"]
    member.rank, member.size, member._link = 1, 2, there
    conductor._store, member._store = Sums(barrier, numbers), Sums(barrier, numbers)
    with here, there:
        yield conductor, member


def both(ranks, mine, theirs):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ranks[1].add_gradients(*theirs)))
    thread.start()
    first = ranks[0].add_gradients(*mine)
    thread.join(60)
    return first, answers[0]


@given(st.lists(st.tuples(st.sets(st.integers(0, 40_000), max_size=30), st.sets(st.integers(0, 40_000), max_size=30),
                          st.booleans()), min_size=1, max_size=3), st.integers(0, 99))
def test_gradients_become_their_sums_whatever_rows_they_have(steps, seed):
    rng = np.random.default_rng(seed)
    with two_ranks() as ranks:
        for mine, theirs, present in steps:
            sides = [[mx.nd.array(rng.normal(size=(3, 4))), sparse(sorted(rows), (40_001, 5), rng),
                      mx.nd.array(rng.normal(size=7))] for rows in (mine, theirs)]
            wanted = [a.asnumpy() + b.asnumpy() * present for a, b in zip(*sides)]
            first, second = both(ranks, (sides[0], [1.5, 2], True), (sides[1], [0.25, 3], present))
            assert first == second == [1.75, 5.0]
            for found in sides:
                for gradient, expected in zip(found, wanted):
                    np.testing.assert_array_equal(gradient.asnumpy(), expected)
                assert [g.stype for g in found] == ["default", "row_sparse", "default"]


def joined():
    with socket.create_server(("127.0.0.1", 0)) as door:
        theirs = socket.create_connection(door.getsockname())
        return door.accept()[0], theirs


def test_strangers_are_let_go_and_other_versions_refused():
    machines = Machines(0, 3, "127.0.0.1", 1)
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x05hello", b"\0\0\0\x02[]", b"\0\0\0\x0d[\"\", 0, 3, 1]"):
        ours, theirs = joined()
        theirs.sendall(said)
        theirs.close()
        assert greet(ours, machines)[0] == 0
        ours.close()
    ours, theirs = joined()
    said = b'["0.0", 1, 2, "b"]'
    theirs.sendall(len(said).to_bytes(4, "big") + said)
    with ours, theirs, pytest.raises(GluonAttnError, match=r"rank 1 on b runs gluonattn 0\.0 with 2 .* with 3: give"):
        greet(ours, machines)


@pytest.mark.parametrize("ranks", [(1, 1), (3,)])
def test_a_rank_that_comes_twice_or_is_too_large_is_named(ranks):
    machines = Machines(0, 3, "127.0.0.1", free_port())
    links = []
    comers = [threading.Thread(target=lambda rank=rank: links.append(connect(machines._replace(rank=rank), print)))
              for rank in ranks]
    for comer in comers:
        comer.start()
    with pytest.raises(GluonAttnError, match=f"rank {ranks[-1]}, last from .*for 3 processes: give each its own"):
        welcome(machines, lambda line: None)
    for comer in comers:
        comer.join(30)
    for link in links:
        link.close()


def test_a_port_in_use_and_a_training_for_one_process_are_said(reviews, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        machines = Machines(0, 2, "127.0.0.1", taken.getsockname()[1])
        with lead(machines, print), pytest.raises(GluonAttnError, match="cannot be opened.*give a free .*all machines"):
            train(reviews, tmp_path / "model", workers=2, **PLAIN)
        with lead(machines, print), pytest.raises(OptionError, match="--framework mxnet --device cpu, or leave --hosts out"):
            train(reviews, tmp_path / "model", workers=1, **PLAIN)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


FOLLOW = ("import sys; from gluonattn.training.hosts import follow; from gluonattn.training.machines import Machines\n"
          "follow(Machines(int(sys.argv[2]), int(sys.argv[3]), '127.0.0.1', int(sys.argv[1])), print)")


def train_on(size, out, reviews, **options):
    """Train as rank 0 of several processes; the others' outputs."""
    port = free_port()
    others = [start("-c", FOLLOW, port, rank, size) for rank in range(1, size)]
    try:
        with lead(Machines(0, size, "127.0.0.1", port), print):
            train(reviews, out, workers=size, **options)
        return [process.communicate(timeout=100)[0] for process in others]
    finally:
        for process in others:
            process.kill()
            process.communicate()


def stores_left():
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"gluonattn.training.kvstore" in path.joinpath("cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found


@real
def test_several_machines_compute_what_one_process_does(reviews, tmp_path):
    """Dropout is off, so that the sum of the parts is the whole, up to rounding."""
    options = {**PLAIN, "clip": 0.05}
    one = load_checkpoint(train(reviews, tmp_path / "one", workers=1, **options))
    said = train_on(3, tmp_path / "several", reviews, **options)
    assert all("rank 0 has ended the run: done" in lines for lines in said), said
    several = load_checkpoint(tmp_path / "several")
    for first, second in zip(one.history, several.history):
        for name in ("train_loss", "valid_loss", "train_accuracy", "valid_accuracy"):
            assert second[name] == pytest.approx(first[name], abs=2e-3), name
    for name, weights in one.weights.items():
        np.testing.assert_allclose(several.weights[name], weights, atol=2e-3, err_msg=name)


class KillAt(Callback):
    def __init__(self, step, pid):
        self.step, self.pid = step, pid

    def on_batch_end(self, run):
        if run.step == self.step:
            os.kill(self.pid, signal.SIGKILL)


@real
def test_a_lost_machine_ends_the_run_which_goes_on_even_on_one_machine(reviews, tmp_path):
    port, before = free_port(), set(stores_left())
    other = start("-c", FOLLOW, port, 1, 2)
    message = r"rank 1 of 2 \(on .*\) was lost; .* with --resume on all machines"
    with lead(Machines(0, 2, "127.0.0.1", port), print), pytest.raises(GluonAttnError, match=message):
        train(reviews, tmp_path / "model", workers=2, save_every=0, callbacks=[KillAt(4, other.pid)], **PLAIN)
    other.communicate()
    wait_until_gone(set(stores_left()) - before)
    assert (tmp_path / "model.resume").exists()
    lines = []
    train(reviews, tmp_path / "model", workers=2, resume=True, report=lines.append, **PLAIN)
    assert any(re.match("resumed in epoch 1, after [34] of", line) for line in lines), lines


def command(table, out, hosts, rank):
    return ["-m", "gluonattn", "train", "--data", table, "--tokenizer", "whitespace", "--epochs", 30, "--batch-size", 8,
            "--save-every", 0, "--device", "cpu", "--out", out, "--hosts", hosts, "--host-rank", rank]


@real
@pytest.mark.parametrize("to_all", [True, False])
def test_ctrl_c_at_rank_0_or_all_ends_all(table, tmp_path, to_all):
    hosts, before = f"127.0.0.1:{free_port()},127.0.0.1", set(stores_left())
    first, second = (start(*command(table, tmp_path / "model", hosts, rank)) for rank in (0, 1))
    wait_for(tmp_path / "model.resume", first)
    for process in (second, first) if to_all else (first,):
        process.send_signal(signal.SIGINT)
    said = ["".join(process.communicate(timeout=300)) for process in (first, second)]
    assert (first.returncode, second.returncode) == (130, 130 if to_all else 2), said
    assert "all work is saved" in said[0] and "rank 0" in said[1] and not any("Traceback" in one for one in said), said
    assert (tmp_path / "model.resume").exists()
    wait_until_gone(set(stores_left()) - before)


@real
def test_a_killed_rank_0_ends_the_others(table, tmp_path):
    hosts, before = f"127.0.0.1:{free_port()},127.0.0.1", set(stores_left())
    first, second = (start(*command(table, tmp_path / "model", hosts, rank)) for rank in (0, 1))
    wait_for(tmp_path / "model.resume", first)
    first.kill()
    first.communicate()
    said = "".join(second.communicate(timeout=100))
    assert second.returncode == 2 and "ended before the run was done" in said and "Traceback" not in said, said
    wait_until_gone(set(stores_left()) - before)


@contextmanager
def two_networks():
    """Two network namespaces joined by a cable: a prefix of a command for each."""
    names = [f"gluonattn{os.getpid()}{side}" for side in "ab"]
    sides = [f"g{os.getpid() % 10**6}{side}" for side in "ab"]
    steps = [*(f"netns add {name}" for name in names), f"link add {sides[0]} type veth peer name {sides[1]}"]
    for number, (name, side) in enumerate(zip(names, sides), start=1):
        steps += [f"link set {side} netns {name}", f"-n {name} addr add 10.77.0.{number}/24 dev {side}",
                  f"-n {name} link set {side} up", f"-n {name} link set lo up"]
    try:
        for step in steps:
            done = subprocess.run(["ip", *step.split()], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"network namespaces need root and iproute2: {done.stderr.strip()}")
        yield [["ip", "netns", "exec", name] for name in names]
    except FileNotFoundError:
        pytest.skip("network namespaces need root and iproute2: apt-get install iproute2")
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@real
def test_two_networks_train_together(table, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with two_networks() as prefixes:
        began = []
        for rank, prefix in enumerate(prefixes):
            arguments = command(table, tmp_path / "model", "10.77.0.1,10.77.0.2", rank)
            arguments[arguments.index("--epochs") + 1] = 1
            began.append(subprocess.Popen([*prefix, sys.executable, *map(str, arguments)], env=environment, text=True,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        said = ["".join(process.communicate(timeout=300)) for process in began]
        assert [process.returncode for process in began] == [0, 0], said
        assert load_checkpoint(tmp_path / "model").config["finished"], said
