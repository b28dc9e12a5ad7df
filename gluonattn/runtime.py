"""The only door to MXNet and GluonNLP.

``from gluonattn.runtime import mx, nlp`` imports them on first use, after
setting what MXNet 1.9.1 (the last release) needs on a machine of today: numpy
aliases, CUDA libraries that pip installed, and a sensible number of threads.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import random
import re
import sys
import warnings
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

from .errors import DependencyError, DeviceError, OptionError

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


_own_threads: int | None = None  # of this process alone, where several share the cores
_one_by_one = False
_NAIVE = "NaiveEngine"


def __getattr__(name: str):
    if name == "mx":
        return _import_mxnet()
    if name == "nlp":
        _import_mxnet()
        try:
            return importlib.import_module("gluonnlp")
        except ModuleNotFoundError as error:
            raise DependencyError(
                f"GluonNLP cannot be imported ({error}). Install it with {_install_command(_wheel())}."
            ) from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def device(name: str = "auto"):
    """The MXNet context to compute on.

    Parameters
    ----------
    name : {"auto", "cpu", "gpu", "gpu:N"}, default "auto"
        "auto" is the first GPU MXNet can run on, else the CPU.

    Returns
    -------
    mxnet.Context

    Raises
    ------
    OptionError
        If `name` is none of the above.
    DeviceError
        If a GPU is asked for and there is none, or MXNet's code does not run on it.
    """
    index = gpu_index(name)
    return _import_mxnet().cpu() if index is None else _import_mxnet().gpu(index)


def parse_device(name: str) -> tuple[str, int]:
    """Kind ("auto", "cpu" or "gpu") and number of a device's name.

    Raises
    ------
    OptionError
        If it is none of auto, cpu, gpu and gpu:N.
    """
    match = re.fullmatch(r"(auto|cpu|gpu)(?:(?<=gpu):([0-9]+))?", str(name))
    if match is None:
        raise OptionError(f"unknown device {name!r}: expected auto, cpu, gpu or gpu:N (as in gpu:1).")
    return match[1], int(match[2] or 0)


def gpu_index(name: str = "auto") -> int | None:
    """Number of the GPU that `device` would choose, None for the CPU; does not load MXNet."""
    kind, index = parse_device(name)
    if kind == "cpu":
        return None
    if kind == "auto":
        index = _first_usable_gpu()
    try:
        _check_gpu(index)
    except DeviceError as error:
        if name == "auto":
            if _wheel() != "mxnet":
                warnings.warn(f"using the CPU: {error}", stacklevel=3)
            return None
        raise
    return index


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and MXNet's global random generators."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    _import_mxnet().random.seed(seed % 2**31)


def keep_freed_memory() -> bool:
    """Let the C library keep large freed blocks for the next batch instead of giving them back.

    Batches of differing length free and ask for tens of megabytes each time,
    and a block fresh from the system is zeroed page by page: a sixth of the
    training time (docs/performance.md). The process holds its peak memory
    until it ends, so this is for training, not for a long-lived server.
    Threads that start later share one store: those of their own, glibc gives back all the same.

    Returns
    -------
    bool
        False where the C library is not glibc; nothing changes then.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    trim_threshold, most_mapped, most_arenas = -1, -4, -8  # M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX in malloc.h
    return all([set_option(trim_threshold, 2**31 - 1), set_option(most_mapped, 0), set_option(most_arenas, 1)])


def give_back_memory() -> None:
    """Let the C library (glibc) give back what is free, also between what is in use; `keep_freed_memory` goes on."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def hear_lazy_update_notice() -> None:
    """Have MXNet give its notice on Adam with sparse gradients now, where nobody sees it: it gives it once a process."""
    nd = _import_mxnet().nd
    weight, mean, variance = (nd.ones((1, 1)) for _ in range(3))
    gradient = nd.sparse.row_sparse_array(([[1.0]], [0]), shape=(1, 1))
    with _stderr_hidden():
        nd.sparse.adam_update(weight, gradient, mean, variance, lr=0.0, lazy_update=True, out=weight)
        weight.wait_to_read()


def memory_of(array, wait: bool = True):
    """The memory of a dense MXNet array on the CPU as a numpy array: no copy, and writing writes there.

    Parameters
    ----------
    array : mxnet.nd.NDArray
        Kept alive by the caller as long as the result is used.
    wait : bool, default True
        Until every operator that writes or reads it is done. A custom operator
        must not wait for its own arrays: one that is queued behind it may be among those.
    """
    import numpy as np

    base = importlib.import_module("mxnet.base")
    if wait:  # MXNDArrayGetData does not
        base.check_call(base._LIB.MXNDArrayWaitToWrite(array.handle))
    address, kind = ctypes.c_void_p(), np.dtype(array.dtype)
    base.check_call(base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    content = (ctypes.c_byte * (array.size * kind.itemsize)).from_address(address.value or 0)
    return np.frombuffer(content, kind).reshape(array.shape)


def mxnet_is_installed() -> bool:
    """Whether MXNet and GluonNLP are there; nothing is imported."""
    return importlib.util.find_spec("mxnet") is not None and importlib.util.find_spec("gluonnlp") is not None


def versions() -> dict[str, str]:
    """Versions of the libraries that shape a result, for a record or checkpoint."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for wheel in ("gluonattn", "mxnet", "mxnet-cu112", "gluonnlp", "numpy", "torch", "onnxruntime"):
        try:
            found[wheel] = metadata.version(wheel)
        except metadata.PackageNotFoundError:
            continue
    return found


def cores() -> int:
    """CPU cores this process may use (affinity and container quota included)."""
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        available = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            available = min(available, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return available


def total_threads() -> int:
    """Threads all processes of a run may compute with together: OMP_NUM_THREADS, or one a core."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and int(wanted) else cores()


def compute_with(threads: int, one_by_one: bool = False) -> None:
    """Have MXNet compute with so many threads in this process; without effect once it is loaded.

    Parameters
    ----------
    threads : int
    one_by_one : bool, default False
        Compute each operator where it is called, without threads that wait for
        each other: faster where the process has one core for itself. The
        process keeps to it as long as it lives.
    """
    global _own_threads, _one_by_one
    _own_threads, _one_by_one = threads, one_by_one


def engine_has_started() -> None:
    """Take back what `compute_with` put into the environment; call it after the first operator that is written in Python."""
    if _one_by_one and os.environ.get("MXNET_ENGINE_TYPE") == _NAIVE:
        del os.environ["MXNET_ENGINE_TYPE"]


def _import_mxnet():
    if "mxnet" in sys.modules and hasattr(sys.modules["mxnet"], "gluon"):
        return sys.modules["mxnet"]
    wheel = _wheel()
    if wheel != "mxnet":
        _find_driver()
        _load_cuda_libraries()
    _set_numpy_aliases()
    _choose_threads()
    total = os.environ["OMP_NUM_THREADS"]
    try:
        if _own_threads is not None:  # MXNet reads it while it loads
            os.environ["OMP_NUM_THREADS"] = str(_own_threads)
        with warnings.catch_warnings():
            # MXNet 1.9.1 is final: what it warns about will not be mended there.
            warnings.simplefilter("ignore")
            if not _one_by_one or "MXNET_ENGINE_TYPE" in os.environ:
                return importlib.import_module("mxnet")
            os.environ["MXNET_ENGINE_TYPE"] = _NAIVE  # until `engine_has_started`
            mxnet = importlib.import_module("mxnet")
            with _stderr_hidden():
                mxnet.nd.zeros((1,)).wait_to_read()  # starts the engine
            return mxnet
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        raise DependencyError(
            f"{wheel} is installed but cannot be imported: {error}. It needs Python 3.9 to 3.12, "
            f"numpy below 2 and setuptools below 81: install it with {_install_command(wheel)}."
        ) from error
    finally:
        os.environ["OMP_NUM_THREADS"] = total


@contextmanager
def _stderr_hidden():
    """Nothing is seen of what C code writes to stderr: MXNet tells there which engine it starts."""
    try:
        shown = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)


def _wheel() -> str:
    """The one MXNet wheel that is installed; "mxnet" or "mxnet-cuNNN"."""
    found = _installed_wheels()
    if not found and sys.version_info >= (3, 13):
        raise DependencyError(
            "this needs MXNet, which ends at Python 3.12, and this is Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}. Trained models predict and explain here with the "
            "other engines; to train, make an environment of Python 3.9 to 3.12 and install "
            '"gluonattn[cpu]" there.'
        )
    if not found:
        raise DependencyError(
            'MXNet is not installed. Install it with pip install "gluonattn[cpu]", '
            'or "gluonattn[cu112]" for an NVIDIA GPU up to compute capability 8.9.'
        )
    if len(found) > 1:
        raise DependencyError(
            f"{' and '.join(found)} are both installed and overwrite each other's files. Run "
            f"pip uninstall -y {' '.join(found)}, then install one of gluonattn[cpu] and gluonattn[cu112]."
        )
    return found[0]


def _installed_wheels() -> list[str]:
    found = (distribution.metadata for distribution in metadata.distributions())
    names = {one["Name"].lower().replace("_", "-") for one in found if "Name" in one}
    return sorted(name for name in names if re.fullmatch(r"mxnet(-cu\d+)?", name))


def _install_command(wheel: str) -> str:
    """How to install with `wheel`: the other extra would put a second MXNet beside it."""
    return f'pip install "gluonattn[{"cpu" if wheel == "mxnet" else "cu112"}]"'


def _set_numpy_aliases() -> None:
    """Put back the names numpy 1.24 removed and MXNet 1.9.1 still uses."""
    import numpy as np

    for name, kind in dict(
        bool=bool, object=object, int=int, float=float, complex=complex, str=str
    ).items():
        if name not in np.__dict__:
            setattr(np, name, kind)


def _choose_threads() -> None:
    """One OpenMP thread per core, spinning briefly and then sleeping while they wait.

    MXNet takes half of the cores by default. Threads that never spin lose a
    fifth of the speed on an idle machine; threads that spin for long lose two
    thirds beside one busy process (docs/performance.md).
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(cores()))
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "500")


def _find_driver():
    """The CUDA driver library.

    Raises
    ------
    DependencyError
        If there is none: mxnet-cu112 cannot even be imported without it.
    """
    try:
        return ctypes.CDLL("libcuda.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise DependencyError(
            f"mxnet-cu112 needs the NVIDIA driver, and this machine has none ({error}). Install the "
            "driver, or use the CPU: pip uninstall -y mxnet-cu112, then "
            f'{_install_command("mxnet")}.'
        ) from None


def _load_cuda_libraries() -> list[str]:
    """Load the CUDA 11 libraries MXNet links to, from pip's wheels or the system.

    Returns
    -------
    list of str
        What was loaded, in order: a path for pip's wheels, a bare name for the system's.

    Raises
    ------
    DependencyError
        Naming every library that was found nowhere and the wheels that carry them.
    """
    loaded, missing = [], []
    for folder, libraries in CUDA_LIBRARIES:
        for library in libraries:
            path = _pip_library(folder, library)
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
            f"{_install_command('mxnet-cu112')}."
        )
    return loaded


def _pip_library(folder: str, library: str) -> str | None:
    for entry in sys.path:
        path = Path(entry or ".") / "nvidia" / folder / "lib" / library
        if path.exists():
            return str(path)
    return None


def _first_usable_gpu() -> int:
    """The first GPU MXNet's code runs on; 0, for `_check_gpu` to refuse, if there is none."""
    capabilities = [] if _wheel() == "mxnet" else _gpu_capabilities(_find_driver())
    return next((i for i, found in enumerate(capabilities) if found <= NEWEST_CAPABILITY), 0)


def _check_gpu(index: int) -> None:
    """Raise DeviceError unless GPU `index` exists and MXNet's code runs on it."""
    if _wheel() == "mxnet":
        raise DeviceError(
            "a GPU was asked for, but the CPU build of MXNet is installed. Run pip uninstall -y mxnet, "
            f"then {_install_command('mxnet-cu112')}; or use --device cpu."
        )
    capabilities = _gpu_capabilities(_find_driver())
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


def _gpu_capabilities(driver) -> list[tuple[int, int]]:
    """Compute capability (major, minor) of every GPU the driver shows."""
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
