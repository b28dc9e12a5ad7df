"""Whatever is changed in a checkpoint: the very same answers, or an error that names the file. Never another answer."""

import json
import math
import shutil
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

import gluonattn
from gluonattn.errors import CheckpointError, GluonAttnError
from gluonattn.models.checkpoint import load_checkpoint, save_checkpoint, update_config

FILES = ("config.json", "vocab.json", "model.safetensors", "history.json")
TEXTS = ["최고의 영화 정말 감동이다", "돈이 아깝다", "처음 보는 말"]
DEEP = "a place for JSON that is nested 100,000 deep"
ODD = st.sampled_from([
    None, True, False, 0, 1, -1, 2, 3, 10**30, -(10**400), 1.5, math.nan, math.inf, "", "x", "0", "1", "dot", [], ["0"],
    ["0", "0"], ["1", "0"], [None], {}, {"a": 1}, {"x": []}, DEEP])
# Each example loads a model and explains a text with it: of four parts one is in the usual set.
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[
    HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.differing_executors])
PARTS = pytest.mark.parametrize("part", [1, *(pytest.param(part, marks=pytest.mark.slow) for part in (2, 3, 4))])


def answers(folder):
    model = gluonattn.load(folder, engine="numpy")
    record = model.explain(TEXTS[0], method="default")
    shown = [(label, record.label_name(label)) for label in model.labels]
    return [(p.label, dict(p.probabilities)) for p in model.predict(TEXTS)], shown, list(record.attributions)


@pytest.fixture(scope="module")
def good(tiny_model, tmp_path_factory):
    """A checkpoint with all a config.json can hold, and what it answers."""
    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("good") / "model")
    update_config(folder, label_names={"0": "부정", "1": "긍정"},
                  explanation={"method": "norm", "reviews": 2, "comprehensiveness": {"norm": [0.1, 0.0, 0.2]}})
    return folder, answers(folder)


@pytest.fixture
def changed(good, tmp_path):
    """``changed({file: bytes})``: the answers of the checkpoint with other files; None where it is refused."""
    folder = shutil.copytree(good[0], tmp_path / "model")

    def ask(files):
        try:
            for name, content in files.items():
                (folder / name).write_bytes(content)
            return answers(folder)
        except GluonAttnError as error:
            assert any(name in str(error) for name in FILES), error
            return None
        finally:
            for name in FILES:
                shutil.copy(good[0] / name, folder / name)

    return ask


def places(value, place=()):
    """The path of every value in a JSON value."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield from places(one, (*place, key))


def changed_json(draw, content):
    """A JSON value with one thing changed: another value, a missing key, another key, another order."""
    value = json.loads(content)
    *above, last = draw(st.sampled_from([place for place in places(value) if place]))
    holder = value
    for key in above:
        holder = holder[key]
    way = draw(st.sampled_from(["value", "value", "value", "remove", "rename", "order", "double"]))
    if way == "value":
        holder[last] = draw(ODD)
    elif way == "remove":
        del holder[last]
    elif way == "rename" and isinstance(holder, dict):
        holder[str(last) + "x"] = holder.pop(last)
    elif way == "double" and isinstance(holder, list):
        holder.append(holder[last])
    elif isinstance(holder, list):
        holder.reverse()
    return value


def as_bytes(value):
    try:
        text = json.dumps(value)
    except ValueError:  # a whole number of too many digits for this Python
        text = "1" * 5000
    return text.replace(json.dumps(DEEP), "[" * 100_000 + "]" * 100_000).encode()


@PARTS
@SLOW
@given(data=st.data())
def test_a_changed_byte_changes_no_answer(good, changed, part, data):
    folder, expected = good
    name = data.draw(st.sampled_from(FILES))
    content = bytearray((folder / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 300))
    way = data.draw(st.sampled_from(["change", "cut", "insert", "remove", "end"]))
    if way == "change":
        content[place] = data.draw(st.integers(0, 255))
    elif way == "cut":
        del content[place:]
    elif way == "remove":
        del content[place]
    else:
        place = len(content) if way == "end" else place
        content[place:place] = data.draw(st.binary(min_size=1, max_size=3))
    assert changed({name: bytes(content)}) in (None, expected)


@PARTS
@SLOW
@given(data=st.data())
def test_a_changed_value_changes_no_answer(good, changed, part, data):
    folder, expected = good
    name = data.draw(st.sampled_from([name for name in FILES if name.endswith("json")]))
    value = changed_json(data.draw, (folder / name).read_bytes())
    assert changed({name: as_bytes(value)}) in (None, expected)


def older(config):
    """As versions wrote it that had no digest of config.json."""
    others = {name: value for name, value in config["sha256"].items() if name != "config.json"}
    return {**{key: value for key, value in config.items() if key != "finished"}, "sha256": others}


@PARTS
@SLOW
@given(data=st.data())
def test_where_no_digest_protects_it_a_changed_value_is_a_clear_error_or_a_distribution(good, changed, part, data):
    folder, _ = good
    content = {name: (folder / name).read_bytes() for name in FILES}
    config = older(json.loads(content["config.json"]))
    name = data.draw(st.sampled_from(["config.json", "config.json", "vocab.json", "history.json"]))
    if name == "config.json":
        value = changed_json(data.draw, json.dumps(config).encode())
    else:
        value = changed_json(data.draw, content[name])
        content[name] = as_bytes(value)
        config["sha256"]["vocab.json"] = sha256(content["vocab.json"]).hexdigest()
    content["config.json"] = as_bytes(value if name == "config.json" else config)
    found = changed(content)
    for _, probabilities in found[0] if found else ():
        assert len(probabilities) == 2 and sum(probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize("labels", [["0"], ["0", "0"], ["1", "0"], ["0", "1", "2"], [0, 1], "01", {"0": 1}, []])
def test_labels_are_as_many_as_classes_all_different_and_in_their_order(good, changed, labels):
    config = json.loads((good[0] / "config.json").read_bytes())
    assert changed({"config.json": json.dumps({**config, "labels": labels}).encode()}) is None
    if labels != ["1", "0"]:  # without a digest nobody can know
        assert changed({"config.json": json.dumps({**older(config), "labels": labels}).encode()}) is None


def no_numbers(values):
    values = values.copy()
    values.reshape(-1)[-1] = np.nan
    return values


@pytest.mark.parametrize(("name", "change"), [
    ("head.bias", no_numbers), ("embedding.weight", lambda v: v * np.inf), ("head.bias", lambda v: v.astype(np.int32)),
    ("head.weight", lambda v: v[:, :-1].copy()), ("head.weight", lambda v: v.reshape(-1)),
    ("known_ngrams", lambda v: v[::-1].copy()), ("known_ngrams", lambda v: v[:-1].copy()),
    ("known_ngrams", lambda v: v.astype(np.float32)), ("known_ngrams", lambda v: v.reshape(1, -1)),
    ("embedding.weight.factors", None), ("ngram_scores.weight", lambda v: v[:, :1]),
])
def test_weights_whose_digest_fits_are_numbers_of_the_model(good, changed, name, change):
    weights = dict(load((good[0] / "model.safetensors").read_bytes()))
    weights[name] = change(weights[name]) if change else np.ones((3, 1), np.float32)
    if name == "ngram_scores.weight":
        weights[name] = weights[name] * np.float32("nan")
    content = save({key: np.ascontiguousarray(value) for key, value in weights.items()})
    config = older(json.loads((good[0] / "config.json").read_bytes()))
    config["sha256"]["model.safetensors"] = sha256(content).hexdigest()
    assert changed({"model.safetensors": content, "config.json": json.dumps(config).encode()}) is None


def test_what_could_not_be_loaded_is_not_saved_and_the_older_model_stays(good, tmp_path):
    folder = shutil.copytree(good[0], tmp_path / "model")
    checkpoint = load_checkpoint(folder)
    before = {p: p.read_bytes() for p in folder.iterdir()}
    for wrong in (checkpoint._replace(config={**checkpoint.config, "labels": ["0", "0"]}),
                  checkpoint._replace(weights={**checkpoint.weights, "head.bias": np.full(2, np.nan, "f")})):
        with pytest.raises(CheckpointError, match="has invalid content"):
            save_checkpoint(folder, wrong)
    with pytest.raises(CheckpointError, match="explanation"):
        update_config(folder, explanation={"method": 3})
    assert {p: p.read_bytes() for p in folder.iterdir()} == before


def test_a_checkpoint_of_an_older_version_gives_the_same_answers(good, changed):
    config = older(json.loads((good[0] / "config.json").read_bytes()))
    assert changed({"config.json": json.dumps(config).encode()}) == good[1]
    rest = {key: config[key] for key in config if key not in (
        "label_names", "training", "fingerprint", "epoch", "validation", "explanation", "weighing")}
    assert changed({"config.json": json.dumps(rest).encode()})[0] == good[1][0]


def test_a_digest_cannot_be_left_out(good, changed):
    """A config that says "finished" is of a version that wrote its digest."""
    config = json.loads((good[0] / "config.json").read_bytes())
    del config["sha256"]["config.json"]
    assert changed({"config.json": json.dumps(config).encode()}) is None
