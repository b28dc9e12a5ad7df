"""A server in this process, asked without a network, and one in a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading

import pytest

from ..views.conftest import browser, watched_page  # noqa: F401 (a fixture)

NEEDS = "needs the extra serve and httpx: pip install 'gluonattn[serve]' httpx"


@pytest.fixture(scope="session")
def application():
    """The bundled model behind the whole application, without a log."""
    pytest.importorskip("starlette", reason=NEEDS)
    pytest.importorskip("prometheus_client", reason=NEEDS)
    from gluonattn.serving.app import Application
    from gluonattn.serving.guard import Rules
    from gluonattn.serving.limits import Limits
    from gluonattn.serving.metrics import Metrics
    from gluonattn.serving.models import Models

    metrics = Metrics()
    models = Models([], "numpy", Limits(seconds=120), metrics)
    yield Application(models, Rules(), metrics)
    models.close()


@pytest.fixture
def with_rules(application):
    """The same application under other rules."""
    from gluonattn.serving.app import Application
    from gluonattn.serving.guard import Rules

    return lambda **rules: Application(application.models, Rules(**rules), application.metrics)


def call(application, method: str, path: str, **request):
    """The answer of an application to one request."""
    httpx = pytest.importorskip("httpx", reason=NEEDS)

    async def ask():
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            return await client.request(method, path, **request)

    return asyncio.run(ask())


class Running:
    """`gluonattn serve` in a process of its own."""

    def __init__(self, *options: str):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gluonattn", "serve", "--port", "0", "--engine", "numpy", *options], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + self.process.stderr.read()
        self.url = found[0].rstrip("/")
        self.port = int(self.url.rsplit(":", 1)[1])
        self.lines: list[str] = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self._reader.start()

    def stop(self, number: int) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        return code


@pytest.fixture
def start():
    """Starts servers; none is left."""
    pytest.importorskip("uvicorn", reason=NEEDS)
    pytest.importorskip("prometheus_client", reason=NEEDS)
    running = []

    def begin(*options: str) -> Running:
        running.append(Running(*options))
        return running[-1]

    yield begin
    for one in running:
        one.process.kill()
        one.process.wait()


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("uvicorn", reason=NEEDS)
    pytest.importorskip("prometheus_client", reason=NEEDS)
    running = Running()
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def visit(browser, server):  # noqa: F811
    """Opens the page; afterwards nothing was said on the console and no request has gone elsewhere."""
    contexts, wrong = [], []

    def open_(path="/?lang=ko", url=None, **options):
        url = url or server.url
        page = watched_page(browser, contexts, wrong, **{"viewport": {"width": 1280, "height": 900}, **options})
        page.asked = []
        page.on("request", lambda r: page.asked.append(r) if r.url.startswith(url) else
                r.url.startswith(("data:", "blob:")) or wrong.append(r.url))
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.goto(url + path)
        return page

    yield open_, wrong
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(visit):
    found = visit[0]()
    found.wait_for_selector(".panel")
    return found
