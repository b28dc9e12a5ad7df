"""Batches for prediction: every position once, bounded, padded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.data.examples import Example
from gluonattn.data.padding import pad_batch, plan_by_length


@given(st.lists(st.integers(1, 600), max_size=300), st.integers(1, 64), st.integers(1, 100_000))
def test_every_position_stands_in_one_bounded_batch(lengths, batch_size, pairs):
    plan = plan_by_length(lengths, batch_size, pairs)
    assert sorted(i for batch in plan for i in batch) == list(range(len(lengths)))
    for batch in plan:
        longest = max(lengths[i] for i in batch)
        assert len(batch) <= batch_size and (len(batch) == 1 or len(batch) * longest**2 <= pairs)


def example(ids, subwords=None, ngrams=None):
    return Example(np.array(ids, np.int32),
                   None if subwords is None else [np.array(s, np.int32) for s in subwords],
                   None if ngrams is None else np.array(ngrams, np.int32))


@pytest.mark.parametrize("length", [None, 2, 5])
def test_ids_are_padded_and_cut(length):
    ids, valid_length = pad_batch([example([1, 2, 3]), example([4])], 9, length)
    assert ids.tolist() == [([1, 2, 3] + [9] * 5)[: length or 3], ([4] + [9] * 5)[: length or 3]]
    assert valid_length.tolist() == [min(3, length or 3), 1]
    assert ids.dtype == valid_length.dtype == np.int32


def test_ngrams_are_padded_with_nothing():
    *_, subwords, ngrams = pad_batch([example([1, 2], [[5], []], [7, 8]), example([3], [[6, 7]], [])], 9)
    assert subwords.tolist() == [[[5, 0], [0, 0]], [[6, 7], [0, 0]]]
    assert ngrams.tolist() == [[7, 8], [0, 0]]


def test_a_cut_text_loses_the_subwords_of_what_is_cut():
    *_, subwords, _ = pad_batch([example([1, 2, 3], [[5], [6], [7]], [1]), example([3], [[6]], [1])], 9, 2)
    assert subwords.tolist() == [[[5], [6]], [[6], [0]]]
