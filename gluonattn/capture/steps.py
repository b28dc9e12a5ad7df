"""Join the passes of one generation: the rows of each step follow those of earlier steps. numpy only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .beams import hidden_after_end, untangled
from .calls import NOWHERE, Call, Pass


def joined(passes: list[Pass]) -> list[Pass]:
    """Join passes in which each step of a generation continues the previous one.

    A step may get the new token and attend to a cache (which may be longer than the text, or have only its last tokens),
    or get all tokens again. A cache of exactly the right length is also recognised without a call of ``generate()``.
    """
    found: list[Pass] = []
    for each in untangled(passes):
        if not each.calls:
            continue
        last = found[-1] if found else None
        if last is not None and _repeats(last, each):
            found[-1] = _longer_pass(last, each, new=each.ids[_growing(each)].shape[1] - last.ids[_growing(each)].shape[1],
                                     anew=True)
        elif last is not None and _continues(last, each):
            found[-1] = _longer_pass(last, each, new=_decoder(each)[0].weights.shape[2], anew=False)  # type: ignore[union-attr]
        else:
            found.append(replace(each, calls=[_fitted(c, 0) if _grows(c) else c for c in each.calls])
                         if each.generation else each)
    return [_without_what_ended(one) for one in found]


def _without_what_ended(one: Pass) -> Pass:
    """Mark positions of beams after their end, which the model still reads, as padding."""
    if one.generation is None or not _decoder(one):
        return one
    total = _decoder(one)[0].weights.shape[2]  # type: ignore[union-attr]
    hidden = hidden_after_end(one.generation, total - one.steps, total)
    side = _growing(one)
    told = one.padding.get(side)
    if told is None and one.generation.padding is not None and side == "source":
        told = np.repeat(one.generation.padding, one.generation.copies, 0)
    if hidden is None:
        return one if told is None else replace(one, padding={**one.padding, side: told})
    if told is not None:
        hidden[:, :told.shape[1]] |= told[:, :total]
    return replace(one, padding={**one.padding, side: hidden})


def _decoder(one: Pass) -> list[Call]:
    return [c for c in one.calls if _grows(c)]


def _grows(call: Call) -> bool:
    return call.kind == "decoder" and call.weights is not None


def _growing(one: Pass) -> str:
    return "target" if "target" in one.ids else "source"


def _same_generation(before: Pass, after: Pass) -> bool:
    return before.generation is not None and before.generation is after.generation


def _repeats(before: Pass, after: Pass) -> bool:
    """Whether a step reads all tokens of earlier steps again."""
    old, new = before.ids.get(_growing(after)), after.ids.get(_growing(after))
    return (_same_generation(before, after) and old is not None and new is not None and len(old) == len(new)
            and new.shape[1] > old.shape[1] and bool((new[:, :old.shape[1]] == old).all()) and bool(_decoder(after))
            and all(c.weights.shape[2] == new.shape[1] for c in _decoder(after)))  # type: ignore[union-attr]


def _continues(before: Pass, after: Pass) -> bool:
    """Whether a step's decoder attends to the positions of earlier passes."""
    first = {c.layer: c for c in reversed(_decoder(before))}
    steps = _decoder(after)
    if not steps or any(c.layer not in first or len(c.weights) != len(first[c.layer].weights)  # type: ignore[arg-type]
                        for c in steps):
        return False
    keys = {c.layer: c.weights.shape[3] for c in before.calls if c.weights is not None and not _grows(c)}
    if any(c.weights is not None and keys.get(c.layer, c.weights.shape[3]) != c.weights.shape[3]
           for c in after.calls if not _grows(c)):
        return False  # it attends to another source
    if _same_generation(before, after):
        return True
    return all(c.weights.shape[3] - len(c.outside) == first[c.layer].weights.shape[2] + c.weights.shape[2]  # type: ignore[union-attr]
               for c in steps)


def _longer_pass(before: Pass, after: Pass, *, new: int, anew: bool) -> Pass:
    steps = {(c.layer, c.kind): c for c in after.calls}

    def longer(call: Call) -> Call:
        step = steps.get((call.layer, call.kind))
        if step is None:
            return call
        return _fitted(step, 0) if anew and _grows(step) else step if anew else _longer(call, step)

    ids = {**before.ids, **after.ids}
    growing = _growing(after)
    if not anew and growing in before.ids and growing in after.ids:
        ids[growing] = np.concatenate([before.ids[growing], after.ids[growing]], 1)
    return replace(after, whole=before.whole or after.whole, calls=[longer(c) for c in before.calls], ids=ids,
                   padding={**before.padding, **after.padding}, steps=before.steps + new)


def _fitted(call: Call, before: int) -> Call:
    """A call whose keys are the positions so far, without spare places of a static cache, and 0 outside a window."""
    if call.outside:
        return _behind(_fitted(_without(call), before), call)
    weights = call.weights
    assert weights is not None
    total, length = before + weights.shape[2], weights.shape[3]
    if length == total:
        return call
    if length < total:
        lost = total - length
        bias = np.zeros((1, 1, 1, 1)) if call.bias is None else call.bias
        bias = np.broadcast_to(bias, (*bias.shape[:2], *weights.shape[2:]))
        return replace(call, weights=_padded(weights, left=lost), bias=_padded(bias, left=lost, value=-np.inf))
    spare = weights[..., total:] if call.bias is None else None
    masked = (call.bias is not None and call.bias.shape[3] == length and bool((call.bias[..., total:] <= NOWHERE).all()))
    used = spare is None or spare.any((1, 2, 3)).all()  # rows of padding may look anywhere
    if not masked and used:
        return call
    return replace(call, weights=weights[..., :total], bias=None if call.bias is None else call.bias[..., :total],
                   keys=None if call.keys is None else call.keys[:, :, :total],
                   values=None if call.values is None else call.values[:, :, :total])


def _longer(call: Call, step: Call) -> Call:
    """Append the rows of a step. Earlier rows have weight 0 on later keys."""
    if call.weights is None or step.weights is None:
        return call if step.weights is not None else step
    call, step = replace(call, covered=None), replace(step, covered=None)
    assert call.weights is not None and step.weights is not None
    if step.outside:
        return _behind(_longer(_without(call), _without(step)), call, step)
    if _grows(step):
        step = _fitted(step, call.weights.shape[2])
        assert step.weights is not None
    grown = step.weights.shape[3] - call.weights.shape[3]  # type: ignore[union-attr]
    before = _padded(call.weights, right=grown)
    parts = {}
    if call.queries is not None and step.queries is not None:
        parts = {"queries": np.concatenate([call.queries, step.queries], 2)}
        for name in ("keys", "values"):
            old, new = getattr(call, name), getattr(step, name)
            kept = step.weights.shape[3] - new.shape[2]  # type: ignore[union-attr]  # a window has let go of these
            parts[name] = np.concatenate([old[:, :, :kept], new], 2) if kept > 0 else new
    if call.context is not None and step.context is not None:
        parts["context"] = np.concatenate([call.context, step.context], 1)
    shape = (*call.weights.shape[:2], call.weights.shape[2], step.weights.shape[3])  # type: ignore[union-attr]
    old = np.zeros((1, 1, 1, 1)) if call.bias is None else call.bias
    old = np.broadcast_to(old, (*np.broadcast_shapes(old.shape, (1, 1, 1, 1))[:2], *call.weights.shape[2:]))
    old = _padded(old, right=grown, value=-np.inf)
    new = np.zeros((1, 1, 1, 1)) if step.bias is None else step.bias
    old, new = np.broadcast_to(old, shape), np.broadcast_to(new, (*shape[:2], *step.weights.shape[2:]))  # type: ignore[union-attr]
    return replace(step, weights=np.concatenate([before, step.weights], 2), bias=np.concatenate([old, new], 2),
                   **parts)


def _without(call: Call) -> Call:
    """A call without the keys that are not tokens."""
    count = len(call.outside)
    bias = call.bias if call.bias is None or call.bias.shape[3] == 1 else call.bias[..., :-count]
    return replace(call, weights=call.weights[..., :-count], bias=bias, outside=())  # type: ignore[index]


def _behind(call: Call, *parts: Call) -> Call:
    """Append the keys that are not tokens again, from the calls that were joined."""
    outside = parts[0].outside
    count = len(outside)
    tail = np.concatenate([part.weights[..., -count:] for part in parts], 2)  # type: ignore[index]
    bias = call.bias if call.bias is None or call.bias.shape[3] == 1 else _padded(call.bias, right=count)
    return replace(call, weights=np.concatenate([call.weights, tail], 3), bias=bias, outside=outside)


def _padded(array: NDArray[Any], *, left: int = 0, right: int = 0, value: float = 0.0) -> NDArray[Any]:
    return np.pad(array, ((0, 0), (0, 0), (0, 0), (left, right)), constant_values=value)
