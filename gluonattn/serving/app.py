"""The addresses of the server and their functions."""

from __future__ import annotations

from typing import Any, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from . import api, pages, protocol
from .describing import describe_api
from .guard import Guard, Rules
from .metrics import Metrics
from .models import Models


def _route(path: str, endpoint: Callable[..., Any], method: str = "GET") -> Route:
    return Route(path, endpoint, methods=[method])


def _model_routes(prefix: str) -> list[Route]:
    return [_route(f"{prefix}/infer", protocol.infer, "POST"), _route(f"{prefix}/ready", protocol.model_ready),
            _route(prefix, protocol.model)]


async def metrics(request: Request) -> Response:
    """Metrics for Prometheus."""
    return Response(request.scope["app"].metrics.page(), 200, {"cache-control": "no-store"},
                    "text/plain; version=0.0.4; charset=utf-8")


async def openapi(request: Request) -> Response:
    """This description, as OpenAPI 3.1."""
    return api.json_response(describe_api(ROUTES))


async def docs(request: Request) -> Response:
    """The documentation of the API as a page. /openapi.json has the same for programs."""
    return pages.describe_as_page(describe_api(API))


API = [
    _route("/v1/predict", api.predict, "POST"),
    _route("/v1/explain", api.explain, "POST"),
    _route("/v1/what-if", api.what_if, "POST"),
    _route("/v1/models", api.list_models),
    _route("/v2/health/live", protocol.live),
    _route("/v2/health/ready", protocol.ready),
    _route("/v2", protocol.server),
    *_model_routes("/v2/models/{name}"),
    *_model_routes("/v2/models/{name}/versions/{version}"),
    _route("/metrics", metrics),
    _route("/openapi.json", openapi),
]
PAGES = [
    _route("/", pages.page),
    _route("/page/explain", pages.page_explain, "POST"),
    _route("/page/export", pages.page_export, "POST"),
    _route("/docs", docs),
    _route("/assets/{name}", pages.asset),
]
ROUTES = [*API, *PAGES]


_EXACT = {(method, route.path): route.endpoint for route in ROUTES if "{" not in route.path
          for method in route.methods or ()}  # these need no search


class Application(Guard):
    """The whole application: the routes, wrapped in the guard.

    Parameters
    ----------
    models : Models
    rules : Rules
    metrics : Metrics
    """

    def __init__(self, models: Models, rules: Rules, metrics: Metrics):
        super().__init__(self._find, rules, metrics)
        self.models, self._router = models, Router(ROUTES, redirect_slashes=False)

    async def _find(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = _EXACT.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._router(scope, receive, send)
            return
        scope["endpoint"] = endpoint
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)
