"""A trace that follows a model, with hooks at the start and end of its modules."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from .operations import BARE_LAYERS
from .tracing import Trace


@contextmanager
def traced(model: Any, trace: Trace, modules: Mapping[str, Any]) -> Iterator[Trace]:
    """Follow what `model` computes, with hooks at the start and end of its modules.

    Parameters
    ----------
    model : torch.nn.Module
    trace : Trace
    modules : mapping of str to torch.nn.Module
        All of its modules, by path.
    """
    hooks: list[Any] = []
    named = {"", *(trace.named or ())}
    trace.sequences.parameters = model.named_parameters

    def watch(path: str, module: Any) -> None:
        hooks.append(module.register_forward_pre_hook(
            lambda m, args, kwargs: trace.enter(path, m, args, kwargs), with_kwargs=True, prepend=True))
        hooks.append(module.register_forward_hook(lambda m, args, output: trace.leave(path, output), **always))

    always = {"always_call": True} if "always_call" in inspect.signature(
        torch.nn.Module.register_forward_hook).parameters else {}
    try:
        for path, module in modules.items():
            if path in named or type(module) not in BARE_LAYERS:
                watch(path, module)
        with trace:
            yield trace
    finally:
        for hook in hooks:
            hook.remove()
