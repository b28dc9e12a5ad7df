"""Processes, wheels and libraries that stand in for what this machine lacks.

What this machine lacks is stood in for by real things where that can be: a
driver and CUDA libraries built with the C compiler and loaded by the dynamic
linker, installed wheels as folders on ``sys.path``, and MXNet's CPU build
posing as mxnet-cu112. Each case runs in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gluonattn
from gluonattn import runtime

REPOSITORY = Path(__file__).parents[2]
COMPILER = shutil.which("cc") or shutil.which("gcc")
LIBRARIES = [(folder, library) for folder, libraries in runtime.CUDA_LIBRARIES for library in libraries]

mxnet_exists_here = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="from Python 3.13 on the error is that MXNet ends at 3.12, whatever is installed")
needs_compiler = pytest.mark.skipif(
    COMPILER is None or not sys.platform.startswith("linux"),
    reason="needs Linux and a C compiler: apt-get install gcc",
)


def run(code: str, *folders: Path, flags=("-S",), **env: str) -> subprocess.CompletedProcess:
    """Run `code` in a process that sees only the standard library and `folders`."""
    inherited = {name: value for name, value in os.environ.items()
                 if not name.startswith(("OMP_", "GOMP_", "LD_", "PYTHON", "CUDA_", "STUB_"))}
    env = {**inherited, "PYTHONPATH": os.pathsep.join(map(str, folders)), **env}
    # In a folder of its own too: the working directory is on the path of python -c.
    return subprocess.run([sys.executable, *flags, "-c", code], env=env, cwd=folders[0], text=True,
                          capture_output=True, timeout=600)


def error_of(done: subprocess.CompletedProcess) -> str:
    """Last line of the traceback: the error's class and message."""
    assert done.returncode != 0, done.stdout
    return done.stderr.strip().splitlines()[-1]


def install(site: Path, name: str, version: str = "1.9.1") -> None:
    """What pip leaves behind of an installed wheel: its metadata."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def link(site: Path, *sources: Path) -> None:
    site.mkdir(parents=True, exist_ok=True)
    for source in sources:
        (site / source.name).symlink_to(source)


def compile_library(path: Path, *options: str, source: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", path, f"-Wl,-soname,{path.name}",
                    "-Wl,--no-as-needed", *options, "-x", "c", "-"], input=source, text=True, check=True)


def run_posing(code: str, posing: Path, **env: str) -> subprocess.CompletedProcess:
    # addsitedir runs the .pth file with which setuptools supplies distutils on Python 3.12.
    return run(f"import site; site.addsitedir({str(posing)!r})\n{code}", posing, **env)


def in_a_process(code):
    environment = {name: value for name, value in os.environ.items() if name != "MXNET_ENGINE_TYPE"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**environment, "PYTHONPATH": str(Path(gluonattn.__file__).parents[1])})
