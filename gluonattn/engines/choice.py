"""Engines by name, and which one to take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..errors import DependencyError, DeviceError, OptionError, choose
from ..models.checkpoint import Checkpoint, check_weights
from .forward import BAGS, shapes


@dataclass(frozen=True)
class EngineKind:
    """What a name in the table of engines means.

    Attributes
    ----------
    modules : tuple of str
        What must be installed.
    extra : str
        The extra of the package that brings it.
    gpu : bool
        Whether it can compute on a GPU.
    make : callable
        ``make(recipe, model, weights, device)`` gives a callable from numpy
        arrays to numpy arrays, as `gluonattn.engines.forward.forward`.
    """

    modules: tuple[str, ...]
    extra: str
    gpu: bool
    make: Callable[[str, dict, Mapping[str, np.ndarray], str], Any]

    def missing(self) -> list[str]:
        """What would have to be installed."""
        return [name for name in self.modules if find_spec(name) is None]


def make_engine(checkpoint: Checkpoint, name: str = "auto", device: str = "auto") -> tuple[str, Any]:
    """The forward pass of a checkpoint.

    Parameters
    ----------
    checkpoint : Checkpoint
    name : str, default "auto"
        A key of `ENGINES`; "auto" is the fastest one installed that has the
        device asked for.
    device : str, default "auto"
        auto, cpu, gpu or gpu:N.

    Returns
    -------
    name : str
    engine : callable
        From numpy arrays to numpy arrays, as `gluonattn.engines.forward.forward`.

    Raises
    ------
    OptionError
        If the engine or the device is unknown.
    DependencyError
        If the engine is not installed.
    DeviceError
        If the engine cannot compute on the device.
    CheckpointError
        If the weights do not fit the model.
    """
    if re.fullmatch(r"auto|cpu|gpu(?::[0-9]+)?", str(device)) is None:
        raise OptionError(f"unknown device {device!r}: expected auto, cpu, gpu or gpu:N (as in gpu:1).")
    gpu = device.startswith("gpu")
    if name == "auto":
        name = fastest(gpu)
    kind = choose("engine", name, {"auto": None, **ENGINES})
    missing = kind.missing()
    if missing:
        raise DependencyError(
            f'the engine {name!r} needs {" and ".join(missing)}: install with pip install '
            f'"gluonattn[{kind.extra}]", or leave --engine out to use what is installed.'
        )
    if gpu and not kind.gpu:
        able = ", ".join(repr(other) for other in ENGINES if ENGINES[other].gpu)
        raise DeviceError(
            f"the engine {name!r} computes on the CPU, and {device} was asked for: use device cpu, or one "
            f"of the engines {able}."
        )
    recipe, model = checkpoint.config["recipe"], checkpoint.config["model"]
    return name, kind.make(recipe, model, prepare(checkpoint), device)


def fastest(gpu: bool = False) -> str:
    """The first engine of `ENGINES` that is installed (and can use a GPU, if asked for)."""
    installed = [name for name, kind in ENGINES.items() if not kind.missing() and (kind.gpu or not gpu)]
    if not installed:
        raise DependencyError(
            "no engine that can use a GPU is installed: install torch with pip install "
            '"gluonattn[torch]", MXNet with "gluonattn[cu112]", or use device cpu.'
        )
    return installed[0]


def prepare(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Weights checked against the model's shapes, float32, with zeros where n-grams are padded."""
    recipe, model = checkpoint.config["recipe"], checkpoint.config["model"]
    check_weights(shapes(recipe, model), checkpoint.weights)
    weights = {name: values.astype(np.float32, copy=False) for name, values in checkpoint.weights.items()}
    for name in BAGS:
        if f"{name}.weight" in weights:
            table = weights[f"{name}.weight"].copy()
            table[0] = 0
            weights[f"{name}.weight"] = table
    return weights


def _onnx(recipe, model, weights, device):
    from .onnx_engine import OnnxClassifier

    return OnnxClassifier(recipe, model, weights)


def _numpy(recipe, model, weights, device):
    from .numpy_engine import NumpyClassifier

    return NumpyClassifier(recipe, model, weights)


def _torch(recipe, model, weights, device):
    from .torch_engine import TorchEngine

    return TorchEngine(recipe, model, weights, device)


def _mxnet(recipe, model, weights, device):
    from .mxnet_engine import MxnetClassifier

    return MxnetClassifier(recipe, model, weights, device)


# The fastest on the CPU first, as `scripts/benchmark_engines.py` measures it.
ENGINES: dict[str, EngineKind] = {
    "onnx": EngineKind(("onnx", "onnxruntime"), "onnx", False, _onnx),
    "numpy": EngineKind((), "", False, _numpy),
    "torch": EngineKind(("torch",), "torch", True, _torch),
    "mxnet": EngineKind(("mxnet", "gluonnlp"), "cpu", True, _mxnet),
}
