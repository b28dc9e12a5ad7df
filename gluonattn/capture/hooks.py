"""Common parts of all captures of torch models: importing torch, hooks on a model, and conversion to numpy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError
from .calls import NOWHERE


def need_torch(what: str = "capturing from a torch model", extra: str = "torch") -> Any:
    """Import torch.

    Parameters
    ----------
    what : str, default "capturing from a torch model"
        The purpose, for the message.
    extra : str, default "torch"
        The extra of this package that installs everything needed.

    Raises
    ------
    DependencyError
        If it is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise DependencyError(f'{what} needs PyTorch, which is not installed: pip install "gluonattn[{extra}]".') from None
    return torch


def holds_transformers(model: Any) -> bool:
    """Whether a module is, contains or is a part of a transformers model."""
    return any(type(m).__module__.startswith("transformers.") and hasattr(m, "config") for m in model.modules())


@contextmanager
def passes(model: Any, recorder: Any) -> Iterator[None]:
    """Report to the recorder when the model starts and ends a forward pass.

    Parameters
    ----------
    model : torch.nn.Module
    recorder : Recorder
    """
    before = model.register_forward_pre_hook(lambda *_: recorder.begin())
    after = model.register_forward_hook(lambda *_: recorder.end())
    try:
        yield
    finally:
        before.remove()
        after.remove()


@contextmanager
def plain_torch(torch: Any, modules: Iterable[Any]) -> Iterator[None]:
    """Switch off what bypasses hooks: fused layers, compiled code and copies on other devices.

    Parameters
    ----------
    torch : module
    modules : iterable of torch.nn.Module
        All modules of the model.
    """
    with ExitStack() as undo:
        mha = getattr(torch.backends, "mha", None)
        if mha is not None:
            undo.callback(mha.set_fastpath_enabled, mha.get_fastpath_enabled())
            mha.set_fastpath_enabled(False)
        stance = getattr(torch.compiler, "set_stance", None)
        if stance is not None:  # torch 2.6
            undo.enter_context(stance("force_eager"))
        for module in (m for m in modules if isinstance(m, torch.nn.DataParallel)):
            devices: Any = module.device_ids
            if len(devices) > 1:
                undo.callback(setattr, module, "device_ids", devices)
                module.device_ids = devices[:1]
        yield


def to_numpy(tensor: Any) -> NDArray[Any]:
    """Copy to numpy in float32, because models may later change their tensors in place."""
    return np.array(tensor.detach().float().cpu().numpy())


def heads_of(x: Any, heads: int, batch_first: bool) -> NDArray[Any]:
    """(B, T, H * d), or (T, B, H * d), to (B, H, T, d).

    Parameters
    ----------
    x : tensor
    heads : int
    batch_first : bool
        Whether `x` is (B, T, H * d).
    """
    array = to_numpy(x)
    array = array if batch_first else array.swapaxes(0, 1)
    return array.reshape(*array.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def blocked(mask: Any, heads: int, batch: int) -> NDArray[Any]:
    """Convert a torch mask to numbers that are added to scores, broadcastable to (B, H, Tq, Tk). Boolean True is -inf.

    Parameters
    ----------
    mask : tensor, shape (Tq, Tk) or (B * H, Tq, Tk)
    heads, batch : int
    """
    array = mask.detach().cpu()
    if array.dtype.is_floating_point:
        array = array.float().numpy()
    else:
        array = np.where(array.bool().numpy(), -np.inf, 0.0).astype(np.float32)
    result: NDArray[Any] = array[None, None] if array.ndim == 2 else array.reshape(batch, heads, *array.shape[1:])
    return result


def hidden_keys(mask: Any) -> NDArray[Any] | None:
    """(B, Tk), True at keys that a key padding mask hides."""
    if mask is None:
        return None
    array = mask.detach().cpu()
    hidden: NDArray[Any] = array.float().numpy() <= NOWHERE if array.dtype.is_floating_point else array.bool().numpy()
    return hidden
