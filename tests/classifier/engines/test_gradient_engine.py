"""The engine that can be derived: the same numbers, and derivatives that torch and differences confirm."""

from __future__ import annotations

import autograd
import numpy as np
import pytest

from gluonattn.classifier.engines.choice import make_engine, prepare
from gluonattn.classifier.engines.forward import decide, mask_of, states_of, weights_of, words_of
from gluonattn.classifier.engines.gradient_engine import GradientClassifier

from ...tolerance import tolerance
from .conftest import KINDS, WIDTH, batch_of, checkpoint_of, need


def engine_of(kind):
    return GradientClassifier(*prepare(checkpoint_of(*kind)))


def arrays_of(kind, lengths=(7, 3)):
    return batch_of(lengths, kind[2], seed=3, padded_to=30 if kind[0] == "post" else None)


def total(F, kind, words, arrays):
    """A number that hangs on everything: the logits' weighted sum."""
    mask = mask_of(F, kind[0], *arrays[:2])
    states = states_of(F, kind[0], F.model, words, arrays[1])
    logits = decide(F, kind[0], F.model, states, weights_of(F, F.model, states, mask), mask)
    return (logits * np.array([1.0, -2.0, 0.5])).sum()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_it_agrees_with_the_numpy_engine(kind):
    for found, expected in zip(engine_of(kind)(*arrays_of(kind)), make_engine(checkpoint_of(*kind), "numpy")[1](
            *arrays_of(kind))):
        np.testing.assert_allclose(found, expected, atol=tolerance(WIDTH, 32, scale=expected))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_derivatives_are_those_of_small_differences(kind):
    F, arrays = engine_of(kind), arrays_of(kind)
    words = np.array(words_of(F, F.model, arrays[0], arrays[2] if kind[2] else None))
    slope = autograd.grad(lambda w: total(F, kind, w, arrays))(words)
    rng = np.random.default_rng(0)
    for _ in range(3):
        way = rng.normal(size=words.shape)
        step = 1e-6
        rise = (total(F, kind, words + step * way, arrays) - total(F, kind, words - step * way, arrays)) / (2 * step)
        rounding = tolerance(WIDTH, 32, scale=1 / step, dtype=np.float64)  # of a difference divided by the step
        assert (slope * way).sum() == pytest.approx(rise, rel=1e-4, abs=rounding)


@pytest.mark.torch
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_derivatives_are_those_of_torch(kind):
    need("torch")
    import torch

    from gluonattn.classifier.engines.torch_engine import TorchClassifier

    F, arrays = engine_of(kind), arrays_of(kind)
    words = np.array(words_of(F, F.model, arrays[0], arrays[2] if kind[2] else None))
    slope = autograd.grad(lambda w: total(F, kind, w, arrays))(words)
    module = TorchClassifier(*prepare(checkpoint_of(*kind))).eval()
    tensors = [torch.from_numpy(a) for a in arrays]
    given = torch.from_numpy(words.astype(np.float32)).requires_grad_()
    mask = mask_of(module, kind[0], *tensors[:2])
    states = states_of(module, kind[0], module.model, given, tensors[1])
    logits = decide(module, kind[0], module.model, states, weights_of(module, module.model, states, mask), mask)
    (logits * torch.tensor([1.0, -2.0, 0.5])).sum().backward()
    np.testing.assert_allclose(slope, given.grad.numpy(), rtol=1e-3, atol=tolerance(WIDTH, 32, scale=slope))
