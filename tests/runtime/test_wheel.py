"""Which MXNet wheel is installed, and what is said where there is none or two."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pytest

from gluonattn import runtime

from ..needs import needs_mxnet
from .machines import (
    error_of,
    install,
    mxnet_exists_here,
    needs_compiler,
    run,
)


@mxnet_exists_here
@pytest.mark.parametrize("use", ["runtime.mx", "runtime.nlp", "runtime.device()", "runtime.device('gpu')",
                                 "runtime.device('cpu')"])
def test_without_mxnet_the_error_names_both_extras(site, use):
    error = error_of(run(f"from gluonattn import runtime; {use}", site))
    assert "DependencyError: MXNet is not installed. Install it with" in error
    assert '"gluonattn[cpu]"' in error
    assert '"gluonattn[cu112]"' in error


@mxnet_exists_here
def test_from_import_gives_our_error_not_an_import_error(site):
    error = error_of(run("from gluonattn.runtime import mx", site))
    assert error.startswith("gluonattn.errors.DependencyError: MXNet is not installed.")


@pytest.mark.parametrize("second", ["mxnet-cu112", "mxnet_cu112", "MXNet-CU112"])
def test_both_wheels_installed(site, second):
    install(site, "mxnet")
    install(site, second)
    error = error_of(run("from gluonattn.runtime import mx", site))
    assert "DependencyError: mxnet and mxnet-cu112 are both installed" in error
    assert "pip uninstall -y mxnet mxnet-cu112, then install one of" in error


def test_wheels_in_two_folders_of_the_path_are_both_seen(site, tmp_path):
    install(site, "mxnet")
    install(tmp_path / "user", "mxnet-cu112")
    assert "are both installed" in error_of(run("from gluonattn.runtime import mx", site, tmp_path / "user"))


@mxnet_exists_here
def test_other_packages_and_broken_metadata_are_no_wheel(site):
    install(site, "mxnet-model-server")
    install(site, "keras-mxnet")
    (site / "broken-1.0.dist-info").mkdir()
    done = run("from gluonattn import runtime; runtime.mx", site, flags=("-S", "-W", "error"))
    assert "DependencyError: MXNet is not installed." in error_of(done)


@pytest.mark.parametrize("broken, reason", [
    ("import no_such_module", "No module named 'no_such_module'"),
    ("raise OSError('libgfortran.so.3: cannot open shared object file')", "libgfortran.so.3"),
    ("import numpy; numpy.no_such_alias", "no_such_alias"),
    ("raise RuntimeError('compiled for another numpy')", "compiled for another numpy"),
])
def test_a_wheel_that_cannot_be_imported_says_why_and_how_to_install(site, broken, reason):
    install(site, "mxnet")
    (site / "numpy.py").write_text("")
    (site / "mxnet").mkdir()
    (site / "mxnet" / "base.py").write_text(broken)
    (site / "mxnet" / "__init__.py").write_text("from . import base")
    # Asked twice: half an import must not look like a whole one.
    error = error_of(run("from gluonattn import errors, runtime\n"
                         "try: runtime.mx\n"
                         "except errors.DependencyError: runtime.mx", site))
    assert "DependencyError: mxnet is installed but cannot be imported: " in error
    assert reason in error
    assert 'numpy below 2 and setuptools below 81: install it with pip install ' \
           '"gluonattn[cpu]".' in error


@needs_compiler
@pytest.mark.parametrize("name, problem", [("mx", "mxnet-cu112 is installed but cannot be imported"),
                                           ("nlp", "GluonNLP cannot be imported")])
def test_with_the_gpu_wheel_no_error_sends_to_the_cpu_extra(site, driver, cuda_wheels, name, problem):
    """That extra would put a second MXNet over the first."""
    install(site, "mxnet-cu112")
    (site / "numpy.py").write_text("")
    (site / "mxnet.py").write_text("import no_such_module" if name == "mx" else "")
    error = error_of(run(f"from gluonattn import runtime; runtime.{name}", site, cuda_wheels,
                         LD_LIBRARY_PATH=str(driver)))
    assert problem in error
    assert '"gluonattn[cu112]"' in error
    assert "gluonattn[cpu]" not in error


def test_without_gluonnlp_the_error_names_the_extra(site):
    install(site, "mxnet")
    (site / "numpy.py").write_text("")
    (site / "mxnet.py").write_text("")
    error = error_of(run("from gluonattn.runtime import nlp", site))
    assert re.search(r"DependencyError: GluonNLP cannot be imported \(No module named 'gluonnlp'\)", error)
    assert '"gluonattn[cpu]"' in error


def test_importing_runtime_loads_neither_mxnet_nor_numpy(site):
    done = run("import sys, gluonattn.runtime; print({'mxnet', 'gluonnlp', 'numpy'} & {*sys.modules})", site)
    assert done.stdout == "set()\n", done.stderr


def test_unknown_attribute():
    with pytest.raises(AttributeError, match=r"module 'gluonattn.runtime' has no attribute 'torch'"):
        runtime.torch  # noqa: B018


@needs_mxnet
def test_versions_name_what_is_installed():
    found = runtime.versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["numpy"] == np.__version__
    assert {"mxnet", "mxnet-cu112"} & {*found}
    assert json.loads(json.dumps(found)) == found


def test_versions_leave_out_what_is_not_installed(site):
    install(site, "mxnet-cu112")
    done = run("from gluonattn import runtime; print(sorted(runtime.versions()))", site)
    assert done.stdout == "['mxnet-cu112', 'python']\n", done.stderr
