"""Check each request: who may send it, its size and its time. The guard also adds the headers of every answer.

It wraps the whole application (ASGI). A page of another site can make a browser send requests to 127.0.0.1, and with
DNS rebinding it can even read the answers. So a request must name this server by a known address (``Host``). If a page
sent the request, it must be a page of this server (``Origin``, ``Sec-Fetch-Site``).
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import sys
import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import DependencyError, GluonAttnError
from .limits import Limits
from .metrics import Metrics
from .refusals import Refusal

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self' data:; "
          "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
_HEADERS = [(name.encode(), value.encode()) for name, value in {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}.items()]
_OPEN = ("/", "/favicon.ico", "/v2/health/live", "/v2/health/ready")  # allowed without a token: these use no model
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Rules:
    """Who may send requests.

    Attributes
    ----------
    token : str or None
        The secret in ``Authorization: Bearer``. None requires no secret.
    hosts : collection of str
        Names of the server besides localhost, 127.0.0.1 and ::1.
    any_address : bool, default False
        Whether every IP address is accepted too. For servers that listen on more than loopback. It is safe:
        DNS rebinding needs a name.
    limits : Limits
    log : callable or None
        Called with a line for each request.
    log_texts : bool, default False
        Whether the line contains the texts.
    """

    token: str | None = None
    hosts: Collection[str] = ()
    any_address: bool = False
    limits: Limits = field(default_factory=Limits)
    log: Callable[[str], None] | None = None
    log_texts: bool = False


class Guard:
    """An ASGI application around another one.

    Parameters
    ----------
    app : callable
    rules : Rules
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, rules: Rules, metrics: Metrics):
        self.app, self.rules, self.metrics = app, rules, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        scope["app"] = self  # makes Starlette's router raise errors instead of answering them
        status = 0
        guarded = _Body(receive, self.rules.limits)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        try:
            self._admit(scope)
            with guarded:
                await self.app(scope, guarded.receive, answer)
        except ClientDisconnect:
            status = status or 499
        except Exception as error:
            refusal = _refusal_of(error)
            if status:  # the answer has begun, so no other can be sent
                raise
            # An unread body would be taken for the next request.
            await _send(answer, refusal, close=not guarded.read and scope["method"] not in ("GET", "HEAD"))
        finally:
            self._note(scope, status, time.perf_counter() - start)

    def _admit(self, scope: Scope) -> None:
        """Raise Refusal unless the request may be answered."""
        headers = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1:
            raise Refusal(400, f"expected one Host header, got {len(hosts)}.")
        host = hosts[0].decode("latin-1").lower()
        if not self._knows(host):
            raise Refusal(403, "this server does not have the name in the Host header. Use the address that it printed "
                               "when it started, or start it with --allow-host NAME.")
        sent = {name: value.decode("latin-1") for name, value in headers
                if name in (b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"authorization")}
        origin = sent.get(b"origin")
        if origin is not None and origin.lower().partition("://")[2] != host:
            raise Refusal(403, "a page of another origin sent this request; this server answers only its own page.")
        navigates = scope["method"] == "GET" and sent.get(b"sec-fetch-mode") == "navigate"
        if sent.get(b"sec-fetch-site", "none") in ("cross-site", "same-site") and not navigates:
            raise Refusal(403, "a page of another site sent this request; this server answers only its own page.")
        path = scope["path"]
        if self.rules.token is not None and path not in _OPEN and not path.startswith("/assets/"):
            kind, _, given = sent.get(b"authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self.rules.token.encode()):
                raise Refusal(401, "a token is required: send the server's token as `Authorization: Bearer "
                                   "TOKEN`.", {"www-authenticate": "Bearer"})

    def _knows(self, host: str) -> bool:
        name = host_name(host)
        if name is None:
            return False
        if name in _LOCAL or name in self.rules.hosts:
            return True
        return self.rules.any_address and _is_address(name)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("endpoint"), "__name__", "none")
        self.metrics.answered(route, status, seconds)
        if self.rules.log is None:
            return
        client = scope.get("client")
        line: dict[str, Any] = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "method": scope["method"],
            "route": route, "status": status, "ms": round(1000 * seconds, 2), "client": client[0] if client else None,
            "texts": scope.get("gluonattn.count", 0),
        }
        if self.rules.log_texts:
            line["text"] = scope.get("gluonattn.texts", [])
        self.rules.log(_encode(line).decode())


def host_name(host: str) -> str | None:
    """The name in a Host header, in lower case and without the port. None if the header is malformed.

    >>> host_name("[::1]:8000"), host_name("localhost"), host_name("a:b:c")
    ('::1', 'localhost', None)
    """
    host = host.lower()
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        port = port[1:] if port.startswith(":") else port and "x"
    else:
        name, closed, port = host.partition(":")
        closed = "]"
    good = name and closed and (not port or (port.isascii() and port.isdecimal()))
    return name if good else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class _Body:
    """A request's body, with limits on its bytes and on the time until it has arrived."""

    def __init__(self, receive: Receive, limits: Limits):
        self._receive, self._limits, self._bytes = receive, limits, 0
        self.read = self._late = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> None:
        """Start to limit. The timer starts with the first read."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()
        if kind is asyncio.CancelledError and self._late:
            if hasattr(self._task, "uncancel"):  # Python 3.11 and later
                self._task.uncancel()  # type: ignore[union-attr]
            raise Refusal(408, f"the request did not arrive completely within {self._limits.sending:g} s.") from None

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._late = True
        self._task.cancel()  # type: ignore[union-attr]

    async def receive(self) -> Message:
        if self.read:
            return await self._receive()
        if self._timer is None:
            self._task = asyncio.current_task()
            self._timer = asyncio.get_running_loop().call_later(self._limits.sending, self._expire)
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            if self._bytes > self._limits.body:
                raise Refusal(413, f"the body has more than {self._limits.body} bytes: send the texts in several requests.")
        if not message.get("more_body", False):
            self.read = True
            self._stop()
        return message


def _refusal_of(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):  # raised by Starlette's router
        reason = {404: "unknown address: GET /docs lists the addresses.",
                  405: "this address does not allow the method: GET /docs lists them."}.get(error.status_code, error.detail)
        return Refusal(error.status_code, reason, error.headers)
    if isinstance(error, GluonAttnError) and not isinstance(error, DependencyError):
        return Refusal(422, str(error))
    # A bug of the server. The operator sees its place. The message may contain a text and is not shown.
    places = traceback.extract_tb(error.__traceback__)[-4:]
    where = "; ".join(f"{place.filename}:{place.lineno} {place.name}" for place in places)
    print(f"internal error: {type(error).__name__} at {where}", file=sys.stderr, flush=True)
    return Refusal(500, "internal error; the server's standard error has its place in the code.")


async def _send(send: Send, refusal: Refusal, close: bool) -> None:
    content = json.dumps({"error": refusal.reason}, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"content-type": "application/json", "content-length": str(len(content)), "cache-control": "no-store",
               **refusal.headers, **({"connection": "close"} if close else {})}
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": pairs})
    await send({"type": "http.response.body", "body": content})
