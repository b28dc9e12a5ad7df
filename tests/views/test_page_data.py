from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.errors import OptionError
from gluonattn.record import AttentionRecord, Prediction
from gluonattn.views.page_data import decoded, dumps, page_data

from ..tolerance import tolerance
from .pages import SENTENCE, cross, hostile, numbered, overlapping, random_weights, record_of, spread


def entry_of(record, **options):
    return page_data([record], **options)["records"][0]


def big(layers, heads, tokens, sharpness=0.1):
    text, parts = spread(["말"] * tokens)
    weights = random_weights((layers, heads, tokens, tokens), sharpness=sharpness)
    return AttentionRecord(text, parts, parts, weights)


def units(text: str, start: int, end: int) -> str:
    """The slice JavaScript would take."""
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")


# ---------------------------------------------------------------- weights


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 12), st.floats(0.01, 20), st.integers(0, 99))
def test_dense_weights_come_back_within_a_ten_thousandth_and_rows_keep_their_sum(
    layers, heads, tokens, sharpness, seed
):
    text, parts = spread(["말"] * tokens)
    weights = random_weights((layers, heads, tokens, tokens), seed=seed, sharpness=sharpness)
    record = AttentionRecord(text, parts, parts, weights)
    entry = entry_of(record)
    back = decoded(entry)
    assert entry["weights"]["bits"] == 16 and entry["weights"]["kept"] is None
    assert back.shape == record.weights.shape
    assert np.abs(back - record.weights).max() <= min(1e-4, entry["weights"]["error"] * 1.06 + 1e-9)
    np.testing.assert_allclose(back.sum(-1), record.weights.sum(-1), atol=tolerance(64))


def test_equal_weights_stay_equal_and_zero_stays_zero():
    text, tokens = spread("가 나 다 라")
    weights = np.array([[0.5, 0.5, 0, 0], [1, 0, 0, 0], [0.25] * 4, [0, 0, 0, 1]])[None, None]
    back = decoded(entry_of(AttentionRecord(text, tokens, tokens, weights)))
    np.testing.assert_allclose(back, weights, atol=1e-9)


def test_rows_that_lack_mass_keep_lacking_it():
    record = record_of(SENTENCE).select(keys=[0, 3, 5])
    entry = entry_of(record)
    np.testing.assert_allclose(decoded(entry).sum(-1), record.weights.sum(-1), atol=tolerance(64))
    assert entry["lost"] == record.source["dropped_mass"] > 0


def test_a_row_without_any_weight_stays_empty():
    text, tokens = spread("가 나")
    weights = np.array([[0.0, 0.0], [0.5, 0.5]])[None, None]
    record = AttentionRecord(text, tokens, tokens, weights, normalised=False)
    np.testing.assert_array_equal(decoded(entry_of(record)), weights)


# ---------------------------------------------------------------- the ladder


@pytest.mark.parametrize(
    "shape, limit, bits, kept, averaged",
    [
        ((1, 1, 512), 2_000_000, 16, False, {}),
        ((1, 1, 512), 500_000, 8, False, {}),
        ((12, 12, 128), 3_000_000, 8, True, {}),
        ((12, 12, 128), 300_000, 8, False, {"heads": 12}),
        ((12, 12, 128), 20_000, 8, True, {"heads": 12, "layers": 12}),
    ],
)
def test_what_does_not_fit_is_stored_more_coarsely_and_says_so(shape, limit, bits, kept, averaged):
    record = big(*shape)
    data = page_data([record], limit=limit)
    stored = data["records"][0]["weights"]
    assert len(dumps(data).encode()) <= limit
    assert stored["bits"] == bits and (stored["kept"] is not None) == kept
    assert stored["averaged"] == averaged

    back = decoded(data["records"][0])
    expected = record.weights.astype(float)
    for axis, name in ((0, "layers"), (1, "heads")):
        if name in averaged:
            expected = expected.mean(axis, keepdims=True)
    assert back.shape == expected.shape
    held = back > 0 if kept else np.True_
    assert np.abs(back - expected).max(where=held, initial=0) <= stored["error"] * 1.06 + 1e-9
    assert (expected.sum(-1) - back.sum(-1)).max() == pytest.approx(stored["dropped"] if kept else 0, abs=1e-4)
    if kept:  # and what is kept is the strongest
        row, whole = back[0, 0, 0], expected[0, 0, 0]
        assert (row > 0).sum() <= stored["kept"]
        assert whole[row > 0].min() >= np.sort(whole)[-stored["kept"]] - 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 40), st.integers(2_000, 30_000))
def test_no_page_data_is_larger_than_its_limit(layers, heads, tokens, limit):
    record = big(layers, heads, tokens)
    try:
        data = page_data([record, record_of(SENTENCE)], limit=limit)
    except OptionError:
        assert limit < 6_000
        return
    assert len(dumps(data).encode()) <= limit


def test_what_small_records_leave_goes_to_the_large():
    small, large = numbered(4), big(1, 1, 200)
    entries = page_data([large, small, small], limit=120_000)["records"]
    assert entries[0]["weights"]["bits"] == 16  # 80 kB; a third of the limit would not do
    assert [len(e["queries"]) for e in entries] == [200, 4, 4]  # in the order given


def test_a_limit_that_nothing_meets_is_an_error_that_helps():
    with pytest.raises(OptionError, match="1 record.s. do not fit into 900 bytes.*Raise limit"):
        page_data([numbered(60)], limit=900)


def test_no_records():
    with pytest.raises(OptionError, match="at least one record"):
        page_data([])


# ---------------------------------------------------------------- tokens and texts


@pytest.mark.parametrize(
    "record", [record_of("ㅋㅋ 🔥🔥 최고!! 👨‍👩‍👧", "syllable"), hostile(), overlapping(), cross()],
    ids=["emoji", "hostile", "overlapping", "cross"],
)
def test_spans_are_those_of_javascript_and_names_those_of_the_record(record):
    entry = json.loads(dumps(entry_of(record)))
    keys = entry["keys"] if entry["keys"] is not None else entry["queries"]
    key_text = entry["keyText"] if entry["keys"] is not None else entry["text"]
    for stored, text, tokens, raw in (
        (entry["queries"], entry["text"], record.queries, record.query_text),
        (keys, key_text, record.keys, record.key_text),
    ):
        assert len(stored) == len(tokens)
        for (start, end, *more), token in zip(stored, tokens):
            piece = units(text, start, end)
            assert piece == units(raw[token.start : token.end], 0, 10**6)
            assert (more[1] if len(more) > 1 else piece) == units(token.text, 0, 10**6)


def test_words_are_those_of_merge():
    record = record_of(SENTENCE)
    entry = entry_of(record)
    merged = record.merge("eojeol")
    assert max(entry["queryWords"]) + 1 == len(merged.queries)
    for i, token in enumerate(record.queries):
        word = merged.queries[entry["queryWords"][i]]
        assert word.start <= token.start and token.end <= word.end


def test_prediction_source_and_what_the_model_saw():
    record = record_of(
        SENTENCE, prediction=Prediction("부정", {"부정": 0.75, "긍정": 0.25}),
        source={"cell": "mlp", "model": "m" * 500, "tokens": {"seen": 14, "in_text": 900}, "secret": "x"},
    )
    entry = entry_of(record)
    assert entry["prediction"] == {"label": "부정", "probabilities": [["부정", 0.75], ["긍정", 0.25]]}
    assert entry["seen"] == [14, 900]
    assert entry["source"] == {"cell": "mlp", "model": "m" * 80}
    assert entry_of(record_of("가"))["prediction"] is None


# ---------------------------------------------------------------- JSON in HTML


@given(st.text(st.characters(exclude_categories=()) | st.sampled_from("<>&'\"/\u2028\u2029\ud800\udc00\x00"), max_size=40))
def test_json_in_html_reads_back_and_holds_nothing_that_could_end_the_script(text):
    written = dumps({text: [text]})
    assert not set(written) & set("<>&'`\u2028\u2029\u202e\x00\x7f\ufeff")
    written.encode("utf-8")
    ((key, (value,)),) = json.loads(written).items()
    assert units(key, 0, 10**6) == units(value, 0, 10**6) == units(text, 0, 10**6)


def test_numbers_that_are_none_are_refused():
    with pytest.raises(ValueError):
        dumps(float("nan"))


def test_stored_bytes_are_little_endian():
    text, tokens = spread("가 나")
    record = AttentionRecord(text, tokens, tokens, np.array([[1.0, 0.0], [0.0, 1.0]])[None, None])
    stored = entry_of(record)["weights"]
    assert base64.b64decode(stored["levels"]) == b"\xff\xff\0\0\0\0\xff\xff"
    assert base64.b64decode(stored["mass"]) == b"\0\0\x80\x3f" * 2


def test_a_special_token_is_a_word_of_its_own():
    assert entry_of(overlapping())["queryWords"] == [0, 1, 1, 2, 2, 3, 3, 4]
    assert entry_of(record_of("가"))["queries"][0][:2] == [0, 1]
