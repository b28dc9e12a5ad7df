"""1.5-entmax: the formula by sorting (Peters et al. 2019, algorithm 2), and its derivative."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier.engines.numpy_engine import NumpyClassifier
from gluonattn.models.cells.general_entmax import entmax15

from ...tolerance import tolerance

F = NumpyClassifier("default", {}, {})


def by_sorting(z):
    """Row by row, in float64."""
    z = np.asarray(z, np.float64) / 2
    ordered = -np.sort(-z)
    for k in range(len(z), 0, -1):
        mean = ordered[:k].mean()
        spread = ((ordered[:k] - mean) ** 2).sum()
        if spread <= 1:
            t = mean - np.sqrt((1 - spread) / k)
            if t <= ordered[k - 1]:
                return np.maximum(z - t, 0) ** 2
    raise AssertionError("one score alone always fits")


rows = st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=40)


@settings(deadline=None, derandomize=True)
@given(rows)
def test_it_is_the_entmax_found_by_sorting(row):
    found = entmax15(F, np.array([row], np.float32))[0]
    np.testing.assert_allclose(found, by_sorting(row), atol=tolerance(len(row), scale=row))


@pytest.mark.parametrize("size", [1, 2, 512, 4096])
def test_equal_scores_share_alike_however_many(size):
    np.testing.assert_allclose(entmax15(F, np.zeros((1, size), np.float32)), 1 / size, rtol=1e-3)


def test_far_scores_get_nothing_at_all():
    weights = entmax15(F, np.array([[4.0, 3.5, -3.0, 0.0]], np.float32))[0]
    assert (weights[2:] == 0).all() and (weights[:2] > 0).all()


def test_the_gluon_cell_has_the_same_weights_and_the_true_gradient():
    from gluonattn.models.cells import attention_cell
    from gluonattn.runtime import mx

    rng = np.random.default_rng(0)
    states = rng.normal(size=(2, 5, 4)).astype("f")
    cell = attention_cell("general-entmax", hidden_size=4)
    cell.initialize(mx.init.Normal(0.7))
    slope = rng.normal(size=(2, 5, 4)).astype("f")
    given = mx.nd.array(states)
    given.attach_grad()
    with mx.autograd.record():
        context, weights = cell(given, given, given, mx.nd.ones((2, 5, 5)))
        loss = (context * mx.nd.array(slope)).sum()
    loss.backward()
    W = cell._collect_params_with_prefix()["_proj_query.weight"].data().asnumpy().astype("d")

    def value(x):
        scores = (x @ W.T) @ x.transpose(0, 2, 1)
        found = np.array([[by_sorting(row) for row in text] for text in scores])
        return found, ((found @ x) * slope).sum()

    np.testing.assert_allclose(weights.asnumpy(), value(states.astype("d"))[0], atol=tolerance(5, 3, scale=4))
    small, expected = 1e-5, np.zeros(states.shape)
    for place in np.ndindex(*states.shape):
        for way in (1, -1):
            moved = states.astype("d")
            moved[place] += way * small
            expected[place] += way * value(moved)[1] / (2 * small)
    np.testing.assert_allclose(given.grad.asnumpy(), expected, atol=2e-3)
