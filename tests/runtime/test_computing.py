"""Seeds."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn import runtime

from ..needs import needs_mxnet


def draws() -> list[float]:
    """One number from everything that draws: Python, numpy, MXNet, an initializer, dropout."""
    mx = runtime.mx
    layer = mx.gluon.nn.Dense(3, in_units=2)
    layer.initialize(mx.init.Xavier())
    with mx.autograd.train_mode():
        dropped = mx.nd.Dropout(mx.nd.ones(32), p=0.5)
    shuffled = mx.nd.random.shuffle(mx.nd.arange(16))
    arrays = [mx.nd.random.uniform(shape=4), shuffled, layer.weight.data(), dropped]
    return [random.random(), *np.random.rand(3), *np.concatenate([a.asnumpy().ravel() for a in arrays])]


@needs_mxnet
@settings(max_examples=20, deadline=None)
@given(st.integers(-(2**70), 2**70))
def test_a_seed_repeats_every_draw(seed):
    runtime.seed_everything(seed)
    first = draws()
    assert draws() != first
    runtime.seed_everything(seed)
    assert draws() == first


@needs_mxnet
def test_different_seeds_draw_differently():
    seen = []
    for seed in range(5):
        runtime.seed_everything(seed)
        seen.append(draws())
    for position in (0, 1, 4):  # Python's, numpy's and MXNet's generator
        assert len({row[position] for row in seen}) == 5
