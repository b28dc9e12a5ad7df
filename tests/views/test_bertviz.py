from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.errors import OptionError, RecordError
from gluonattn.record import AttentionRecord
from gluonattn.views.bertviz import to_bertviz

from .pages import cross, hostile, numbered, random_weights, record_of, spread

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def needs_bertviz():
    pytest.importorskip("bertviz", reason='needs BertViz: pip install "gluonattn[bertviz]"')


def params(page: str) -> dict:
    """What BertViz's script is given."""
    start = re.search(r"(?:const params|window\.bertviz_params) = (?=\{)", page).end()
    return json.JSONDecoder().raw_decode(page[start:])[0]


@pytest.mark.parametrize("view", ["head", "model"])
def test_weights_and_tokens_arrive(view):
    record = record_of("정말 좋은 영화였다", layers=2, heads=3)
    (one,) = params(to_bertviz(record, view=view))["attention"]
    assert np.array(one["attn"]) == pytest.approx(record.weights, abs=1e-4)
    assert one["left_text"] == [t.text for t in record.queries] == one["right_text"]


@pytest.mark.parametrize("view", ["head", "model"])
def test_an_encoder_decoder_has_three_parts(view):
    crossing = cross(layers=2, heads=2)
    encoder = AttentionRecord(crossing.text, crossing.keys, crossing.keys,
                              random_weights((2, 2, len(crossing.keys), len(crossing.keys))), kind="encoder")
    decoder = AttentionRecord(crossing.text, crossing.queries, crossing.queries, random_weights(
        (2, 2, len(crossing.queries), len(crossing.queries))), kind="decoder", target_text=crossing.target_text)
    parts = params(to_bertviz([encoder, decoder, crossing], view=view))["attention"]
    assert sorted(p["name"].lower() for p in parts) == ["cross", "decoder", "encoder"]
    one = next(p for p in parts if p["name"].lower() == "cross")
    assert one["left_text"][0] == "I" and one["right_text"][0] == "나는"
    with pytest.raises(RecordError, match="got encoder, encoder"):
        to_bertviz([encoder, encoder], view=view)


def test_the_neuron_view_gets_queries_and_keys():
    plain = record_of("정말 좋은 영화였다", layers=2, heads=2)
    vectors = np.random.default_rng(0).normal(size=(2, 2, len(plain.queries), 5)).astype(np.float32)
    record = AttentionRecord(plain.text, plain.queries, plain.keys, plain.weights, queries_vectors=vectors,
                             keys_vectors=-vectors)
    found = params(to_bertviz(record, view="neuron"))["attention"]["all"]
    assert np.array(found["queries"]) == pytest.approx(vectors, abs=1e-4)
    assert np.array(found["keys"]) == pytest.approx(-vectors, abs=1e-4)
    with pytest.raises(RecordError, match="vectors=True"):
        to_bertviz(plain, view="neuron")


@pytest.mark.parametrize("view", ["head", "model"])
def test_hostile_tokens_cannot_leave_the_script(view):
    record = hostile()
    page = to_bertviz(record, view=view)
    assert page.count("</script>") == page.count("<script")
    assert "<script>window.pwned" not in page and "<img" not in page
    assert params(page)["attention"][0]["left_text"] == [t.text for t in record.queries]


# Characters of any kind, and those with which the page itself marks dangerous ones, spelled out too.
_PIECES = st.sampled_from(["<", ">", "&", "\\", "\ue000", "\ue001", "\ue002", "\ue003", "\\ue000", "\\uE001", "\\u003c",
                           "</script>"])
_TOKENS = st.lists(st.lists(st.one_of(_PIECES, st.characters(exclude_categories=())), min_size=1, max_size=5).map("".join),
                   min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(tokens=_TOKENS, view=st.sampled_from(["head", "model"]))
def test_every_token_arrives_as_it_is(tokens, view):
    text, made = spread(tokens)
    record = AttentionRecord(text, made, made, random_weights((1, 1, len(made), len(made))))
    (one,) = params(to_bertviz(record, view=view))["attention"]
    assert one["left_text"] == tokens == one["right_text"]


def test_a_page_that_would_be_huge_is_not_made():
    with pytest.raises(OptionError, match="about 26 MB: raise limit"):
        to_bertviz(AttentionRecord(numbered(150).text, numbered(150).queries, numbered(150).keys,
                                   random_weights((12, 12, 150, 150))))
