"""GPUs: the driver, the CUDA libraries, and the GPUs on which MXNet's code runs. MXNet is not loaded."""

from __future__ import annotations

import ctypes
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from ..errors import DependencyError, DeviceError, OptionError
from .wheel import install_command, installed_wheel

# mxnet-cu112 carries machine code for 5.0, 6.0, 7.0, 8.0 and 8.6, and no PTX
# that a newer driver could translate; 8.9 runs 8.6 code, 9.0 runs none of it.
NEWEST_CAPABILITY = (8, 9)

# (module folder under nvidia/, libraries) in an order that satisfies each
# library's own needs: every one is loaded globally before libmxnet asks for it.
CUDA_LIBRARIES = (
    ("cuda_runtime", ("libcudart.so.11.0",)),
    ("cuda_nvrtc", ("libnvrtc.so.11.2",)),
    ("nvtx", ("libnvToolsExt.so.1",)),
    ("cublas", ("libcublasLt.so.11", "libcublas.so.11")),
    ("cufft", ("libcufft.so.10",)),
    ("curand", ("libcurand.so.10",)),
    ("cusolver", ("libcusolver.so.11",)),
    ("nccl", ("libnccl.so.2",)),
    ("cudnn", (
        "libcudnn_ops_infer.so.8", "libcudnn_ops_train.so.8", "libcudnn_cnn_infer.so.8",
        "libcudnn_cnn_train.so.8", "libcudnn_adv_infer.so.8", "libcudnn_adv_train.so.8",
        "libcudnn.so.8",
    )),
)


def parse_device(name: str) -> tuple[str, int]:
    """Parse the name of a device into kind ("auto", "cpu" or "gpu") and number.

    Raises
    ------
    OptionError
        If it is none of auto, cpu, gpu and gpu:N.
    """
    kind, numbers = parse_devices(name)
    if len(numbers) > 1:
        raise OptionError(f"{name!r} is several devices, which only `gluonattn train` with MXNet uses together: give one, "
                          f"as in {first_device(name)}.")
    return kind, numbers[0]


def parse_devices(name: str) -> tuple[str, list[int]]:
    """Kind and numbers of what may be several devices: gpu:0,1, or cpu:0,1 to try it without GPUs.

    Raises
    ------
    OptionError
        If it is none of auto, cpu, gpu, gpu:N and these, or names one twice.
    """
    match = re.fullmatch(r"(?:auto|cpu|gpu|gpu:[0-9]+|(?:cpu|gpu):[0-9]+(?:,[0-9]+)+)", str(name))
    if match is None:
        raise OptionError(f"unknown device {name!r}: expected auto, cpu, gpu or gpu:N (as in gpu:1).")
    numbers = [int(one) for one in re.findall("[0-9]+", str(name))] or [0]
    if len(set(numbers)) < len(numbers):
        raise OptionError(f"{name!r} names a device twice: each trains one part of a batch.")
    return str(name).partition(":")[0], numbers


def first_device(name: str) -> str:
    """One device's name for what uses one alone; see `parse_devices`."""
    kind, numbers = parse_devices(name)
    return name if len(numbers) == 1 else kind if kind == "cpu" else f"{kind}:{numbers[0]}"


def device_names(name: str = "auto") -> list[str]:
    """What to train on, by one name each; does not load MXNet.

    Raises
    ------
    OptionError, DeviceError
        As for `gpu_index`.
    """
    kind, numbers = parse_devices(name)
    if len(numbers) > 1:
        for number in numbers if kind == "gpu" else ():
            _check_gpu(number)
        return [f"{kind}:{number}" for number in numbers]
    index = gpu_index(name)
    return ["cpu" if index is None else f"gpu:{index}"]


def gpu_index(name: str = "auto") -> int | None:
    """Number of the GPU that `device` would choose, None for the CPU. MXNet is not loaded."""
    kind, index = parse_device(name)
    if kind == "cpu":
        return None
    if kind == "auto":
        index = _first_usable_gpu()
    try:
        _check_gpu(index)
    except DeviceError as error:
        if name == "auto":
            if installed_wheel() != "mxnet":
                warnings.warn(f"using the CPU: {error}", stacklevel=3)
            return None
        raise
    return index


def find_driver() -> ctypes.CDLL:
    """Load the CUDA driver library.

    Raises
    ------
    DependencyError
        If there is none. Without it, mxnet-cu112 cannot be imported.
    """
    try:
        return ctypes.CDLL("libcuda.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise DependencyError(
            f"mxnet-cu112 needs the NVIDIA driver, and this machine has none ({error}). Install the "
            "driver, or use the CPU: pip uninstall -y mxnet-cu112, then "
            f'{install_command("mxnet")}.'
        ) from None


def load_cuda_libraries() -> list[str]:
    """Load the CUDA 11 libraries to which MXNet is linked, from pip's wheels or the system.

    Returns
    -------
    list of str
        The loaded libraries, in order: paths for those in pip's wheels, names for those of the system.

    Raises
    ------
    DependencyError
        If a library was not found. The message names all of these and the wheels that contain them.
    """
    loaded, missing = [], []
    for folder, libraries in CUDA_LIBRARIES:
        for library in libraries:
            path = _find_pip_library(folder, library)
            try:
                ctypes.CDLL(path or library, mode=ctypes.RTLD_GLOBAL)
                loaded.append(path or library)
            except OSError as error:
                missing.append((folder, library, str(error)))
    if missing:
        wheels = sorted({f"nvidia-{folder.replace('_', '-')}-cu11" for folder, _, _ in missing})
        names = ", ".join(library for _, library, _ in missing)
        raise DependencyError(
            f"CUDA 11 libraries that mxnet-cu112 needs cannot be loaded: {names} (first reason: "
            f"{missing[0][2]}). They come in {', '.join(wheels)}, and all of these with "
            f"{install_command('mxnet-cu112')}."
        )
    return loaded


def _find_pip_library(folder: str, library: str) -> str | None:
    for entry in sys.path:
        path = Path(entry or ".") / "nvidia" / folder / "lib" / library
        if path.exists():
            return str(path)
    return None


def _first_usable_gpu() -> int:
    """The first GPU on which MXNet's code runs. 0 if there is none, which `_check_gpu` then refuses."""
    capabilities = [] if installed_wheel() == "mxnet" else _gpu_capabilities(find_driver())
    return next((i for i, found in enumerate(capabilities) if found <= NEWEST_CAPABILITY), 0)


def _check_gpu(index: int) -> None:
    """Raise DeviceError unless GPU `index` exists and MXNet's code runs on it."""
    if installed_wheel() == "mxnet":
        raise DeviceError(
            "a GPU was asked for, but the CPU build of MXNet is installed. Run pip uninstall -y mxnet, "
            f"then {install_command('mxnet-cu112')}; or use --device cpu."
        )
    capabilities = _gpu_capabilities(find_driver())
    if index >= len(capabilities):
        raise DeviceError(
            f"there is no gpu:{index}: the driver shows {len(capabilities)} GPU(s)"
            f"{', numbered from 0' if capabilities else ''}. Check nvidia-smi and "
            "CUDA_VISIBLE_DEVICES, or use --device cpu."
        )
    if capabilities[index] > NEWEST_CAPABILITY:
        major, minor = capabilities[index]
        raise DeviceError(
            f"gpu:{index} has compute capability {major}.{minor}; mxnet-cu112 carries code up to 8.6, "
            "which runs up to 8.9 (Ada). Use --device cpu here, or an older GPU."
        )


def _gpu_capabilities(driver: Any) -> list[tuple[int, int]]:
    """Compute capability (major, minor) of every GPU that the driver lists."""
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return []
    found = []
    for ordinal in range(count.value):
        handle, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
        driver.cuDeviceGet(ctypes.byref(handle), ordinal)
        # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR in cuda.h.
        driver.cuDeviceGetAttribute(ctypes.byref(major), 75, handle)
        driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, handle)
        found.append((major.value, minor.value))
    return found
