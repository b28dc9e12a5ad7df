"""The driver, the CUDA libraries and the choice of a device."""

from __future__ import annotations

import json
import os
import re
import runpy
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn import runtime
from gluonattn.errors import DeviceError, OptionError
from gluonattn.runtime import gpu
from gluonattn.runtime.wheel import find_wheels

from .machines import (
    LIBRARIES,
    REPOSITORY,
    compile_library,
    error_of,
    install,
    link,
    needs_compiler,
    run,
    run_posing,
)


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


@pytest.mark.parametrize(("name", "wanted"), [("cpu", ("cpu", [0])), ("auto", ("auto", [0])), ("gpu", ("gpu", [0])),
                                              ("gpu:3", ("gpu", [3])), ("gpu:1,0,12", ("gpu", [1, 0, 12])),
                                              ("cpu:0,1", ("cpu", [0, 1]))])
def test_several_devices_have_one_name(name, wanted):
    assert gpu.parse_devices(name) == wanted
    if len(wanted[1]) > 1:
        with pytest.raises(OptionError, match=f"'{name}' is several devices.*only `gluonattn train` with MXNet.*give one"):
            runtime.device(name)
        assert gpu.parse_device(gpu.first_device(name))[0] == wanted[0]


@pytest.mark.parametrize(("name", "message"), [("gpu:0,0", "names a device twice"), ("gpu:0,", "unknown device"),
                                               ("auto:0,1", "unknown device"), ("gpu:0,-1", "unknown device")])
def test_what_names_no_several_devices(name, message):
    with pytest.raises(OptionError, match=message):
        runtime.device_names(name)


def test_several_gpus_are_refused_where_there_are_none(monkeypatch):
    monkeypatch.setattr(gpu, "installed_wheel", lambda: "mxnet")
    with pytest.raises(DeviceError, match="a GPU was asked for, but the CPU build of MXNet is installed"):
        runtime.device_names("gpu:0,1")
    assert runtime.device_names("cpu:0,1") == ["cpu:0", "cpu:1"] and runtime.device_names("cpu") == ["cpu"]
