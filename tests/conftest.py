"""Fixtures shared by all tests. Everything here is small, local and offline."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from gluonattn.errors import DependencyError
from gluonattn.runtime import mxnet_is_installed

from .needs import NO_MXNET, require_mxnet

# No test asserts a time, so no example has a deadline: a busy machine is no fault.
settings.register_profile("gluonattn", deadline=None)
settings.load_profile("gluonattn")

# A shell starts background jobs with Ctrl-C ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and nohup with the end of the terminal ignored

# Before MXNet is loaded: one thread makes training repeatable, bit for bit.
os.environ.setdefault("OMP_NUM_THREADS", "1")


# Where tests, or the module itself, need MXNet. In all other files an error that names MXNet is a fault: to predict, explain
# and draw does without it.
NEED_MXNET = (
    "data/test_batches.py", "data/test_examples.py", "data/test_packed.py", "data/test_vocabulary.py",
    "models/", "training/",
    "classifier/test_network.py", "classifier/test_training.py", "classifier/test_compare.py", "classifier/test_weighing.py",
    "classifier/test_pretraining.py", "classifier/test_teachers.py",
    "pronunciation/test_task.py", "pronunciation/test_training.py", "translation/",
)


def _lacks_mxnet(path: Path, error: str) -> bool:
    inside = path.relative_to(Path(__file__).parent).as_posix()
    return not mxnet_is_installed() and inside.startswith(NEED_MXNET) and "MXNet" in error


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if report.failed and "DependencyError" in report.longreprtext and _lacks_mxnet(collector.path, report.longreprtext):
        report.outcome, report.longrepr = "skipped", (str(collector.path), 1, f"Skipped: {NO_MXNET}")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    return (yield from _skip_without_mxnet(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    return (yield from _skip_without_mxnet(item))


def _skip_without_mxnet(item):
    try:
        return (yield)
    except DependencyError as error:
        if _lacks_mxnet(item.path, str(error)):
            pytest.skip(NO_MXNET)
        raise


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("GLUONATTN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def made_once(tmp_path_factory, name: str, make) -> Path:
    """The folder that ``make(folder)`` fills: once a run, also where pytest-xdist runs several processes."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "made once" / name
    folder.parent.mkdir(exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            half = make(folder.with_name(f"{name}.half"))
            half.rename(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """Checkpoint folder of a small model trained for two epochs on the bundled sample."""
    from gluonattn.classifier.training import train

    require_mxnet()
    return made_once(tmp_path_factory, "tiny", lambda folder: train(
        "sample", folder, epochs=2, seed=1, device="cpu", ngrams=True, model={"embed_size": 16, "hidden_size": 8}))


@pytest.fixture
def nsmc(monkeypatch) -> Path:
    """Folder of the real NSMC."""
    folder = os.environ.get("GLUONATTN_NSMC")
    if not folder or not (Path(folder) / "ratings_train.txt").exists():
        pytest.skip("needs NSMC: run `gluonattn data nsmc --out DIR` and set GLUONATTN_NSMC=DIR")
    return Path(folder)


@pytest.fixture
def java() -> str:
    """Path of a Java runtime."""
    found = shutil.which("java") or os.environ.get("JAVA_HOME")
    if not found:
        pytest.skip("needs Java: apt-get install default-jre-headless")
    return found


@pytest.fixture
def kiwi():
    """The kiwipiepy module."""
    return pytest.importorskip("kiwipiepy", reason="needs Kiwi: pip install kiwipiepy")


@pytest.fixture(scope="session")
def tiny_pronouncer(tmp_path_factory) -> Path:
    """Checkpoint folder of a small model of pronunciation, trained for a few epochs on words of the bundled sample."""
    from gluonattn.pronunciation.training import train_pronunciation


    require_mxnet()
    return made_once(tmp_path_factory, "pronouncer", lambda folder: train_pronunciation(
        "sample", folder, epochs=4, min_count=2, batch_size=32, learning_rate=0.005, device="cpu", workers=1,
        model={"units": 32, "hidden_size": 64}))
