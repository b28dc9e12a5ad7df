"""Engines by name, and the choice of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DependencyError, DeviceError, choose
from ...models.checkpoint import EVIDENCE, KNOWN_NGRAMS, Checkpoint, check_weights
from ...models.config import require_recipe
from ...runtime import mxnet_is_installed, parse_device
from .forward import BAGS, DEFAULTS, shapes


@dataclass(frozen=True)
class EngineKind:
    """An entry of the table of engines.

    Attributes
    ----------
    missing : callable
        Returns the names of required packages that are not installed.
    extra : str
        The extra of this package that installs it.
    gpu : bool
        Whether it can compute on a GPU.
    make : callable
        ``make(recipe, model, weights, device)`` gives a callable from numpy
        arrays to numpy arrays, as `gluonattn.classifier.engines.forward.forward`.
    """

    missing: Callable[[], list[str]]
    extra: str
    gpu: bool
    make: Callable[[str, dict[str, Any], Mapping[str, NDArray[Any]], str], Any]


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
        From numpy arrays to numpy arrays, as `gluonattn.classifier.engines.forward.forward`.

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
    gpu = parse_device(device)[0] == "gpu"
    if name == "auto":
        name = fastest(gpu)
    choose("engine", name, {"auto": None, **ENGINES})
    kind = ENGINES[name]
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
    return name, kind.make(*prepare(checkpoint), device)


def fastest(gpu: bool = False) -> str:
    """The first engine of `ENGINES` that is installed (and can use a GPU, if asked for)."""
    installed = [name for name, kind in ENGINES.items() if not kind.missing() and (kind.gpu or not gpu)]
    if not installed:
        raise DependencyError(
            "no engine that can use a GPU is installed: install torch with pip install "
            '"gluonattn[torch]", MXNet with "gluonattn[cu112]", or use device cpu.'
        )
    return installed[0]


def prepare(checkpoint: Checkpoint) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    """The packages that the engines use.

    Returns
    -------
    recipe : str
    model : dict
        Every keyword argument of the recipe's class.
    weights : dict of str to numpy.ndarray
        Checked against the model's shapes, float32, with zeros where n-grams
        are padded.
    """
    require_recipe(checkpoint.config, list(DEFAULTS), Path("the checkpoint"))
    recipe = checkpoint.config["recipe"]
    model = {**choose("recipe", recipe, DEFAULTS), **checkpoint.config["model"]}
    weights = {name: values.astype(np.float32, copy=False) for name, values in checkpoint.weights.items()
               if name not in (KNOWN_NGRAMS, *EVIDENCE)}
    check_weights(shapes(recipe, model), weights)
    for name in BAGS:
        if f"{name}.weight" in weights:
            table = weights[f"{name}.weight"].copy()
            table[0] = 0
            weights[f"{name}.weight"] = table
    return recipe, model, weights


def _missing(**found: Any) -> list[str]:
    return [name for name, spec in found.items() if spec is None]


def made_by(file: str) -> Callable[[str, dict[str, Any], Mapping[str, NDArray[Any]], str], Any]:
    """``make(recipe, model, weights, device)`` of a file of this room, loaded when it is called."""
    return lambda *given: import_module(f".{file}", __package__).make(*given)


def _missing_mxnet() -> list[str]:
    return [] if mxnet_is_installed() else ["MXNet and GluonNLP, which end at Python 3.12"]


def _onnx(recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]], device: str) -> Callable[..., Any]:
    from .onnx_engine import OnnxClassifier

    return OnnxClassifier(recipe, model, weights)


def _numpy(recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]], device: str) -> Callable[..., Any]:
    from .numpy_engine import NumpyClassifier

    return NumpyClassifier(recipe, model, weights)


def _torch(recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]], device: str) -> Callable[..., Any]:
    from .torch_engine import TorchEngine

    return TorchEngine(recipe, model, weights, device)


def _mxnet(recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]], device: str) -> Callable[..., Any]:
    from .mxnet_engine import MxnetClassifier

    return MxnetClassifier(recipe, model, weights, device)


# The fastest on the CPU first, as `scripts/benchmark_engines.py` measures it.
ENGINES: dict[str, EngineKind] = {
    "onnx": EngineKind(
        lambda: _missing(onnx=find_spec("onnx"), onnxruntime=find_spec("onnxruntime")), "onnx", False, _onnx),
    "numpy": EngineKind(list, "", False, _numpy),
    "torch": EngineKind(lambda: _missing(torch=find_spec("torch")), "torch", True, _torch),
    "mxnet": EngineKind(_missing_mxnet, "cpu", True, _mxnet),
}
