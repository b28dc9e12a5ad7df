"""The device on which torch computes."""

from __future__ import annotations

from typing import Any

from ..errors import DependencyError, DeviceError
from .gpu import parse_device


def torch_device(name: str = "auto") -> Any:
    """The torch.device with a device's name.

    Parameters
    ----------
    name : {"auto", "cpu", "gpu", "gpu:N"}, default "auto"
        "auto" is the first GPU that torch lists, otherwise the CPU.

    Raises
    ------
    OptionError
        If `name` is none of these.
    DeviceError
        If a GPU is requested that torch does not list.
    DependencyError
        If torch is not installed.
    """
    kind, index = parse_device(name)
    try:
        import torch
    except ImportError:
        raise DependencyError('this needs torch: pip install "gluonattn[torch]".') from None
    count = torch.cuda.device_count()
    if kind == "cpu" or (kind == "auto" and not count):
        return torch.device("cpu")
    if index >= count:
        raise DeviceError(f"{name} was asked for, and torch shows {count} GPU(s): use device cpu, or check "
                          "nvidia-smi and that torch was built for CUDA.")
    return torch.device("cuda", index)
