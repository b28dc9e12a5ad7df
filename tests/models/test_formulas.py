"""Formulas in numpy, and their gradients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.models import formulas
from gluonattn.models.formulas import pool, pool_gradient, smoothed_gradient, smoothed_losses

from ..tolerance import tolerance


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


@given(st.integers(1, 9), st.integers(2, 12), st.sampled_from([0.0, 0.1, 0.9]), st.sampled_from([1, 8, 131_072]),
       st.sampled_from([0.01, 1.0, 300.0]), st.integers(0, 1000))
def test_smoothed_losses_and_their_gradient_are_the_formulas(rows, classes, smoothing, piece, scale, seed):
    rng = np.random.default_rng(seed)
    logits = (scale * rng.normal(size=(rows, classes))).astype("f")
    targets = rng.integers(-1, classes, rows).astype("f")
    exact = logits.astype(np.float64)
    log_p = exact - exact.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    wanted = np.full((rows, classes), smoothing / classes)
    wanted[np.arange(rows), np.maximum(targets, 0).astype(int)] += 1 - smoothing
    real = targets >= 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formulas, "_PIECE", piece)
        losses = smoothed_losses(logits, targets, smoothing)
        towards, found = rng.normal(size=rows).astype("f"), np.full_like(logits, np.nan)
        smoothed_gradient(logits, targets, losses, smoothing, towards, found)
    atol = tolerance(classes, 2, scale=log_p)
    np.testing.assert_allclose(losses, -(wanted * log_p).sum(axis=1) * real, rtol=0, atol=atol)
    gradient = (np.exp(log_p) - wanted) * (towards * real)[:, None]
    np.testing.assert_allclose(found, gradient, rtol=0, atol=atol * max(1, np.abs(towards).max()))
