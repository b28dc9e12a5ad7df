"""The Open Inference Protocol, version 2, over HTTP. KServe and Triton clients use it.

https://github.com/kserve/open-inference-protocol. The binary form of tensors is Triton's extension
``binary_tensor_data``. There is one input, the texts, and two outputs, their labels and probabilities.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from .. import __version__
from .api import encode_json, json_response, models_of, note_texts
from .models import Served
from .refusals import Refusal
from .shapes import InferInput, InferOutput, InferRequest, read, require_bounds

_LENGTH = "inference-header-content-length"
_VERSION = "1"


async def server(request: Request) -> Response:
    """Name, version and extensions of the server."""
    return json_response({"name": "gluonattn", "version": __version__, "extensions": ["binary_tensor_data"]})


async def live(request: Request) -> Response:
    """Whether the server is running."""
    return json_response({"live": True})


async def ready(request: Request) -> Response:
    """Whether every model is ready. This is always true: a server listens only after its models are loaded."""
    return json_response({"ready": True})


async def model(request: Request) -> Response:
    """Inputs and outputs of a model."""
    served = _find(request)
    count = len(served.predictor.labels)
    return json_response({
        "name": served.name, "versions": [_VERSION], "platform": f"gluonattn_{served.predictor.engine}",
        "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": "label", "datatype": "BYTES", "shape": [-1]},
                    {"name": "probabilities", "datatype": "FP32", "shape": [-1, count]}],
    })


async def model_ready(request: Request) -> Response:
    """Whether a model is ready."""
    return json_response({"name": _find(request).name, "ready": True})


async def infer(request: Request) -> Response:
    """Label texts. Tensors are in the JSON, or bytes after it."""
    served = _find(request)
    body = await request.body()
    length = _header_length(request, len(body))
    asked: InferRequest = read(body[:length], InferRequest)
    texts = _texts(asked.inputs[0], body[length:], request.scope["app"].rules.limits.predicted)
    require_bounds(texts, request.scope["app"].rules.limits.predicted, served.limits.text)
    note_texts(request, texts)
    wanted = asked.outputs or [InferOutput(name) for name in ("label", "probabilities")]
    for one in wanted:
        if one.name not in ("label", "probabilities"):
            raise Refusal(422, f"there is no output {one.name!r:.60}: expected label or probabilities.")
    found = await served.predict(texts)
    labels = served.predictor.labels
    values: dict[str, Any] = {
        "label": [one.label or "" for one in found],
        # A text without a visible character has no probabilities. A tensor needs numbers, and 0 belongs to no label.
        "probabilities": np.array([[one.probabilities.get(label, 0.0) for label in labels] for one in found], np.float32),
    }
    everywhere = asked.parameters.get("binary_data_output") is True
    tensors, parts = [], []
    for one in wanted:
        tensor, content = _output(one, values[one.name], everywhere)
        tensors.append(tensor)
        parts += [content] if content is not None else []
    answer = {"model_name": served.name, "model_version": _VERSION, **({"id": asked.id} if asked.id else {}),
              "outputs": tensors}
    if not parts:
        return json_response(answer)
    header = encode_json(answer)
    return Response(b"".join([header, *parts]), 200, {"cache-control": "no-store", _LENGTH: str(len(header))},
                    "application/octet-stream")


def _find(request: Request) -> Served:
    version = request.path_params.get("version", _VERSION)
    if version != _VERSION:
        raise Refusal(404, f"models have only the version {_VERSION}; got {version!r:.20}.")
    return models_of(request).find(request.path_params["name"])


def _header_length(request: Request, size: int) -> int:
    given = request.headers.get(_LENGTH)
    if given is None:
        return size
    if not (given.isascii() and given.isdecimal()) or len(given) > 12 or int(given) > size:
        raise Refusal(400, f"{_LENGTH} must be a number of bytes, at most the body's {size}; got {given!r:.40}.")
    return int(given)


def _texts(tensor: InferInput, raw: bytes, most: int) -> list[str]:
    """Return the texts of the input tensor."""
    if tensor.name != "text" or tensor.datatype != "BYTES":
        raise Refusal(422, f"expected the input `text` (BYTES), got {tensor.name!r:.60} ({tensor.datatype!r:.20}).")
    if not tensor.shape or (len(tensor.shape) > 1 and tensor.shape[1:] != [1]):
        raise Refusal(422, f"expected the shape [N] or [N, 1], got {tensor.shape!s:.60}.")
    if tensor.shape[0] < 1 or tensor.shape[0] > most:
        raise Refusal(413, f"expected 1 to {most} texts in a request, got {tensor.shape[0]}: send several requests.")
    if "binary_data_size" in tensor.parameters:
        texts = _unpack(raw, tensor.parameters["binary_data_size"])
    else:
        texts = [text for row in tensor.data or [] for text in (row if isinstance(row, list) else [row])]
        if not all(isinstance(text, str) for text in texts):
            raise Refusal(422, "expected strings in the data of `text`.")
    if len(texts) != tensor.shape[0]:
        raise Refusal(422, f"the shape of `text` says {tensor.shape[0]} texts, but its data has {len(texts)}.")
    return texts


def _unpack(raw: bytes, size: Any) -> list[str]:
    """Read strings in Triton's binary form: for each its length (4 bytes, little-endian), then its bytes."""
    if size != len(raw):
        raise Refusal(422, f"`text` has {size!r:.20} bytes of binary data, but {len(raw)} follow the JSON.")
    texts, at = [], 0
    while at < len(raw):
        end = at + 4
        if end > len(raw) or (end := end + struct.unpack_from("<I", raw, at)[0]) > len(raw):
            raise Refusal(422, "the binary data of `text` is incomplete: expected for each text a length of 4 bytes, then "
                               "as many bytes.")
        try:
            texts.append(raw[at + 4 : end].decode("utf-8"))
        except UnicodeDecodeError:
            raise Refusal(422, f"text {len(texts)} (counted from 0) is not UTF-8.") from None
        at = end
    return texts


def _output(asked: InferOutput, values: Any, everywhere: bool) -> tuple[dict[str, Any], bytes | None]:
    """Return an output's description with its data in it, or its description and its data as bytes."""
    text = asked.name == "label"
    tensor: dict[str, Any] = {"name": asked.name, "datatype": "BYTES" if text else "FP32",
                              "shape": [len(values)] if text else list(values.shape)}
    if asked.parameters.get("binary_data", everywhere) is not True:
        return {**tensor, "data": values if text else [float(value) for value in values.reshape(-1)]}, None
    if text:
        encoded = [value.encode("utf-8") for value in values]
        content = b"".join(struct.pack("<I", len(one)) + one for one in encoded)
    else:
        content = values.astype("<f4").tobytes()
    return {**tensor, "parameters": {"binary_data_size": len(content)}}, content
