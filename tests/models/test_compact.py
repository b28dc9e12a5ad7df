"""Weights in fewer bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gluonattn.models.compact import TABLES, compact, expand

floats = st.floats(-60_000, 60_000, width=32).map(lambda x: 0.0 if abs(x) < 1e-3 else x)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=floats))
def test_a_table_comes_back_within_half_a_step_of_each_row(table):
    small = compact({TABLES[0]: table})
    assert small[TABLES[0]].dtype == np.int8
    back = expand(small)
    assert list(back) == [TABLES[0]] and back[TABLES[0]].dtype == np.float32
    largest = np.abs(table).max(1, keepdims=True)
    assert (np.abs(back[TABLES[0]] - table) <= largest / 127 * 0.501 + 1e-9).all()


def test_other_floats_take_two_bytes_and_whole_numbers_stay():
    weights = {"head.bias": np.array([0.1, -3.0], np.float32), "known_ngrams": np.array([1, 2**32 - 1], np.uint32)}
    small = compact(weights)
    assert small["head.bias"].dtype == np.float16
    back = expand(small)
    assert back["head.bias"].dtype == np.float32
    np.testing.assert_allclose(back["head.bias"], weights["head.bias"], rtol=1e-3)
    assert (back["known_ngrams"] == weights["known_ngrams"]).all() and back["known_ngrams"].dtype == np.uint32


def test_opposite_scores_of_two_classes_are_kept_once():
    one = np.array([[0.0], [1.5], [-0.25]], np.float32)
    weights = {"ngram_scores.weight": np.concatenate([one, -one], 1)}
    small = compact(weights)
    assert small["ngram_scores.weight"].shape == (3, 1)
    assert (expand(small)["ngram_scores.weight"] == weights["ngram_scores.weight"]).all()
    other = {"ngram_scores.weight": np.ones((3, 2), np.float32)}
    assert (expand(compact(other))["ngram_scores.weight"] == 1).all()


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint32])
def test_scores_that_are_no_floats_are_left_for_the_check(kind):
    """The check of a checkpoint names them; nothing is computed from them before."""
    weights = {"ngram_scores.weight": np.ones((3, 1), kind)}
    assert expand(weights)["ngram_scores.weight"].dtype == kind


def test_weights_that_are_not_compact_stay_as_they_are():
    weights = {TABLES[0]: np.ones((2, 3), np.float32), "x": np.ones(2)}
    back = expand(weights)
    assert all(back[name] is values for name, values in weights.items())


def test_a_checkpoint_with_compact_weights_is_saved_and_loaded(tmp_path):
    import gluonattn
    from gluonattn.models.checkpoint import load_checkpoint, save_checkpoint

    shipped = load_checkpoint(gluonattn.load().folder)
    save_checkpoint(tmp_path / "small", shipped._replace(weights=compact(shipped.weights)))
    again = load_checkpoint(tmp_path / "small").weights
    for name, values in shipped.weights.items():
        np.testing.assert_allclose(again[name], values, atol=1e-3 * max(1, np.abs(values).max()), rtol=1e-2)
