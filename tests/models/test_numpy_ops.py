"""Operators in numpy in a model."""

import numpy as np
import pytest

from gluonattn.classifier.network import build
from gluonattn.models import numpy_ops
from gluonattn.models.fast_cells import FastLayerNorm
from gluonattn.models.numpy_ops import compute_in_numpy
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


def test_an_operator_declares_every_array_that_another_declares_in_this_place():
    """MXNet applies the list of the last operator to all: what one of them lacks has no storage type then."""
    declared, places = set(), []
    for prop in (value() for name, value in vars(numpy_ops).items() if name.endswith("Prop")):
        sizes = len(prop.list_outputs()), len(prop.list_arguments()), len(prop.list_outputs())
        first, second, last = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:2])
        own = set(prop.declare_backward_dependency(list(first), list(second), list(last)))
        declared |= own
        places.append((type(prop).__name__, set(range(sum(sizes))) - own))
    assert len(places) == 4
    assert not {name: declared & lacking for name, lacking in places if declared & lacking}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_transformer_learns_the_same_from_the_losses_in_numpy(smoothing, dropout):
    from gluonattn.models.transformer import Transformer
    from gluonattn.training.objective import Objective
    from gluonattn.translation.task import TranslationTask

    found = []
    for in_numpy in (False, True):
        mx.random.seed(0)
        model = Transformer(23, units=8, hidden_size=16, num_layers=1, num_heads=2, dropout=dropout)
        model.initialize(mx.init.Normal(0.3))
        task = TranslationTask(None)
        objective = Objective(task, model, smoothing, False, 0)
        if in_numpy:
            compute_in_numpy(objective)
        objective.hybridize(static_alloc=True)
        source = mx.nd.array([[4, 5, 6, 1], [7, 1, 0, 0]], dtype="int32")
        target = mx.nd.array([[2, 8, 9], [2, 10, 0]], dtype="int32")
        for _ in range(2):  # the second time memory is used again
            mx.random.seed(1)
            with mx.autograd.record():
                loss, _ = objective(mx.nd.array([[8, 9, 1], [10, 1, -1]]), source, mx.nd.array([4, 2]), target)
            loss.backward()
        found.append({"loss": loss.asnumpy(), **{name: p.grad().asnumpy() for name, p in
                      model._collect_params_with_prefix().items() if p.grad_req != "null"}})
    for name, expected in found[0].items():
        np.testing.assert_allclose(found[1][name], expected, rtol=0, atol=tolerance(64, 24, scale=expected), err_msg=name)
