"""A proxy that a browser sends every request through: it notes what is asked for and lets nothing out."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# What Firefox asks its maker for by itself, whatever page it shows. A text of the campaign names none of these.
_ITS_OWN = re.compile(r"\S+ (\w+://)?([\w-]+\.)*(mozilla|firefox|mozaws)\.(com|net|org)([:/?]|$)")


class Watch:
    """The requests that reached the proxy and are no browser's own.

    Attributes
    ----------
    port : int
        The proxy listens there at 127.0.0.1.
    asked : list of str
        First lines of requests, such as "CONNECT evil.example:443".
    """

    def __init__(self, port: int) -> None:
        self.port, self.asked = port, []

    def take(self) -> list[str]:
        """What was asked for since the last call."""
        found = self.asked[:]
        del self.asked[: len(found)]
        return found


@contextmanager
def watching() -> Iterator[Watch]:
    """Run the proxy in a thread while the block runs."""

    class Refusing(socketserver.StreamRequestHandler):
        timeout = 20

        def handle(self) -> None:
            try:
                said = self.rfile.readline(65_536).decode("latin-1").strip()
                said = said.rpartition(" HTTP/")[0] or said
                if said and not _ITS_OWN.match(said):
                    watch.asked.append(said)
                self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        server.daemon_threads = True
        watch = Watch(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield watch
        finally:
            server.shutdown()


def through(watch: Watch) -> dict[str, Any]:
    """Preferences with which Firefox sends everything through the proxy, also what goes to this machine.

    Parameters
    ----------
    watch : Watch
    """
    return {
        "network.proxy.type": 1,
        "network.proxy.http": "127.0.0.1",
        "network.proxy.http_port": watch.port,
        "network.proxy.ssl": "127.0.0.1",
        "network.proxy.ssl_port": watch.port,
        "network.proxy.share_proxy_settings": True,
        "network.proxy.no_proxies_on": "",
        "network.proxy.allow_hijacking_localhost": True,
        "network.proxy.failover_direct": False,
    }
