"""The JSON API: predict, explain and what-if."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ..classifier.explanation import Explanation
from .models import Models, Served
from .shapes import ExplainRequest, PredictRequest, WhatIfRequest, read, require_bounds

_encode = msgspec.json.Encoder().encode


def encode_json(value: Any) -> bytes:
    """A value as JSON. Half characters, such as those of a folder's name, are escapes in it."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response that must not be cached.

    Parameters
    ----------
    value : JSON value
    status : int, default 200
    headers : dict or None
        Additional headers.
    """
    return Response(encode_json(value), status, {"cache-control": "no-store", **(headers or {})}, "application/json")


def models_of(request: Request) -> Models:
    """The models of the server that received this request."""
    result: Models = request.scope["app"].models
    return result


async def texts_of(request: Request, kind: type[Any], most: int) -> tuple[Any, list[str], Served]:
    """Return a request's body, its texts as a list, and its model. The texts are kept for the access log.

    Parameters
    ----------
    request : Request
    kind : type
        The type of the body, from `shapes`.
    most : int
        Maximum number of texts.
    """
    asked = read(await request.body(), kind)
    texts = [asked.inputs] if isinstance(asked.inputs, str) else asked.inputs
    served = models_of(request).find(asked.model)
    require_bounds(texts, most, served.limits.text)
    note_texts(request, texts)
    return asked, texts, served


def note_texts(request: Request, texts: list[str]) -> None:
    """Keep texts for the access log, which shows them only with --log-texts.

    Parameters
    ----------
    request : Request
    texts : list of str
    """
    request.scope["gluonattn.count"], request.scope["gluonattn.texts"] = len(texts), texts


def names_of(served: Served) -> dict[str, str]:
    """The readable names of a model's labels."""
    result: dict[str, str] = served.predictor.config.get("label_names", {})
    return result


async def predict(request: Request) -> Response:
    """Label texts. Request and answer have the form of Hugging Face's text-classification pipeline.

    Without `top_k` the answer is a list with the best label of each text. With it, the answer is a list of labels for one
    text, and a list of such lists for several. A text without a visible character has the label null.
    """
    asked, texts, served = await texts_of(request, PredictRequest, request.scope["app"].rules.limits.predicted)
    names, top = names_of(served), asked.parameters.top_k
    found = []
    for one in await served.predict(texts):
        ranked = sorted(one.probabilities.items(), key=lambda pair: -pair[1])[: top or 1]
        labels = [{"label": label, "score": score, "name": names.get(label, label)} for label, score in ranked]
        found.append(labels or [{"label": None, "score": None, "name": None}])
    if top is None:
        return json_response([labels[0] for labels in found])
    return json_response(found[0] if isinstance(asked.inputs, str) else found)


async def explain(request: Request) -> Response:
    """Explain texts: a record for each text, as `AttentionRecord.to_dict` returns it, with attribution and account."""
    asked, texts, served = await texts_of(request, ExplainRequest, request.scope["app"].rules.limits.explained)
    parameters = asked.parameters
    return json_response(await served.explain(texts, parameters.method, parameters.target, parameters.draws,
                                              parameters.what_if, encode_record))


async def what_if(request: Request) -> Response:
    """Explain a text before and after a change. The answer has two records."""
    asked, texts, served = await texts_of(request, WhatIfRequest, 1)
    return json_response(await served.change(texts[0], asked.change.read(), encode_record))


def encode_record(record: Explanation) -> msgspec.Raw:
    """A record as JSON."""
    return msgspec.Raw(encode_json(record.to_dict()))


async def list_models(request: Request) -> Response:
    """List the served models: name, labels, engine and tokenizer."""
    return json_response([describe(served) for served in models_of(request).all.values()])


def describe(served: Served) -> dict[str, Any]:
    """The properties of a model that clients may see. Its folder is not among them."""
    predictor = served.predictor
    return {"name": served.name, "labels": predictor.labels, "label_names": names_of(served), "engine": predictor.engine,
            "tokenizer": predictor.tokenizer.name, "cell": predictor.config["model"].get("cell"),
            "max_tokens": predictor.max_length, "method": predictor.default_method}
