"""Training in several processes, with real ones: equal sums, equal parameters, and every way to end."""

import gc
import os
import re
import signal
import threading
import time
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gluonattn
from gluonattn.classifier.training import train
from gluonattn.errors import GluonAttnError
from gluonattn.models.checkpoint import load_checkpoint
from gluonattn.runtime import mx
from gluonattn.training.callbacks import Callback
from gluonattn.training.parallel import ALONE, Follower, Group, Leader
from gluonattn.training.shared_gradients import SharedMemory, add_rows, open_memory

from ..classifier.test_training import same_model, start, start_training, wait_for
from .conftest import TINY

MARK = b"gluonattn.training.worker"


def workers_of(pid) -> list[int]:
    """Worker processes that a process started, zombies too."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(path.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == pid and (MARK in path.joinpath("cmdline").read_bytes() or is_zombie(path)):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def is_zombie(path) -> bool:
    return path.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def wait_until_gone(pids, seconds=60):
    deadline = time.monotonic() + seconds
    while left := [p for p in pids if Path(f"/proc/{p}").exists() and not is_zombie(Path(f"/proc/{p}"))]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


class Pair(Leader):
    """Rank 0, and rank 1 in a thread of this process."""

    def _start(self, rank, threads):
        here, there = Pipe()
        self._links.append(here)
        self.other = Follower(rank, there, [os.dup(memory.descriptor) for memory in self._memories])

    def both(self, mine, theirs):
        """What both come to; each is (gradients, values, present)."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.other.add_gradients(*theirs)))
        thread.start()
        first = self.add_gradients(*mine)
        thread.join()
        return first, answers[0]


@pytest.fixture
def pair():
    with Pair(2, 1) as group:
        yield group


def sparse(rows, shape, rng):
    values = rng.normal(size=(len(rows), *shape[1:])).astype("float32")
    return mx.nd.sparse.row_sparse_array((values, np.array(rows, "int64")), shape=shape, dtype="float32")


def test_gradients_become_their_sum_in_both_processes(pair):
    """Dense, sparse, with no row at all, growing from step to step, and with one share empty."""
    rng = np.random.default_rng(0)
    for step in range(8):
        rows = [sorted(rng.choice(5000, size=min(4 ** step, 4000), replace=False)) for _ in range(2)]
        sides = [[mx.nd.array(rng.normal(size=(3, 4))), sparse(rows[side], (5000, 7), rng),
                  sparse([] if step % 2 else [side], (9, 2), rng), mx.nd.array(rng.normal(size=5))]
                 for side in range(2)]
        present = (True, step != 5)
        wanted = [sum(g.asnumpy() for g, there in zip(both, present) if there) for both in zip(*sides)]
        first, second = pair.both((sides[0], [1.5, 2], True), (sides[1], [0.25, 3], present[1]))
        assert first == second == [1.75, 5.0]
        for found in sides:
            for gradient, expected in zip(found, wanted):
                np.testing.assert_array_equal(gradient.asnumpy(), expected)
        assert [g.stype for g in sides[1]] == ["default", "row_sparse", "row_sparse", "default"]


@given(st.lists(st.sets(st.integers(0, 30), max_size=20), min_size=1, max_size=4), st.integers(0, 99))
def test_rows_add_up_like_the_dense_matrices(parts, seed):
    rng = np.random.default_rng(seed)
    parts = [np.array(sorted(rows), dtype="int64") for rows in parts]
    parts = [(rows, rng.normal(size=(len(rows), 3)).astype("float32")) for rows in parts]
    dense = np.zeros((31, 3), "float32")
    for rows, values in parts:
        dense[rows] += values
    rows, values = add_rows(parts)
    assert (np.diff(rows) > 0).all() and set(rows) == {r for part, _ in parts for r in part}
    np.testing.assert_array_equal(values, dense[rows])


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 5))
def test_shares_hold_every_review_once_and_are_alike(lengths, size):
    groups = [Group() for _ in range(size)]
    for rank, group in enumerate(groups):
        group.rank, group.size = rank, size
    shards = [group.shard(range(len(lengths)), lengths.__getitem__) for group in groups]
    assert sorted(i for share in shards for i in share) == list(range(len(lengths)))
    sizes = [len(share) for share in shards]
    assert max(sizes) - min(sizes) <= 1
    if size > 1:  # dealt out like cards, from the shortest on
        found = [[lengths[i] for i in share] for share in shards]
        dealt = [share[turn] for turn in range(max(sizes)) for share in found if turn < len(share)]
        assert dealt == sorted(lengths)


def test_alone_nothing_changes():
    positions = [3, 1, 2]
    assert ALONE.shard(positions, len) is positions
    assert ALONE.agree("word") == "word" and ALONE.add_gradients([], [1, 2.5], True) == [1, 2.5]


def test_memory_grows_for_all_who_look():
    descriptor = open_memory()
    writer, reader = SharedMemory(descriptor), SharedMemory(os.dup(descriptor))
    for size in (8, 100, 10_000, 1_000_000):
        writer.map_at_least(size)[size - 1 : size] = b"x"
        assert reader.map_at_least(size)[size - 1 : size] == b"x"
    writer.close()
    reader.close()


PLAIN = {**TINY, "word_dropout": 0.0, "model": {**TINY["model"], "dropout": 0.0}}


@pytest.fixture(scope="module")
def by_three(reviews, tmp_path_factory):
    """The model of an uninterrupted run of three processes."""
    return train(reviews, tmp_path_factory.mktemp("three") / "model", workers=3, **TINY)


@pytest.mark.parametrize(("recipe", "workers"), [("default", 3), ("post", 2)])
def test_several_processes_compute_what_one_does(reviews, tmp_path, recipe, workers):
    """Without dropout the sum of the shards is the whole, up to rounding; clipping and history too."""
    options = {**PLAIN, "recipe": recipe, "clip": 0.05}
    if recipe == "post":
        options["model"] = {**PLAIN["model"], "attention_dropout": 0.0}
    one, several = (load_checkpoint(train(reviews, tmp_path / str(n), workers=n, **options)) for n in (1, workers))
    for first, second in zip(one.history, several.history):
        for name in ("train_loss", "valid_loss", "train_accuracy", "valid_accuracy"):
            assert second[name] == pytest.approx(first[name], abs=2e-3), name
        assert first["learning_rate"] == second["learning_rate"]
    for name, weights in one.weights.items():
        np.testing.assert_allclose(several.weights[name], weights, atol=2e-3, err_msg=name)
    assert several.config["training"]["workers"] == workers


class Contexts(Callback):
    def __init__(self):
        self.found = set()

    def on_batch_end(self, run):
        self.found |= {str(run.device), str(run.parameters[0].data().context)}


def test_several_devices_have_a_process_each_and_compute_what_one_does(reviews, tmp_path):
    """Contexts of the CPU stand for GPUs: rank 0 computes in the last of them here, so a wrong one would be seen."""
    one = load_checkpoint(train(reviews, tmp_path / "one", workers=1, **PLAIN))
    seen = Contexts()
    several = load_checkpoint(train(reviews, tmp_path / "two", callbacks=[seen], **{**PLAIN, "device": "cpu:1,0"}))
    assert seen.found == {"cpu(1)"} and several.config["training"]["workers"] == 2
    for name, weights in one.weights.items():
        np.testing.assert_allclose(several.weights[name], weights, atol=2e-3, err_msg=name)


@pytest.mark.slow
def test_same_seed_and_workers_same_model_and_nothing_is_left(reviews, tmp_path):
    """The last process has an empty share wherever a batch is small; the sum is fresh there too."""
    gc.collect()  # what an earlier test left open is not ours to count
    descriptors = len(os.listdir("/proc/self/fd"))
    folders = [train(reviews, tmp_path / str(n), workers=3, **{**TINY, "batch_size": 3, "epochs": 1})
               for n in range(2)]
    same_model(*folders)
    assert workers_of(os.getpid()) == []
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= descriptors  # shared memory is a descriptor too


def test_the_threads_are_shared_out_and_the_callers_variable_stays():
    code = ("import ctypes, os, re; from gluonattn import runtime; from pathlib import Path\n"
            "from gluonattn.classifier.settings import ClassifierSettings\n"
            "from gluonattn.training.session import processes\n"
            "with processes(ClassifierSettings(workers=2)) as group:\n"
            "    runtime.mx.nd.ones(1).wait_to_read()\n"
            "    other = Path(f'/proc/{group._processes[0].pid}/environ').read_bytes().split(b'\\0')\n"
            "    maps = Path('/proc/self/maps').read_text()\n"
            "    omp = ctypes.CDLL(re.search(r'\\S*libgomp\\S*', maps).group())\n"
            "    print(omp.omp_get_max_threads(), os.environ['OMP_NUM_THREADS'],\n"
            "          [o for o in other if o.startswith(b'OMP_NUM')], runtime.total_threads())\n")
    process = start("-c", code, omp="4")
    said, error = process.communicate(timeout=600)
    assert said.split("\n")[0] == "2 4 [b'OMP_NUM_THREADS=2'] 4", error


@pytest.mark.slow
def test_a_killed_run_ends_all_its_processes_and_resumes_to_the_same(table, tmp_path):
    options = dict(save_every=0, seed=3, workers=2)
    process = start_training(tmp_path / "model", table, **options)
    wait_for(tmp_path / "model.resume", process)
    others = workers_of(process.pid)
    assert len(others) == 1
    process.kill()
    process.communicate()
    wait_until_gone(others)
    last = start_training(tmp_path / "model", table, resume=True, **options)
    train(str(table), tmp_path / "whole", **{**TINY, **options})  # meanwhile, and here: a process less to start
    _, said = last.communicate(timeout=600)
    assert last.returncode == 0, said
    same_model(tmp_path / "model", tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_exits_130_with_all_processes_and_the_run_goes_on(table, tmp_path):
    command = ["-m", "gluonattn", "train", "--data", table, "--tokenizer", "whitespace", "--epochs", 3,
               "--batch-size", 8, "--save-every", 0, "--device", "cpu", "--workers", 2]
    out, state = tmp_path / "model", tmp_path / "model.resume"
    process = start(*command, "--out", out)
    wait_for(state, process)
    others = workers_of(process.pid)
    process.send_signal(signal.SIGINT)
    said = "".join(process.communicate(timeout=600))
    assert process.returncode == 130 and "Traceback" not in said and state.exists(), said
    assert others and not any(Path(f"/proc/{pid}").exists() for pid in others)
    process = start(*command, "--out", out, "--resume")
    train(str(table), tmp_path / "whole", tokenizer="whitespace", epochs=3, batch_size=8, device="cpu", workers=2)
    said = "".join(process.communicate(timeout=600))
    assert process.returncode == 0 and "resumed in epoch" in said, said
    same_model(out, tmp_path / "whole")


class KillWorker(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, run):
        if run.step == self.step:
            os.kill(workers_of(os.getpid())[0], signal.SIGKILL)


@pytest.mark.slow
def test_a_process_that_dies_is_named_and_the_run_can_be_resumed(reviews, by_three, tmp_path):
    options = dict(workers=3, save_every=0, **TINY)
    message = r"training process \d of 2 ended early \(by signal 9\).*--resume to continue.*fewer --workers"
    with pytest.raises(GluonAttnError, match=message):
        train(reviews, tmp_path / "model", callbacks=[KillWorker(4)], **options)
    assert workers_of(os.getpid()) == [] and (tmp_path / "model.resume").exists()
    lines = []
    train(reviews, tmp_path / "model", resume=True, report=lines.append, **options)
    assert any(re.match("resumed in epoch 1, after [34] of", line) for line in lines), lines
    same_model(by_three, tmp_path / "model")


def test_an_error_in_a_process_is_passed_on_in_one_line(reviews, tmp_path, monkeypatch):
    monkeypatch.setattr("gluonattn.training.parallel.Leader.send", lambda group, message: [
        link.send({"nonsense": 1}) for link in group._links])
    with pytest.raises(GluonAttnError, match=r"ended early \(TypeError: .*nonsense") as caught:
        train(reviews, tmp_path / "model", workers=2, **TINY)
    assert "\n" not in str(caught.value)


def test_an_error_here_ends_the_others(reviews, tmp_path):
    class Fails(Callback):
        def on_batch_end(self, run):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(reviews, tmp_path / "model", workers=2, callbacks=[Fails()], **TINY)
    assert workers_of(os.getpid()) == []


def test_processes_whose_parameters_part_are_noticed(reviews, tmp_path):
    class Touch(Callback):
        def on_batch_end(self, run):
            weight = run.model.head.bias.data()
            weight += 1

    with pytest.raises(GluonAttnError, match="have different parameters: train with --workers 1"):
        train(reviews, tmp_path / "model", workers=2, callbacks=[Touch()], **TINY)


@pytest.mark.slow
def test_the_model_of_several_processes_is_a_usual_one(by_three):
    assert {p.name for p in by_three.iterdir()} == {
        "config.json", "vocab.json", "model.safetensors", "history.json", "history.csv", "trained_on.json"}
    assert len(gluonattn.load(by_three, "cpu").predict(["좋다"])) == 1
