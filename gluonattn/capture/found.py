"""The result of a capture as a table, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .calls import Pass
from .kinds import settled


class Found(NamedTuple):
    """A layer whose attention was captured.

    Attributes
    ----------
    layer : str
        Dotted path of the module.
    module : str
        Its class.
    kind : {"self", "encoder", "decoder", "cross"}
    heads : int
        0 if the layer was left out.
    queries, keys : int
        Positions of the longest call.
    how : str
        How its weights were captured.
    calls : int
    """

    layer: str
    module: str
    kind: str
    heads: int
    queries: int
    keys: int
    how: str
    calls: int


def found_in(passes: list[Pass], modules: Mapping[str, Any], left_out: Iterable[str]) -> list[Found]:
    """The layers of some passes, in the order in which they first ran.

    Parameters
    ----------
    passes : list of Pass
    modules : mapping of str to torch.nn.Module
        By path.
    left_out : iterable of str
        Paths of modules that computed attention and were not named.
    """
    table: dict[tuple[str, str], Found] = {}
    for call in (c for p in settled(passes) for c in p.calls):
        if call.weights is None:
            continue
        _, heads, queries, keys = call.weights.shape
        how = call.how + (", local" if call.local else "") + (", one query" if call.pooled else "")
        one = Found(call.layer, class_of(modules, call.layer), call.kind, heads, queries, keys - len(call.outside), how, 1)
        old = table.get((call.layer, call.kind), one)
        table[call.layer, call.kind] = one._replace(queries=max(one.queries, old.queries), keys=max(one.keys, old.keys),
                                                    calls=old.calls + (old is not one))
    return [*table.values(),
            *(Found(path, class_of(modules, path), "self", 0, 0, 0, "left out", 0) for path in left_out)]


def class_of(modules: Mapping[str, Any], path: str) -> str:
    """Name of the class of a layer, or "?" if the model has no such module.

    Parameters
    ----------
    modules : mapping of str to torch.nn.Module
    path : str
    """
    return type(modules[path]).__name__ if path in modules else "?"


def as_text(found: Sequence[Found]) -> str:
    """The table as text in columns."""
    rows = [("layer", "class", "kind", "heads", "queries x keys", "captured by"),
            *((f.layer or "the model", f.module, f.kind, str(f.heads), f"{f.queries} x {f.keys}", f.how) for f in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
