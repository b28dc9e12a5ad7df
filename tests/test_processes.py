"""Work in processes beside this one, by functions of the standard library that any process has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from gluonattn.errors import GluonAttnError
from gluonattn.processes import processes
from gluonattn.threads import in_order

ROOT = str(Path(__file__).parents[1])
in_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds its processes in /proc")


def helpers_of(pid: int) -> list[int]:
    """Ids of the working processes that `pid` started."""
    children = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            children += (task / "children").read_text().split()
    return [int(child) for child in children if b"popen_loky" in Path(f"/proc/{child}/cmdline").read_bytes()]


def running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def none_runs(pids: list[int]) -> bool:
    patience = time.monotonic() + 10
    while any(map(running, pids)) and time.monotonic() < patience:
        time.sleep(0.02)
    return not any(map(running, pids))


def wait_for_helpers(pid: int, count: int) -> list[int]:
    found, patience = [], time.monotonic() + 30
    while len(found) < count and time.monotonic() < patience:
        time.sleep(0.005)
        found = helpers_of(pid)
    return found


def start_script(script: str, **environment: str) -> subprocess.Popen:
    paths = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": paths, **environment}, start_new_session=True)


@in_proc
def test_results_come_in_order_from_other_processes_that_are_gone_then():
    with processes(2, partial, pow, cure="-") as submit:
        assert submit is not None
        assert list(in_order(submit, ((i, 2) for i in range(20)), 4)) == [i**2 for i in range(20)]
        helpers = helpers_of(os.getpid())
        assert len(helpers) == 2
    assert none_runs(helpers)


def test_each_makes_its_function_once_and_computes_on_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with processes(1, partial, eval, "[__import__('os').getpid(), __import__('os').environ['OMP_NUM_THREADS']]",
                   cure="-") as submit:
        first, second = submit().result(), submit().result()
    assert first == second and first[0] != os.getpid() and first[1] == "1"


def test_an_error_of_the_function_is_the_callers():
    with pytest.raises(ZeroDivisionError), processes(1, partial, divmod, cure="-") as submit:
        submit(1, 0).result()


@in_proc
def test_a_killed_process_is_a_clear_error():
    with pytest.raises(GluonAttnError, match=r"one of 2 processes .* ended early \(SIGKILL\(-9\)\).*out, fewer of them\."), \
            processes(2, partial, time.sleep, cure="fewer of them") as submit:
        pending, helpers = submit(60), helpers_of(os.getpid())
        os.kill(helpers[0], signal.SIGKILL)
        pending.result()
    assert none_runs(helpers)


@pytest.mark.parametrize("without", ["semaphores", "loky", "a Python"])
def test_where_there_can_be_none_the_caller_is_told(without, monkeypatch):
    def refuse(*_, **__):
        raise OSError(38, "Function not implemented")

    if without == "semaphores":
        monkeypatch.setattr("loky.backend.synchronize._SemLock", refuse)
    elif without == "loky":
        monkeypatch.setitem(sys.modules, "loky", None)
    else:
        monkeypatch.setattr("gluonattn.processes._environment", lambda: {"PYTHONHOME": "/nowhere"})
    with processes(2, partial, pow, cure="-") as submit:
        assert submit is None


_AT_WORK = """
import time
from functools import partial
from gluonattn.processes import processes
assert __name__ == "__main__"  # and this line runs once
print("started", flush=True)
try:
    with processes(2, partial, time.sleep, cure="-") as submit:
        pending = [submit(60), submit(60)]
        print("at work", flush=True)
        pending[0].result()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@in_proc
@pytest.mark.parametrize("when", ["while they start", "at work"])
def test_ctrl_c_ends_all_in_silence(when):
    """The signal goes to the whole group, as a terminal sends it."""
    with start_script(_AT_WORK) as process:
        assert process.stdout.readline() == "started\n"
        if when == "at work":
            assert process.stdout.readline() == "at work\n"
        helpers = wait_for_helpers(process.pid, 2)
        assert len(helpers) == 2
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=600)
    assert out.splitlines() == ["interrupted"] and err == ""
    assert none_runs(helpers)


@in_proc
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_a_parent_that_is_killed(by):
    with start_script(_AT_WORK) as process:
        assert [process.stdout.readline() for _ in range(2)] == ["started\n", "at work\n"]
        helpers = wait_for_helpers(process.pid, 2)
        process.send_signal(by)
        assert process.wait(timeout=600) == -by
        assert len(helpers) == 2 and none_runs(helpers)
        process.communicate(timeout=600)
