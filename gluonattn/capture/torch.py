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
from .kinds import settled
from .recorder import BYPASSED, Recorder, some, whole_rows

CURE = ("Run the model itself inside `with capture(...)`, in eager mode (torch.jit and torch.compile do not call hooks; "
        "capture the model they were made from), capture only the part that runs, or ask only for the kinds that ran: "
        "records(..., kind=...)")


@contextmanager
def capture(
    model, *, vectors: bool = False, attention: str | Sequence[str] | Mapping[str, str] = ()
) -> Iterator[Recorder]:
    """Record the attention of a torch model while the body runs it.

    Parameters
    ----------
    model : torch.nn.Module
        Every `nn.MultiheadAttention` in it is recorded, so `nn.TransformerEncoder`, `nn.TransformerDecoder`
        and `nn.Transformer` are. Encoder, decoder and cross attention are told apart by the tensors that queries
        and keys were made of.
    vectors : bool, default False
        Also take queries, keys and values per head (of `nn.MultiheadAttention`).
    attention : names, or mapping of name to kind
        Hand-written modules that return ``(output, weights)``, by class name or path (``blocks.*.attn``);
        weights are (B, heads, Tq, Tk), or (B, Tq, Tk) of one head, anywhere behind the output. A kind given here is
        taken as it is.

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
    from .tracing import Trace, traced

    named = _named(attention)
    modules = dict(model.named_modules())
    found = {path: kind or kind_of_path(path) for path, module in modules.items()
             if (kind := _match(named, path, module)) is not None or isinstance(module, torch.nn.MultiheadAttention)}
    if not found:
        raise CaptureError(_nothing_found(model, modules))
    recorder = TorchRecorder("torch", found, cure=CURE, source={"model": type(model).__name__})
    recorder.trace = trace = Trace(recorder.unrecorded, set(found))
    recorder.modules = modules
    with ExitStack() as undo:
        undo.enter_context(_slow_path(torch))
        for path in found:
            module = modules[path]
            kind = _match(named, path, module)
            if kind is not None:
                hook = module.register_forward_hook(_hand_written(recorder, path, kind), with_kwargs=True)
                undo.callback(hook.remove)
            else:
                before, after = _multi_head(torch, recorder, path, _kind(torch, modules, path), vectors)
                undo.callback(module.register_forward_pre_hook(before, with_kwargs=True).remove)
                # Before hooks of others, that each sees what the module gives without this one.
                undo.callback(module.register_forward_hook(after, with_kwargs=True, prepend=True).remove)
        undo.enter_context(traced(model, trace))
        undo.enter_context(passes(model, recorder))  # last, for the model may itself be an attention module
        yield recorder


class TorchRecorder(Recorder):
    """A recorder that knows what each tensor was made of.

    Attributes
    ----------
    trace : Trace
    modules : dict of str to torch.nn.Module
    """

    trace: Any
    modules: Mapping[str, Any]

    def ran(self, layer: str) -> bool:
        return any(path in ("", layer) or layer.startswith(f"{path}.") for path in self.trace.ran)

    def unrecorded(self, attended) -> None:
        """A module computed attention that no hook took."""
        self.add(Call(attended.path, self.hint(attended.path), None, BYPASSED, rows=attended.rows,
                      columns=attended.columns, advice=attended.cure))

    def hint(self, path: str) -> str:
        """The kind of a layer that no hook took, where its sequences do not tell."""
        return "self"

    def cure(self, bypassed: Sequence[str], empty: Sequence[Call]) -> str:
        new = [path for path, module in self.modules[""].named_modules() if self.modules.get(path) is not module]
        if new:
            return (f"{type(self.modules['']).__name__} put new modules in place of its own while it ran ({some(new, 2)}), "
                    "and these have no hooks: run it once before `with capture(...)`, then again inside")
        attended = [c for c in empty if c.problem == BYPASSED]
        advice = [c.advice for c in empty if c.advice and c.problem != BYPASSED]
        if attended:
            advice += self._how_to_record(attended)
        if set(bypassed) - {c.layer for c in attended}:
            advice.append(self._cure)
        if not advice:
            advice.append("Make its class return (output, weights), the weights (B, heads, Tq, Tk)")
        return ". ".join(dict.fromkeys(advice))  # type: ignore[arg-type]

    def _how_to_record(self, attended: Sequence[Call]) -> list[str]:
        """What to do about attention that modules computed by code of their own."""
        calls = [c for p in settled(self.passes) for c in p.calls]
        whole = {c.kind for c in calls if c.weights is not None} - {c.kind for c in calls if c.weights is None}
        found = []
        if all(c.advice for c in attended):
            found.append(self.how_to_name(sorted({c.layer for c in attended}), any(c.advice == "ask" for c in attended)))
        else:
            mute = sorted({type(self.modules[c.layer]).__name__ for c in attended if not c.advice})
            found.append(f"Attention was computed there that no hook can take: {', '.join(mute)} hands out no weights of "
                         "the form (B, heads, Tq, Tk)")
        if whole:
            found.append("What was recorded can be had without it: records(..., " +
                         " or ".join(f"kind={kind!r}" for kind in sorted(whole)) + ")")
        return found

    def how_to_name(self, layers: Sequence[str], ask: bool) -> str:
        """How attention that modules of their own code computed can be recorded."""
        names = sorted({type(self.modules[path]).__name__ for path in layers
                        if type(self.modules[path]).__name__ != "MultiheadAttention"})
        named = sorted({name for path in self.trace.taken if (name := type(self.modules[path]).__name__)
                        != "MultiheadAttention"})
        return ("Attention was computed there that no hook took: record it with gluonattn.capture.torch.capture(model"
                + (f", attention={sorted({*names, *named})}" if names or named else "") + ")"
                + (" and call the model with output_attentions=True" if ask else ""))


def _nothing_found(model, modules: Mapping[str, Any]) -> str:
    from .huggingface import holds_transformers

    if holds_transformers(model):
        return (f"{type(model).__name__} holds no nn.MultiheadAttention but a transformers model: capture it with "
                "gluonattn.capture.huggingface, or name attention modules that return (output, weights) by class or path: "
                "capture(model, attention=[...]).")
    return (f"{type(model).__name__} holds no nn.MultiheadAttention: name its own attention modules, which return "
            f"(output, weights), by class or path: capture(model, attention=[...]). Its classes are "
            f"{', '.join(sorted({type(m).__name__ for m in modules.values()}))}.")


def need_torch(what: str = "capturing from a torch model", extra: str = "torch"):
    """The torch module.

    Parameters
    ----------
    what : str, default "capturing from a torch model"
        What needs it, for the message.
    extra : str, default "torch"
        The extra of this package that brings all that is needed.

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
    """The kind that the user gave a named module, "" where none was given; None where it is not named."""
    for name, kind in named.items():
        steps, wanted = path.split("."), name.split(".")
        if name == type(module).__name__ or (
                len(steps) == len(wanted) and all(map(fnmatchcase, steps, wanted)) and path):
            return kind or ""
    return None


def _kind(torch, modules: Mapping[str, Any], path: str) -> str:
    """What the class of a layer says of self-attention; the tensors say what is cross attention."""
    parent, _, name = path.rpartition(".")
    above = modules.get(parent)
    if isinstance(above, torch.nn.TransformerEncoderLayer):
        return "encoder"
    if isinstance(above, torch.nn.TransformerDecoderLayer):
        return "decoder" if name == "self_attn" else "cross"
    return "self"


def _hand_written(recorder: TorchRecorder, path: str, kind: str):
    def after(module, args, kwargs, output):
        weights, whole = _weights(output)
        heads = next((v for n in ("num_heads", "n_heads", "heads", "n_head", "nhead", "h")
                      if isinstance(v := getattr(module, n, None), int)), 1)
        call = Call(path, kind or "self", None, declared=bool(kind), training=module.training,
                    advice=None if whole else _asks(recorder.trace, module, args, kwargs))
        call.rows, call.columns = _sequences(recorder.trace, weights, [*args, *kwargs.values()])
        if weights is None:
            call.problem = "gave no weights (none of its outputs behind the first is (B, heads, Tq, Tk))"
        elif weights.ndim == 3 and heads > 1:
            call.problem = f"gave weights averaged over its {heads} heads: make it return (B, heads, Tq, Tk)"
        else:
            array = whole_rows(to_numpy(weights))
            call.weights = array if array.ndim == 4 else array[:, None]
        recorder.add(call)

    return after


def _weights(output) -> tuple[Any, bool]:
    """The output that is weights (a position bias, for one, is none), and whether its rows are such."""
    from .tracing import handed_out, shares_of_rows

    found = handed_out(output)
    shares = [shares_of_rows(x) for x in found]
    if not found:
        return None, False
    best = max(range(len(found)), key=shares.__getitem__)  # the first of equals
    return found[best], shares[best] > 0.5


def _asks(trace, module, args, kwargs) -> str | None:
    """What makes a module of Hugging Face's kind hand out its weights, where that was not done."""
    from .tracing import arguments_of

    how = getattr(getattr(module, "config", None), "_attn_implementation", None) or "eager"
    given = arguments_of(module, args, kwargs)
    if "output_attentions" in given and not given["output_attentions"] and not trace.asked:
        return "Call the model with output_attentions=True: only then this class hands out its weights"
    if how != "eager":
        return f'The model computes attention by {how}, which makes no weights: load it with attn_implementation="eager"'
    return None


def _sequences(trace, weights, given) -> tuple[Any, Any]:
    """What the queries and keys of a hand-written module were made of: as its weights say, else as its inputs do."""
    from .tracing import same_positions

    pair = trace.origins.between(weights) if weights is not None else None
    if pair is not None:
        return pair
    tensors = [x for x in given if hasattr(x, "detach") and x.dtype.is_floating_point and x.ndim > 1]
    tensors = [x for x in tensors if x.ndim == tensors[0].ndim]
    if not tensors:
        return trace.origins.of(None), trace.origins.of(None)
    query = tensors[0]
    key = next((x for x in tensors[1:] if not same_positions(query, x)), query)
    return trace.origins.of(query), trace.origins.of(key)


def _multi_head(torch, recorder: TorchRecorder, path: str, kind: str, vectors: bool):
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
        call = _call(torch, module, path, kind, given, result, weights, vectors)
        call.rows, call.columns = _between(recorder.trace, path, given["query"], given["key"])
        call.training = module.training
        recorder.add(call)
        if not given["need_weights"]:
            return result, None
        heads_axis = 1 if weights.dim() == 4 else 0
        return result, weights.mean(heads_axis) if given["average_attn_weights"] else weights

    return before, after


def _between(trace, path: str, query, key) -> tuple[Any, Any]:
    """What queries and keys were made of; equal numbers count only where nothing tells what the keys were made of."""
    from .tracing import same_positions

    rows, columns = trace.origins.of(query), trace.origins.of(key)
    untold = trace.origins.known(key) is None or path in trace.ran
    return rows, rows if untold and same_positions(query, key) else columns


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
