"""Threads and cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gluonattn import runtime
from gluonattn.runtime import threads

from .machines import (
    REPOSITORY,
    run,
)


@pytest.mark.parametrize("set_by_user, expected", [
    ({}, {"OMP_NUM_THREADS": str(runtime.cores()), "GOMP_SPINCOUNT": "500"}),
    ({"OMP_NUM_THREADS": "3"}, {"OMP_NUM_THREADS": "3", "GOMP_SPINCOUNT": "500"}),
    ({"GOMP_SPINCOUNT": "77"}, {"OMP_NUM_THREADS": str(runtime.cores()), "GOMP_SPINCOUNT": "77"}),
    ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": None}),
    ({"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "9"}, {"OMP_WAIT_POLICY": "PASSIVE",
                                                            "GOMP_SPINCOUNT": "9"}),
])
def test_what_the_user_set_for_threads_is_respected(site, set_by_user, expected):
    code = ("import os; from gluonattn.runtime.threads import choose_threads; choose_threads()\n"
            f"import json; print(json.dumps({{name: os.environ.get(name) for name in {list(expected)}}}))")
    done = run(code, site, **set_by_user)
    assert json.loads(done.stdout) == expected, done.stderr


def test_openmp_itself_sees_the_threads_that_were_chosen():
    """The variables count only if they are set before libgomp is loaded."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run([sys.executable, "-c", "from gluonattn.runtime import mx"], text=True,
                          env={**env, "PYTHONPATH": str(REPOSITORY), "OMP_DISPLAY_ENV": "verbose"},
                          capture_output=True)
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("needs GNU OpenMP (libgomp), which shows its settings")
    assert f"OMP_NUM_THREADS = '{runtime.cores()}'" in done.stderr
    assert "GOMP_SPINCOUNT = '500'" in done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_cores_are_those_the_process_may_use(site):
    code = ("import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
            "from gluonattn import runtime; print(runtime.cores())")
    assert run(code, site).stdout == "1\n"


@pytest.mark.parametrize("quota, expected", [
    ("max 100000", 8), ("50000 100000", 1), ("300000 100000", 3), ("10 100000", 1), ("1600000 100000", 8),
    ("", 8), ("unreadable", 8),
])
def test_a_containers_quota_limits_the_cores(monkeypatch, tmp_path, quota, expected):
    (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(threads, "Path", lambda path: tmp_path / Path(path).name)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert runtime.cores() == expected
