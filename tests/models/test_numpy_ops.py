"""Operators in numpy in a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.classifier.network import build
from gluonattn.models.fast_cells import FastLayerNorm
from gluonattn.models.numpy_ops import compute_in_numpy, pool, pool_gradient
from gluonattn.runtime import mx

from ..tolerance import tolerance


@pytest.mark.parametrize("recipe", ["default", "post"])
@pytest.mark.parametrize("cell", ["mlp", "mlp-normalized", "dot", "multi-head"])
def test_a_model_answers_the_same_with_them(recipe, cell):
    mx.random.seed(0)
    model = build(recipe, vocab_size=20, cell=cell, **({"length": 6} if recipe == "post" else {}))
    model.initialize(mx.init.Normal(0.3))
    inputs = mx.nd.array(np.arange(12).reshape(2, 6), dtype="int32"), mx.nd.array([6, 4])
    expected = [array.asnumpy() for array in model(*inputs)]
    compute_in_numpy(model)
    model.hybridize(static_alloc=True)
    for found, wanted in zip(model(*inputs), expected):
        np.testing.assert_allclose(found.asnumpy(), wanted, atol=tolerance(256, 8, scale=wanted))


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.integers(0, 1000))
def test_pool_and_its_gradient_are_the_formulas(batch, length, width, seed):
    rng = np.random.default_rng(seed)
    context = rng.normal(size=(batch, length, width)).astype("f")
    lengths = rng.integers(1, length + 1, batch)
    mask = (np.arange(length) < lengths[:, None]).astype("f")
    features = pool(context, mask)
    for one, text, valid in zip(features, context, lengths):
        expected = np.concatenate([text[:valid].mean(axis=0), text[:valid].max(axis=0)])
        np.testing.assert_allclose(one, expected, atol=tolerance(6, scale=text))
    gradient = rng.normal(size=features.shape).astype("f")
    found = pool_gradient(context, mask, features, gradient)
    assert not found[mask == 0].any()
    move = (1e-3 * rng.normal(size=context.shape) * mask[:, :, None]).astype("f")
    changed = (pool(context + move, mask) - features) * gradient
    near = np.sort(context, axis=1)[:, -2:]
    if length > 1 and (near[:, -1] - near[:, 0]).min() < 0.02:
        return  # another position may become the largest on the way
    np.testing.assert_allclose(changed.sum(), (move * found).sum(), atol=1e-4)


def test_positions_that_are_equally_large_share_the_gradient():
    context, mask = np.float32([[[1], [1], [0], [1]]]), np.float32([[1, 1, 1, 0]])
    found = pool_gradient(context, mask, pool(context, mask), np.float32([[0, 6]]))
    assert found.ravel().tolist() == [3, 3, 0, 0]


@pytest.mark.parametrize("cell", ["mlp", "mlp-normalized", "dot", "multi-head", "uniform", "none"])
def test_a_model_learns_the_same_with_them(cell):
    gradients = []
    for in_numpy in (False, True):
        mx.random.seed(0)
        model = build("default", vocab_size=20, cell=cell, dropout=0)
        model.initialize(mx.init.Normal(0.3))
        if in_numpy:
            compute_in_numpy(model)
        model.hybridize(static_alloc=True)
        for _ in range(2):  # the second time memory is used again
            with mx.autograd.record():
                logits, _ = model(mx.nd.array(np.arange(18).reshape(3, 6), dtype="int32"), mx.nd.array([6, 4, 1]))
                loss = (logits * mx.nd.array([[1, 2], [3, -4], [-1, 0.5]])).sum()
            loss.backward()
        gradients.append({name: p.grad().tostype("default").asnumpy()
                          for name, p in model._collect_params_with_prefix().items()})
    for name, expected in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], expected, atol=tolerance(256, 24, scale=expected), err_msg=name)


@pytest.mark.parametrize("shape", [(1, 8), (5, 16), (2, 3, 8), (4, 7, 64)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_layer_normalisation_and_its_gradients_are_gluons(shape, scale):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=shape) * scale + rng.normal()).astype(np.float32)
    towards = mx.nd.array(rng.normal(size=shape))
    found = []
    for in_numpy in (False, True):
        block = FastLayerNorm(in_channels=shape[-1])
        block.initialize()
        block.gamma.set_data(mx.nd.array(np.linspace(0.5, 2, shape[-1])))
        block.beta.set_data(mx.nd.array(np.linspace(-1, 1, shape[-1])))
        block.in_numpy = in_numpy
        block.hybridize()
        x = mx.nd.array(values)
        x.attach_grad()
        with mx.autograd.record():
            out = block(x)
        out.backward(towards)
        found.append([one.asnumpy() for one in (out, x.grad, block.gamma.grad(), block.beta.grad())])
    for expected, one in zip(*found):
        largest = max(1, float(np.abs(expected).max()))
        # Both subtract the mean, whose digits are lost where it is large beside the spread.
        atol = tolerance(np.prod(shape), 2, scale=largest) * max(1, 1 / scale)
        np.testing.assert_allclose(one, expected, rtol=0, atol=atol)


def test_a_transformer_has_fast_layer_normalisations_with_the_same_parameters():
    from gluonattn.models.transformer import Transformer

    model = Transformer(20, units=8, hidden_size=16, num_layers=1, num_heads=2)
    kinds = [type(child).__name__ for child in walk(model) if isinstance(child, mx.gluon.nn.LayerNorm)]
    assert set(kinds) == {"FastLayerNorm"} and len(kinds) == 7
    assert "encoder.layer_norm.gamma" in model._collect_params_with_prefix()


def walk(block):
    for child in block._children.values():
        yield child
        yield from walk(child)
