"""Load the real mxnet-cu112 wheel and show each step, with or without a GPU.

    python scripts/check_cuda.py [FOLDER]

Makes a virtual environment in FOLDER (or reuses it; without FOLDER, in a temporary folder), installs "gluonattn[cu112]"
from this checkout into it (about 2 GB to download, 4 GB on disk), and prints, line by line:

1. what gluonattn says if there is no NVIDIA driver;
2. what importing mxnet says if the CUDA libraries were not loaded before;
3. every CUDA library that gluonattn loads, whether MXNet can then be imported and computes on the CPU, and what
   ``device("gpu")`` answers for GPUs of several generations.

Without a driver, steps 2 and 3 use a stub of libcuda.so.1 (check_cuda_driver.c, built with the C compiler). With a driver,
step 3 computes on the machine's GPU. The exit code is the number of unexpected answers.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent

PLAIN_IMPORT = """
import numpy as np
for kind in (bool, object, int, float, complex, str):
    setattr(np, kind.__name__, kind)
import mxnet
"""
LOADING = """
from gluonattn.runtime.gpu import find_driver, load_cuda_libraries
find_driver()
for library in load_cuda_libraries():
    print(library)
"""
COMPUTE = """
from gluonattn import runtime
mx = runtime.mx
features = mx.runtime.Features()
print("mxnet", mx.__version__, "at", mx.__file__)
print("CUDA", features.is_enabled("CUDA"), "CUDNN", features.is_enabled("CUDNN"))
runtime.seed_everything(1)
device = runtime.device({name!r})
print("sum of five ones on", device, "is", mx.nd.ones(5, ctx=device).sum().asscalar())
from gluonattn.runtime import nlp
print("gluonnlp", nlp.__version__)
"""
DEVICE = "from gluonattn import runtime; print(runtime.device({name!r}))"

failures = 0


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="check-cuda-")).resolve()
    python = environment(folder)
    has_driver = loads("libcuda.so.1")
    driver = None if has_driver else stub_driver(folder)

    title("1. without the driver")
    if has_driver:
        print("not shown: this machine has the driver")
    else:
        show(python, "from gluonattn.runtime import mx", "needs the NVIDIA driver, and this machine has none")
        show(python, DEVICE.format(name="gpu"), "needs the NVIDIA driver, and this machine has none")

    title("2. without the libraries loaded first")
    show(python, PLAIN_IMPORT, "cannot open shared object file", driver)

    title("3. through gluonattn.runtime")
    show(python, LOADING, "libcudnn.so.8", driver)
    show(python, COMPUTE.format(name="cpu"), "sum of five ones on cpu(0) is 5.0", driver)
    if has_driver:
        print("with the GPUs of this machine, device('auto'):")
        show(python, COMPUTE.format(name="auto"), " is 5.0")
    else:
        for gpus, name, expected in [
            ("", "gpu", "there is no gpu:0: the driver shows 0 GPU(s)"),
            ("8.6", "gpu:1", "there is no gpu:1: the driver shows 1 GPU(s)"),
            ("9.0", "gpu", "gpu:0 has compute capability 9.0"),
            ("8.9", "gpu", "gpu(0)"),
            ("9.0", "auto", "cpu(0)"),
            ("9.0,8.6", "auto", "gpu(1)"),
        ]:
            print(f"GPUs {gpus or 'none'}, device({name!r}):")
            show(python, DEVICE.format(name=name), expected, driver, gpus)

    print(f"\n{'every line as expected' if not failures else f'{failures} NOT AS EXPECTED'}; "
          f"the environment is {folder}")
    return failures


def environment(folder: Path) -> Path:
    """Python of a virtual environment that holds this checkout with the extra cu112."""
    if not (3, 9) <= sys.version_info[:2] <= (3, 12):
        sys.exit(f"expected Python 3.9 to 3.12 to run this script, got {sys.version.split()[0]}")
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
    constraints = CHECKOUT / "constraints.txt"
    options = ["-c", str(constraints)] if constraints.exists() else []
    subprocess.run([python, "-m", "pip", "install", "-q", *options, f"{CHECKOUT}[cu112]"], check=True)
    return python


def stub_driver(folder: Path) -> Path:
    """Folder of a freshly built stub of libcuda.so.1."""
    built = folder / "driver"
    built.mkdir(exist_ok=True)
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", built / "libcuda.so.1",
                    HERE / "check_cuda_driver.c"], check=True)
    return built


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def show(python: Path, code: str, expected: str, driver: Path | None = None, gpus: str = "") -> None:
    """Run `code` in a fresh process; print what it printed and whether `expected` is in it."""
    global failures
    env = {**os.environ, "STUB_GPUS": gpus, "PYTHONPATH": ""}
    if driver is not None:
        env["LD_LIBRARY_PATH"] = str(driver)
    # Not from the checkout: what pip installed is what is checked.
    done = subprocess.run([python, "-c", code], env=env, cwd=python.parent, text=True, capture_output=True)
    said = done.stdout.splitlines()
    errors = done.stderr.splitlines()
    # Of a traceback, the last line; of a run that went well, all (warnings).
    said += errors[-1:] if done.returncode else errors
    for line in said:
        print("   ", line)
    if not any(expected in line for line in said):
        failures += 1
        print("    NOT AS EXPECTED:", expected)


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
