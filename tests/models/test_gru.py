"""The bidirectional GRU: equal to the formula, and blind to padding."""

import numpy as np
import pytest

from gluonattn.models.gru import BiGRU
from gluonattn.runtime import mx

from ..tolerance import tolerance


@pytest.fixture(params=[False, True], ids=["imperative", "hybridized"])
def gru(request):
    gru = BiGRU(4, input_size=3)
    gru.initialize(mx.init.Normal(0.5))
    if request.param:
        gru.hybridize(static_alloc=True)
    return gru


def numpy_gru(parameters, inputs):
    """One direction over (T, C), with the gates in MXNet's order: reset, update, new."""
    names = ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")
    i_weight, h_weight, i_bias, h_bias = (parameters[name] for name in names)
    state, states = np.zeros(h_weight.shape[1]), []
    for step in inputs:
        i_r, i_z, i_n = np.split(i_weight @ step + i_bias, 3)
        h_r, h_z, h_n = np.split(h_weight @ state + h_bias, 3)
        reset, update = 1 / (1 + np.exp(-i_r - h_r)), 1 / (1 + np.exp(-i_z - h_z))
        state = (1 - update) * np.tanh(i_n + reset * h_n) + update * state
        states.append(state)
    return np.array(states)


def test_equals_the_formula_in_both_directions(gru):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2, 5, 3)).astype("f")
    states = gru(mx.nd.array(inputs), mx.nd.array([5, 3])).asnumpy()
    for row, length in enumerate((5, 3)):
        text = inputs[row, :length]
        halves = []
        for block, steps in ((gru.forward_gru, text), (gru.backward_gru, text[::-1])):
            parameters = {n.split("l0_")[-1]: p.data().asnumpy() for n, p in block.collect_params().items()}
            halves.append(numpy_gru(parameters, steps))
        expected = np.concatenate([halves[0], halves[1][::-1]], -1)
        np.testing.assert_allclose(states[row, :length], expected, atol=tolerance(7, 5))
        assert (states[row, length:] == 0).all()


def test_padding_of_any_content_and_length_changes_nothing(gru):
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(3, 4, 3)).astype("f")
    lengths = [4, 2, 1]
    before = gru(mx.nd.array(inputs), mx.nd.array(lengths)).asnumpy()
    padded = rng.normal(scale=9, size=(3, 9, 3)).astype("f")
    for row, length in enumerate(lengths):
        padded[row, :length] = inputs[row, :length]
    after = gru(mx.nd.array(padded), mx.nd.array(lengths)).asnumpy()
    np.testing.assert_allclose(after[:, :4], before, atol=tolerance(7, 9))
    assert (after[:, 4:] == 0).all()


def test_padding_gets_no_gradient(gru):
    inputs = mx.nd.random.normal(shape=(2, 4, 3))
    inputs.attach_grad()
    with mx.autograd.record():
        loss = (gru(inputs, mx.nd.array([4, 2])) ** 2).sum()
    loss.backward()
    gradient = inputs.grad.asnumpy()
    assert (gradient[1, 2:] == 0).all()
    assert np.abs(gradient[0]).min(axis=-1).max() > 0 and np.abs(gradient[1, :2]).max() > 0
