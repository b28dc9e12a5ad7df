"""A trace that follows a model: its modules tell when they start and end."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .tracing import Trace


@contextmanager
def traced(model, trace: Trace) -> Iterator[Trace]:
    """Follow what `model` computes; its modules tell when they start and end.

    Parameters
    ----------
    model : torch.nn.Module
    trace : Trace
    """
    hooks = []
    trace.sequences.names = {id(parameter): name for name, parameter in model.named_parameters()}

    def watch(path, module):
        hooks.append(module.register_forward_pre_hook(
            lambda m, args, kwargs: trace.enter(path, m, args, kwargs), with_kwargs=True, prepend=True))
        hooks.append(module.register_forward_hook(lambda m, args, output: trace.leave(path, output), **always))

    always = {"always_call": True} if "always_call" in inspect.signature(
        torch.nn.Module.register_forward_hook).parameters else {}
    try:
        for path, module in model.named_modules():
            watch(path, module)
        with trace:
            yield trace
    finally:
        for hook in hooks:
            hook.remove()
