"""The Open Inference Protocol: tensors as JSON and as bytes, and Triton's own client."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..tolerance import tolerance
from .conftest import NEEDS, call

pytest.importorskip("starlette", reason=NEEDS)

pytestmark = pytest.mark.serve
INFER = "/v2/models/nsmc/infer"
TEXTS = ["정말 재미있다", "별로다", "최악"]


def tensor(texts, **more):
    return {"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": texts, **more}


def test_health_and_metadata(application):
    assert call(application, "GET", "/v2/health/live").json() == {"live": True}
    assert call(application, "GET", "/v2/health/ready").json() == {"ready": True}
    assert call(application, "GET", "/v2").json()["name"] == "gluonattn"
    model = call(application, "GET", "/v2/models/nsmc").json()
    assert [one["name"] for one in model["inputs"] + model["outputs"]] == ["text", "label", "probabilities"]
    assert call(application, "GET", "/v2/models/nsmc/versions/1/ready").json() == {"name": "nsmc", "ready": True}
    assert call(application, "GET", "/v2/models/nsmc/versions/2").status_code == 404
    assert call(application, "GET", "/v2/models/other").status_code == 404


def test_infer_gives_what_predict_gives(application):
    expected = application.models.find(None).predictor.predict(TEXTS)
    for one in (tensor(TEXTS), tensor(TEXTS, shape=[3, 1]), tensor([[text] for text in TEXTS], shape=[3, 1])):
        answer = call(application, "POST", INFER, json={"id": "7", "inputs": [one]}).json()
        assert (answer["model_name"], answer["id"]) == ("nsmc", "7")
        label, probabilities = answer["outputs"]
        assert label == {"name": "label", "datatype": "BYTES", "shape": [3], "data": [p.label for p in expected]}
        assert probabilities["shape"] == [3, 2]
        assert probabilities["data"] == pytest.approx([p for one in expected for p in one.probabilities.values()],
                                                      abs=tolerance(64, 64))
    asked = {"inputs": [tensor(TEXTS)], "outputs": [{"name": "label"}]}
    [only] = call(application, "POST", INFER, json=asked).json()["outputs"]
    assert only == label


@pytest.mark.parametrize("change, problem", [
    ({"shape": [2]}, "says 2"), ({"datatype": "FP32"}, "BYTES"), ({"name": "x"}, "`text`"), ({"shape": [3, 2]}, "shape"),
    ({"shape": []}, "shape"), ({"data": [1, 2, 3]}, "strings"), ({"data": None}, "data has 0"),
    ({"shape": [10**9]}, "at most|1 to"),
    ({"parameters": {"binary_data_size": 5}}, "0 follow"),
])
def test_a_tensor_that_does_not_fit_is_refused(application, change, problem):
    answer = call(application, "POST", INFER, json={"inputs": [{**tensor(TEXTS), **change}]})
    assert answer.status_code in (413, 422)
    import re

    assert re.search(problem, answer.json()["error"])


@settings(max_examples=40)
@given(raw=st.binary(max_size=40), length=st.one_of(st.none(), st.integers(0, 400).map(str), st.text("0x-. ", max_size=4)))
def test_binary_data_that_is_damaged_is_refused(application, raw, length):
    header = json.dumps({"inputs": [tensor([], shape=[1], parameters={"binary_data_size": len(raw)})]}).encode()
    answer = call(application, "POST", INFER, content=header + raw, headers={
        "inference-header-content-length": str(len(header)) if length is None else length})
    whole = len(raw) >= 4 and struct.unpack_from("<I", raw)[0] == len(raw) - 4
    assert answer.status_code in ((200, 422) if whole and length is None else (400, 413, 422))


def test_triton_s_own_client_works_unchanged(start):
    triton = pytest.importorskip("tritonclient.http", reason="needs Triton's client: pip install 'tritonclient[http]'")
    client = triton.InferenceServerClient(url=start().url.partition("://")[2])
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("nsmc")
    assert client.is_model_ready("nsmc", "1")
    assert client.get_model_metadata("nsmc")["outputs"][0]["name"] == "label"
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    answers = []
    for binary in (True, False):
        asked = triton.InferInput("text", [len(TEXTS)], "BYTES")
        asked.set_data_from_numpy(np.array([text.encode() for text in TEXTS], dtype=object), binary_data=binary)
        outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("label", "probabilities")]
        found = client.infer("nsmc", [asked], outputs=outputs, request_id="1")
        answers.append((found.as_numpy("label").tolist(), found.as_numpy("probabilities")))
        plain = client.infer("nsmc", [asked])
        assert plain.as_numpy("label").shape == (3,)
    assert [one if isinstance(one, bytes) else one.encode() for one in answers[0][0]] == [b"1", b"0", b"0"]
    assert np.allclose(answers[0][1], answers[1][1]) and answers[0][1].shape == (3, 2)
    with pytest.raises(triton.InferenceServerException, match="no model"):
        client.get_model_metadata("other")
