"""The OpenAPI document, made from the types that check requests and the docstrings of the routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.routing import Route

from .. import __version__
from .shapes import ExplainRequest, InferRequest, Label, PageRequest, PredictRequest, Problem, WhatIfRequest

_BODIES = {"predict": PredictRequest, "explain": ExplainRequest, "what_if": WhatIfRequest, "infer": InferRequest,
           "page_explain": PageRequest, "page_export": PageRequest}
_REFUSALS = {
    "400": "Not JSON, or no Host header.", "401": "A token is required.", "403": "Wrong host or origin.",
    "404": "No such address or model.", "408": "The request arrived too slowly.", "413": "The request is too large.",
    "422": "The body has the wrong form, or contains nothing that can be computed.",
    "503": "The server is busy. Retry-After says when to try again.",
}
_KINDS = {"metrics": "text/plain", "page": "text/html", "docs": "text/html", "page_export": "text/html"}


def operation_id(route: Route) -> str:
    """A unique name for a route."""
    words = re.sub(r"[^a-z0-9]+", " ", route.path.replace("{", "").replace("}", "")).split()
    name = route.endpoint.__name__
    return f"{name}_version" if "version" in words else name


def describe_api(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the given routes.

    Parameters
    ----------
    routes : sequence of starlette.routing.Route
    """
    template = "#/components/schemas/{name}"
    kinds = [*_BODIES.values(), Label, Problem]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=template)
    known = dict(zip(kinds, schemas))
    problem = {"application/json": {"schema": known[Problem]}}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        method = next(iter((route.methods or {"GET"}) - {"HEAD"})).lower()
        name = operation_id(route)
        summary, _, more = (route.endpoint.__doc__ or "").strip().partition("\n\n")
        kind = _KINDS.get(name, "application/json")
        operation: dict[str, Any] = {
            "operationId": name,
            "summary": " ".join(summary.split()),
            **({"description": " ".join(more.split())} if more else {}),
            "responses": {"200": {"description": "The answer.", "content": {kind: {"schema": _answer(name, known)}}},
                          **{status: {"description": why, "content": problem} for status, why in _REFUSALS.items()}},
        }
        if name.startswith("infer") or name in _BODIES:
            body = known[_BODIES["infer" if name.startswith("infer") else name]]
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        if route.path.startswith("/assets"):
            operation["responses"]["200"]["content"] = {"*/*": {"schema": {}}}
        parameters = [{"name": one, "in": "path", "required": True, "schema": {"type": "string"}}
                      for one in re.findall(r"{(\w+)}", route.path)]
        if parameters:
            operation["parameters"] = parameters
        paths.setdefault(route.path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "gluonattn", "version": __version__, "description":
                 "Labels of Korean texts, with the model's attention. Errors are `{\"error\": reason}`."},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _answer(name: str, known: dict[Any, Any]) -> dict[str, Any]:
    if name != "predict":
        return {}
    some = {"type": "array", "items": known[Label]}
    return {"anyOf": [some, {"type": "array", "items": some}]}
