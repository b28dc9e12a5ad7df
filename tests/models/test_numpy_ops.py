"""Operators in numpy: the MLP score in blocks, dropout, and which parts of a model get them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.models import numpy_ops
from gluonattn.models.classifier import build
from gluonattn.models.numpy_ops import (
    SeededDropout,
    additive_gradients,
    additive_scores,
    compute_in_numpy,
    draws_in_mxnet,
    seed_dropout,
)
from gluonattn.runtime import mx


def arrays(seed, batch, queries, keys, units, scale=1.0):
    rng = np.random.default_rng(seed)
    shapes = (batch, queries, units), (batch, keys, units), (units,), (batch, queries, keys)
    return [scale * rng.normal(size=shape).astype("f") for shape in shapes]


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 7), st.integers(1, 200))
def test_scores_and_gradients_are_the_formulas_whatever_the_block(batch, queries, keys, units, block):
    query, key, v, gradient = arrays(batch + units, batch, queries, keys, units)
    tanh = np.tanh(query[:, :, None].astype("d") + key[:, None])
    inner = (1 - tanh**2) * v * gradient[..., None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numpy_ops, "_BLOCK", block)
        scores = additive_scores(query, key, v)
        found = additive_gradients(query, key, v, gradient)
    np.testing.assert_allclose(scores, tanh @ v, atol=1e-5)
    expected = inner.sum(2), inner.sum(1), (tanh * gradient[..., None]).sum((0, 1, 2))
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("scale", [10, 15, 100, 1e30])
def test_large_values_are_exact_too(scale):
    query, key, v, gradient = arrays(0, 2, 3, 4, 5, scale)
    v, gradient = v / np.float32(scale), gradient / np.float32(scale)
    with np.errstate(all="raise", under="ignore"):
        scores = additive_scores(query, key, v)
        found = additive_gradients(query, key, v, gradient)
    tanh = np.tanh(query[:, :, None] + key[:, None])
    np.testing.assert_allclose(scores, tanh @ v, atol=1e-5)
    np.testing.assert_allclose(found[0], ((1 - tanh**2) * v * gradient[..., None]).sum(2), atol=1e-5)


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybridized"])
def test_dropout_masks_alike_there_and_back_and_by_seed(hybrid):
    block = SeededDropout(0.4, 3)
    block.hybridize(hybrid, static_alloc=True)
    x = mx.nd.ones((200, 100))
    x.attach_grad()
    found = []
    for seed in (5, 5, 6):
        seed_dropout(seed)
        with mx.autograd.record():
            y = block(x)
            y.wait_to_read()  # two at once may draw in either order; a model has each stream once a step
            again = block(x)
        y.backward()
        np.testing.assert_array_equal(y.asnumpy(), x.grad.asnumpy())
        assert (y.asnumpy() != again.asnumpy()).any()  # two passes of one step differ
        found.append(y.asnumpy())
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()
    assert (found[0] == 0).mean() == pytest.approx(0.4, abs=0.02) and found[0].mean() == pytest.approx(1, abs=0.03)
    np.testing.assert_array_equal(block(x).asnumpy(), x.asnumpy())  # predicting, nothing is dropped


def test_streams_differ():
    x, found = mx.nd.ones((50, 50)), []
    for stream in (0, 1):
        seed_dropout(1)
        with mx.autograd.train_mode():
            found.append(SeededDropout(0.5, stream)(x).asnumpy())
    assert (found[0] != found[1]).any()


@pytest.mark.parametrize("recipe", ["default", "post"])
@pytest.mark.parametrize("cell", ["mlp", "mlp-normalized", "dot", "multi-head"])
def test_a_model_answers_the_same_with_them(recipe, cell):
    mx.random.seed(0)
    model = build(recipe, vocab_size=20, cell=cell, **({"length": 6} if recipe == "post" else {}))
    model.initialize(mx.init.Normal(0.3))
    inputs = mx.nd.array(np.arange(12).reshape(2, 6), dtype="int32"), mx.nd.array([6, 4])
    expected = [array.asnumpy() for array in model(*inputs)]
    assert draws_in_mxnet(model)
    compute_in_numpy(model)
    model.hybridize(static_alloc=True)
    assert not draws_in_mxnet(model)
    for found, wanted in zip(model(*inputs), expected):
        np.testing.assert_allclose(found.asnumpy(), wanted, atol=1e-5)
