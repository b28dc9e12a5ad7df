"""What torch computes while a model is captured: the origin of every tensor, and attention that no hook took."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from .origins import INPUT, WEAK, Attended, Made, Origin, Origins

# Operations after which ids are still the same ids.
_SAME_IDS = {"view", "reshape", "clone", "contiguous", "to", "long", "int", "detach", "expand", "expand_as", "unsqueeze",
             "squeeze", "transpose", "permute", "t", "flatten", "unflatten", "movedim", "type", "cpu", "cuda", "view_as",
             "reshape_as", "repeat", "repeat_interleave", "index_select"}
_PRODUCTS = {"matmul": (0, 1), "bmm": (0, 1), "einsum": (0, 1), "baddbmm": (1, 2), "baddbmm_": (1, 2)}
_COPIES = {"expand", "expand_as", "repeat", "repeat_interleave", "unsqueeze", "__getitem__", "clone", "broadcast_to"}
_CUTS = {"__getitem__", "chunk", "split", "split_with_sizes", "tensor_split", "narrow", "select", "unbind", "hsplit",
         "vsplit"}
_JOINS = {"cat", "concat", "concatenate", "hstack", "vstack", "stack"}
# New numbers, which take nothing but a shape from the tensor they are made by.
_FRESH = {"zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like", "new_zeros",
          "new_ones", "new_empty", "new_full", "new_tensor", "new_empty_strided"}
_LOOKUPS = {"embedding", "embedding_bag", "__getitem__", "index_select", "gather", "take_along_dim"}
_ATTENTION = {"scaled_dot_product_attention", "multi_head_attention_forward"}
_SOFTMAX = {"softmax", "_softmax", "masked_softmax"}


@dataclass
class Running:
    """A module that runs, with the attention it has computed so far: from where, to where, the weights' shape."""

    path: str
    module: Any
    args: tuple
    kwargs: dict
    attended: list[tuple[Origin, Origin, Any]] = field(default_factory=list)

    def cure(self, output) -> str | None:
        """What would record its attention; see `Attended`."""
        if isinstance(self.module, torch.nn.MultiheadAttention):
            return "name"
        first = next(iter(_tensors(output)), None)
        asks = "output_attentions" in arguments_of(self.module, self.args, self.kwargs)
        if _hands_out(output):
            return "ask" if asks else "name"
        whole = first is not None and first.dim() == 3 and all(
            shape is not None and len(shape) in (3, 4) and shape[-2] == first.shape[1] and shape[0] % len(first) == 0
            and not any(step.startswith("positions") for step in (*rows.via, *columns.via))
            for rows, columns, shape in self.attended)
        return "ask" if whole and asks else None


class Trace(TorchFunctionMode):
    """Follows torch's operations; what they compute is not touched.

    Attributes
    ----------
    origins : Origins
    ran : set of str
        Paths of the modules that were called from outside.
    attended : callable of Attended
        Told of attention outside the layers in `taken`.
    asked : bool
        The model was last called with output_attentions=True.
    entered : set of str
        Paths of all modules that were called.
    taken : set of str
        Paths of layers whose attention is recorded by a hook of theirs.
    """

    def __init__(self, attended: Callable[[Attended], None], taken: set[str]):
        super().__init__()
        self.origins = Origins(WeakIdKeyDictionary(), WeakIdKeyDictionary(),
                               lambda tensor: isinstance(tensor, torch.nn.Parameter), self._attention)
        self.ran: set[str] = set()
        self.attended, self.taken = attended, taken
        self.entered: set[str] = set()
        self.asked = False
        self._stack: list[Running] = []
        self._given: Any = WeakIdKeyDictionary()  # tensors that came from outside
        self._quiet = 0

    # ---- modules

    def enter(self, path: str, module, args, kwargs):
        """A module starts; what it is given from outside are the sequences that all else is made of."""
        outside = not self._stack
        self._stack.append(Running(path, module, args, kwargs))
        self.entered.add(path)
        if not outside:
            return None
        self.ran.add(path)
        self.asked = bool(kwargs.get("output_attentions"))
        with torch._C.DisableTorchFunction():
            given, names = _arguments(module, args, kwargs)
            again: set[int] = set()
            changed = False
            for name in names:
                tensor = given[name]
                for i, part in enumerate(_tensors(tensor)):
                    if id(part) in again and path not in self.taken and isinstance(tensor, torch.Tensor):
                        # One tensor given twice is two sequences: an alias tells them apart.
                        part = given[name] = tensor.view_as(tensor)
                        changed = True
                    again.add(id(part))
                    self._root(part, ".".join(filter(None, (path, name))) + (f"[{i}]" if part is not tensor else ""))
            return _called(given, args, kwargs) if changed else None

    def leave(self, path: str, output) -> None:
        while self._stack:
            running = self._stack.pop()
            if running.path == path:  # what an exception left above it is cleared, too
                with torch._C.DisableTorchFunction():
                    cure = running.cure(output) if running.attended else None
                for rows, columns in dict.fromkeys((rows, columns) for rows, columns, _ in running.attended):
                    self.attended(Attended(path, rows, columns, cure))
                return

    def _root(self, tensor, name: str) -> None:
        known = self.origins.known(tensor)
        if tensor.dtype == torch.bool or (known is not None and tensor.is_floating_point() and tensor not in self._given):
            return  # what another part of the model made (an encoder's output) keeps its origin
        self._given[tensor] = True
        # Ids are a sequence once they are looked up; lengths, positions and masks never are.
        self.origins.note(tensor, Made(Origin(name), INPUT if tensor.is_floating_point() and tensor.dim() > 2 else WEAK))

    # ---- operations

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in ("__get__", "__set__", "size", "dim", "__len__", "__bool__", "item", "stride", "is_floating_point"):
            if name == "__get__" and isinstance(result, torch.Tensor):  # .T, .mT, .data, .real
                self._derived(name, args, kwargs, result)
            return result
        if name == "__setitem__":
            self._assigned(args)
        else:
            self._derived(name, args, kwargs, result)
        return result

    def _assigned(self, args) -> None:
        target, value = args[0], args[-1]
        if isinstance(value, torch.Tensor) and self.origins.known(target) is None:
            known = self.origins.known(value)
            if known is not None:
                step = None if target.is_floating_point() else known.origin.after("assigned")
                self.origins.note(target, known if step is None else known._replace(origin=step))

    def _derived(self, name: str, args, kwargs, result) -> None:
        results = [t for t in _tensors(result) if isinstance(t, torch.Tensor) and t.dtype != torch.bool]
        if not results:
            return
        operands = [*_tensors(args), *_tensors(tuple(kwargs.values()))]
        if name in _FRESH and results[0].is_floating_point():
            return
        made = self.origins.first(operands[1:2] if name == "copy_" else operands)
        if made is None:
            made = self._learned(name, args)
            if made is None:
                return
        if made.rank == WEAK and name in _LOOKUPS and results[0].is_floating_point():
            made = made._replace(rank=INPUT) if any(not t.is_floating_point() for t in operands) else made
        if name in _PRODUCTS and max(_PRODUCTS[name]) < len(operands):
            left, right = (operands[i] for i in _PRODUCTS[name])
            made = self.origins.product(left, right, results, made, many=left.dim() > 2)
            for one in results:
                self.origins.note(one, made)
            return
        elif name in _ATTENTION:
            query, key = operands[:2]
            self._attention(self.origins.of(query), self.origins.of(key), None)
            made = self.origins.known(query) or made
        elif name in _JOINS:
            made = self._joined(operands, made)
        elif name in _SOFTMAX and made.scores:
            made = made._replace(scores=False, shares=True)
        for one in results:
            origin = made.origin
            if not one.is_floating_point() and name not in _SAME_IDS and name != "__getitem__":
                origin = origin.after(name.strip("_"))
            elif name in _CUTS:
                origin = self._cut(origin, operands[0], one)
            if one.is_floating_point() and one.dim() == operands[0].dim() == 3 and one.shape[:2] == operands[0].shape[:2]:
                step = _reordered(name, args, kwargs)
                origin = origin.undone(*step) if step else origin
            if name == "copy_" or self.origins.known(one) is None or one is not operands[0]:
                self.origins.takes_over(one, made._replace(origin=origin), operands)

    def _learned(self, name: str, args) -> Made | None:
        """Queries that a model has learned are a sequence of their own."""
        first = next(iter(_tensors(args[:1])), None)
        if name in _COPIES and isinstance(first, torch.nn.Parameter):
            return Made(Origin("learned vectors", (str(id(first)),)), WEAK)
        return None

    def _joined(self, operands, made: Made) -> Made:
        """Two sequences side by side are a third; what carries no origin (a learned token) changes nothing."""
        floats = [t for t in operands if t.is_floating_point()]
        parts = dict.fromkeys(k.origin for t in floats if (k := self.origins.known(t)) is not None and k.rank >= INPUT)
        if len(parts) > 1:
            first, *others = parts
            return made._replace(origin=Origin(first.name, (*first.via, *(f"and {o}" for o in others))))
        return made

    def _cut(self, origin: Origin, whole, part) -> Origin:
        """Some positions of a sequence are a sequence of their own; a cut along the features is not."""
        piled = any(step.startswith("and ") for step in origin.via) and whole.shape[1:] == part.shape
        cut = whole.dim() == part.dim() and whole.shape[:2] != part.shape[:2]
        if part.dim() == 3 and (cut or piled) and whole.is_floating_point():
            begin = part.storage_offset() if part.layout == torch.strided else 0
            return origin.after(f"positions {begin}:{tuple(part.shape[:2])}")
        return origin

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Attention that is computed in the body is recorded by the caller."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    def _attention(self, rows: Origin, columns: Origin, weights) -> None:
        if not self._stack or self._quiet:
            return
        running = self._stack[-1]
        if not any(running.path == t or running.path.startswith(f"{t}.") or t == "" for t in self.taken):
            running.attended.append((rows, columns, None if weights is None else weights.shape))


@contextmanager
def traced(model, trace: Trace) -> Iterator[Trace]:
    """Follow what `model` computes; its modules tell when they start and end."""
    hooks = []

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


def _reordered(name: str, args, kwargs) -> tuple[str, str] | None:
    """The step that puts the positions of (B, T, d) in another order, and the step that undoes it."""
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


def same_positions(one, other) -> bool:
    """Whether two tensors hold the same numbers: the same object, the same memory, or equal values."""
    if one is other:
        return True
    with torch._C.DisableTorchFunction():
        return one.shape == other.shape and one.dtype == other.dtype and one.device == other.device and bool(
            torch.equal(one.detach(), other.detach()))


def arguments_of(module, args, kwargs) -> dict[str, Any]:
    """What a module was given, by name, keyword arguments without a name of their own among them."""
    try:
        given = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    except TypeError:
        return dict(kwargs)
    return {**given, **given.get("kwargs", {})}


def shares_of_rows(weights) -> float:
    """How many of a tensor's rows are distributions, 0 to 1."""
    array = weights.detach().float().cpu()
    if not array.numel():
        return 0.0
    return float((((array.sum(-1) - 1).abs() < 5e-3) & (array.amin(-1) >= 0)).float().mean())


def handed_out(output) -> list:
    """What a module returns behind its first output that may be weights."""
    outputs = list(output.values()) if isinstance(output, Mapping) else output
    if not isinstance(outputs, (tuple, list)):
        return []
    return [x for x in outputs[1:] if isinstance(x, torch.Tensor) and x.dim() in (3, 4) and x.is_floating_point()]


def _hands_out(output) -> bool:
    return any(x.dim() == 4 and shares_of_rows(x) > 0.5 for x in handed_out(output))


def _tensors(value) -> list:
    """Every tensor in nested tuples, lists and mappings, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [t for v in value.values() for t in _tensors(v)]
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in _tensors(v)]
    return []


def _arguments(module, args, kwargs):
    """Arguments by name, in order: {name: value} and the names that hold tensors."""
    names = list(inspect.signature(module.forward).parameters)
    given = {names[i] if i < len(names) and len(set(names[:i + 1])) == i + 1 else f"argument {i}": v
             for i, v in enumerate(args)}
    given.update(kwargs)
    return given, [name for name, value in given.items() if _tensors(value)]


def _called(given: Mapping, args, kwargs):
    values = list(given.values())
    return tuple(values[:len(args)]), dict(zip(kwargs, values[len(args):]))
