"""Site-packages, drivers and wheels for the tests of this folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gluonattn
from gluonattn.runtime.loading import import_mxnet

from ..needs import require_mxnet
from .machines import (
    LIBRARIES,
    REPOSITORY,
    compile_library,
    install,
    link,
)


@pytest.fixture
def site(tmp_path) -> Path:
    """A site-packages folder with nothing but this package in it."""
    folder = tmp_path / "site"
    link(folder, Path(gluonattn.__file__).parent)
    return folder


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Path:
    """Folder with a libcuda.so.1 that shows the GPUs named in STUB_GPUS."""
    path = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    compile_library(path, source=(REPOSITORY / "scripts" / "check_cuda_driver.c").read_text())
    return path.parent


@pytest.fixture(scope="module")
def cuda_wheels(tmp_path_factory) -> Path:
    """Folder with nvidia/*/lib/*.so as pip's wheels lay them out; each writes its name when loaded."""
    folder = tmp_path_factory.mktemp("cuda")
    for name, library in LIBRARIES:
        announce = (f'#include <unistd.h>\n__attribute__((constructor)) static void load(void)'
                    f'{{ if (write(1, "{library}\\n", {len(library) + 1})) {{}} }}')
        compile_library(folder / "nvidia" / name / "lib" / library, source=announce)
    return folder


@pytest.fixture(scope="module")
def posing(tmp_path_factory) -> Path:
    """A copy of this site-packages in which MXNet's CPU build says it is mxnet-cu112."""
    require_mxnet()
    mxnet = import_mxnet()  # with the names that numpy dropped, whichever test comes first
    folder = tmp_path_factory.mktemp("posing")
    link(folder, *(entry for entry in Path(mxnet.__file__).parents[1].iterdir()
                   if not re.match(r"mxnet.*\.dist-info|gluonattn", entry.name)))
    link(folder, Path(gluonattn.__file__).parent)
    install(folder, "mxnet-cu112")
    return folder
