"""The door to MXNet: which wheel, which libraries, which device, how many threads.

What this machine lacks is stood in for by real things where that can be: a
driver and CUDA libraries built with the C compiler and loaded by the dynamic
linker, installed wheels as folders on ``sys.path``, and MXNet's CPU build
posing as mxnet-cu112. Each case runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import random
import re
import runpy
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gluonattn
from gluonattn import runtime
from gluonattn.errors import DeviceError, OptionError
from gluonattn.runtime import threads
from gluonattn.runtime.loading import set_numpy_aliases
from gluonattn.runtime.wheel import find_wheels

from ..needs import needs_mxnet

REPOSITORY = Path(__file__).parents[2]
COMPILER = shutil.which("cc") or shutil.which("gcc")
LIBRARIES = [(folder, library) for folder, libraries in runtime.CUDA_LIBRARIES for library in libraries]

mxnet_exists_here = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="from Python 3.13 on the error is that MXNet ends at 3.12, whatever is installed")
needs_compiler = pytest.mark.skipif(
    COMPILER is None or not sys.platform.startswith("linux"),
    reason="needs Linux and a C compiler: apt-get install gcc",
)


# Processes, wheels and libraries to stand in for what is not here.


def run(code: str, *folders: Path, flags=("-S",), **env: str) -> subprocess.CompletedProcess:
    """Run `code` in a process that sees only the standard library and `folders`."""
    inherited = {name: value for name, value in os.environ.items()
                 if not name.startswith(("OMP_", "GOMP_", "LD_", "PYTHON", "CUDA_", "STUB_"))}
    env = {**inherited, "PYTHONPATH": os.pathsep.join(map(str, folders)), **env}
    # In a folder of its own too: the working directory is on the path of python -c.
    return subprocess.run([sys.executable, *flags, "-c", code], env=env, cwd=folders[0], text=True,
                          capture_output=True, timeout=120)


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
    mxnet = pytest.importorskip("mxnet", reason="needs MXNet")
    folder = tmp_path_factory.mktemp("posing")
    link(folder, *(entry for entry in Path(mxnet.__file__).parents[1].iterdir()
                   if not re.match(r"mxnet.*\.dist-info|gluonattn", entry.name)))
    link(folder, Path(gluonattn.__file__).parent)
    install(folder, "mxnet-cu112")
    return folder


def run_posing(code: str, posing: Path, **env: str) -> subprocess.CompletedProcess:
    # addsitedir runs the .pth file with which setuptools supplies distutils on Python 3.12.
    return run(f"import site; site.addsitedir({str(posing)!r})\n{code}", posing, **env)


# Which wheel


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


# The driver and the CUDA libraries


@pytest.mark.parametrize("use", ["mx", "device('auto')", "device('cpu')", "device('gpu')"])
def test_without_a_driver_the_gpu_wheel_says_so(site, tmp_path, use):
    install(site, "mxnet-cu112")
    # A file that does not load stands before the driver of a machine that has one.
    (tmp_path / "libcuda.so.1").write_text("not a library")
    error = error_of(run(f"from gluonattn import runtime; runtime.{use}", site,
                         LD_LIBRARY_PATH=str(tmp_path)))
    assert "DependencyError: mxnet-cu112 needs the NVIDIA driver, and this machine has none" in error
    assert "libcuda.so.1" in error
    assert 'pip uninstall -y mxnet-cu112, then pip install "gluonattn[cpu]"' in error


LOAD = """
from gluonattn.runtime.gpu import load_cuda_libraries
for loaded in load_cuda_libraries():
    print("loaded", loaded, flush=True)
"""


@needs_compiler
def test_libraries_of_pip_are_loaded_once_each_in_the_order_of_their_needs(site, cuda_wheels):
    done = run(LOAD, site, cuda_wheels)
    lines = done.stdout.splitlines()
    assert lines[:len(LIBRARIES)] == [library for _, library in LIBRARIES], done.stderr  # said by themselves
    assert lines[len(LIBRARIES):] == [
        f"loaded {cuda_wheels / 'nvidia' / folder / 'lib' / library}" for folder, library in LIBRARIES]


@needs_compiler
def test_the_libraries_of_the_system_serve_too(site, cuda_wheels, tmp_path):
    """Those pip has come from pip, the others by name from where the linker looks."""
    for folder, library in LIBRARIES:
        where = tmp_path / "wheels" / "nvidia" / folder / "lib" if folder == "cudnn" else tmp_path / "system"
        link(where, cuda_wheels / "nvidia" / folder / "lib" / library)
    done = run(LOAD, site, tmp_path / "wheels", LD_LIBRARY_PATH=str(tmp_path / "system"))
    loaded = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("loaded")]
    assert loaded == [str(tmp_path / "wheels" / "nvidia" / folder / "lib" / library) if folder == "cudnn"
                      else library for folder, library in LIBRARIES], done.stderr


@needs_compiler
def test_what_links_to_the_libraries_loads_after_them_and_not_before(site, cuda_wheels, tmp_path):
    """libmxnet.so names the libraries it needs without saying where they are."""
    needed = [str(cuda_wheels / "nvidia" / folder / "lib" / library) for folder, library in LIBRARIES]
    compile_library(tmp_path / "libneedy.so", *needed)
    load = f"import ctypes; ctypes.CDLL({str(tmp_path / 'libneedy.so')!r})"
    assert "cannot open shared object file" in error_of(run(load, site, cuda_wheels))
    done = run(LOAD + load, site, cuda_wheels)
    assert done.returncode == 0, done.stderr


@needs_compiler
def test_every_library_that_does_not_load_is_named_with_its_wheel(site, cuda_wheels, tmp_path):
    broken = {"libcublas.so.11", "libcudnn_ops_infer.so.8", "libcudnn.so.8"}
    for folder, library in LIBRARIES:
        target = tmp_path / "nvidia" / folder / "lib"
        target.mkdir(parents=True, exist_ok=True)
        if library in broken:
            (target / library).write_text("cut")
        else:
            link(target, cuda_wheels / "nvidia" / folder / "lib" / library)
    error = error_of(run(LOAD, site, tmp_path))
    assert ("DependencyError: CUDA 11 libraries that mxnet-cu112 needs cannot be loaded: "
            "libcublas.so.11, libcudnn_ops_infer.so.8, libcudnn.so.8 (first reason: ") in error
    assert f"{tmp_path}/nvidia/cublas/lib/libcublas.so.11: file too short" in error
    assert "They come in nvidia-cublas-cu11, nvidia-cudnn-cu11, and all of these with" in error
    assert '"gluonattn[cu112]"' in error


def test_without_any_library_all_wheels_are_named(site, tmp_path):
    for _, library in LIBRARIES:  # before those of a machine that has CUDA 11
        (tmp_path / library).write_text("not a library")
    error = error_of(run(LOAD, site, LD_LIBRARY_PATH=str(tmp_path)))
    for folder, library in LIBRARIES:
        assert library in error
        assert f"nvidia-{folder.replace('_', '-')}-cu11" in error


def test_the_extra_installs_the_wheels_whose_libraries_are_loaded(monkeypatch):
    setuptools = pytest.importorskip("setuptools")
    metadata = {}
    monkeypatch.setattr(setuptools, "setup", metadata.update)
    monkeypatch.chdir(REPOSITORY)
    runpy.run_path("setup.py")
    installed = {re.split("[=<>;]", name)[0] for name in metadata["extras_require"]["cu112"]}
    assert {name for name in installed if name.startswith("nvidia-")} == {
        f"nvidia-{folder.replace('_', '-')}-cu11" for folder, _ in runtime.CUDA_LIBRARIES}
    assert "mxnet-cu112" in installed


# Devices


@pytest.mark.parametrize("name", ["tpu", "", "GPU", "gpu:", "gpu:-1", "gpu:1.5", "gpu:x", " cpu", "cpu\n",
                                  "cpu:0", "cuda", "gpu:١", None, 0])
def test_unknown_device(name):
    message = f"unknown device {name!r}: expected auto, cpu, gpu or gpu:N"
    with pytest.raises(OptionError, match=re.escape(message)):
        runtime.device(name)


@given(st.text(max_size=8).filter(lambda name: not re.fullmatch("auto|cpu|gpu(:[0-9]+)?", name)))
def test_no_other_text_is_a_device(name):
    with pytest.raises(OptionError):
        runtime.device(name)


needs_cpu_wheel = pytest.mark.skipif(find_wheels() != ["mxnet"],
                                     reason='needs the CPU build: pip install "gluonattn[cpu]"')


@needs_cpu_wheel
@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_the_cpu_build_computes_on_the_cpu_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        context = runtime.device(name)
    assert context == runtime.mx.cpu()
    assert runtime.mx.nd.arange(4, ctx=context).sum().asscalar() == 6


@needs_cpu_wheel
@pytest.mark.parametrize("name", ["gpu", "gpu:0", "gpu:1"])
def test_the_cpu_build_refuses_a_gpu_and_names_the_extra(name):
    with pytest.raises(DeviceError, match=r'the CPU build of MXNet is installed.*uninstall -y mxnet.*'
                                          r'"gluonattn\[cu112\]"; or use --device cpu'):
        runtime.device(name)


@needs_compiler
@pytest.mark.parametrize("gpus, name, message", [
    ("", "gpu", "there is no gpu:0: the driver shows 0 GPU(s). Check nvidia-smi and CUDA_VISIBLE_DEVICES"),
    ("8.6", "gpu:1", "there is no gpu:1: the driver shows 1 GPU(s), numbered from 0. Check nvidia-smi"),
    ("9.0", "gpu", "gpu:0 has compute capability 9.0; mxnet-cu112 carries code up to 8.6, "
                   "which runs up to 8.9 (Ada). Use --device cpu here, or an older GPU."),
    ("8.6,12.0", "gpu:1", "gpu:1 has compute capability 12.0;"),
    ("8.10", "gpu", "gpu:0 has compute capability 8.10;"),
])
def test_a_gpu_that_is_not_there_or_too_new_is_refused(site, driver, gpus, name, message):
    install(site, "mxnet-cu112")
    done = run(f"from gluonattn import runtime; runtime.device({name!r})", site,
               LD_LIBRARY_PATH=str(driver), STUB_GPUS=gpus)
    assert f"gluonattn.errors.DeviceError: {message}" in error_of(done)


CHOICES = [  # GPUs the driver shows, device asked for, device given, warning
    ("5.0", "gpu", "gpu(0)", None),
    ("8.9", "gpu", "gpu(0)", None),
    ("8.9,8.6", "gpu:1", "gpu(1)", None),
    ("9.0,8.6", "gpu:1", "gpu(1)", None),
    ("8.6", "auto", "gpu(0)", None),
    ("9.0,10.0,8.6,8.0", "auto", "gpu(2)", None),  # the first that MXNet can run on
    ("", "auto", "cpu(0)", "using the CPU: there is no gpu:0: the driver shows 0 GPU(s)"),
    ("9.0,12.0", "auto", "cpu(0)", "using the CPU: gpu:0 has compute capability 9.0"),
    ("9.0", "cpu", "cpu(0)", None),
]


@needs_compiler
def test_which_device_the_gpu_wheel_gives(posing, driver, cuda_wheels):
    code = f"""
import json, os, warnings
from gluonattn import runtime
given = []
for gpus, name in {[choice[:2] for choice in CHOICES]}:
    os.environ["STUB_GPUS"] = gpus
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        given.append([str(runtime.device(name)), [str(warning.message) for warning in caught]])
assert runtime.mx.nd.ones(3, ctx=runtime.device("cpu")).sum().asscalar() == 3
print(json.dumps(given))
"""
    done = run_posing(code, posing, LD_LIBRARY_PATH=str(driver),
                      PYTHONPATH=os.pathsep.join(map(str, [posing, cuda_wheels])))
    assert done.returncode == 0, done.stderr
    # Before it, the libraries told their names: they were loaded though only "mxnet" was asked for.
    *loaded, result = done.stdout.splitlines()
    assert loaded == [library for _, library in LIBRARIES]
    for (gpus, name, expected, warning), (device, warned) in zip(CHOICES, json.loads(result)):
        assert device == expected, (gpus, name)
        assert len(warned) == (warning is not None), (gpus, name, warned)
        assert warning is None or warned[0].startswith(warning)


# numpy's aliases


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


# Threads


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


# Seeds and versions


def draws() -> list[float]:
    """One number from everything that draws: Python, numpy, MXNet, an initializer, dropout."""
    mx = runtime.mx
    layer = mx.gluon.nn.Dense(3, in_units=2)
    layer.initialize(mx.init.Xavier())
    with mx.autograd.train_mode():
        dropped = mx.nd.Dropout(mx.nd.ones(32), p=0.5)
    shuffled = mx.nd.random.shuffle(mx.nd.arange(16))
    arrays = [mx.nd.random.uniform(shape=4), shuffled, layer.weight.data(), dropped]
    return [random.random(), *np.random.rand(3), *np.concatenate([a.asnumpy().ravel() for a in arrays])]


@needs_mxnet
@settings(max_examples=20, deadline=None)
@given(st.integers(-(2**70), 2**70))
def test_a_seed_repeats_every_draw(seed):
    runtime.seed_everything(seed)
    first = draws()
    assert draws() != first
    runtime.seed_everything(seed)
    assert draws() == first


@needs_mxnet
def test_different_seeds_draw_differently():
    seen = []
    for seed in range(5):
        runtime.seed_everything(seed)
        seen.append(draws())
    for position in (0, 1, 4):  # Python's, numpy's and MXNet's generator
        assert len({row[position] for row in seen}) == 5


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


def in_a_process(code):
    environment = {name: value for name, value in os.environ.items() if name != "MXNET_ENGINE_TYPE"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**environment, "PYTHONPATH": str(Path(gluonattn.__file__).parents[1])})


def test_freed_memory_is_kept_once_asked_for_in_other_threads_too():
    """Resident memory after freeing 200 MB: given back as usual, kept after the call."""
    done = in_a_process("""
import threading
import numpy as np
from gluonattn import runtime

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def held_after_freeing(found):
    before = resident()
    blocks = [np.ones(2_500_000) for _ in range(10)]
    del blocks
    found.append(resident() - before > 100_000_000)

found = []
held_after_freeing(found)
found.append(runtime.keep_freed_memory())
thread = threading.Thread(target=held_after_freeing, args=(found,))
thread.start()
thread.join()
print(*found)
""")
    if done.stdout.split()[1] == "False":
        pytest.skip("the C library is not glibc")
    assert done.stdout.split() == ["False", "True", "True"]


@needs_mxnet
@pytest.mark.parametrize("one_by_one", [True, False])
def test_one_by_one_mxnet_computes_where_it_is_called_and_says_nothing(one_by_one):
    done = in_a_process(f"""
import threading
from gluonattn import runtime
runtime.compute_with(1, one_by_one={one_by_one})
from gluonattn.runtime import mx
from gluonattn.models import numpy_ops

class Score(numpy_ops._Score):
    def forward(self, *arguments, **settings):
        print(threading.current_thread() is threading.main_thread())
        super().forward(*arguments, **settings)

numpy_ops._Score = Score
mx.nd.Custom(*map(mx.nd.ones, [(1, 2, 3), (1, 2, 3), (3, 1)]), op_type="gluonattn_mlp_score").wait_to_read()
runtime.engine_has_started()
import os
print("MXNET_ENGINE_TYPE" in os.environ)
""")
    assert (done.stdout.split(), done.stderr) == ([str(one_by_one), "False"], "")


@needs_mxnet
def test_ctrl_c_inside_an_operator_is_ctrl_c():
    """A signal while the score is computed: without MXNet's threads it reaches the operator itself."""
    done = in_a_process("""
import os, signal
from gluonattn import runtime
runtime.compute_with(1, one_by_one=True)
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
def test_without_stderr_notices_are_hidden_all_the_same():
    done = in_a_process("""
import os
os.close(2)
from gluonattn import runtime
runtime.compute_with(1, one_by_one=True)
from gluonattn.runtime import mx
runtime.hear_lazy_update_notice()
print(mx.nd.ones(2).sum().asscalar())
""")
    assert done.stdout == "2.0\n"


@needs_mxnet
@pytest.mark.parametrize("kind", ["float32", "int32"])
def test_memory_of_an_array_is_its_own(kind):
    from gluonattn.runtime import memory_of, mx

    array = mx.nd.arange(6, dtype=kind).reshape((2, 3))
    memory = memory_of(array)
    assert memory.dtype == kind and memory.tolist() == [[0, 1, 2], [3, 4, 5]]
    memory[1, 2] = 9
    assert array.asnumpy()[1, 2] == 9
