"""The kind of attention of each call, from the sequences of its queries and keys. numpy only."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from .calls import Call, Pass

SIDES = {"self": ("source", "source"), "encoder": ("source", "source"), "decoder": ("target", "target"),
         "cross": ("target", "source")}


def settled(passes: list[Pass]) -> list[Pass]:
    """Find the kind of every call, and name the sequences of every pass by side, "source" and "target".

    Attention between two sequences is cross attention, from the target to the source. Self-attention of the target is a
    decoder's, and that of the source an encoder's. Without cross attention, the layer's class decides. Sequences
    without cross attention between them (two texts that one encoder reads, a text and a picture) become separate
    passes.
    """
    return [part for each in passes if each.calls for part in _parts(each)]


def _parts(one: Pass) -> list[Pass]:
    calls = [replace(c, kind=_kind(c, one.calls)) for c in one.calls]
    if any(c.rows is None or c.declared for c in calls):  # without other information its kind decides
        calls = [replace(c, rows=SIDES[c.kind][0], columns=SIDES[c.kind][1]) for c in calls]
        groups: list[set[Hashable]] = [{"source", "target"}]
    else:
        groups = _linked(calls)
    found = []
    for linked in groups:
        mine = [c for c in calls if c.rows in linked]
        sides = _sides(mine)
        by_side: list[dict[Hashable, Any]] = [{sides[_nearest(sequence, sides)]: array for sequence, array in kept.items()
                    if _nearest(sequence, sides) is not None} for kept in (one.ids, one.padding)]
        found.append(replace(one, calls=mine, ids=by_side[0], padding=by_side[1], sides=sides))
    return found


def _kind(call: Call, calls: list[Call]) -> str:
    if call.declared or call.rows is None:
        return call.kind
    if call.rows != call.columns:
        return "cross"
    crosses = [c for c in calls if c.rows != c.columns]
    if any(c.rows == call.rows for c in crosses):
        return "decoder"
    if any(c.columns == call.rows for c in crosses):
        return "encoder"
    return "self" if call.kind == "cross" else call.kind


def _linked(calls: list[Call]) -> list[set[Hashable]]:
    """Sequences that attend to each other, in order of appearance."""
    groups: list[set[Hashable]] = []
    for call in calls:
        pair = {call.rows, call.columns}
        touched = [g for g in groups if g & pair]
        for other in touched[1:]:
            touched[0] |= other
            groups.remove(other)
        if touched:
            touched[0] |= pair
        else:
            groups.append(pair)
    return groups


def _sides(calls: list[Call]) -> dict[Hashable, str]:
    cross = next((c for c in calls if c.rows != c.columns), None)
    if cross is None and len({c.rows for c in calls}) == 1:
        return {calls[0].rows: "source"}
    known = {} if cross is None else {cross.rows: "target", cross.columns: "source"}
    for call in calls:
        for sequence in (call.rows, call.columns):
            known.setdefault(sequence, str(sequence))  # a third sequence has no texts; records() reports it
    return known


def _nearest(sequence: Hashable, sides: dict[Hashable, str]) -> Hashable:
    """The sequence, or the one made from it by adding positions if no attention uses the sequence itself."""
    if sequence in sides:
        return sequence
    made = [s for s in sides if getattr(s, "name", s) == getattr(sequence, "name", None)]
    return made[0] if len(made) == 1 and not getattr(sequence, "via", ()) else None
