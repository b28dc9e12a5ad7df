"""Trace torch while a model is captured: the origin of every tensor, and all computed attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .attending import Attending
from .by_identity import ByIdentity
from .operations import (
    ATTENTION,
    BARE_LAYERS,
    FRESH,
    QUESTIONS,
    SHARES_BY_HAND,
    SOFTMAX,
    arguments,
    called,
    tensors,
)
from .origins import INPUT, WEAK, Made, Origin, Origins
from .positions import Root
from .sequences import Sequences
from .shares import Scores, Shares


@dataclass
class Running:
    """A running module, with the softmaxes that have mixed values in it so far."""

    path: str
    module: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    found: list[Shares] = field(default_factory=list)
    emitted: bool = False  # in it or below
    mixing: bool = False  # a softmax ran in it or below


class Trace(TorchFunctionMode):
    """Follows torch's operations without changing their results.

    Parameters
    ----------
    attended : callable of a path, a module and a list of Shares
        Called with the attention that a module computed, when it ends.
    taken : set of str
        Paths of layers whose attention is recorded by a hook.
    vectors : bool, default False
        Whether to keep queries, keys and values.

    Attributes
    ----------
    origins : Origins
    sequences : Sequences
    named : dict of str to callable, or None
        If modules were named, only their attention is reported. Each callable is called with arguments and output if no
        attention was computed in its module.
    left_out : set of str
        Paths of modules that computed attention and were not named.
    ran : set of str
        Paths of the modules that outside code called.
    entered : set of str
        Paths of all modules that were called.
    mixing : set of str
        Paths of modules that ran and made shares of something (a softmax of whatever), themselves or below.
    """

    def __init__(self, attended: Callable[[str, Any, list[Shares]], None], taken: set[str],
                 vectors: bool = False) -> None:
        super().__init__()
        self.origins = Origins(ByIdentity(), ByIdentity(),
                               lambda tensor: isinstance(tensor, torch.nn.Parameter))
        self.sequences = Sequences(self.origins)
        self.attending = Attending(self.origins, self._found, vectors)
        self.attending.running = lambda: self._stack[-1].path if self._stack else None
        self.ran: set[str] = set()
        self.attended, self.taken = attended, taken
        self.named: Mapping[str, Callable[..., Any]] | None = None
        self.left_out: set[str] = set()
        self.entered: set[str] = set()
        self.mixing: set[str] = set()
        self._stack: list[Running] = []
        self._given: Any = ByIdentity()  # tensors that came from outside
        self._quiet = 0

    # ---- modules

    def enter(self, path: str, module: Any, args: tuple[Any, ...],
              kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Note that a module starts. Its inputs from outside are the sequences.

        Parameters
        ----------
        path : str
        module : torch.nn.Module
        args : tuple
        kwargs : dict
            The arguments of the call.

        Returns
        -------
        tuple and dict, or None
            Arguments to call it with instead.
        """
        outside = not self._stack
        self._stack.append(Running(path, module, args, kwargs))
        self.entered.add(path)
        if not outside:
            return None
        self.ran.add(path)
        with torch._C.DisableTorchFunction():
            given, names = arguments(module, args, kwargs)
            again: set[int] = set()
            changed = False
            for name in names:
                tensor = given[name]
                for i, part in enumerate(tensors(tensor)):
                    if id(part) in again and path not in self.taken and isinstance(tensor, torch.Tensor):
                        # A tensor that is given twice counts as two sequences. An alias distinguishes them.
                        part = given[name] = tensor.view_as(tensor)
                        changed = True
                    again.add(id(part))
                    self._root(part, ".".join(filter(None, (path, name))) + (f"[{i}]" if part is not tensor else ""))
            return called(given, args, kwargs) if changed else None

    def leave(self, path: str, output: Any) -> None:
        while self._stack:
            running = self._stack.pop()
            if running.path == path:  # entries that an exception left above it are cleared too
                with torch._C.DisableTorchFunction():
                    self._emit(running, output)
                return

    def _emit(self, running: Running, output: Any) -> None:
        if running.found:
            name = self.name_of(running.path)
            if name is None:
                self.left_out.add(running.path)
                running.found = []
            else:
                self.attended(name, running.module, running.found)
        emitted = running.emitted or bool(running.found)
        if running.mixing:
            self.mixing.add(running.path)
        if self._stack:
            self._stack[-1].emitted |= emitted
            self._stack[-1].mixing |= running.mixing
        if not emitted and output is not None and self.named and running.path in self.named:
            self.named[running.path](running.module, running.args, running.kwargs, output)

    def name_of(self, path: str) -> str | None:
        """The path under which a running module's attention is recorded; None if only other modules were named."""
        if self.named is None:
            return path
        above = [path, *(r.path for r in reversed(self._stack))]
        return next((p for p in above if p in self.named and (p in ("", path) or path.startswith(f"{p}."))), None)

    def _root(self, tensor: Any, name: str) -> None:
        known = self.origins.known(tensor)
        if tensor.dtype == torch.bool or (known is not None and tensor.is_floating_point() and tensor not in self._given):
            return  # the output of another part of the model (an encoder) keeps its origin
        self._given[tensor] = True
        # Ids become a sequence when they are looked up. Lengths, positions and masks never do.
        self.origins.note(tensor, Made(Origin(name), INPUT if tensor.is_floating_point() and tensor.dim() > 2 else WEAK))

    # ---- operations

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self._quiet:
            return result
        name = getattr(func, "__name__", "")
        if name in QUESTIONS:
            return result
        if name == "__get__":
            if isinstance(result, torch.Tensor):  # .T, .mT, .data, .real
                self._derived(func, name, args, kwargs, result)
        elif name == "__setitem__":
            self.sequences.assigned(args)
            self.attending.assigned(args)
        else:
            self._derived(func, name, args, kwargs, result)
        return result

    def _derived(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any],
                 result: Any) -> None:
        results = [t for t in tensors(result) if t.dtype != torch.bool]
        if not results:
            return
        operands = tensors(args)
        if kwargs:
            operands += tensors(tuple(kwargs.values()))
        if name in FRESH:
            return
        if not self._stack and name in BARE_LAYERS.values():
            self._bare(operands)
        if self._stack and (name in SOFTMAX or name in ATTENTION or (
                name in SHARES_BY_HAND and self.attending.is_scored(operands[0]))):
            self._stack[-1].mixing = True
        self.sequences.take_over(name, args, kwargs, operands, results)
        if results[0].is_floating_point() and operands:
            self.attending.follow(func, name, args, kwargs, operands, results)

    def _bare(self, operands: list[Any]) -> None:
        """Note the input of a layer without hooks that outside code called: it is a sequence, as for any other module."""
        if not operands or self.origins.known(operands[0]) is not None:
            return
        weight = next((n for n, parameter in self.sequences.parameters() if any(parameter is t for t in operands[1:])), None)
        if weight is not None or len(operands) == 1:
            self._root(operands[0], ".".join(filter(None, (*(weight or "").split(".")[:-1], "input"))))

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Leave attention that is computed in the ``with`` block to the caller."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    def _found(self, shares: Shares) -> None:
        if not self._stack or self._quiet:
            return
        running = next(r for r in reversed(self._stack) if r is self._stack[0] or _holds(r.path, shares.born))
        if not any(running.path == t or running.path.startswith(f"{t}.") or t == "" for t in self.taken):
            running.found.append(shares)

    def made_of(self, output: Any, query: Any) -> None:
        """Give an output that the caller recorded the positions of its queries.

        Parameters
        ----------
        output, query : tensors
        """
        known = self.origins.known(query)
        if known is not None:
            self.origins.note(output, known._replace(scores=False, shares=False))
        self.attending.made_of(output, query)

    def at_one_position(self, key: Any) -> bool:
        """Whether the keys (..., Tk, d) are at one position: states of one token in several layers."""
        node = self.attending.node_of(key)
        if node is None or node.pair or key.shape[-2] < 2 or tuple(node.shape) != tuple(key.shape):
            return False
        roots: dict[Root, int] = {}
        node.roots(roots)
        (places,) = node.places(roots, {})
        if not roots or (places < 0).any():
            return False
        for root, start in roots.items():  # each state may come from a different root, at the same position
            mine = (places >= start) & (places < start + root.batch * root.length)
            places = torch.where(mine, places - start, places)
        return bool((places == places[..., :1, :]).all())

    def shares(self, query: Any, key: Any, weights: Any, how: str) -> Shares | None:
        """Make shares of weights (B, H, Tq, Tk) that other code returned, with their queries and keys.

        Parameters
        ----------
        query, key : tensors, shape (B, H, T, d)
        weights : tensor, shape (B, H, Tq, Tk)
        how : str
            How they were captured, in words.
        """
        node = self.attending.pair(query, key)
        rows, columns = self.origins.of(query), self.origins.of(key)
        return None if node is None else Shares(weights, node, 3, Scores(rows, columns), columns, how=how)


def _holds(path: str, born: str | None) -> bool:
    """Whether a module is or contains the one that computed a softmax."""
    return born is None or path in ("", born) or born.startswith(f"{path}.")
