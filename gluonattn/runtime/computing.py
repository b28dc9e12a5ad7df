"""Use MXNet: the device, the random generators, the notices."""

from __future__ import annotations

import random
from typing import Any

from .gpu import gpu_index, parse_devices
from .loading import hide_stderr, import_mxnet


def device(name: str = "auto", rank: int | None = None) -> Any:
    """The MXNet context to compute on.

    Parameters
    ----------
    name : {"auto", "cpu", "gpu", "gpu:N"}, default "auto"
        "auto" is the first GPU on which MXNet can run, otherwise the CPU.
    rank : int or None
        Which of several devices (gpu:0,1 or cpu:0,1) is this process's; None allows only one.

    Returns
    -------
    mxnet.Context

    Raises
    ------
    OptionError
        If `name` is none of the above.
    DeviceError
        If a GPU is requested and there is none, or MXNet's code does not run on it.
    """
    kind, numbers = parse_devices(name)
    if len(numbers) > 1 and rank is not None:
        return getattr(import_mxnet(), kind)(numbers[rank])  # checked by the process that was asked to train
    index = gpu_index(name)
    return import_mxnet().cpu() if index is None else import_mxnet().gpu(index)


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and MXNet's global random generators."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    import_mxnet().random.seed(seed % 2**31)


def silence_lazy_update_notice() -> None:
    """Trigger MXNet's notice on Adam with sparse gradients while stderr is hidden. MXNet prints it once in a process."""
    nd = import_mxnet().nd
    weight, mean, variance = (nd.ones((1, 1)) for _ in range(3))
    gradient = nd.sparse.row_sparse_array(([[1.0]], [0]), shape=(1, 1))
    with hide_stderr():
        nd.sparse.adam_update(weight, gradient, mean, variance, lr=0.0, lazy_update=True, out=weight)
        weight.wait_to_read()
