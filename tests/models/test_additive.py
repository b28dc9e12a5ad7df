"""The MLP score and its gradients in numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.models import additive
from gluonattn.models.additive import additive_gradients, additive_scores

from ..tolerance import tolerance


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
        patch.setattr(additive, "_BLOCK", block)
        scores = additive_scores(query, key, v)
        found = additive_gradients(query, key, v, gradient)
    np.testing.assert_allclose(scores, tanh @ v, atol=tolerance(units, scale=v))
    expected = inner.sum(2), inner.sum(1), (tanh * gradient[..., None]).sum((0, 1, 2))
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, atol=tolerance(batch * queries * keys, scale=other))


@pytest.mark.parametrize("scale", [10, 15, 100, 1e30])
def test_large_values_are_exact_too(scale):
    query, key, v, gradient = arrays(0, 2, 3, 4, 5, scale)
    v, gradient = v / np.float32(scale), gradient / np.float32(scale)
    with np.errstate(all="raise", under="ignore"):
        scores = additive_scores(query, key, v)
        found = additive_gradients(query, key, v, gradient)
    tanh = np.tanh(query[:, :, None] + key[:, None])
    np.testing.assert_allclose(scores, tanh @ v, atol=tolerance(5))
    np.testing.assert_allclose(found[0], ((1 - tanh**2) * v * gradient[..., None]).sum(2), atol=tolerance(20))
