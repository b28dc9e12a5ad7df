"""Part `server`: a real `gluonattn serve` gets hostile and malformed requests: no 5xx, no leak, and it still answers."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from _cases import Fault
from _command import running_server
from _texts import text

SECONDS, START, SHRINK = 60.0, 120.0, 15.0
SHORT = 60  # cases of the short form
PATHS = [
    "/v1/predict",
    "/v1/explain",
    "/v1/what-if",
    "/page/explain",
    "/page/export",
    "/v2/models/nsmc/infer",
    "/v2/models/nsmc",
    "/v2/models/%00/versions/1/infer",
    "/v2/health/live",
    "/v2",
    "/openapi.json",
    "/metrics",
    "/",
    "/docs",
    "/v1/models",
    "/assets/../../../../etc/passwd",
    "/assets/%2e%2e%2f%2e%2e%2fserver.py",
    "/%2e%2e/etc/passwd",
    "/?lang=%00",
    "/no/such",
]
_ODD: list[Any] = [
    None,
    True,
    -1,
    2**63,
    1e308,
    "",
    "x",
    [],
    [[]],
    {},
    {"a": {}},
    "\ud800",
    "default",
    "leave-one-out",
    ["a"] * 5,
]
BROKEN = ["cut", "not json", "deep", "big", "binary", "slow", "no length", "pipelined"]
HEADERS = [
    {"Host": "evil.example"},
    {"Origin": "https://evil.example"},
    {"Content-Type": "text/plain"},
    {"Content-Length": "-1"},
    {"Transfer-Encoding": "chunked"},
]
_MOST_GROWTH = 600 << 20  # bytes beyond what it held after the first answers


def missing() -> str | None:
    absent = [name for name in ("starlette", "uvicorn", "prometheus_client") if not find_spec(name)]
    return f"{', '.join(absent)} not installed (pip install 'gluonattn[serve]')" if absent else None


def draw(random: Random) -> Any:
    """A request that this server answers, mostly with one thing or two wrong with it."""
    path = random.choice(PATHS[:6] if random.random() < 0.8 else PATHS)
    some = text(random, 60)
    body: Any = {"inputs": random.choice([some, [text(random, 30) for _ in range(random.randrange(1, 5))]])}
    if path == "/v1/explain":
        body["parameters"] = {"method": random.choice(["default", "account", "attention", None]), "draws": 5}
    elif path == "/v1/what-if":
        change = random.choice([{"drop": [0]}, {"replace": {"token": 0, "text": text(random, 9)}}, {"weights": _ODD[7]},
                                {"attention": {"tokens": [0], "share": 0.5}}])
        body = {"inputs": some, "change": change}
    elif path.startswith("/page"):
        body = {"text": some, "models": ["nsmc"], "lang": random.choice(["ko", "en"])}
    elif path.endswith("infer"):
        body = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": [some]}]}
    if random.random() < 0.5:
        place = body
        while isinstance(place[name := random.choice(sorted(place))], dict) and random.random() < 0.7:
            place = place[name]
        place[random.choice([name, name, "another"])] = random.choice(_ODD)
    wrong = random.random() < 0.3
    return {
        "path": path,
        "body": body,
        "method": "POST" if random.random() < 0.9 else random.choice(["GET", "PUT", "DELETE", "OPTIONS"]),
        "raw": random.choice(BROKEN) if wrong else "",
        "headers": {} if random.random() < 0.8 else random.choice(HEADERS),
    }


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    with running_server(folder) as (process, address, lines):
        for _ in range(3):
            _ask(address, "POST", "/v1/predict", b'{"inputs": "good"}', {})
        first = _memory(process.pid)
        yield lambda case: _check(case, address, process, lines, first)


def _check(case: Any, address: tuple[str, int], process: Any, lines: list[str], first: int) -> dict[str, int]:
    known = len(lines)
    status, answer = _send(case, address)
    if process.poll() is not None:
        raise Fault("the server ended", "".join(lines[-30:]))
    said = "".join(lines[known:])
    if "Traceback" in said:
        raise Fault(f"a traceback in the server's log ({case['path']})", said)
    if status >= 500 and status != 503:
        raise Fault(f"{status} ({case['path']})", answer[:2000])
    if b"Traceback" in answer or b"root:x:" in answer or b"gluonattn/serving/" in answer:
        raise Fault(f"an answer shows the inside ({case['path']})", answer[:2000])
    live, _ = _ask(address, "GET", "/v2/health/live", b"", {})
    if live != 200:
        raise Fault("it does not answer any more", live)
    if (grown := _memory(process.pid) - first) > _MOST_GROWTH:
        raise Fault("the server's memory grows", f"{grown >> 20} MB")
    return {"requests": 2, f"answered {status}" if status else "hung up": 1}


def _body(case: Any) -> bytes:
    raw = json.dumps(case["body"]).encode()
    return {
        "": raw,
        "cut": raw[: len(raw) // 2],
        "not json": b"<html>" + raw,
        "deep": b"[" * 100_000,
        "binary": bytes(range(256)) + raw,
        "big": b'{"inputs": "' + b"a" * (8 << 20) + b'"}',
    }.get(case["raw"], raw)


def _send(case: Any, address: tuple[str, int]) -> tuple[int, bytes]:
    if case["raw"] in ("slow", "no length", "pipelined"):
        return _send_raw(case, address)
    headers = {"Content-Type": "application/json", **case["headers"]}
    return _ask(address, case["method"], case["path"], _body(case), headers)


def _ask(address: tuple[str, int], method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=50)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (ConnectionError, http.client.HTTPException):  # it hung up on what is no request: its right
        return 0, b""
    finally:
        connection.close()


def _send_raw(case: Any, address: tuple[str, int]) -> tuple[int, bytes]:
    """Half a request, one without a length, or two at once; then the line is cut."""
    body = _body(case)
    head = f"POST {case['path']} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nContent-Type: application/json\r\n"
    sized = f"{head}Content-Length: {len(body)}\r\n\r\n".encode()
    sent = {
        "slow": sized + body[: len(body) // 2],
        "no length": head.encode() + b"\r\n" + body,
        "pipelined": (sized + body) * 2,
    }
    with socket.create_connection(address, timeout=20) as line:
        try:
            line.sendall(sent[case["raw"]])
            if case["raw"] == "slow":
                return 0, b""
            answer = line.recv(1 << 16)
        except OSError:
            return 0, b""
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return (int(found[1]) if found else 0), answer


def _memory(number: int) -> int:
    line = next(line for line in Path(f"/proc/{number}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) << 10
