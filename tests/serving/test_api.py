"""The JSON API: what it gives is what the package gives."""

from __future__ import annotations

import json
import os
import threading
from urllib.parse import quote

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.errors import CheckpointError
from gluonattn.record import AttentionRecord

from .conftest import NEEDS, call

pytest.importorskip("starlette", reason=NEEDS)

from gluonattn.serving.limits import Limits
from gluonattn.serving.models import share_of_attention

from ..tolerance import tolerance

pytestmark = pytest.mark.serve
TEXTS = ["정말 재미있다", "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집", "별로", "😀 ㅋㅋ"]


def ask(application, path, status=200, **body):
    answer = call(application, "POST", path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_predict_has_the_shapes_of_the_pipeline(application):
    predictor = application.models.find(None).predictor
    expected = predictor.predict(TEXTS)
    one = ask(application, "/v1/predict", inputs=TEXTS[0])
    assert [(row["label"], row["score"]) for row in one] == [(expected[0].label, pytest.approx(expected[0].confidence))]
    several = ask(application, "/v1/predict", inputs=TEXTS)
    assert [row["label"] for row in several] == [p.label for p in expected]
    ranked = ask(application, "/v1/predict", inputs=TEXTS, parameters={"top_k": 5})
    for rows, p in zip(ranked, expected):
        assert {row["label"]: row["score"] for row in rows} == pytest.approx(p.probabilities, abs=tolerance(64, 64))
        assert rows[0]["score"] >= rows[1]["score"] and rows[0]["name"] in ("부정", "긍정")
    assert ask(application, "/v1/predict", inputs=TEXTS[0], parameters={"top_k": 1}) == one


def test_a_text_of_which_nothing_can_be_seen_has_no_label_and_keeps_its_place(application):
    found = ask(application, "/v1/predict", inputs=["좋다", " \u200b", "좋다"])
    assert found[1] == {"label": None, "score": None, "name": None} and found[0] == found[2]
    assert "text 1 " in ask(application, "/v1/explain", 422, inputs=["좋다", " \u200b"])["error"]


def test_explain_gives_the_record_of_the_package(application):
    predictor = application.models.find(None).predictor
    [found] = ask(application, "/v1/explain", inputs=TEXTS[1], parameters={"what_if": True})
    expected = json.loads(json.dumps(predictor.explain(TEXTS[1], "default").to_dict()))
    assert set(found) == set(expected)
    assert np.allclose(found["weights"], expected["weights"], atol=tolerance(64, 64))
    [name] = expected["attributions"]
    assert np.allclose(found["attributions"][name], expected["attributions"][name], atol=1e-4)
    account = found["source"]["explanation"]["account"]
    entered = np.sum(account["words"]) + np.sum(account["evidence"]) + np.sum(account["beside"]) + account["nothing"]
    assert entered == pytest.approx(account["difference"], abs=1e-4)


@pytest.mark.parametrize("parameters, problem", [
    ({"method": "nothing"}, "attribution method"), ({"target": "nothing"}, "unknown target"), ({"draws": 0}, "draws"),
    ({"draws": 101}, "draws"), ({"metod": "account"}, "metod"), ({"method": None, "target": "긍정"}, "give a method"),
])
def test_what_cannot_be_explained_is_refused_with_a_reason(application, parameters, problem):
    assert problem in ask(application, "/v1/explain", 422, inputs="좋다", parameters=parameters)["error"]


def test_what_if_is_that_of_the_record(application):
    record = application.models.find(None).predictor.explain(TEXTS[1])
    changes = {
        "drop": ([1, 2], record.drop([1, 2])),
        "replace": ({"token": 0, "text": "좋"}, record.replace(0, "좋")),
        "weights": (record.weights[0].tolist(), record),
        "attention": ({"tokens": [3], "share": 0.5}, record.edit(share_of_attention(record.weights[0], [3], 0.5))),
    }
    for name, (value, expected) in changes.items():
        before, after = ask(application, "/v1/what-if", inputs=TEXTS[1], change={name: value})
        assert before["prediction"]["probabilities"] == pytest.approx(record.prediction.probabilities, abs=tolerance(64, 64))
        assert after["prediction"]["probabilities"] == pytest.approx(expected.prediction.probabilities, abs=1e-4)


@pytest.mark.parametrize("change, problem", [
    ({}, "one of"), ({"drop": [0], "attention": {"tokens": [0], "share": 1}}, "one of"), ({"drop": [99]}, "99"),
    ({"drop": [0, 1, 2]}, "leave a token"), ({"replace": {"token": 9, "text": ""}}, "token"),
    ({"weights": [[1, 0]]}, "shape"),
    ({"weights": [["x"]]}, "shape"), ({"attention": {"tokens": [0, 1, 2], "share": 1}}, "leave out at least one token"),
    ({"attention": {"tokens": [7], "share": 1}}, "tokens 0 to 2"), ({"attention": {"tokens": [0], "share": 2}}, "share"),
    ({"weights": [[float(i == j) * 2 for i in range(3)] for j in range(3)]}, "sum to 1"),
])
def test_a_change_that_cannot_be_made_is_refused_with_a_reason(application, change, problem):
    assert problem in ask(application, "/v1/what-if", 422, inputs="정말 재미있다", change=change)["error"]


@given(st.integers(1, 3), st.integers(2, 7), st.data())
def test_a_share_of_attention_is_shared(heads, size, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    weights = rng.dirichlet(np.full(size, 0.1), (heads, size)).astype(np.float32)
    tokens = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=size - 1, unique=True))
    share = data.draw(st.floats(0, 1))
    found = share_of_attention(weights, tokens, share)
    assert np.allclose(found[..., tokens].sum(-1), share) and np.allclose(found.sum(-1), 1) and (found >= 0).all()


PATHS = ["/v1/predict", "/v1/explain", "/v1/what-if", "/v2/models/nsmc/infer", "/page/explain", "/page/export"]
JSON = st.recursive(st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["inputs", "parameters", "model", "top_k", "change", "text", "models", "drop"]),
                        inner, max_size=4), max_leaves=8)


@settings(max_examples=60)
@given(path=st.sampled_from(PATHS),
       body=st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=40)))
def test_a_body_of_another_shape_is_refused_with_a_reason(application, path, body):
    answer = call(application, "POST", path, content=body)
    if answer.status_code != 200:
        assert answer.status_code in (400, 404, 413, 422)
        assert set(answer.json()) == {"error"} and "\n" not in answer.json()["error"]


@pytest.mark.parametrize("body", [
    b'{"inputs": "\\ud800"}', b'{"inputs": "\xff"}', b"[" * 100_000, b'{"inputs": 1e999}', b"", b"null"])
def test_what_is_no_text_is_no_fault_of_ours(application, body):
    assert call(application, "POST", "/v1/predict", content=body).status_code in (400, 422)


def test_too_much_at_once_is_refused(application):
    limits = Limits()
    for path, body in (("/v1/predict", {"inputs": ["가"] * (limits.predicted + 1)}),
                       ("/v1/predict", {"inputs": "가" * (limits.text + 1)}),
                       ("/v1/explain", {"inputs": ["가"] * (limits.explained + 1)}), ("/v1/predict", {"inputs": []})):
        assert call(application, "POST", path, json=body).status_code in (413, 422)
    longest = ask(application, "/v1/predict", inputs="가 나 다 라 " * (limits.text // 8))
    assert longest[0]["label"] in ("0", "1")


def test_an_unknown_model_is_named_among_those_there_are(application):
    assert "'nsmc'" in ask(application, "/v1/predict", 404, inputs="좋다", model="other")["error"]
    [model] = call(application, "GET", "/v1/models").json()
    assert model["name"] == "nsmc" and model["labels"] == ["0", "1"] and "/" not in json.dumps(model)


def test_the_page_s_record_is_that_of_the_offline_page(application):
    from gluonattn.views.page_data import page_data

    data = ask(application, "/page/explain", text=TEXTS[1], models=["nsmc"])
    record = application.models.find(None).predictor.explain(TEXTS[1], "default")
    [expected] = page_data([record])["records"]
    [found] = data["records"]
    assert set(found) == {*expected, "model"} and found["queries"] == json.loads(json.dumps(expected["queries"]))
    assert found["attribution"]["method"] == expected["attribution"]["method"]
    both = ask(application, "/page/explain", text=TEXTS[0], models=["nsmc", "nsmc"])
    assert len(both["records"]) == 2
    page = call(application, "POST", "/page/export", json={"text": TEXTS[0], "models": ["nsmc"], "lang": "en"})
    assert page.headers["content-type"].startswith("text/html") and "Content-Security-Policy" in page.text


@pytest.mark.parametrize("path, body", [
    ("/v1/explain", {"inputs": TEXTS[0], "parameters": {"what_if": True}}),
    ("/v1/what-if", {"inputs": TEXTS[0], "change": {"attention": {"tokens": [0], "share": 1}}}),
    ("/page/explain", {"text": TEXTS[0], "models": ["nsmc"]}), ("/page/export", {"text": TEXTS[0], "models": ["nsmc"]}),
])
def test_what_takes_long_holds_no_other_request_up(application, monkeypatch, path, body):
    """The model computes on its own thread only, and the thread of all requests makes neither records nor pages."""
    from gluonattn.classifier import explanation
    from gluonattn.classifier.forward_steps import ForwardSteps
    from gluonattn.serving import pages

    names: dict[str, set[str]] = {"model": set(), "made": set()}

    def watch(owner, name, kind):
        real = getattr(owner, name)

        def watched(*given, **named):
            names[kind].add(threading.current_thread().name)
            return real(*given, **named)

        monkeypatch.setattr(owner, name, watched)

    watch(explanation, "account_of", "model")
    watch(ForwardSteps, "decide", "model")
    for owner, name in ((AttentionRecord, "to_dict"), (pages, "page_data"), (pages, "to_html")):
        watch(owner, name, "made")
    assert call(application, "POST", path, json=body).status_code == 200
    assert names["model"] == {"gluonattn-model_0"}
    assert names["made"] and threading.current_thread().name not in names["made"]


def test_a_loaded_record_is_the_one_that_was_sent(application):
    [found] = ask(application, "/v1/explain", inputs="정말 재미있다")
    record = AttentionRecord(found["text"], found["queries"], found["keys"], np.array(found["weights"]),
                             source=found["source"], attributions={k: np.array(v) for k, v in found["attributions"].items()})
    assert record.text == "정말 재미있다" and len(record.queries) == 3


def test_the_description_names_every_address_and_its_schemas_resolve(application):
    from gluonattn.serving.app import ROUTES

    described = call(application, "GET", "/openapi.json").json()
    assert described["openapi"].startswith("3.1") and set(described["paths"]) == {route.path for route in ROUTES}
    names = set(described["components"]["schemas"])
    references = set()

    def walk(value):
        if isinstance(value, dict):
            references.add(value.get("$ref", "").rpartition("/")[2])
            list(map(walk, value.values()))
        elif isinstance(value, list):
            list(map(walk, value))

    walk(described)
    assert references - {""} <= names
    operations = [one["operationId"] for path in described["paths"].values() for one in path.values()]
    assert len(set(operations)) == len(operations)
    page = call(application, "GET", "/docs")
    named = ("/v1/predict", "/v2/models/{name}/infer", "PredictRequest")
    assert page.status_code == 200 and all(path in page.text for path in named)


def test_metrics_count_what_was_answered(application):
    def count():
        text = call(application, "GET", "/metrics").text
        start = 'gluonattn_requests_total{route="predict",status="200"}'
        lines = [line for line in text.splitlines() if line.startswith(start)]
        return float(lines[0].split()[-1]) if lines else 0.0

    before = count()
    for _ in range(3):
        ask(application, "/v1/predict", inputs="좋다")
    assert count() == before + 3


def test_msgspec_has_the_bounds_of_the_limits():
    from gluonattn.serving.shapes import PredictRequest

    schema = json.dumps(msgspec.json.schema(PredictRequest))
    assert f'"maxLength": {Limits().text}' in schema and f'"maxItems": {Limits().predicted}' in schema


NAMES = [b"\xff", b"\xea\xb8", "긍정".encode("cp949"), b"<b>x", b"a&b=c", b"%2e%2e", "모델".encode(), b"\\xff", b"a b\n"]


@pytest.mark.parametrize("raw", NAMES, ids=repr)
def test_a_model_in_a_folder_of_any_name_is_served(raw, tmp_path, application):
    from gluonattn.models.checkpoint import save_checkpoint
    from gluonattn.serving.app import Application
    from gluonattn.serving.guard import Rules
    from gluonattn.serving.metrics import Metrics
    from gluonattn.serving.models import Models

    from ..classifier.known import predictor_of

    try:
        folder = save_checkpoint(tmp_path / os.fsdecode(raw), predictor_of({}).checkpoint)
    except CheckpointError:
        pytest.skip("this file system takes no such name")
    metrics = Metrics()
    models = Models([folder], "numpy", Limits(), metrics)
    try:
        served = Application(models, Rules(), metrics)
        [about] = call(served, "GET", "/v1/models").json()
        name = about["name"]
        assert call(served, "GET", "/metrics").status_code == 200
        assert call(served, "GET", f"/v2/models/{quote(name, safe='')}").status_code == 200
        assert ask(served, "/v1/predict", inputs="최고 영화", model=name)[0]["label"] in about["labels"]
        assert ask(served, "/v1/explain", inputs="최고 영화", model=name)[0]["text"] == "최고 영화"
        assert ask(served, "/page/explain", text="최고 영화", models=[name], lang="ko")["records"][0]["model"] == name
        kept = {"text": "최고 영화", "models": [name], "lang": "ko"}
        assert call(served, "POST", "/page/export", json=kept).status_code == 200
    finally:
        models.close()
