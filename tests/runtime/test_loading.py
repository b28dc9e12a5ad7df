"""What MXNet needs before it is imported, and how it starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

from gluonattn.runtime.loading import set_numpy_aliases

from ..needs import needs_mxnet
from .machines import (
    REPOSITORY,
    in_a_process,
    install,
    link,
    run_posing,
)

ALIASES = {"bool": bool, "object": object, "int": int, "float": float, "complex": complex, "str": str}


@pytest.mark.parametrize("name", ALIASES)
def test_a_missing_alias_is_set_and_one_that_is_there_is_kept(monkeypatch, name):
    monkeypatch.delattr(np, name, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy 1.20 to 1.23 warn when an alias is looked up
        set_numpy_aliases()
    assert np.__dict__[name] is ALIASES[name]
    monkeypatch.setattr(np, name, "numpy's own")
    set_numpy_aliases()
    assert np.__dict__[name] == "numpy's own"


def test_mxnet_that_failed_without_the_aliases_is_imported_with_them(posing, site):
    """Also after someone else's import failed in the same process."""
    install(site, "mxnet")
    link(site, *(entry for entry in posing.iterdir()
                 if not re.match(r"mxnet_cu112.*\.dist-info|gluonattn", entry.name)))
    code = """
import numpy
assert not hasattr(numpy, "bool") or numpy.__version__ < "1.24"
try:
    import mxnet
except AttributeError as error:
    print("without:", error)
from gluonattn.runtime import mx
print(mx.nd.ones(2).sum().asscalar(), numpy.bool is bool)
"""
    done = run_posing(code, site, OMP_NUM_THREADS="1")
    assert done.stdout.splitlines()[-1:] == ["2.0 True"], done.stderr
    if tuple(map(int, np.__version__.split(".")[:2])) >= (1, 24):
        assert "without: module 'numpy' has no attribute" in done.stdout


@needs_mxnet
def test_the_import_itself_warns_of_nothing():
    done = subprocess.run([sys.executable, "-W", "error", "-c", "from gluonattn.runtime import mx"],
                          env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@needs_mxnet
@pytest.mark.parametrize("synchronous", [True, False])
def test_synchronous_mxnet_computes_where_it_is_called_and_says_nothing(synchronous):
    done = in_a_process(f"""
import threading
from gluonattn import runtime
runtime.limit_threads(1, synchronous={synchronous})
from gluonattn.runtime import mx
from gluonattn.models import numpy_ops

class Score(numpy_ops._Score):
    def forward(self, *arguments, **settings):
        print(threading.current_thread() is threading.main_thread())
        super().forward(*arguments, **settings)

numpy_ops._Score = Score
mx.nd.Custom(*map(mx.nd.ones, [(1, 2, 3), (1, 2, 3), (3, 1)]), op_type="gluonattn_mlp_score").wait_to_read()
runtime.restore_engine_type()
import os
print("MXNET_ENGINE_TYPE" in os.environ)
""")
    assert (done.stdout.split(), done.stderr) == ([str(synchronous), "False"], "")


@needs_mxnet
def test_ctrl_c_inside_an_operator_is_ctrl_c():
    """A signal while the score is computed: without MXNet's threads it reaches the operator itself."""
    done = in_a_process("""
import os, signal
from gluonattn import runtime
runtime.limit_threads(1, synchronous=True)
from gluonattn.runtime import mx
from gluonattn.models import numpy_ops

def interrupted(*_):
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(10**8):
        pass

numpy_ops.additive_scores = interrupted
mx.nd.Custom(*map(mx.nd.ones, [(1, 2, 3), (1, 2, 3), (3, 1)]), op_type="gluonattn_mlp_score").wait_to_read()
print("computed")
try:
    numpy_ops.raise_interrupt()
except KeyboardInterrupt:
    print("interrupted")
numpy_ops.raise_interrupt()
""")
    assert (done.stdout.split(), done.stderr) == (["computed", "interrupted"], "")


@needs_mxnet
@pytest.mark.parametrize("first, last", [
    ("", ""),
    ("", "numpy_ops.pool = lambda *_: 1 / 0"),
    ("", "import signal, time\nnumpy_ops.pool = lambda *_: time.sleep(3)\n"
         "signal.signal(signal.SIGALRM, signal.default_int_handler)\nsignal.setitimer(signal.ITIMER_REAL, 1)"),
    ("from gluonattn.runtime.loading import set_numpy_aliases\nset_numpy_aliases()\nimport mxnet", "raise SystemExit(130)"),
], ids=["it ends", "the operator fails", "Ctrl-C while it waits", "MXNet was imported before, and it exits"])
def test_a_program_ends_though_operators_are_still_to_come(first, last):
    """One in Python waits for a slow one when the program ends: it used to hang or to be aborted."""
    done = subprocess.run([sys.executable, "-c", f"""
{first}
from gluonattn.runtime import mx
from gluonattn.models import numpy_ops
x, mask = mx.nd.ones((2, 3, 4)), mx.nd.ones((2, 3))
mx.nd.Custom(x, mask, op_type="gluonattn_pool").wait_to_read()
large = mx.nd.ones((1000, 1000))
later = mx.nd.dot(large, large)
mx.nd.Custom(x + later[0, 0], mask, op_type="gluonattn_pool")
{last}
"""], env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, text=True, capture_output=True, timeout=300)
    assert done.returncode == (130 if "exit" in last.lower() else 0), done.stderr
    assert "terminate" not in done.stderr and "ignored" not in done.stderr


@needs_mxnet
def test_without_stderr_notices_are_hidden_all_the_same():
    done = in_a_process("""
import os
os.close(2)
from gluonattn import runtime
runtime.limit_threads(1, synchronous=True)
from gluonattn.runtime import mx
runtime.silence_lazy_update_notice()
print(mx.nd.ones(2).sum().asscalar())
""")
    assert done.stdout == "2.0\n"
