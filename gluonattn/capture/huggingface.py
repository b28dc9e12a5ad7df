"""Capture attention of Hugging Face models, with tokens aligned to the raw text.

transformers computes attention with a function that it looks up by name. The functions of the default names return no
weights. During capture the name is "eager", and the look-up returns a function that records the queries, keys, mask and
weights of the model's own eager function. Models with their own attention code are followed operation by operation, like
any torch model.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CaptureError, DependencyError
from .calls import Call, kind_of_path
from .generating import generating
from .hf_recorder import HuggingFaceRecorder, class_kind
from .hooks import holds_transformers, need_torch, passes, plain_torch, to_numpy
from .rows import whole_rows
from .torch import followed

CURE = ("Run the model itself inside `with capture(...)`, capture only the part that runs, or ask only for the kinds that "
        "ran: records(..., kind=...)")
# Inputs with one position for each token or patch, and the mask of each.
CONTENTS = {"attention_mask": ("input_ids", "inputs_embeds", "encoder_outputs"),
            "decoder_attention_mask": ("decoder_input_ids", "decoder_inputs_embeds"),
            "encoder_attention_mask": ("encoder_hidden_states",)}


@contextmanager
def capture(
    model: Any, *, vectors: bool = False, attention: str | Sequence[str] | Mapping[str, str] = ()
) -> Iterator[HuggingFaceRecorder]:
    """Record the attention of a transformers model, or of its ``generate()``, while the body runs it.

    Parameters
    ----------
    model : transformers.PreTrainedModel, or torch.nn.Module that holds one
        An encoder, decoder or encoder-decoder, or a custom module that contains one. Self- and cross attention are
        distinguished by the tensors from which queries and keys were made.
    vectors : bool, default False
        Also take queries, keys and values per head: after rotary embedding, grouped heads repeated.
    attention : names, or mapping of name to kind
        Restricts capture to modules of these class names or paths. Without it, all attention is captured.

    Yields
    ------
    HuggingFaceRecorder

    Raises
    ------
    CaptureError
        If `model` neither is nor contains a transformers model.
    """
    torch = need_torch("capturing from Hugging Face models", "huggingface")
    try:
        from transformers import PreTrainedModel
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
    except ImportError:
        raise DependencyError(
            'capturing from Hugging Face models needs transformers 4.48 or newer: pip install "gluonattn[huggingface]".'
        ) from None
    if not holds_transformers(model):
        raise CaptureError(
            f"expected a transformers model, got {type(model).__name__}, which holds none: gluonattn.capture.torch captures "
            "nn.MultiheadAttention and hand-written attention.")
    modules = dict(model.named_modules())
    configs = _configs(modules.values())
    recorder = HuggingFaceRecorder("huggingface", {}, cure=CURE, source={"model": _name(model)})
    recorder.implementation = next((how for config, how in _implementations(configs) if isinstance(how, str)), "eager")
    with ExitStack() as undo:
        undo.enter_context(plain_torch(torch, modules.values()))
        undo.enter_context(followed(torch, model, recorder, attention, vectors))
        named = recorder.expected
        # Before 4.51 this is a plain dictionary, which is not used for "eager". Then operations are followed.
        known = getattr(type(ALL_ATTENTION_FUNCTIONS), "_global_mapping", {})
        undo.enter_context(_eager(recorder, configs, known, vectors))
        for part in (m for m in modules.values() if m is model or isinstance(m, PreTrainedModel)):
            watch = _inputs(recorder, inspect.signature(part.forward))
            undo.callback(part.register_forward_pre_hook(watch, with_kwargs=True).remove)
            if callable(getattr(part, "generate", None)):
                undo.enter_context(generating(recorder, part))
        undo.enter_context(passes(model, recorder))
        try:
            yield recorder
        finally:
            recorder.leave_out_own_padding()
            if recorder.passes and not attention:
                recorder.settle_silent()
            recorder.expected = named if attention else _expected(modules, recorder)


@contextmanager
def _eager(recorder: HuggingFaceRecorder, configs: list[Any], known: dict[str, Any], vectors: bool) -> Iterator[None]:
    """Make models use their own eager attention, in a recording form, while the body runs."""
    implementations, before = _implementations(configs), known.get("eager")
    for config in configs:
        config._attn_implementation_internal = "eager"
    known["eager"] = _recording(recorder, vectors, before)
    try:
        yield
    finally:
        if before is None:
            known.pop("eager")
        else:
            known["eager"] = before
        _restore(implementations)


def _name(model: Any) -> str:
    config = getattr(model, "config", None)
    return str(getattr(config, "_name_or_path", "") or type(model).__name__).rstrip("/").rpartition("/")[2]


def _configs(modules: Iterable[Any]) -> list[Any]:
    found = {id(m.config): m.config for m in modules if hasattr(getattr(m, "config", None), "model_type")}
    for config in list(found.values()):
        for name in getattr(config, "sub_configs", {}):
            below = getattr(config, name, None)
            if below is not None:
                found[id(below)] = below
    return list(found.values())


def _implementations(configs: Iterable[Any]) -> list[tuple[Any, Any]]:
    return [(config, config.__dict__.get("_attn_implementation_internal", _NOTHING)) for config in configs]


_NOTHING = object()


def _restore(implementations: list[tuple[Any, Any]]) -> None:
    for config, value in implementations:
        if value is _NOTHING:
            config.__dict__.pop("_attn_implementation_internal", None)
        else:
            config._attn_implementation_internal = value


def _recording(recorder: HuggingFaceRecorder, vectors: bool, before: Any) -> Callable[..., Any]:
    """The function that is looked up as "eager": the model's own, which also records its arguments and weights."""
    from .assembling import is_whole  # needs torch, which is checked first

    paths = {id(module): path for path, module in recorder.modules.items()}
    trace = recorder.trace

    def attend(module: Any, query: Any, key: Any, value: Any, attention_mask: Any = None, *args: Any,
               **kwargs: Any) -> tuple[Any, Any]:
        own = before or next((f for c in type(module).__mro__
                              if (f := getattr(sys.modules.get(c.__module__), "eager_attention_forward", None))), None)
        if own is None:
            raise CaptureError(f"{type(module).__module__} has no eager attention to take weights from. {CURE}")
        path = paths.get(id(module))
        if path is None:  # another model may run in the body too
            result: tuple[Any, Any] = own(module, query, key, value, attention_mask, *args, **kwargs)
            return result
        if recorder.implementation != "eager" and kwargs.get("softcap") is not None:
            kwargs["softcap"] = None  # only eager attention has a cap
        with trace.recorded():
            output, weights = own(module, query, key, value, attention_mask, *args, **kwargs)
        if trace.origins.known(query) is None and trace.at_one_position(key):
            trace.made_of(output, key)  # learned queries that attend to states of one token (layers), not to tokens
            return output, weights
        trace.made_of(output, query)
        name = trace.name_of(path)
        if name is None:
            trace.left_out.add(path)
            return output, weights
        shares = None if weights is None else trace.shares(query, key, weights, "attention interface")
        if shares is not None and not is_whole(shares):  # within windows or blocks
            recorder.attended(name, module, [shares])
            return output, weights
        call = _call(module, name, query, key, value, attention_mask, output, weights, kwargs, vectors)
        call.rows, call.columns = trace.origins.of(query), trace.origins.of(key)
        if name in recorder.declared:
            call.kind, call.declared = recorder.declared[name], True
        recorder.add(call)
        return output, weights

    return attend


def _call(module: Any, path: str, query: Any, key: Any, value: Any, mask: Any, output: Any, weights: Any,
          options: dict[str, Any], vectors: bool) -> Call:
    call = Call(path, class_kind(module), None, "gave no weights", training=module.training,
                how="attention interface")
    if weights is None or weights.dim() != 4:
        return call
    named = (options.get("s_aux"), options.get("sinks"), getattr(module, "sinks", None))
    sinks = next((x for x in named if x is not None), None)
    call.problem, call.weights = None, to_numpy(weights) if sinks is not None else whole_rows(to_numpy(weights))
    extra = [options["position_bias"]] if options.get("position_bias") is not None else []
    added = [_bias(x) for x in ([mask] if mask is not None else []) + extra]
    call.bias = np.sum(np.broadcast_arrays(*added), 0) if added else None
    if sinks is not None:
        # The rest of each row belongs to a sink, which is not a token.
        rest = np.clip(1 - call.weights.sum(-1, keepdims=True), 0, None)
        call.weights = np.concatenate([call.weights, rest], -1)
        call.outside = ("[sink]",)
        call.sinks = to_numpy(sinks).reshape((1, -1, 1, 1) if sinks.dim() < 4 else sinks.shape)
        if call.bias is not None:
            call.bias = np.pad(call.bias, ((0, 0), (0, 0), (0, 0), (0, 1)))
    if vectors:
        groups = query.shape[1] // key.shape[1]
        call.queries = to_numpy(query)
        call.keys, call.values = (np.repeat(to_numpy(x), groups, 1) for x in (key, value))
        scaling = options.get("scaling")
        call.scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
        call.softcap = options.get("softcap")
        call.context = to_numpy(output).reshape(output.shape[0], output.shape[1], -1)
    return call


def _bias(mask: Any) -> NDArray[Any]:
    """Convert a mask to numbers that are added to scores. Boolean False is masked."""
    array = mask.detach().cpu()
    return to_numpy(mask) if array.dtype.is_floating_point else np.where(array.numpy() > 0, 0.0, -np.inf)


def _inputs(recorder: HuggingFaceRecorder, signature: inspect.Signature) -> Callable[..., None]:
    """A hook that notes the ids and padding that a part of the model receives."""

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = signature.bind_partial(*args, **{k: v for k, v in kwargs.items() if k in signature.parameters}).arguments
        state, origins = recorder.current(), recorder.trace.origins
        for name in ("input_ids", "decoder_input_ids"):
            ids = given.get(name)
            if ids is not None and origins.of(ids) not in state.ids:
                origins.is_tokens(origins.of(ids))
                state.ids[origins.of(ids)] = ids.detach().cpu().numpy()
        for name, contents in CONTENTS.items():
            mask: Any = given.get(name)
            content = next((_first(given[c]) for c in contents if given.get(c) is not None), None)
            if getattr(mask, "ndim", 0) == 2 and content is not None and origins.of(content) not in state.padding:
                state.padding[origins.of(content)] = mask.detach().cpu().numpy() == 0

    return before


def _first(content: Any) -> Any:
    """The tensor of an input. An encoder's output may be in a tuple or a dictionary."""
    if hasattr(content, "detach"):
        return content
    values = list(content.values()) if hasattr(content, "values") else content
    return values[0] if isinstance(values, (tuple, list)) and values and hasattr(values[0], "detach") else None


def _expected(modules: dict[str, Any], recorder: HuggingFaceRecorder) -> dict[str, str]:
    """Every module of a class that returned its weights."""
    captured = {c.layer for p in recorder.passes for c in p.calls if c.weights is not None}
    classes = {type(modules[path]) for path in captured}
    return {path: kind_of_path(path) if kind_of_path(path) != "self" else class_kind(module)
            for path, module in modules.items() if type(module) in classes}


