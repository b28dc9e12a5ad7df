from __future__ import annotations

import dataclasses
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gluonattn
from gluonattn.errors import RecordError
from gluonattn.record import KINDS, AttentionRecord, Prediction, Token, load_record
from gluonattn.views.page import to_html
from gluonattn.views.terminal import to_terminal

from ..tolerance import tolerance

TEXT = "정말로 수준떨어지는 연출"
TOKENS = (
    Token("정말로", 0, 3),
    Token("수준", 4, 6),
    Token("떨어지", 6, 9),
    Token("는", 9, 10),
    Token("연출", 11, 13),
)
in_tmp_path = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def softmax(queries, keys=None, layers=1, heads=1, seed=0):
    weights = np.random.default_rng(seed).dirichlet(np.ones(keys or queries), (layers, heads, queries))
    return weights.astype(np.float32)


def record(**changes):
    parts = {"text": TEXT, "queries": TOKENS, "keys": TOKENS, "weights": softmax(len(TOKENS))}
    return AttentionRecord(**{**parts, **changes})


# Any code point, lone surrogates and NUL among them.
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=12) | st.sampled_from(
    ["가 나다", "비해  정말로", "\ud83d\ude00", "\udc00\ud800", "\x00\n\t", "😀 ㅋㅋ", ""]
)


@st.composite
def tokens_over(draw, text):
    spans = draw(
        st.lists(st.tuples(st.integers(0, len(text)), st.integers(0, len(text))), min_size=1, max_size=5)
    )
    tags = st.none() | st.sampled_from(["NNG", "VV+EC"])
    return tuple(Token(draw(texts), min(s), max(s), draw(tags)) for s in spans)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def records(draw):
    """Any valid record: every kind, overlapping and empty spans, vectors or none."""
    kind = draw(st.sampled_from(KINDS))
    text, target = draw(texts), draw(texts) if kind == "cross" else draw(st.none() | texts)
    on_target = kind in ("cross", "decoder") and target is not None
    queries = draw(tokens_over(target if on_target else text))
    keys = draw(tokens_over(target if kind == "decoder" and target is not None else text))
    layers, heads = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))

    def vectors(n):
        return draw(st.none() | st.just(rng.normal(size=(layers, heads, n, 3)).astype(np.float32)))

    prediction = draw(
        st.none() | st.just(Prediction(None)) | st.just(Prediction("긍정", {"부정": 0.25, "긍정": 0.75}))
    )
    return AttentionRecord(
        text,
        queries,
        keys,
        softmax(len(queries), len(keys), layers, heads, int(rng.integers(99))),
        kind=kind,
        target_text=target,
        prediction=prediction,
        queries_vectors=vectors(len(queries)),
        keys_vectors=vectors(len(keys)),
        values=vectors(len(keys)),
        source=draw(st.dictionaries(texts, json_values, max_size=3)),
    )


# ---------------------------------------------------------------- building one


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"kind": "both"}, r"kind must be one of self, encoder, decoder, cross; got 'both'"),
        ({"kind": "cross"}, r"a cross record needs target_text"),
        ({"text": None}, r"text and target_text must be the raw texts \(str\); got None"),
        ({"text": b"abc"}, r"must be the raw texts \(str\); got b'abc'"),
        (
            {"weights": softmax(5)[0]},
            r"shape \(layers, heads, 5 queries, 5 keys\).*got \(1, 5, 5\).*m\[None, None\]",
        ),
        ({"weights": softmax(5, 4)}, r"5 keys\).*got \(1, 1, 5, 4\)"),
        ({"weights": softmax(5)[:0]}, r"none of them 0; got \(0, 1, 5, 5\)"),
        ({"weights": "often"}, r"weights must be an array of numbers; got 'often'"),
        ({"weights": [[[[1], [0, 1]]]]}, r"weights must be an array of numbers"),
        ({"queries": (), "weights": np.zeros((1, 1, 0, 5))}, r"none of them 0"),
        (
            {"keys_vectors": np.zeros((1, 1, 4, 8))},
            r"keys_vectors must have shape \(1, 1, 5\) \+ \(head_dim,\); got \(1, 1, 4, 8\)",
        ),
        ({"queries_vectors": np.zeros((1, 5, 8))}, r"queries_vectors must have shape"),
        ({"values": np.zeros((2, 1, 5, 8))}, r"values must have shape"),
        (
            {"values": np.full((1, 1, 5, 2), np.inf)},
            r"values must be finite; \(layer, head, token, dimension\) \(0, 0, 0, 0\)",
        ),
        (
            {"queries": [*TOKENS[:4], Token("?", 11, 14)]},
            r"query 4 \('\?'\) has span 11:14, outside its text of 13 characters",
        ),
        ({"keys": [Token("?", -1, 2), *TOKENS[1:]]}, r"key 0 \('\?'\) has span -1:2, outside"),
        ({"keys": [Token("?", 3, 2), *TOKENS[1:]]}, r"key 0 \('\?'\) has span 3:2, outside"),
        (
            {"keys": ["정말로", *TOKENS[1:]]},
            r"key 0 must be a Token\(text, start, end, tag=None\) with whole numbers; got '정말로'",
        ),
        ({"queries": [("정", 0), *TOKENS[1:]]}, r"query 0 must be a Token\(text"),
        (
            {"queries": [Token("정", 0.0, 1.0), *TOKENS[1:]]},
            r"query 0 must be a Token\(text.* with whole numbers",
        ),
        ({"queries": [Token(3, 0, 1), *TOKENS[1:]]}, r"query 0 must be a Token\(text"),
        (
            {"weights": softmax(5) * 1.001},
            r"must sum to 1 within 0.0001; \(layer, head, query\) .* sums to 1.001.*normalised=False",
        ),
        ({"source": {"model": object()}}, r"source must hold only JSON values.*object"),
        ({"source": {"loss": np.float32(1)}}, r"source must hold only JSON values.*float32"),
    ],
)
def test_each_rule_has_its_message(changes, message):
    with pytest.raises(RecordError, match=message):
        record(**changes)


def test_the_first_weight_that_is_not_finite_is_named():
    weights = softmax(5, layers=2, heads=2)
    weights[1, 0, 3, 2] = np.nan
    with pytest.raises(
        RecordError, match=r"weights must be finite; \(layer, head, query, key\) \(1, 0, 3, 2\)"
    ):
        record(weights=weights)


def test_a_negative_weight_is_refused_even_where_the_row_sums_to_1():
    weights = softmax(5)
    weights[0, 0, 0] = [-0.5, 1.5, 0, 0, 0]
    with pytest.raises(RecordError, match=r"must not be negative; the smallest is -0\.5"):
        record(weights=weights)


@pytest.mark.parametrize("off, good", [(0.9e-4, True), (-0.9e-4, True), (1.2e-4, False), (-1.2e-4, False)])
def test_rows_may_be_off_by_1e_4(off, good):
    weights = np.full((1, 1, 5, 5), 0.2)
    weights[0, 0, 2, 1] += off
    if good:
        assert record(weights=weights).normalised
    else:
        with pytest.raises(RecordError, match=r"\(0, 0, 2\) sums to"):
            record(weights=weights)


def test_a_record_without_whole_rows_says_how_much_is_missing():
    weights = softmax(5)
    weights[0, 0, 2] *= 0.25
    assert record(weights=weights, normalised=False).source == {"dropped_mass": 0.75}


@given(records())
def test_any_valid_record_can_be_built_and_its_spans_index_the_right_text(built):
    assert built.weights.dtype == np.float32
    assert built.weights.shape == (built.layers, built.heads, len(built.queries), len(built.keys))
    for tokens, text in ((built.queries, built.query_text), (built.keys, built.key_text)):
        assert all(0 <= t.start <= t.end <= len(text) for t in tokens)


@pytest.mark.parametrize(
    "kind, query_text, key_text",
    [
        ("self", "입력 글", "입력 글"),
        ("encoder", "입력 글", "입력 글"),
        ("cross", "the output", "입력 글"),
        ("decoder", "the output", "the output"),
    ],
)
def test_each_kind_indexes_its_text(kind, query_text, key_text):
    built = AttentionRecord(
        "입력 글",
        [Token("q", 0, len(query_text))],
        [Token("k", 0, len(key_text))],
        np.ones((1, 1, 1, 1)),
        kind=kind,
        target_text="the output",
    )
    assert (built.query_text, built.key_text) == (query_text, key_text)
    outside = Token("q", 0, len(query_text) + 1)
    with pytest.raises(RecordError, match=f"outside its text of {len(query_text)} characters"):
        dataclasses.replace(built, queries=[outside])


def test_a_record_is_frozen_and_independent_of_what_it_was_built_from():
    weights, values, source = softmax(5), np.zeros((1, 1, 5, 2)), {"versions": {"mxnet": "1.9.1"}}
    built = record(weights=weights, values=values, source=source)
    before = built.weights.copy()
    weights[:] = 0
    values[:] = 1
    source["versions"]["mxnet"] = "2"
    assert (built.weights == before).all() and (built.values == 0).all()
    assert built.source == {"versions": {"mxnet": "1.9.1"}}
    with pytest.raises(dataclasses.FrozenInstanceError):
        built.text = "다른 글"
    for array in (built.weights, built.values):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 0, 0] = 1


def test_numpy_numbers_are_taken_for_numbers():
    tokens = [Token(t.text, np.int64(t.start), np.int32(t.end)) for t in TOKENS]
    built = record(queries=tokens, prediction=Prediction("긍정", {"긍정": np.float32(1)}))
    assert type(built.queries[0].start) is int
    assert json.dumps(built.to_dict())


def test_equality_looks_at_everything():
    same = record()
    assert same == record() and same != "record"
    for changes in (
        {"weights": softmax(5, seed=1)},
        {"kind": "encoder"},
        {"source": {"epoch": 1}},
        {"values": np.zeros((1, 1, 5, 2))},
        {"prediction": Prediction("긍정", {"긍정": 1.0})},
        {"text": TEXT + "!"},
    ):
        assert same != record(**changes)
    with pytest.raises(TypeError, match="unhashable"):
        hash(same)


def test_confidence_is_the_probability_of_the_label():
    assert Prediction("긍정", {"부정": 0.2, "긍정": 0.8}).confidence == 0.8
    assert np.isnan(Prediction(None).confidence)


# ---------------------------------------------------------------- looking into one


@given(records())
def test_matrix_is_one_head_or_the_mean(built):
    for layer in (None, *range(built.layers)):
        for head in (None, *range(built.heads)):
            part = built.weights[slice(None) if layer is None else [layer]]
            part = part[:, slice(None) if head is None else [head]]
            assert built.matrix(layer, head) == pytest.approx(part.mean((0, 1)), abs=tolerance(16))
    assert built.matrix(-1, -1) == pytest.approx(built.weights[-1, -1])
    assert built.matrix().sum(1) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "layer, head, message",
    [
        (2, None, r"layer 2 does not exist: this record has 2, numbered 0 to 1"),
        (None, 3, r"head 3 does not exist: this record has 3, numbered 0 to 2"),
        (-3, 0, r"layer -3 does not exist"),
    ],
)
def test_a_layer_or_head_that_is_not_there(layer, head, message):
    with pytest.raises(RecordError, match=message):
        record(weights=softmax(5, layers=2, heads=3)).matrix(layer, head)


@given(records(), st.data(), st.sampled_from([int, np.int32, np.int64, np.uint8, np.array]))
def test_positions_are_whole_numbers_of_any_type(built, data, kind):
    layer, head = (data.draw(st.integers(0, size - 1)) for size in built.weights.shape[:2])
    assert (built.matrix(kind(layer), kind(head)) == built.weights[layer, head]).all()
    keys = data.draw(st.lists(st.integers(0, len(built.keys) - 1), min_size=1, unique=True))
    assert built.select(keys=[kind(i) for i in keys]) == built.select(keys=keys)
    assert built.select(keys=np.array(keys)) == built.select(keys=iter(keys)) == built.select(keys=keys)
    assert built.select(queries=kind(0)) == built.select(queries=[0])


@pytest.mark.parametrize("wrong", [0.0, "0", True, np.True_, [0.5], [True, False], np.array([0.0]), {"a": 1}, "ab"])
def test_what_is_no_position_is_named(wrong):
    one = record(weights=softmax(5, layers=2, heads=3))
    for call in (lambda: one.select(keys=[wrong]), lambda: one.select(queries=wrong), lambda: one.select(keys=[None]),
                 lambda: one.matrix(wrong, 0), lambda: one.matrix(0, wrong)):
        with pytest.raises(RecordError, match="positions are whole numbers from 0 to"):
            call()


# ---------------------------------------------------------------- select


@given(records(), st.data())
def test_select_accounts_for_the_mass_it_drops(built, data):
    def some(n):
        return data.draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=n, unique_by=lambda i: i % n))

    rows, columns = some(len(built.queries)), some(len(built.keys))
    part = built.select(rows, columns)
    assert part.queries == tuple(built.queries[i] for i in rows)
    assert part.keys == tuple(built.keys[i] for i in columns)
    for q, i in enumerate(rows):
        for k, j in enumerate(columns):
            assert (part.weights[:, :, q, k] == built.weights[:, :, i, j]).all()
    for name, positions in (("queries_vectors", rows), ("keys_vectors", columns), ("values", columns)):
        whole, taken = getattr(built, name), getattr(part, name)
        assert taken is whole is None or (taken == whole[:, :, positions]).all()
    lost = float(np.max(1 - part.weights.sum(-1, dtype=np.float64)))
    assert part.normalised == (lost <= 1e-4)
    if not part.normalised:
        assert part.source["dropped_mass"] == pytest.approx(lost, abs=tolerance(8))
    # In two steps or in one: the account is the same.
    again = built.select(keys=columns).select(queries=rows)
    assert again.normalised == part.normalised or not again.normalised
    assert (again.weights == part.weights).all()


def test_select_at_the_edge_of_the_tolerance_never_fails():
    for mass in np.linspace(0.9e-4, 1.1e-4, 201):
        weights = np.full((1, 1, 1, 2), [1 - mass, mass])
        part = record(queries=TOKENS[:1], keys=TOKENS[:2], weights=weights).select(keys=[0])
        assert part.normalised or part.source["dropped_mass"] > 0


def test_selecting_everything_changes_nothing():
    built = record(values=np.ones((1, 1, 5, 2)))
    assert built.select() == built


@pytest.mark.parametrize(
    "chosen, message",
    [
        ({"keys": [0, 5]}, r"key 5 does not exist: this record has 5, numbered 0 to 4"),
        ({"queries": [-6]}, r"query -6 does not exist"),
        ({"keys": [1, 1]}, r"key positions that are all different, at least one; got \[1, 1\]"),
        ({"keys": [4, -1]}, r"all different"),
        ({"queries": []}, r"query positions that are all different, at least one; got \[\]"),
    ],
)
def test_positions_that_cannot_be_selected(chosen, message):
    with pytest.raises(RecordError, match=message):
        record().select(**chosen)


# ---------------------------------------------------------------- merge


@given(records())
def test_merge_conserves_mass(built):
    merged = built.merge()
    assert merged.normalised
    assert merged.weights.sum(-1) == pytest.approx(1, abs=2e-4)
    # The mass that reaches the sentence as a whole is the number of query units.
    assert merged.weights.sum() == pytest.approx(built.layers * built.heads * len(merged.queries), rel=1e-4)
    assert merged.queries_vectors is merged.keys_vectors is merged.values is None
    assert merged.source == {**built.source, "merged": "eojeol"}
    for tokens, text in ((merged.queries, merged.query_text), (merged.keys, merged.key_text)):
        assert all(t.text == text[t.start : t.end] for t in tokens if t.start < t.end)


def test_merge_sums_keys_and_averages_queries():
    built = record()
    merged, weights = built.merge(), built.weights[0, 0]
    assert [t.text for t in merged.keys] == ["정말로", "수준떨어지는", "연출"]
    assert merged.keys[1] == Token("수준떨어지는", 4, 10, None)
    groups = [[0], [1, 2, 3], [4]]
    expected = [[weights[np.ix_(q, k)].sum(1).mean() for k in groups] for q in groups]
    assert merged.weights[0, 0] == pytest.approx(np.array(expected), abs=tolerance(8))


def test_merge_joins_overlapping_spans_and_keeps_special_tokens_apart():
    text = "비해 정말"
    tokens = [
        Token("[CLS]", 0, 0),
        Token("비하", 0, 2, "VV"),
        Token("어", 1, 2, "EC"),
        Token("정말", 3, 5, "MAG"),
        Token("[SEP]", 5, 5),
        Token("[PAD]", 5, 5),
    ]
    merged = AttentionRecord(text, tokens, tokens, softmax(6)).merge()
    assert merged.keys == (
        Token("[CLS]", 0, 0),
        Token("비해", 0, 2, "VV+EC"),
        Token("정말", 3, 5, "MAG"),
        Token("[SEP]", 5, 5),
        Token("[PAD]", 5, 5),
    )


def test_merge_takes_a_span_that_begins_with_the_space_before_its_word():
    tokens = [Token("▁비", 0, 1), Token("해", 1, 2), Token("▁정말", 2, 5), Token("로", 5, 6)]
    merged = AttentionRecord("비해 정말로", tokens, tokens, softmax(4)).merge()
    assert [t.text.strip() for t in merged.keys] == ["비해", "정말로"]


def test_merge_of_a_cross_record_reads_each_side_in_its_own_text():
    built = AttentionRecord(
        "정말 좋다",
        [Token("very", 0, 4), Token("go", 5, 7), Token("od", 7, 9)],
        [Token("정", 0, 1), Token("말", 1, 2), Token("좋다", 3, 5)],
        softmax(3),
        kind="cross",
        target_text="very good",
    )
    merged = built.merge()
    assert [t.text for t in merged.queries] == ["very", "good"]
    assert [t.text for t in merged.keys] == ["정말", "좋다"]


def test_merging_what_lost_mass_still_says_so():
    part = record().select(keys=[1, 2, 3])
    merged = part.merge()
    assert not merged.normalised
    assert merged.source["dropped_mass"] == pytest.approx(float((1 - merged.weights.sum(-1)).max()), abs=tolerance(8))


def test_an_unknown_unit():
    with pytest.raises(RecordError, match="cannot merge into 'morpheme': the known unit is 'eojeol'"):
        record().merge("morpheme")


# ---------------------------------------------------------------- saving


@in_tmp_path
@given(records())
def test_what_is_loaded_is_what_was_saved(tmp_path, built):
    loaded = load_record(built.save(tmp_path / "record.npz"))
    assert loaded == built
    for name in ("text", "target_text", "queries", "keys", "kind", "source", "prediction", "normalised"):
        assert getattr(loaded, name) == getattr(built, name)
    for name in ("weights", "queries_vectors", "keys_vectors", "values"):
        ours, theirs = getattr(built, name), getattr(loaded, name)
        assert ours is theirs is None or ours.tobytes() == theirs.tobytes()
    assert not loaded.weights.flags.writeable
    assert os.listdir(tmp_path) == ["record.npz"]  # no partial file stays


@in_tmp_path
@given(records())
def test_records_with_lost_mass_and_merged_ones_survive_saving(tmp_path, built):
    for changed in (built.select(keys=[0]), built.merge()):
        assert load_record(changed.save(tmp_path / "record.npz")) == changed


@given(records())
def test_to_dict_is_json(built):
    plain = json.loads(json.dumps(built.to_dict(), ensure_ascii=False))
    assert np.array(plain["weights"]) == pytest.approx(built.weights, abs=tolerance(1))
    assert [Token(*t) for t in plain["keys"]] == list(built.keys)


def test_tuples_in_source_come_back_as_they_were_kept(tmp_path):
    built = record(source={"shape": (1, 2), 3: "three"})
    assert built.source == {"shape": [1, 2], "3": "three"}
    assert load_record(built.save(tmp_path / "r.npz")).source == built.source


def test_a_saved_file_is_readable_by_others_and_holds_no_pickle(tmp_path):
    path = record(values=np.ones((1, 1, 5, 2))).save(tmp_path / "r.npz")
    assert path.stat().st_mode & 0o777 == 0o644
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["header.npy", "values.npy", "weights.npy"]
        for name in archive.namelist():
            np.lib.format.read_magic(io.BytesIO(archive.read(name)))
            np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


def test_the_name_is_kept_whatever_its_ending(tmp_path):
    path = record().save(tmp_path / "기록")
    assert path.name == "기록" and load_record(str(path)) == record()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(
        RecordError, match=r"cannot write the record to .*none.*: No such file.*Choose a folder"
    ):
        record().save(tmp_path / "none" / "r.npz")


def test_a_disk_that_is_full_keeps_the_older_file(tmp_path):
    """A limit on file size stands in for the full disk: the kernel refuses the write in the same place."""
    older = record().save(tmp_path / "r.npz").read_bytes()
    code = (
        "import resource, signal, numpy as np, gluonattn as g\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "t = [g.Token('가', 0, 1)] * 200\n"
        "w = np.random.default_rng(0).dirichlet(np.ones(200), (1, 1, 200))\n"
        "r = g.AttentionRecord('가', t, t, w)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n    r.save('r.npz')\nexcept g.GluonAttnError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(gluonattn.__file__).parents[1])},
    )
    assert done.stdout.startswith("cannot write the record to r.npz: File too large."), done.stderr
    assert os.listdir(tmp_path) == ["r.npz"]
    assert (tmp_path / "r.npz").read_bytes() == older


def test_a_file_cut_anywhere_is_refused_by_name(tmp_path):
    whole = record().save(tmp_path / "whole.npz").read_bytes()
    path = tmp_path / "cut.npz"
    for size in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:size])
        with pytest.raises(RecordError, match=r"cut\.npz is not a readable attention record .*cut short"):
            load_record(path)


@settings(in_tmp_path, max_examples=100)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_byte_gives_the_record_or_an_error_that_names_the_file(tmp_path, place, change):
    content = bytearray(record().save(tmp_path / "r.npz").read_bytes())
    content[place % len(content)] ^= change
    (tmp_path / "r.npz").write_bytes(content)
    try:
        assert load_record(tmp_path / "r.npz") == record()
    except RecordError as error:
        assert "r.npz" in str(error)


def write_npz(path, header, **arrays):
    data = json.dumps(header).encode()
    with open(path, "wb") as file:
        np.savez(file, header=np.frombuffer(data, np.uint8), **arrays)


def header(**changes):
    token = ["가", 0, 1, None]
    return {
        "text": "가",
        "queries": [token],
        "keys": [token],
        "kind": "self",
        "target_text": None,
        "prediction": None,
        "normalised": True,
        "source": {},
        "format": 1,
        **changes,
    }


ONE = {"weights": np.ones((1, 1, 1, 1), np.float32)}


@pytest.mark.parametrize(
    "head, arrays, message",
    [
        (header(format=2), ONE, r"r\.npz has record format 2, this version of gluonattn reads 1"),
        (header(format=None), ONE, r"record format None"),
        ([1, 2], ONE, r"r\.npz is not a readable attention record"),
        (header(colour="red"), ONE, r"r\.npz holds a record that does not fit together .*colour"),
        ({"format": 1}, ONE, r"r\.npz holds a record that does not fit together"),
        (header(), {}, r"r\.npz holds a record that does not fit together .*weights"),
        (header(), {"weights": np.ones((1, 1, 2, 2), np.float32)}, r"r\.npz holds .*weights must have shape"),
        (header(queries=[["가", 0, 9, None]]), ONE, r"r\.npz holds .*query 0 .* outside its text"),
        (header(queries=7), ONE, r"r\.npz holds a record that does not fit together"),
        (header(prediction={"label": "긍정", "probabilities": 3}), ONE, r"r\.npz holds"),
    ],
)
def test_a_record_whose_parts_do_not_fit_is_refused_by_name(tmp_path, head, arrays, message):
    write_npz(tmp_path / "r.npz", header(), **ONE)
    assert load_record(tmp_path / "r.npz").text == "가"  # the hand-made file is right but for the change
    write_npz(tmp_path / "r.npz", head, **arrays)
    with pytest.raises(RecordError, match=message):
        load_record(tmp_path / "r.npz")


def test_a_missing_file_a_folder_and_foreign_files(tmp_path):
    with pytest.raises(
        RecordError, match=r"no record at .*none\.npz: expected a file written by record\.save"
    ):
        load_record(tmp_path / "none.npz")
    np.save(tmp_path / "array.npy", np.eye(2))
    np.savez(tmp_path / "other.npz", weights=np.eye(2))
    (tmp_path / "notes.txt").write_text("안녕", encoding="utf-8")
    for name in ("array.npy", "other.npz", "notes.txt", "."):
        with pytest.raises(RecordError, match="is not a readable attention record"):
            load_record(tmp_path / name)


def test_loading_never_unpickles(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    np.savez(
        tmp_path / "r.npz",
        header=np.frombuffer(json.dumps(header()).encode(), np.uint8),
        weights=np.array([Trap()], dtype=object),
    )
    (tmp_path / "p.npz").write_bytes(pickle.dumps(Trap()))
    for name in ("r.npz", "p.npz"):
        with pytest.raises(RecordError, match=f"{name} is not a readable attention record"):
            load_record(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_a_small_file_that_unpacks_without_end_is_refused_before_memory_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr("gluonattn.record.container._MAX_UNPACKED", 1 << 20)
    monkeypatch.setattr(np, "load", None)  # nothing of it is unpacked
    np.savez_compressed(tmp_path / "r.npz", header=np.frombuffer(json.dumps(header()).encode(), np.uint8),
                        weights=np.zeros((500, 10, 20, 20), np.float32))
    with pytest.raises(RecordError, match=r"r.npz is not a readable .*would unpack to 0.0 GB"):
        load_record(tmp_path / "r.npz")


def test_large_weights_are_no_such_file(tmp_path, monkeypatch):
    monkeypatch.setattr("gluonattn.record.container._MAX_UNPACKED", 1 << 10)
    tokens = [Token("가", i, i + 1) for i in range(40)]
    weights = np.eye(40, dtype=np.float32)[None, None]  # as sparse as attention can be
    record = AttentionRecord("가" * 40, tokens, tokens, weights)
    assert load_record(record.save(tmp_path / "r.npz")) == record


def test_a_notebook_shows_the_page():
    tokens = [Token("가", 0, 1)]
    shown = AttentionRecord("가", tokens, tokens, [[[[1.0]]]])._repr_html_()
    assert shown.startswith("<iframe sandbox=") and "&lt;!doctype html&gt;" in shown.lower()


ODD = [None, True, -1, 7, 1.5, "", "x", "\ud800", [], [1], {}, {"a": 1}, float("nan"), 10**30, [[]], "not there"]
EXPLAINED = {
    "method": "norm", "sign": "never negative", "target": 1, "label": "1",
    "honesty": {"tokens": 1, "before": 0.9, "after": 0.5, "random": 0.8, "low": 0.7, "high": 0.9, "further": 0.9,
                "draws": 9},
    "approximated": {"steps": 8, "missing": 0.5, "of": 2.0},
    "validation": {"norm": [0.3, 0.2, 0.4], "random": [0.1, 0.0, 0.2]},
    "what_if": {"drop": [[0.5, 0.5], [0.4, 0.6]], "unseen": [[0.5, 0.5], [0.4, 0.6]], "uniform": [0.3, 0.7]}}


PLACES = [(), ("explanation",), *(("explanation", part) for part in ("honesty", "approximated", "validation", "what_if"))]


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_loaded_record_can_be_shown_whatever_its_file_says(tmp_path, place):
    """Also where the digest fits or is not there: an error that names the file, or a page and a line."""
    shown = 0
    for number, (odd, name) in enumerate(product(ODD, _inner({"label_names": 0, "explanation": EXPLAINED}, place))):
        source = json.loads(json.dumps({"label_names": {"1": "긍정"}, "explanation": EXPLAINED}))
        where = _inner(source, place)
        where[name] = odd
        if odd == "not there":
            del where[name]
        shown += _shows(source, tmp_path / "record.npz", float("nan") if number % 7 == 6 else 0.75)
    assert shown  # some are no error


def _inner(source, place):
    for name in place:
        source = source[name]
    return source


def _shows(source, path, share):
    shares = {"0": 0.25, "1": share}
    tokens = [Token("좋", 0, 1), Token("다", 1, 2)]
    made = AttentionRecord("좋다", tokens, tokens, np.full((1, 1, 2, 2), 0.5), source=source,
                           prediction=Prediction("1", shares), attributions={"norm": [0.5, 0.25]})
    made.save(path)
    try:
        loaded = load_record(path)
    except RecordError as error:
        assert str(path) in str(error)
        return False
    assert to_html(loaded, font=False) and to_terminal(loaded)
    return True
