"""A part of a record is what its whole has there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.errors import OptionError, RecordError
from gluonattn.record import AttentionRecord, Part, Token, numbers_of


def whole(layers: int = 2, heads: int = 3, size: int = 5) -> AttentionRecord:
    text = " ".join("abcdefghij"[:size])
    tokens = [Token(text[2 * i], 2 * i, 2 * i + 1) for i in range(size)]
    rng = np.random.default_rng(0)
    return AttentionRecord(text, tokens, tokens, rng.dirichlet(np.ones(size), (layers, heads, size)),
                           values=rng.normal(size=(layers, heads, size, 2)), attributions={"norm": rng.normal(size=size)},
                           source={"model": "m"})


def some(size: int):
    chosen = st.lists(st.integers(-size, size - 1), min_size=1, max_size=size, unique_by=lambda i: i % size)
    return st.one_of(st.none(), chosen)


@given(some(2), some(3), some(5), st.one_of(st.none(), st.integers(1, 9)))
def test_everything_of_a_part_stands_where_it_stood(layers, heads, queries, top):
    record = whole()
    part = Part(layers, heads, queries, top).of(record)
    own = record.weights[list(range(2)) if layers is None else layers][:, list(range(3)) if heads is None else heads]
    rows = list(range(5)) if queries is None else queries
    own = own[:, :, rows]
    received = own.sum((0, 1, 2), dtype=np.float64)
    columns = [record.keys.index(key) for key in part.keys]
    assert columns == sorted(columns) and len(columns) == min(top or 5, 5)
    assert min(received[columns]) >= max(np.delete(received, columns), default=0)
    assert np.array_equal(part.weights, own[..., columns])
    assert part.queries == tuple(record.queries[i] for i in rows)
    assert np.array_equal(part.attributions["norm"], record.attributions["norm"][columns])
    assert part.values.shape == (*own.shape[:2], len(columns), 2)
    assert part.normalised is (len(columns) == 5) and part.source["model"] == "m"
    assert numbers_of(part, "layers") == [i % 2 for i in ([0, 1] if layers is None else layers)]
    assert numbers_of(part, "heads") == [i % 3 for i in ([0, 1, 2] if heads is None else heads)]
    assert numbers_of(record, "layers") == [0, 1] and numbers_of(record, "heads") == [0, 1, 2]
    assert part.source["chosen"]["tokens"] == 5 and part.source["chosen"]["keys"] == len(columns)


def test_a_part_of_a_part_has_the_numbers_of_the_model():
    part = Part(heads=[1, 0]).of(Part(layers=[1], heads=[2, 0]).of(whole()))
    assert (numbers_of(part, "layers"), numbers_of(part, "heads")) == ([1], [0, 2])
    assert np.array_equal(part.weights, whole().weights[[1]][:, [0, 2]])


@pytest.mark.parametrize("wrong", [{"layers": [2]}, {"heads": [-4]}, {"queries": [5]}, {"layers": [0.5]}, {"heads": [1, 1]}])
def test_what_is_not_there_is_refused(wrong):
    with pytest.raises(RecordError, match=next(iter(wrong))[:4]):
        Part(**wrong).of(whole())


@pytest.mark.parametrize("top", [0, -1, True, 2.5, "3"])
def test_top_is_a_number_of_tokens(top):
    with pytest.raises(OptionError, match="at least 1; got"):
        Part(top=top).of(whole())


@pytest.mark.parametrize("chosen", [None, 3, [], {}, {"layers": [7]}, {"layers": ["a", "b"]}, {"layers": [True, False]},
                                    {"layers": {}}])
def test_numbers_that_do_not_fit_are_not_believed(chosen):
    assert numbers_of(replace(whole(), source={"chosen": chosen}), "layers") == [0, 1]
