"""The attention interface of transformers: one function through which every layer's attention can be recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import CaptureError

CURE = ("This is for models of transformers whose attention goes through its attention interface (BERT, ELECTRA, RoBERTa, "
        "ALBERT, DistilBERT, GPT-2, Llama and most others).")


@contextmanager
def through_interface(model: Any, attend: Callable[..., Any]) -> Iterator[None]:
    """Replace the attention of each layer of a model by `attend` while the body runs.

    Parameters
    ----------
    model : torch.nn.Module
        A transformers model, or a module that contains one. Its weights, hooks and configuration stay unchanged.
    attend : callable
        ``attend(own, module, *args, **kwargs)``. `own` is the function that the model would have called with the module
        and the other arguments (query, key, value, attention_mask, ...). Both return (output, weights).
    """
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    modules = {id(module) for module in model.modules()}
    names = {str(how) for module in model.modules()
             if (how := getattr(getattr(module, "config", None), "_attn_implementation", None)) is not None}

    def instead(before: Any) -> Callable[..., Any]:
        def watched(module: Any, *args: Any, **kwargs: Any) -> Any:
            own = before or eager_of(module)
            return attend(own, module, *args, **kwargs) if id(module) in modules else own(module, *args, **kwargs)

        return watched

    local = ALL_ATTENTION_FUNCTIONS._local_mapping if hasattr(ALL_ATTENTION_FUNCTIONS, "_local_mapping") else {}
    kept = dict(local)
    try:
        for name in names:
            ALL_ATTENTION_FUNCTIONS[name] = instead(ALL_ATTENTION_FUNCTIONS.get(name))
        yield
    finally:
        local.clear()
        local.update(kept)


def eager_of(module: Any) -> Callable[..., Any]:
    """The model's own eager attention, from the file of its class.

    Raises
    ------
    CaptureError
        If there is none.
    """
    found = (getattr(sys.modules.get(kind.__module__), "eager_attention_forward", None) for kind in type(module).__mro__)
    own: Callable[..., Any] | None = next((one for one in found if one is not None), None)
    if own is None:
        raise CaptureError(f"{type(module).__module__} has no eager attention. {CURE}")
    return own
