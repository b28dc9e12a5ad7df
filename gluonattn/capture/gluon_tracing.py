"""Trace MXNet while a block is captured: the origin of every array. MXNet itself is an argument."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from .origins import INPUT, WEAK, Attended, Made, Origin, Origins

_PRODUCTS = {"batch_dot", "dot", "_linalg_gemm2"}
_SOFTMAX = {"softmax", "masked_softmax", "SoftmaxActivation"}
_VIEWS = ("reshape", "_slice", "_at", "detach", "astype", "copy", "as_in_context")


class ByIdentity(dict[int, Any]):
    """A mapping with arrays as keys, by identity. It keeps the arrays alive."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, Any] = {}

    def __setitem__(self, key: Any, value: Any) -> None:
        self._kept[id(key)] = key
        super().__setitem__(id(key), value)

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(id(key), default)


class Trace:
    """Follows MXNet's operations without changing their results.

    Parameters
    ----------
    mx : module
        MXNet.
    attended : callable of Attended
        Called with attention that a block computed.
    taken : set of str
        Paths of blocks whose attention is recorded by a hook.

    Attributes
    ----------
    origins : Origins
    """

    def __init__(self, mx: Any, attended: Callable[[Attended], None], taken: set[str]) -> None:
        self.origins = Origins(ByIdentity(), ByIdentity(), lambda array: False, self._attention)
        self.attended, self.taken, self.mx = attended, taken, mx
        self.ran: set[str] = set()
        self._stack: list[str] = []

    def enter(self, path: str, inputs: Any) -> None:
        """Note that a block starts. The inputs of the outermost block are the sequences.

        Parameters
        ----------
        path : str
        inputs : nested tuples and lists of arrays
        """
        outside = not self._stack
        self._stack.append(path)
        if outside:
            self.ran.add(path)
            for i, array in enumerate(self._arrays(inputs)):
                if self.origins.known(array) is None:
                    self.origins.note(array, Made(Origin(f"{path or 'the block'}, input {i}"),
                                                  INPUT if array.ndim > 2 else WEAK))  # ids become a sequence by look-up

    def leave(self, path: str) -> None:
        while self._stack and self._stack.pop() != path:
            pass

    def _attention(self, rows: Origin, columns: Origin, weights: Any) -> None:
        path = self._stack[-1] if self._stack else None
        if path is not None and not any(t == "" or path == t or path.startswith(f"{t}.") for t in self.taken):
            self.attended(Attended(path, rows, columns))

    def followed(self, name: str, operands: Sequence[Any], result: Any) -> None:
        """Derive the origin of an operation's result.

        Parameters
        ----------
        name : str
            Name of the operation.
        operands : list of arrays
        result : array or list of arrays
        """
        made = self.origins.first(operands)
        results = self._arrays(result)
        if made is None or not results:
            return
        if name == "Embedding":
            made = (self.origins.known(operands[0]) or made)._replace(rank=INPUT)
        elif name in _PRODUCTS and len(operands) > 1:
            made = self.origins.product(operands[0], operands[1], results, made, many=operands[0].ndim > 2)
            for one in results:
                self.origins.note(one, made)
            return
        elif name in _SOFTMAX and made.scores:
            made = made._replace(scores=False, shares=True)
        for one in results:
            if not any(one is operand for operand in operands):
                self.origins.takes_over(one, made, operands)


    def _arrays(self, value: Any) -> list[Any]:
        if isinstance(value, self.mx.nd.NDArray):
            return [value]
        return [a for v in value for a in self._arrays(v)] if isinstance(value, (tuple, list)) else []


@contextmanager
def traced(trace: Trace, blocks: dict[str, Any]) -> Iterator[Trace]:
    """Follow what MXNet computes, with hooks at the start and end of blocks.

    Parameters
    ----------
    trace : Trace
    blocks : dict of str to Block
        By path.
    """
    register, array = trace.mx.nd.register, trace.mx.nd.NDArray
    invoke = register._imperative_invoke
    views = {name: array.__dict__[name] for name in _VIEWS}

    def following(handle: Any, operands: Sequence[Any], *args: Any) -> Any:
        result = invoke(handle, operands, *args)
        trace.followed(_name_of(trace.mx.base, handle), operands, result)
        return result

    def viewing(name: str, view: Any) -> Callable[..., Any]:
        def made(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = view(self, *args, **kwargs)
            trace.followed(name, [self], result)
            return result

        return made

    hooks = []
    try:
        register._imperative_invoke = following
        for name, view in views.items():
            setattr(array, name, viewing(name, view))
        for path, block in blocks.items():
            hooks.append(block.register_forward_pre_hook(lambda _, inputs, p=path: trace.enter(p, inputs)))
            hooks.append(block.register_forward_hook(lambda *_, p=path: trace.leave(p)))
        yield trace
    finally:
        register._imperative_invoke = invoke
        for name, view in views.items():
            setattr(array, name, view)
        for hook in hooks:
            hook.detach()


def same_positions(one: Any, other: Any) -> bool:
    """Whether two arrays have the same numbers: the same object, or equal values.

    Parameters
    ----------
    one, other : arrays
    """
    return one is other or (one.shape == other.shape and one.dtype == other.dtype
                            and bool((one.asnumpy() == other.asnumpy()).all()))


@cache
def _name_of(base: Any, handle: int) -> str:
    text, count = ctypes.c_char_p(), ctypes.c_uint()
    lists = [ctypes.POINTER(ctypes.c_char_p)() for _ in range(3)]
    last = [ctypes.c_char_p() for _ in range(3)]
    base.check_call(base._LIB.MXSymbolGetAtomicSymbolInfo(
        ctypes.c_void_p(handle), ctypes.byref(text), ctypes.byref(last[0]), ctypes.byref(count),
        *(ctypes.byref(one) for one in lists), *(ctypes.byref(one) for one in last[1:])))
    return (text.value or b"").decode()
