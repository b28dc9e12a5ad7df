"""Torch's operations by their effect on a sequence, and access to their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

# Operations that keep ids unchanged.
SAME_IDS = {"view", "reshape", "clone", "contiguous", "to", "long", "int", "detach", "expand", "expand_as", "unsqueeze",
            "squeeze", "transpose", "permute", "t", "flatten", "unflatten", "movedim", "type", "cpu", "cuda", "view_as",
            "reshape_as", "repeat", "repeat_interleave", "index_select", "pad"}
PRODUCTS = {"matmul": (0, 1), "bmm": (0, 1), "einsum": (0, 1), "baddbmm": (1, 2), "baddbmm_": (1, 2),
            "linalg_matmul": (0, 1)}
COPIES = {"expand", "expand_as", "repeat", "repeat_interleave", "unsqueeze", "__getitem__", "clone", "broadcast_to"}
CUTS = {"__getitem__", "chunk", "split", "split_with_sizes", "tensor_split", "narrow", "select", "unbind", "hsplit",
        "vsplit"}
JOINS = {"cat", "concat", "concatenate", "hstack", "vstack", "stack"}
REORDERS = {"flip", "roll", "__getitem__", "index_select", "gather", "take_along_dim"}
# Operations that move elements without changing them.
MOVES = {*CUTS, *JOINS, "view", "reshape", "transpose", "permute", "t", "swapaxes", "swapdims", "movedim", "moveaxis",
         "expand", "expand_as", "broadcast_to", "squeeze", "unsqueeze", "flatten", "unflatten", "pad", "as_strided", "roll",
         "flip", "gather", "index_select", "take_along_dim", "unfold", "repeat", "repeat_interleave", "tile", "__get__",
         "view_as", "reshape_as", "diagonal", "ravel"}
# Operations that make new numbers and use only the shape of their tensor.
FRESH = {"zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like", "new_zeros",
         "new_ones", "new_empty", "new_full", "new_tensor", "new_empty_strided"}
LOOKUPS = {"embedding", "embedding_bag", "__getitem__", "index_select", "gather", "take_along_dim"}
ATTENTION = {"scaled_dot_product_attention", "multi_head_attention_forward"}
SOFTMAX = {"softmax", "_softmax", "masked_softmax", "special_softmax", "log_softmax", "special_log_softmax"}
SHARES_BY_HAND = {"exp", "exp_", "logsumexp", "sigmoid", "sigmoid_"}  # applied to scores: weights without a softmax
POOLS = {"conv1d", "conv2d", "conv3d", "max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "interpolate",
         "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "pixel_unshuffle", "pixel_shuffle"}
# Torch's layers without children that compute one operation, which is followed without hooks.
BARE_LAYERS = {torch.nn.Linear: "linear", torch.nn.LayerNorm: "layer_norm", torch.nn.Dropout: "dropout"}
_PLAIN = {int, float, bool, str, type(None), torch.dtype, torch.device}  # called for every argument of every operation
# Methods that inspect a tensor without making one.
QUESTIONS = {"__set__", "size", "dim", "__len__", "__bool__", "item", "stride", "is_floating_point", "numel", "tolist",
             "is_contiguous", "data_ptr", "storage_offset", "__format__", "__repr__", "get_device", "is_complex", "shape"}


def tensors(value: Any) -> list[Any]:
    """Every tensor in nested tuples, lists and mappings, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [t for v in value if type(v) not in _PLAIN for t in tensors(v)]
    if type(value) in _PLAIN or not isinstance(value, Mapping):
        return []
    return [t for v in value.values() for t in tensors(v)]


def arguments(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Arguments by name, in order: {name: value}, and the names of those with tensors.

    Parameters
    ----------
    module : torch.nn.Module
    args : tuple
    kwargs : dict
        The arguments of the call.
    """
    names = list(inspect.signature(module.forward).parameters)
    given = {names[i] if i < len(names) and len(set(names[:i + 1])) == i + 1 else f"argument {i}": v
             for i, v in enumerate(args)}
    given.update(kwargs)
    return given, [name for name, value in given.items() if tensors(value)]


def called(given: Mapping[str, Any], args: tuple[Any, ...],
           kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn arguments by name, some of them changed, back into the original tuple and mapping.

    Parameters
    ----------
    given : mapping of str to object
        The result of `arguments`.
    args : tuple
    kwargs : dict
        The original arguments.
    """
    values = list(given.values())
    return tuple(values[:len(args)]), dict(zip(kwargs, values[len(args):]))


def argument(name: str, at: int, args: tuple[Any, ...], kwargs: dict[str, Any], default: Any = None) -> Any:
    """An argument of an operation, given by position or by name.

    Parameters
    ----------
    name : str
    at : int
        Its index in `args`.
    args : tuple
    kwargs : dict
    default : object, default None
    """
    return kwargs[name] if name in kwargs else args[at] if len(args) > at else default


def reordered(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, str] | None:
    """The step that reorders the positions of (B, T, d), and its inverse.

    Parameters
    ----------
    name : str
        Name of the operation.
    args : tuple
    kwargs : dict
    """
    if name in ("flip", "roll"):
        axes = kwargs.get("dims", args[1:] if name == "flip" else args[2:])
        while len(axes := axes if isinstance(axes, (tuple, list)) else (axes,)) == 1 and isinstance(axes[0], (tuple, list)):
            axes = axes[0]
        if all(axis in (-1, 2) for axis in axes):
            return (name, name) if name == "roll" and not axes else None
        if name == "flip":
            return name, name
        by = kwargs.get("shifts", args[1] if len(args) > 1 else 0)
        by = by if isinstance(by, (tuple, list)) else (by,)
        return f"roll {list(by)}", f"roll {[-step for step in by]}"
    picked = (args[1][1] if name == "__getitem__" and isinstance(args[1], tuple) and len(args[1]) > 1 else
              kwargs.get("index", args[-1]) if name in ("index_select", "gather", "take_along_dim")
              and kwargs.get("dim", args[1] if len(args) > 2 else None) in (1, -2) else None)
    if isinstance(picked, torch.Tensor) and not picked.is_floating_point() and picked.dtype != torch.bool:
        return "picked", ""
    return None


def same_positions(one: Any, other: Any) -> bool:
    """Whether two tensors have the same numbers: the same object, the same memory, or equal values.

    Parameters
    ----------
    one, other : tensors
    """
    if one is other:
        return True
    with torch._C.DisableTorchFunction():
        return one.shape == other.shape and one.dtype == other.dtype and one.device == other.device and bool(
            torch.equal(one.detach(), other.detach()))


def shares_of_rows(weights: Any) -> float:
    """The fraction of a tensor's rows that are distributions, from 0 to 1."""
    array = weights.detach().float().cpu()
    if not array.numel():
        return 0.0
    return float((((array.sum(-1) - 1).abs() < 5e-3) & (array.amin(-1) >= 0)).float().mean())


def handed_out(output: Any) -> list[Any]:
    """The outputs of a module after the first one that may be weights."""
    outputs = list(output.values()) if isinstance(output, Mapping) else output
    if not isinstance(outputs, (tuple, list)):
        return []
    return [x for x in outputs[1:] if isinstance(x, torch.Tensor) and x.dim() in (3, 4) and x.is_floating_point()]
