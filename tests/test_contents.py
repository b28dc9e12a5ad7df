"""Every file that is read back: what was changed or cut is a clear error, or changes nothing."""

import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluonattn.contents import dump_tensors, parse_json, parse_tensors, require, seal, unseal
from gluonattn.errors import CheckpointError, GluonAttnError, RecordError
from gluonattn.models.snapshots import load_snapshot, save_snapshot
from gluonattn.record import AttentionRecord, Prediction, Token, load_record
from gluonattn.text.tokens import Tokens
from gluonattn.training.resume import read_resume_file

SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WEIGHTS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.ones(2, np.float16)}


def same_arrays(found, expected):
    return found.keys() == expected.keys() and all(
        found[name].dtype == expected[name].dtype and (found[name] == expected[name]).all() for name in expected)


def record():
    tokens = [Token("좋", 0, 1, "VA"), Token("다", 1, 2, "EF")]
    return AttentionRecord("좋다", tokens, tokens, np.full((1, 2, 2, 2), 0.5), source={"label_names": {"1": "긍정"}},
                           prediction=Prediction("1", {"0": 0.25, "1": 0.75}), attributions={"norm": [0.5, 0.25]},
                           values=np.ones((1, 2, 2, 3)))


def record_file(folder):
    path = record().save(folder / "record.npz")
    return path, lambda: load_record(path) == record()


def snapshot_file(folder):
    path = save_snapshot(folder, 1, WEIGHTS, "run")
    return path, lambda: same_arrays(load_snapshot(folder, 1, "run"), WEIGHTS)


def resume(folder):
    header = {"epoch": 1, "batch": 0, "totals": {"loss": 0.5, "correct": 3, "reviews": 4, "seconds": 1.0},
              "history": [{"epoch": 1, "valid_loss": float("nan")}], "updates": 7, "counts": {"0": 7}}
    path = folder / "model.resume"
    path.write_bytes(dump_tensors(WEIGHTS, {"format": "1", "fingerprint": "run", "header": json.dumps(header)}))

    def same():
        tensors, found = read_resume_file(path, "run")
        return same_arrays(tensors, WEIGHTS) and str(found) == str(header)

    return path, same


def tokens_file(folder):
    path, tokens = folder / "tokens", Tokens.gather([[["좋", "다"], ["다"], []]])
    path.write_bytes(tokens.to_bytes())

    def same():
        found = Tokens.from_bytes(path.read_bytes())
        return found is None or list(found) == list(tokens)

    return path, same


KINDS = {"record": record_file, "snapshot": snapshot_file, "resume file": resume, "tokens": tokens_file}


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(data=st.data())
def test_a_changed_byte_is_a_clear_error_or_changes_nothing(tmp_path, kind, data):
    path, same = KINDS[kind](tmp_path)
    assert same()
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    way = data.draw(st.sampled_from(["change", "cut", "insert", "remove"]))
    if way == "change":
        content[place] = data.draw(st.integers(0, 255))
    elif way == "cut":
        del content[place:]
    elif way == "remove":
        del content[place]
    else:
        content[place:place] = data.draw(st.binary(min_size=1, max_size=2))
    path.write_bytes(content)
    try:
        assert same()
    except GluonAttnError as error:
        assert path.name in str(error)


ODD = st.sampled_from([None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), "", "x", "좋", [], [[]], {}, {"a": 1},
                       "a place for JSON that is nested 100,000 deep"])


@pytest.mark.parametrize("sealed", [True, False], ids=["with a digest", "of an older version"])
@SLOW
@given(data=st.data())
def test_a_changed_header_of_a_record_is_a_clear_error_or_a_record(tmp_path, sealed, data):
    path, _ = record_file(tmp_path)
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(arrays.pop("header").tobytes())
    if not sealed:
        del header["sha256"]
    header[data.draw(st.sampled_from([*header, "another"]))] = data.draw(ODD)
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(arrays)))
        arrays[name] = data.draw(st.sampled_from([arrays[name].astype(str), arrays[name].astype(complex),
                                                  np.float32(1), arrays[name][0], arrays[name] * np.nan]))
    text = json.dumps(header).replace('"a place for JSON that is nested 100,000 deep"', "[" * 100_000 + "]" * 100_000)
    content = io.BytesIO()
    np.savez_compressed(content, header=np.frombuffer(text.encode(), np.uint8), **arrays)
    path.write_bytes(content.getvalue())
    try:
        found = load_record(path)
    except RecordError as error:
        assert path.name in str(error)
    else:
        assert found == record() or not sealed


@pytest.mark.parametrize("header", [
    {}, [], None, {"epoch": -1}, {"epoch": "1"}, {"totals": {}}, {"history": [[]]}, {"counts": {"0": "x"}},
    {"updates": None}])
def test_a_resume_file_whose_digest_fits_holds_a_header(tmp_path, header):
    path, _ = resume(tmp_path)
    _, whole = read_resume_file(path, "run")
    changed = {**whole, **header} if header else header
    path.write_bytes(dump_tensors(WEIGHTS, {"format": "1", "fingerprint": "run", "header": json.dumps(changed)}))
    with pytest.raises(CheckpointError, match=r"model.resume has invalid content.*without --resume"):
        read_resume_file(path, "run")


def test_files_of_older_versions_have_no_digest_and_are_read():
    from safetensors.numpy import save

    found, notes = parse_tensors(save(WEIGHTS, {"fingerprint": "run"}), "old", CheckpointError)
    assert same_arrays(found, WEIGHTS) and notes == {"fingerprint": "run"}
    assert unseal({"a": 1}) == {"a": 1}
    assert Tokens.from_bytes(save({"words": np.frombuffer(b'["a"]', np.uint8), "numbers": np.zeros(1, np.int32),
                                   "ends": np.array([0, 1])}))[0] == ["a"]


@pytest.mark.parametrize(("words", "numbers", "ends"), [
    ('["a"]', [1], [0, 1]), ('["a"]', [-1], [0, 1]), ('["a"]', [0], [0, 2]), ('["a"]', [0], [1, 1]),
    ('["a"]', [0, 0], [0, 2, 1, 2]),
    ("[1]", [0], [0, 1]), ('{"a": 0}', [0], [0, 1]), ("[" * 100_000, [0], [0, 1]), ('["a"]', [0], [])])
def test_tokens_that_do_not_fit_together_are_none(words, numbers, ends):
    content = dump_tensors({"words": np.frombuffer(words.encode(), np.uint8), "numbers": np.array(numbers, np.int32),
                            "ends": np.array(ends, np.int64)})
    assert Tokens.from_bytes(content) is None


@pytest.mark.parametrize("kind", [int, float, list[int], dict[str, int]])
@pytest.mark.parametrize("value", ["\ud800", {"a": "\ud800"}, ["\udfff"]])
def test_half_characters_are_a_clear_error_too(kind, value):
    """msgspec cannot say what is wrong of them."""
    with pytest.raises(CheckpointError, match="a file has invalid content"):
        require(value, kind, "a file", CheckpointError)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.floats(), st.text(max_size=3),
                                                       st.lists(st.integers(), max_size=2))))
def test_a_seal_holds_for_what_was_sealed_alone(value):
    value.pop("sha256", None)
    sealed = seal(value)
    again = json.loads(json.dumps(sealed))
    assert str(unseal(again)) == str(value)
    again["another"] = 1
    assert unseal(again) is None or "another" in value


def test_files_of_ours_are_always_the_same_bytes():
    notes = {str(i): "x" for i in range(9)}
    assert len({dump_tensors(WEIGHTS, notes) for _ in range(9)}) == 1


@pytest.mark.parametrize("content", ["[" * 100_000, "[" * 99 + "]" * 99, '{"a":' * 100_000, b"\xff\xfe\x00", ""])
def test_json_that_cannot_be_read_is_named(content):
    with pytest.raises(CheckpointError, match=r"here.json is not readable \(.*\): .* Copy the whole folder again"):
        parse_json(content, "here.json", CheckpointError)


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_arrays_come_in_one_order_in_every_process(tmp_path, seed):
    """What is written from them, such as a published page, is then the same to the byte."""
    import os
    import subprocess
    import sys

    names = [f"{letter}.{i}" for i in range(10) for letter in "cab"]
    (tmp_path / "x").write_bytes(dump_tensors({name: np.zeros(1, np.float32) for name in names}, {}))
    code = ("import sys; from pathlib import Path; from gluonattn.contents import parse_tensors;"
            "print(*parse_tensors(Path(sys.argv[1]).read_bytes(), 'x', ValueError)[0])")
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x"], env={**os.environ, "PYTHONHASHSEED": seed},
                          capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(names)
