"""Fixtures shared by all tests. Everything here is small, local and offline."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# No test asserts a time, so no example has a deadline: a busy machine is no fault.
settings.register_profile("gluonattn", deadline=None)
settings.load_profile("gluonattn")

# A shell starts background jobs with Ctrl-C ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before MXNet is loaded: one thread makes training repeatable, bit for bit.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("GLUONATTN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """Checkpoint folder of a small model trained for two epochs on the bundled sample."""
    from gluonattn.classifier.training import train
    from gluonattn.runtime import mxnet_is_installed

    if not mxnet_is_installed():
        pytest.skip('needs MXNet to train a model: pip install "gluonattn[cpu]" on Python 3.9 to 3.12')
    return train("sample", tmp_path_factory.mktemp("models") / "tiny", epochs=2, seed=1, device="cpu", ngrams=True,
                 model={"embed_size": 16, "hidden_size": 8})


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
    from gluonattn.runtime import mxnet_is_installed

    if not mxnet_is_installed():
        pytest.skip('needs MXNet to train a model: pip install "gluonattn[cpu]" on Python 3.9 to 3.12')
    from gluonattn.pronunciation.training import train_pronunciation

    return train_pronunciation("sample", tmp_path_factory.mktemp("models") / "pronouncer", epochs=4, min_count=2,
                               batch_size=32, learning_rate=0.005, device="cpu", workers=1,
                               model={"units": 32, "hidden_size": 64})
