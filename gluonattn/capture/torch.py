"""Capture attention of PyTorch models: `nn.MultiheadAttention`, and all other code that computes attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from ..errors import CaptureError
from ..record import KINDS
from .calls import Call, kind_of_path
from .found import Found, found_in
from .hooks import heads_of, hidden_keys, holds_transformers, need_torch, passes, plain_torch, to_numpy
from .multihead import hook_all
from .recorder import Recorder
from .rows import some, whole_rows

__all__ = ["TorchRecorder", "capture", "heads_of", "hidden_keys", "need_torch", "passes", "to_numpy"]
CURE = ("Run the model itself inside `with capture(...)`, not a scripted copy (torch.jit calls no hooks; capture the model "
        "it was made from), capture only the part that runs, or ask only for the kinds that ran: records(..., kind=...)")


@contextmanager
def capture(
    model: Any, *, vectors: bool = False, attention: str | Sequence[str] | Mapping[str, str] = ()
) -> Iterator[TorchRecorder]:
    """Record the attention of a torch model while the body runs it.

    Parameters
    ----------
    model : torch.nn.Module
        Every `nn.MultiheadAttention` in it is recorded, and every softmax over positions that mixes values: by
        `F.scaled_dot_product_attention`, matmul, einsum, or a weighted sum. Self- and cross attention are distinguished by
        the tensors from which queries and keys were made.
    vectors : bool, default False
        Also take queries, keys and values per head, where they are multiplied as they are.
    attention : names, or mapping of name to kind
        Restricts capture to modules of these class names or paths (``blocks.*.attn``), besides `nn.MultiheadAttention`. A
        named module may also return weights that it computed by other means, as ``(output, weights)``, with weights of shape
        (B, heads, Tq, Tk), or (B, Tq, Tk) for one head. A kind that is given here is not checked.

    Yields
    ------
    TorchRecorder
        Give `Recorder.records` the tokens of what the model read. `TorchRecorder.found` lists what was captured.

    Raises
    ------
    CaptureError
        If nothing in the model can compute attention.
    """
    torch = need_torch()
    recorder = TorchRecorder("torch", {}, cure=CURE, source={"model": type(model).__name__})
    with ExitStack() as undo:
        undo.enter_context(plain_torch(torch, model.modules()))
        undo.enter_context(followed(torch, model, recorder, attention, vectors))
        _refuse_what_has_none(torch, model, recorder)
        undo.enter_context(passes(model, recorder))  # last, because the model may itself be an attention module
        yield recorder


@contextmanager
def followed(torch: Any, model: Any, recorder: TorchRecorder, attention: Any, vectors: bool) -> Iterator[None]:
    """Follow what a model computes, with hooks on its `nn.MultiheadAttention`s and on named modules.

    Parameters
    ----------
    torch : module
    model : torch.nn.Module
    recorder : TorchRecorder
    attention : names, or mapping of name to kind
        As `capture` has it.
    vectors : bool
    """
    from .following import traced
    from .tracing import Trace

    named = _named(attention)
    modules = recorder.modules = dict(model.named_modules())
    heads = [path for path, module in modules.items() if isinstance(module, torch.nn.MultiheadAttention)
             and _match(named, path, module) is None]
    kinds = {path: kind for path, module in modules.items() if (kind := _match(named, path, module)) is not None}
    recorder.expected = {**{path: kind_of_path(path) for path in heads},
                         **{path: kind or kind_of_path(path) for path, kind in kinds.items()}}
    recorder.declared = {path: kind for path, kind in kinds.items() if kind}
    recorder.trace = Trace(recorder.attended, set(heads), vectors)
    if named:
        recorder.trace.named = {path: partial(_handed_out, recorder, path, kind) for path, kind in kinds.items()}
    with ExitStack() as undo:
        hook_all(torch, undo, recorder, modules, heads, vectors)
        undo.enter_context(traced(model, recorder.trace, modules))
        yield


class TorchRecorder(Recorder):
    """A recorder with the origin of each tensor.

    Attributes
    ----------
    trace : Trace
    modules : dict of str to torch.nn.Module
    declared : dict of str to str
        Kinds that the user gave, by path.
    """

    trace: Any
    modules: Mapping[str, Any]
    declared: Mapping[str, str] = {}

    def found(self) -> list[Found]:
        """The captured layers in order, with how their attention was captured.

        Returns
        -------
        list of Found
            Modules that `attention` left out are at the end, with 0 heads.
        """
        return found_in(self.passes, self.modules, sorted(self.trace.left_out))

    def grids(self) -> dict[str, list[tuple[int, int]]]:
        """Rows and columns of the patches of each picture, by its name as an input."""
        result: dict[str, list[tuple[int, int]]] = self.trace.attending.grids
        return result

    def ran(self, layer: str) -> bool:
        return any(path in ("", layer) or layer.startswith(f"{path}.") for path in self.trace.ran)

    def attended(self, path: str, module: Any, shares: list[Any]) -> None:
        """Record the attention that a module has computed.

        Parameters
        ----------
        path : str
        module : torch.nn.Module
        shares : list of Shares
            In the order in which they were used.
        """
        from .assembling import calls_of

        kind = self.declared.get(path)
        for call in calls_of(path, kind or self.hint(path), shares, to_numpy, module.training):
            call.declared = kind is not None
            self.add_part(call)

    def add_part(self, call: Call) -> None:
        """Add a call, or add its rows to the call that has the other rows."""
        from .assembling import merged

        before = next((c for c in reversed(self.current().calls) if c.layer == call.layer), None)
        if before is None or not merged(before, call):
            self.add(call)

    def hint(self, path: str) -> str:
        """The kind of a layer whose sequences do not show it."""
        return "self"

    def cure(self, bypassed: Sequence[str], empty: Sequence[Call]) -> str:
        new = [path for path, module in self.modules[""].named_modules() if self.modules.get(path) is not module]
        if new and bypassed:
            return (f"{type(self.modules['']).__name__} put new modules in place of its own while it ran ({some(new, 2)}), "
                    "and these have no hooks: run it once before `with capture(...)`, then again inside")
        advice = [c.advice for c in empty if c.advice]
        if bypassed:
            advice.append(self._cure)
        if not advice:
            advice.append("Make its class return (output, weights), the weights (B, heads, Tq, Tk)")
        return ". ".join(dict.fromkeys(advice))


def _refuse_what_has_none(torch: Any, model: Any, recorder: TorchRecorder) -> None:
    """Raise if nothing can compute attention, or another capture has the tokens."""
    if recorder.expected:
        return
    if holds_transformers(model):
        raise CaptureError(
            f"{type(model).__name__} holds no nn.MultiheadAttention but a transformers model: capture it with "
            "gluonattn.capture.huggingface, which knows its tokens, or name attention modules by class or path: "
            "capture(model, attention=[...]).")
    if not any(_own_code(module) for module in model.modules()):
        raise CaptureError(
            f"{type(model).__name__} holds no nn.MultiheadAttention: name its own attention modules, which return "
            f"(output, weights), by class or path: capture(model, attention=[...]). Its classes are "
            f"{', '.join(sorted({type(m).__name__ for m in model.modules()}))}, none of which computes attention.")


def _own_code(module: Any) -> bool:
    """Whether a module may compute attention. Of torch's own modules, only nn.MultiheadAttention does."""
    return not type(module).__module__.startswith("torch.nn.modules.")


def _named(attention: Any) -> dict[str, str | None]:
    if isinstance(attention, str):
        return {attention: None}
    if isinstance(attention, Mapping):
        wrong = [kind for kind in attention.values() if kind not in KINDS]
        if wrong:
            raise CaptureError(f"kinds of attention are {', '.join(KINDS)}; got {wrong[0]!r}.")
        return dict(attention)
    return dict.fromkeys(attention)


def _match(named: Mapping[str, str | None], path: str, module: Any) -> str | None:
    """The kind that the user gave a named module; "" if none was given, None if it is not named."""
    for name, kind in named.items():
        steps, wanted = path.split("."), name.split(".")
        if name == type(module).__name__ or (
                len(steps) == len(wanted) and all(map(fnmatchcase, steps, wanted)) and path):
            return kind or ""
    return None


def _handed_out(recorder: TorchRecorder, path: str, kind: str, module: Any, args: tuple[Any, ...],
                kwargs: dict[str, Any], output: Any) -> None:
    """Record the weights that a named module returns, if no attention was found in its operations."""
    weights = _weights(output)
    heads = next((v for n in ("num_heads", "n_heads", "heads", "n_head", "nhead", "h")
                  if isinstance(v := getattr(module, n, None), int)), 1)
    call = Call(path, kind or "self", None, declared=bool(kind), training=module.training, how="handed out")
    call.rows, call.columns = _sequences(recorder.trace, weights, [*args, *kwargs.values()])
    if weights is None:
        call.problem = "gave no weights (none of its outputs behind the first is (B, heads, Tq, Tk))"
    elif weights.ndim == 3 and heads > 1:
        call.problem = f"gave weights averaged over its {heads} heads: make it return (B, heads, Tq, Tk)"
    else:
        array = whole_rows(to_numpy(weights))
        call.weights = array if array.ndim == 4 else array[:, None]
    recorder.add(call)


def _weights(output: Any) -> Any:
    """The output with the weights (a position bias is not one)."""
    from .operations import handed_out, shares_of_rows

    found = handed_out(output)
    shares = [shares_of_rows(x) for x in found]
    return found[max(range(len(found)), key=shares.__getitem__)] if found else None  # the first of several


def _sequences(trace: Any, weights: Any, given: Sequence[Any]) -> tuple[Any, Any]:
    """Origins of the queries and keys of a hand-written module, from its weights, otherwise from its inputs."""
    from .operations import same_positions

    pair = trace.origins.between(weights) if weights is not None else None
    if pair is not None:
        result: tuple[Any, Any] = pair
        return result
    tensors = [x for x in given if hasattr(x, "detach") and x.dtype.is_floating_point and x.ndim > 1]
    tensors = [x for x in tensors if x.ndim == tensors[0].ndim]
    if not tensors:
        return trace.origins.of(None), trace.origins.of(None)
    query = tensors[0]
    key = next((x for x in tensors[1:] if not same_positions(query, x)), query)
    return trace.origins.of(query), trace.origins.of(key)


