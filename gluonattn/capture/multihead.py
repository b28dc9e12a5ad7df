"""Hooks that request the weights of all heads from every `nn.MultiheadAttention`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..reference import Projection
from .calls import Call
from .hooks import blocked, heads_of, hidden_keys, to_numpy
from .rows import whole_rows


def hook_all(torch: Any, undo: Any, recorder: Any, modules: Mapping[str, Any], paths: Any, vectors: bool) -> None:
    """Record the attention of the modules at some paths, until `undo` ends.

    Parameters
    ----------
    torch : module
    undo : contextlib.ExitStack
    recorder : TorchRecorder
    modules : mapping of str to torch.nn.Module
        By path.
    paths : iterable of str
    vectors : bool
        Whether to keep queries, keys and values.
    """
    for path in paths:
        before, after = _multi_head(torch, recorder, path, _kind(torch, modules, path), vectors)
        undo.callback(modules[path].register_forward_pre_hook(before, with_kwargs=True).remove)
        # Registered before other hooks, so that these see the output that the module has without this hook.
        undo.callback(modules[path].register_forward_hook(after, with_kwargs=True, prepend=True).remove)


def _kind(torch: Any, modules: Mapping[str, Any], path: str) -> str:
    """The kind of self-attention that a layer's class suggests. Cross attention is found from the tensors."""
    parent, _, name = path.rpartition(".")
    above = modules.get(parent)
    if isinstance(above, torch.nn.TransformerEncoderLayer):
        return "encoder"
    if isinstance(above, torch.nn.TransformerDecoderLayer):
        return "decoder" if name == "self_attn" else "cross"
    return "self"


def _multi_head(torch: Any, recorder: Any, path: str, kind: str,
                vectors: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Hooks that request the weights of every head from an `nn.MultiheadAttention`. Callers get what they requested."""
    asked: list[dict[str, Any]] = []

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[()], dict[str, Any]]:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        asked.append(dict(given))
        given.update(need_weights=True, average_attn_weights=False)
        return (), given

    def after(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> tuple[Any, Any]:
        given = asked.pop()
        result, weights = output
        call = _call(torch, module, path, kind, given, result, weights, vectors)
        call.rows, call.columns = _between(recorder.trace, path, given["query"], given["key"])
        call.training = module.training
        recorder.add(call)
        if not given["need_weights"]:
            return result, None
        heads_axis = 1 if weights.dim() == 4 else 0
        return result, weights.mean(heads_axis) if given["average_attn_weights"] else weights

    return before, after


def _between(trace: Any, path: str, query: Any, key: Any) -> tuple[Any, Any]:
    """The origins of queries and keys. Equal values count only if the origin of the keys is unknown."""
    from .operations import same_positions

    rows, columns = trace.origins.of(query), trace.origins.of(key)
    untold = trace.origins.known(key) is None or path in trace.ran
    return rows, rows if untold and same_positions(query, key) else columns


def _call(torch: Any, module: Any, path: str, kind: str, given: dict[str, Any], result: Any, weights: Any,
          vectors: bool) -> Call:
    if weights is None:
        return Call(path, kind, None, "gave no weights")
    query, key, value = given["query"], given["key"], given["value"]
    padding, mask = given["key_padding_mask"], given["attn_mask"]
    batched = query.dim() == 3
    if not batched:
        axis = 0 if module.batch_first else 1
        weights = weights[None]
        query, key, value, result = (x.unsqueeze(axis) for x in (query, key, value, result))
        padding = padding[None] if padding is not None else None
    array = whole_rows(to_numpy(weights))
    batch, heads = array.shape[:2]
    outside = tuple([*(["[bias]"] if module.bias_k is not None else []), *(["[zero]"] if module.add_zero_attn else [])])
    call = Call(path, kind, array, padding=hidden_keys(padding), outside=outside,
                bias=_bias(mask, call_padding=padding, heads=heads, batch=batch, outside=len(outside)))
    if vectors and not outside:
        q, k, v = _projected(torch, module, query, key, value)
        call.queries, call.keys, call.values = (heads_of(x, heads, module.batch_first) for x in (q, k, v))
        call.scale = call.queries.shape[-1] ** -0.5
        # Only the result of the output projection is visible from outside, not the context itself.
        bias = module.out_proj.bias
        call.projection = Projection(to_numpy(module.out_proj.weight), None if bias is None else to_numpy(bias))
        call.context = to_numpy(result if module.batch_first else result.transpose(0, 1))
    return call


def _bias(mask: Any, call_padding: Any, heads: int, batch: int, outside: int) -> NDArray[Any] | None:
    parts = []
    if mask is not None:
        parts.append(blocked(mask, heads, batch))
    if call_padding is not None:
        parts.append(blocked(call_padding, 1, batch).reshape(batch, 1, 1, -1))
    if not parts:
        return None
    return np.pad(sum(parts), ((0, 0), (0, 0), (0, 0), (0, outside)))


def _projected(torch: Any, module: Any, query: Any, key: Any, value: Any) -> list[Any]:
    """Queries, keys and values at full width, computed with the module's parameters."""
    linear = torch.nn.functional.linear
    with torch.no_grad():
        biases = module.in_proj_bias.chunk(3) if module.in_proj_bias is not None else (None,) * 3
        if module.in_proj_weight is not None:
            matrices = module.in_proj_weight.chunk(3)
        else:
            matrices = (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
        return [linear(x, w, b) for x, w, b in zip((query, key, value), matrices, biases)]
