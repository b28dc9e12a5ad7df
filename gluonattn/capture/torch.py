"""Attention of PyTorch models: `nn.MultiheadAttention`, wherever it stands, and hand-written modules."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from ..errors import CaptureError, DependencyError
from ..record import KINDS
from ..reference import Projection
from .calls import Call, kind_of_path
from .recorder import Recorder, whole_rows

CURE = ("Run the model itself inside `with capture(...)`, in eager mode (torch.jit and torch.compile do not call hooks; "
        "capture the model they were made from), or ask only for the kinds that ran: records(..., kind=...)")


@contextmanager
def capture(
    model, *, vectors: bool = False, attention: str | Sequence[str] | Mapping[str, str] = ()
) -> Iterator[Recorder]:
    """Record the attention of a torch model while the body runs it.

    Parameters
    ----------
    model : torch.nn.Module
        Every `nn.MultiheadAttention` in it is recorded, so `nn.TransformerEncoder`, `nn.TransformerDecoder`
        and `nn.Transformer` are; encoder, decoder and cross attention are told apart.
    vectors : bool, default False
        Also take queries, keys and values per head (of `nn.MultiheadAttention`).
    attention : names, or mapping of name to kind
        Hand-written modules that return ``(output, weights)``, by class name or path (``blocks.*.attn``);
        weights are (B, heads, Tq, Tk), or (B, Tq, Tk) of one head.

    Yields
    ------
    Recorder
        Give `Recorder.records` the tokens of what went through the model.

    Raises
    ------
    CaptureError
        If the model has no such module.
    """
    torch = need_torch()
    named = _named(attention)
    found: dict[str, str] = {}
    parents = dict(model.named_modules())
    recorder = Recorder("torch", found, cure=CURE, source={"model": type(model).__name__})
    with ExitStack() as undo:
        undo.enter_context(_slow_path(torch))
        for path, module in parents.items():
            kind = _match(named, path, module)
            if kind is not None:
                found[path] = kind
                hook = module.register_forward_hook(_hand_written(recorder, path, kind), with_kwargs=True)
                undo.callback(hook.remove)
            elif isinstance(module, torch.nn.MultiheadAttention):
                found[path] = kind = _kind(torch, parents, path)
                before, after = _multi_head(torch, recorder, path, kind, vectors)
                undo.callback(module.register_forward_pre_hook(before, with_kwargs=True).remove)
                undo.callback(module.register_forward_hook(after, with_kwargs=True).remove)
        if not found:
            raise CaptureError(
                f"{type(model).__name__} holds no nn.MultiheadAttention: name its own attention modules, which return "
                f"(output, weights), by class or path: capture(model, attention=[...]). Its classes are "
                f"{', '.join(sorted({type(m).__name__ for m in parents.values()}))}.")
        recorder.expected = found
        undo.enter_context(passes(model, recorder))  # last, for the model may itself be an attention module
        yield recorder


def need_torch():
    """The torch module.

    Raises
    ------
    DependencyError
        If it is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise DependencyError('capturing from torch needs it: pip install "gluonattn[torch]".') from None
    return torch


@contextmanager
def passes(model, recorder: Recorder) -> Iterator[None]:
    """Tell the recorder when the model starts and ends a forward pass."""
    before = model.register_forward_pre_hook(lambda *_: recorder.begin())
    after = model.register_forward_hook(lambda *_: recorder.end())
    try:
        yield
    finally:
        before.remove()
        after.remove()


def to_numpy(tensor) -> np.ndarray:
    """A copy in float32 (models may go on to change their tensors in place)."""
    return np.array(tensor.detach().float().cpu().numpy())


def heads_of(x, heads: int, batch_first: bool) -> np.ndarray:
    """(B, T, H * d), or (T, B, H * d), to (B, H, T, d)."""
    array = to_numpy(x)
    array = array if batch_first else array.swapaxes(0, 1)
    return array.reshape(*array.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def blocked(mask, heads: int, batch: int) -> np.ndarray:
    """A torch mask as numbers added to scores, broadcastable to (B, H, Tq, Tk); boolean True is -inf."""
    array = mask.detach().cpu()
    if array.dtype.is_floating_point:
        array = array.float().numpy()
    else:
        array = np.where(array.bool().numpy(), -np.inf, 0.0).astype(np.float32)
    return array[None, None] if array.ndim == 2 else array.reshape(batch, heads, *array.shape[1:])


def hidden_keys(mask) -> np.ndarray | None:
    """(B, Tk), True at keys that a key padding mask hides."""
    if mask is None:
        return None
    array = mask.detach().cpu()
    return (array.float().numpy() < -1e4) if array.dtype.is_floating_point else array.bool().numpy()


@contextmanager
def _slow_path(torch) -> Iterator[None]:
    """The fused layers call no hooks: they are off while capturing."""
    mha = getattr(torch.backends, "mha", None)
    if mha is None:
        yield
        return
    enabled = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(enabled)


def _named(attention) -> dict[str, str | None]:
    if isinstance(attention, str):
        return {attention: None}
    if isinstance(attention, Mapping):
        wrong = [kind for kind in attention.values() if kind not in KINDS]
        if wrong:
            raise CaptureError(f"kinds of attention are {', '.join(KINDS)}; got {wrong[0]!r}.")
        return dict(attention)
    return dict.fromkeys(attention)


def _match(named: Mapping[str, str | None], path: str, module) -> str | None:
    for name, kind in named.items():
        steps, wanted = path.split("."), name.split(".")
        if name == type(module).__name__ or (
                len(steps) == len(wanted) and all(map(fnmatchcase, steps, wanted)) and path):
            return kind or kind_of_path(path)
    return None


def _kind(torch, modules: Mapping[str, Any], path: str) -> str:
    parent, _, name = path.rpartition(".")
    above = modules.get(parent)
    if isinstance(above, torch.nn.TransformerEncoderLayer):
        return "encoder"
    if isinstance(above, torch.nn.TransformerDecoderLayer):
        return "decoder" if name == "self_attn" else "cross"
    return kind_of_path(path)


def _hand_written(recorder: Recorder, path: str, kind: str):
    def after(module, args, kwargs, output):
        call = Call(path, kind, None)
        weights = output[1] if isinstance(output, (tuple, list)) and len(output) > 1 else None
        heads = next((v for n in ("num_heads", "n_heads", "heads", "n_head", "nhead", "h")
                      if isinstance(v := getattr(module, n, None), int)), 1)
        if not hasattr(weights, "detach") or weights.ndim not in (3, 4):
            call.problem = "gave no weights (its second output should be (B, heads, Tq, Tk))"
        elif weights.ndim == 3 and heads > 1:
            call.problem = f"gave weights averaged over its {heads} heads: make it return (B, heads, Tq, Tk)"
        else:
            array = whole_rows(to_numpy(weights))
            call.weights = array if array.ndim == 4 else array[:, None]
        recorder.add(call)

    return after


def _multi_head(torch, recorder: Recorder, path: str, kind: str, vectors: bool):
    """Hooks that ask an `nn.MultiheadAttention` for the weights of every head, and give callers what they asked for."""
    asked: list[dict] = []

    def before(module, args, kwargs):
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        asked.append(dict(given))
        given.update(need_weights=True, average_attn_weights=False)
        return (), given

    def after(module, args, kwargs, output):
        given = asked.pop()
        result, weights = output
        recorder.add(_call(torch, module, path, kind, given, result, weights, vectors))
        if not given["need_weights"]:
            return result, None
        heads_axis = 1 if weights.dim() == 4 else 0
        return result, weights.mean(heads_axis) if given["average_attn_weights"] else weights

    return before, after


def _call(torch, module, path: str, kind: str, given: dict, result, weights, vectors: bool) -> Call:
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
    if kind == "self" and query is not key and key.shape != query.shape:
        call.kind = "cross"
    if vectors and not outside:
        q, k, v = _projected(torch, module, query, key, value)
        call.queries, call.keys, call.values = (heads_of(x, heads, module.batch_first) for x in (q, k, v))
        call.scale = call.queries.shape[-1] ** -0.5
        # The context itself is not to be seen from outside, only what the output projection makes of it.
        bias = module.out_proj.bias
        call.projection = Projection(to_numpy(module.out_proj.weight), None if bias is None else to_numpy(bias))
        call.context = to_numpy(result if module.batch_first else result.transpose(0, 1))
    return call


def _bias(mask, call_padding, heads: int, batch: int, outside: int) -> np.ndarray | None:
    parts = []
    if mask is not None:
        parts.append(blocked(mask, heads, batch))
    if call_padding is not None:
        parts.append(blocked(call_padding, 1, batch).reshape(batch, 1, 1, -1))
    if not parts:
        return None
    return np.pad(sum(parts), ((0, 0), (0, 0), (0, 0), (0, outside)))


def _projected(torch, module, query, key, value):
    """Queries, keys and values at full width, by the module's own parameters."""
    linear = torch.nn.functional.linear
    with torch.no_grad():
        biases = module.in_proj_bias.chunk(3) if module.in_proj_bias is not None else (None,) * 3
        if module.in_proj_weight is not None:
            matrices = module.in_proj_weight.chunk(3)
        else:
            matrices = (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
        return [linear(x, w, b) for x, w, b in zip((query, key, value), matrices, biases)]
