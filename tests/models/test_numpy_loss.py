"""The smoothed cross-entropy in numpy, against its formula and against MXNet's own operators."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.models.numpy_loss import smoothed_gradient, smoothed_losses
from gluonattn.models.numpy_ops import compute_in_numpy
from gluonattn.runtime import mx
from gluonattn.translation.task import SubwordCrossEntropy

from ..tolerance import tolerance


@given(st.integers(1, 70), st.integers(2, 9), st.sampled_from([0.0, 0.1, 1.0]), st.sampled_from([0.1, 1.0, 80.0]),
       st.integers(0, 1000))
def test_losses_and_gradient_are_the_formulas(rows, width, smoothing, scale, seed):
    """Also over several pieces of rows, and where logits are large."""
    rng = np.random.default_rng(seed)
    logits = (scale * rng.normal(size=(rows, width))).astype(np.float32)
    targets, gradient = rng.integers(-1, width, rows), rng.normal(size=rows).astype(np.float32)
    real, at = targets >= 0, np.maximum(targets, 0)
    exact = logits.astype(np.float64)
    log_p = exact - np.logaddexp.reduce(exact, axis=1)[:, None]
    wanted = np.full((rows, width), smoothing / width)
    wanted[np.arange(rows), at] += 1 - smoothing
    losses = smoothed_losses(logits, targets.astype(np.float32), smoothing)
    atol = tolerance(width, 4, scale=log_p)
    np.testing.assert_allclose(losses, -(wanted * log_p).sum(1) * real, atol=atol)
    out = np.full_like(logits, np.nan)
    smoothed_gradient(logits, targets.astype(np.float32), gradient, smoothing, out)
    np.testing.assert_allclose(out, (np.exp(log_p) - wanted) * (gradient * real)[:, None],
                               atol=atol * float(np.abs(gradient).max(initial=1)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("grad_req", ["write", "add"])
def test_the_loss_of_translation_learns_the_same_with_it(smoothing, grad_req):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 40, 7)).astype(np.float32)
    targets = rng.integers(-1, 7, (3, 42)).astype(np.float32)
    targets[:, 0] = 1
    found = []
    for in_numpy in (False, True):
        loss = SubwordCrossEntropy(smoothing)
        if in_numpy:
            compute_in_numpy(loss)
        loss.hybridize(static_alloc=True)
        logits = mx.nd.array(values)
        logits.attach_grad(grad_req)
        for _ in range(2):  # the second time memory is used again
            with mx.autograd.record():
                each = loss(logits, mx.nd.array(targets))
                total = (each * mx.nd.array([1, -2, 0.5])).sum()
            total.backward()
        found.append([each.asnumpy(), logits.grad.asnumpy()])
    for expected, one in zip(*found):
        np.testing.assert_allclose(one, expected, atol=tolerance(80, 4, scale=expected))
