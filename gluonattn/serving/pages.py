"""The interactive page, and the requests that it sends to the server.

It uses the scripts and style of the offline page; `assets/live.js` adds the text field. The server sends records in the
form that the offline page contains, and the same scripts draw them.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..classifier.explanation import Explanation
from ..views.page import to_html
from ..views.page_data import dumps, page_data
from .api import models_of, note_texts
from .page_files import LANGUAGES, live_page, page_files, templates
from .refusals import Refusal
from .shapes import PageRequest, read, require_bounds

_PAGES = {lang: f"/?lang={lang}" for lang in LANGUAGES}
DRAWS = 25  # random draws while the user types: a quarter of the usual number takes a quarter of the time


def assets() -> dict[str, tuple[bytes, str]]:
    """The content and type of every file that the page loads, by name."""
    return page_files("asking.js")


async def asset(request: Request) -> Response:
    """A script, style or font of the page."""
    name = request.path_params["name"]
    if name not in assets():
        raise Refusal(404, "the page has no file of this name.")
    content, kind = assets()[name]
    return Response(content, 200, {"cache-control": "no-cache"}, kind)


async def page(request: Request) -> Response:
    """The interactive page. `?lang=en` selects English."""
    return _html(live_page(_language(request), folder="/assets/", pages=_PAGES, api="/docs"))


def describe_as_page(described: dict[str, Any]) -> Response:
    """Show an OpenAPI document as a page."""
    return _html(templates().get_template("docs.html").render(
        paths=described["paths"], schemas={name: _pretty(one) for name, one in described["components"]["schemas"].items()}))


async def page_explain(request: Request) -> Response:
    """The records that the page shows: one for each model, or two for one model, before and after a change."""
    asked, records = await _records(request)
    data = await asyncio.to_thread(page_data, records, lang=asked.lang)
    names = asked.models if asked.change is None else asked.models * 2
    for entry, name in zip(data["records"], names):
        entry["model"] = name
    return Response(dumps(data).encode("utf-8"), 200, {"cache-control": "no-store"}, "application/json")


async def page_export(request: Request) -> Response:
    """The same records as one offline page."""
    asked, records = await _records(request)
    return _html(await asyncio.to_thread(to_html, records, lang=asked.lang))  # cutting a font takes long


async def _records(request: Request) -> tuple[PageRequest, list[Explanation]]:
    asked = read(await request.body(), PageRequest)
    served = [models_of(request).find(name) for name in asked.models]
    require_bounds([asked.text], 1, served[0].limits.text)
    note_texts(request, [asked.text])
    if asked.change is not None:
        if len(served) > 1:
            raise Refusal(422, "expected one model for a change, got several.")
        return asked, await served[0].change(asked.text, asked.change.read())
    return asked, [record for one in served for record in await one.explain([asked.text], draws=DRAWS)]


def _html(content: str) -> Response:
    return Response(content.encode("utf-8"), 200, {"cache-control": "no-store"}, "text/html; charset=utf-8")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


def _language(request: Request) -> str:
    given = request.query_params.get("lang")
    if given in ("ko", "en"):
        result: str = given
        return result
    accepted = request.headers.get("accept-language", "ko").lower()
    return "ko" if "ko" in accepted or accepted.strip() in ("", "*") else "en"
