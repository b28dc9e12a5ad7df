from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gluonattn.capture.calls import Call, Pass, checked, kind_of_path
from gluonattn.capture.steps import joined
from gluonattn.reference import attention_weights, merge_heads

from ..tolerance import tolerance


def call(queries=4, keys=4, *, layer="a", kind="decoder", seed=0) -> Call:
    numbers = np.random.default_rng(seed)
    q, k, v = (numbers.normal(size=(2, 3, n, 5)).astype(np.float32) for n in (queries, keys, keys))
    bias = np.where(np.tril(np.ones((queries, keys), dtype=bool), keys - queries), 0, -np.inf)[None, None]
    weights = attention_weights(q, k, scale=0.3, bias=bias)
    return Call(layer, kind, weights, queries=q, keys=k, values=v, scale=0.3, bias=bias,
                context=merge_heads(weights @ v))


def test_a_call_that_keeps_its_formula_passes_and_any_other_does_not():
    right = call()
    assert checked(right).weights_error < tolerance(5, 2) and checked(right).context_error < tolerance(5, 2)
    wrong = right.weights[:, ::-1]
    assert checked(replace(right, weights=wrong)).weights_error > 0.01
    assert checked(replace(right, scale=0.31)).weights_error > 1e-3
    assert checked(replace(right, values=right.values + 0.01)).context_error == pytest.approx(0.01, rel=0.01)
    assert np.isnan(checked(replace(right, context=None)).context_error)
    assert checked(replace(right, queries=None)) is None


def test_rows_that_may_look_nowhere_are_not_held_to_anything():
    right = call()
    bias = np.broadcast_to(right.bias, (2, 1, 4, 4)).copy()
    bias[0, :, 2] = -np.inf
    weights = right.weights.copy()
    weights[0, :, 2] = np.nan
    found = checked(replace(right, bias=bias, weights=weights))
    assert found.weights_error < tolerance(5, 2) and found.context_error < tolerance(5, 2)


def test_cached_steps_become_the_pass_they_stand_for():
    whole = call(4, 4)

    def part(start, end):
        return Call("a", "decoder", whole.weights[:, :, start:end, :end], queries=whole.queries[:, :, start:end],
                    keys=whole.keys[:, :, :end], values=whole.values[:, :, :end], scale=0.3,
                    bias=whole.bias[:, :, start:end, :end], context=whole.context[:, start:end])

    ids = np.arange(8).reshape(2, 4)
    steps = [Pass(True, False, [part(a, b)], {"source": ids[:, a:b]}) for a, b in ((0, 2), (2, 3), (3, 4))]
    (one,) = joined(steps)
    (made,) = one.calls
    assert (made.weights == whole.weights).all() and (one.ids["source"] == ids).all() and one.steps == 2
    assert checked(made).weights_error < tolerance(5, 2) and checked(made).context_error < tolerance(5, 2)
    assert len(joined([*steps, *steps])) == 2
    other = Pass(True, False, [call(4, 4, seed=1)])
    assert len(joined([steps[0], other])) == 2


@pytest.mark.parametrize("path, kind", [
    ("model.encoder.layers.0.self_attn", "encoder"), ("model.decoder.layers.0.self_attn", "decoder"),
    ("model.decoder.layers.0.encoder_attn", "cross"), ("decoder.block.0.layer.1.EncDecAttention", "cross"),
    ("blocks.0.attn", "self"),
])
def test_kinds_by_path(path, kind):
    assert kind_of_path(path) == kind
