"""All engines give the same logits and weights, whatever the batch, length, cell and recipe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier.engines.choice import make_engine

from ...tolerance import tolerance
from .conftest import KINDS, OTHERS, WIDTH, batch_of, checkpoint_of, need

LENGTHS = [[1], [60], [1, 60, 17, 2], [3, 3, 3], [7, 30, 30, 1, 12]]
_made: dict = {}


def engine(name, kind):
    """Made once: hypothesis asks for the same ones again and again."""
    if (name, kind) not in _made:
        _made[name, kind] = make_engine(checkpoint_of(*kind), name, "cpu")[1]
    return _made[name, kind]


def inputs(kind, lengths, seed=0, padded_to=None):
    if kind[0] == "post":
        return batch_of([min(n, 30) for n in lengths], False, seed, padded_to=30)
    return batch_of(lengths, kind[2], seed, padded_to)


def assert_close(found, expected):
    for one, other in zip(found, expected):
        assert one.shape == other.shape and one.dtype == other.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=tolerance(WIDTH, 64, scale=other))


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_engine_agrees_with_numpy(name, kind):
    need(name)
    for seed, lengths in enumerate(LENGTHS):
        arrays = inputs(kind, lengths, seed)
        assert_close(engine(name, kind)(*arrays), engine("numpy", kind)(*arrays))


@pytest.mark.parametrize("name", [*OTHERS[:2], pytest.param("mxnet", marks=pytest.mark.slow)])
@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(KINDS), lengths=st.lists(st.integers(1, 60), min_size=1, max_size=9),
       seed=st.integers(0, 999), more=st.integers(0, 5))
def test_any_batch_agrees(name, kind, lengths, seed, more):
    need(name)
    arrays = inputs(kind, lengths, seed, max(lengths) + more)
    assert_close(engine(name, kind)(*arrays), engine("numpy", kind)(*arrays))


@pytest.mark.parametrize("name", ["numpy", *OTHERS])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind[0] == "default"], ids=str)
def test_company_and_padding_change_nothing(name, kind):
    need(name)
    arrays = inputs(kind, [5, 1, 23, 9], padded_to=31)
    logits, weights = engine(name, kind)(*arrays)
    for i, length in enumerate(arrays[1]):
        alone = [array[i : i + 1] for array in arrays]
        alone[0] = alone[0][:, :length]
        if kind[2]:
            alone[2] = alone[2][:, :length]
        own_logits, own_weights = engine(name, kind)(*alone)
        np.testing.assert_allclose(logits[i], own_logits[0], atol=tolerance(WIDTH, 33, scale=logits))
        np.testing.assert_allclose(weights[i][:, :length, :length], own_weights[0], atol=tolerance(WIDTH, 33))
        assert not weights[i][:, length:].any() and not weights[i][:, :, length:].any()
        np.testing.assert_allclose(own_weights.sum(-1), 1, atol=tolerance(int(length)))


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("cell", ["mlp", "mlp-normalized"])
def test_large_scores_of_the_mlp_cell_agree(name, cell):
    """Beyond float32's exponentials numpy takes another way."""
    need(name)
    checkpoint = checkpoint_of("default", cell, False)
    for part in ("query", "key"):
        checkpoint.weights[f"attention._{part}_mid_layer.weight"] *= 200
    arrays = batch_of([9, 4], False)
    found = make_engine(checkpoint, name, "cpu")[1](*arrays)
    assert_close(found, make_engine(checkpoint, "numpy", "cpu")[1](*arrays))


def test_a_large_part_of_the_range_stays_exact():
    """Just below where the way changes, against tanh in float64."""
    numpy_engine = engine("numpy", KINDS[0])
    rng = np.random.default_rng(0)
    query, key = rng.uniform(-39, 39, (2, 3, 20, 5)).astype(np.float32)
    v = rng.normal(size=(1, 5)).astype(np.float32)
    expected = np.tanh(query[:, :, None].astype(float) + key[:, None]) @ v[0]
    np.testing.assert_allclose(numpy_engine.additive(query, key, v), expected, atol=tolerance(5, scale=39))
