"""Listen for requests, and stop without losing accepted ones."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import GluonAttnError, OptionError
from .app import Application
from .guard import Rules, _is_address
from .limits import Limits
from .metrics import Metrics
from .models import Models

LEAST_TOKEN = 16  # characters
_GRACE = 30  # seconds for accepted requests after the signal to stop
_BACKLOG = 2048


@dataclass(frozen=True)
class Options:
    """Options of a server.

    Attributes
    ----------
    models : sequence of pathlib.Path
        Checkpoint folders. If empty, the bundled model is served.
    host : str, default "127.0.0.1"
    port : int, default 8000
        0 takes a free port.
    token : str or None
        The secret that clients must send.
    no_token : bool, default False
        Whether other machines may send requests without a token.
    allow_hosts : sequence of str
        Names that clients use for the server, for example behind a proxy.
    engine : str, default "auto"
    limits : Limits
    log : callable or None
        Called with one line for each request. None writes no access log.
    log_texts : bool, default False
        Whether these lines contain the texts.
    """

    models: Sequence[Path] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    no_token: bool = False
    allow_hosts: Sequence[str] = ()
    engine: str = "auto"
    limits: Limits = field(default_factory=Limits)
    log: Callable[[str], None] | None = None
    log_texts: bool = False


def is_loopback(host: str) -> bool:
    """Whether only the machine itself can reach a server at this address."""
    return host in ("localhost", "::1") or (host.startswith("127.") and _is_address(host))


def rules_of(options: Options) -> Rules:
    """The access rules of a server. Raises OptionError if other machines could send requests without a token.

    Parameters
    ----------
    options : Options
    """
    alone = is_loopback(options.host)
    if not alone and options.token is None and not options.no_token:
        raise OptionError(f"--host {options.host} can be reached from other machines: give a --token that clients must send "
                          "(python -c 'import secrets; print(secrets.token_urlsafe())' makes one), or --no-token if "
                          "everyone who reaches the server may use it.")
    if options.token is not None and options.no_token:
        raise OptionError("--token and --no-token exclude each other: leave one out.")
    if options.token is not None and not (len(options.token) >= LEAST_TOKEN and options.token.isascii()
                                          and options.token.isprintable() and " " not in options.token):
        raise OptionError(f"a --token needs at least {LEAST_TOKEN} characters, printable ASCII without spaces; this one has "
                          f"{len(options.token)}. python -c 'import secrets; print(secrets.token_urlsafe())' makes one.")
    names = {host.lower() for host in (*options.allow_hosts, *([] if _is_address(options.host) else [options.host]))}
    return Rules(options.token, names, not alone, options.limits, options.log, options.log_texts)


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket. Raises OptionError if the address cannot be used.

    Parameters
    ----------
    host : str
    port : int
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(_BACKLOG)
        except BaseException:
            made.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        raise OptionError(f"cannot listen at {host} port {port}: {getattr(error, 'strerror', None) or error}. Give another "
                          "--port (0 chooses a free port) or --host.") from None
    made.setblocking(False)
    return made


def url_of(listening: socket.socket) -> str:
    """The address for a browser on this machine."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (it is only compared, not bound)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a time limit for a request's headers. uvicorn itself has none."""

    sending = Limits.sending  # seconds
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()  # the next request on a persistent connection, unless its headers arrived at once

    def on_headers_complete(self) -> None:
        self._stop()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self.sending, self._expire)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server, but the signal that stopped it is not raised again, and SIGHUP reloads the models.

    Parameters
    ----------
    config : uvicorn.Config
    models : Models
    started : callable
        Called when the server accepts requests and handles signals.
    """

    def __init__(self, config: uvicorn.Config, models: Models, started: Callable[[], None]):
        super().__init__(config)
        self._models, self._started = models, started
        self._reloading: asyncio.Task[Any] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        handlers = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            yield
        finally:
            if hasattr(signal, "SIGHUP"):
                loop.remove_signal_handler(signal.SIGHUP)
            for one, handler in handlers.items():
                signal.signal(one, handler)

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    def _reload(self) -> None:
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.get_running_loop().create_task(self._read_models())

    async def _read_models(self) -> None:
        try:
            await self._models.reload()
        except GluonAttnError as error:
            print(f"reload failed, the models were not changed: {error}", file=sys.stderr, flush=True)
        else:
            print("reloaded", file=sys.stderr, flush=True)


def serve(options: Options, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. Requests accepted by then are answered.

    Parameters
    ----------
    options : Options
    say : callable
        Called with one line that contains the address, when a browser can open it.
    """
    rules_of(options)
    with contextlib.closing(listen(options.host, options.port)) as listening:
        run(options, listening, say)


def run(options: Options, listening: socket.socket, say: Callable[[str], None]) -> None:
    """Serve at a listening socket, like `serve`.

    Parameters
    ----------
    options : Options
    listening : socket.socket
    say : callable
        As for `serve`.
    """
    metrics = Metrics()
    models = Models(options.models, options.engine, options.limits, metrics)
    application = Application(models, rules_of(options), metrics)
    for served in models.all.values():  # warm up, so that the first request does not wait for caches to be filled
        served.predictor.explain("준비", "default")
    protocol = type("_Protocol", (Protocol,), {"sending": options.limits.sending})
    config = uvicorn.Config(application, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False,
                            timeout_keep_alive=round(options.limits.idle), timeout_graceful_shutdown=_GRACE,
                            server_header=False, proxy_headers=False, backlog=_BACKLOG)
    address = f"{', '.join(models.all)}: {url_of(listening)}"
    try:
        Server(config, models, lambda: say(address)).run([listening])
    finally:
        models.close()
