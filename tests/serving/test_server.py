"""A server in a process of its own: how it starts, stops, reloads, and what slow or broken clients do to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gluonattn.classifier.predictor import SHIPPED
from gluonattn.errors import OptionError

from .conftest import NEEDS

pytest.importorskip("starlette", reason=NEEDS)
pytest.importorskip("uvicorn", reason=NEEDS)
httpx = pytest.importorskip("httpx", reason=NEEDS)

from gluonattn.serving.server import Options, is_loopback, listen, rules_of  # noqa: E402

pytestmark = pytest.mark.serve
SECRET = "a-secret-of-enough-characters"


def post(url: str, text: str) -> httpx.Response:
    return httpx.post(f"{url}/v1/explain", json={"inputs": [text] * 8}, timeout=300)


def waiting(url: str) -> int:
    """Texts that wait or are computed."""
    page = httpx.get(f"{url}/metrics", timeout=300).text
    [line] = [line for line in page.splitlines() if line.startswith("gluonattn_waiting_texts{")]
    return int(float(line.rpartition(" ")[2]))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered_when_it_is_stopped(start, number):
    server = start()
    answers = []

    def ask():
        answers.append(post(server.url, "정말 재미있고 좋은 영화다").status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while waiting(server.url) + 8 * len(answers) < 4 * 8:
        time.sleep(0.01)
    assert server.stop(number) == 0
    for thread in threads:
        thread.join(60)
    assert answers == [200] * 4
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)
    assert not any("Traceback" in line for line in server.lines)


def test_the_access_log_is_a_line_of_json_a_request_without_texts(start):
    server = start()
    httpx.post(f"{server.url}/v1/predict", json={"inputs": "비밀스러운 글"}, timeout=300)
    server.stop(signal.SIGTERM)
    [line] = [json.loads(line) for line in server.lines if line.startswith("{")]
    assert line["route"] == "predict" and "비밀" not in "".join(server.lines)


def test_a_model_is_reloaded_without_a_pause_and_kept_if_the_new_one_is_damaged(start, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(SHIPPED, folder)
    server = start("--model", str(folder))

    def reload() -> str:
        seen = len(server.lines)
        server.process.send_signal(signal.SIGHUP)
        while not (new := [line for line in server.lines[seen:] if line.startswith("reload")]):
            answer = httpx.post(f"{server.url}/v1/predict", json={"inputs": "좋다", "model": "mine"}, timeout=300)
            assert answer.status_code == 200
        return new[0]

    config = json.loads((folder / "config.json").read_text("utf-8"))
    names = {"0": "나쁨", "1": "좋음"}
    (folder / "config.json").write_text(json.dumps({**config, "label_names": names}), "utf-8")
    said = reload()
    assert said == "reloaded\n" or "config.json" in said  # where the file is sealed, it cannot be changed by hand
    if said == "reloaded\n":
        assert httpx.get(f"{server.url}/v1/models").json()[0]["label_names"] == names
    (folder / "model.safetensors").write_bytes(b"cut")
    assert "the models were not changed" in reload()
    assert httpx.post(f"{server.url}/v1/predict", json={"inputs": "좋다"}, timeout=300).status_code == 200


def test_slow_and_broken_clients_hold_nobody_up(start):
    """A body that never ends is answered with 408: all wait for that together."""
    server = start()
    held, endless = [], b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
    for sent in (b"", b"GET / HT", endless,
                 b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1000, b"\x16\x03\x01\x02\x00", b"nonsense\r\n\r\n"):
        for half in (False, True):
            one = socket.create_connection(("127.0.0.1", server.port))
            one.settimeout(60)
            one.sendall(sent)
            if half:
                one.shutdown(socket.SHUT_WR)
            held.append((one, sent == endless and not half))
    for sent in (b"\r\n", b"GET / HT"):  # after an answer, on the same connection
        one = socket.create_connection(("127.0.0.1", server.port))
        one.settimeout(60)
        one.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not one.recv(4096).endswith(b"}"):
            pass
        one.sendall(sent)
        held.append((one, False))
    assert httpx.post(f"{server.url}/v1/predict", json={"inputs": "좋다"}, timeout=300).status_code == 200
    for one, is_endless in held:  # each is closed by the server, with an answer or without
        answer = b""
        try:
            while more := one.recv(4096):
                answer += more
        except ConnectionResetError:
            pass
        one.close()
        assert b" 408 " in answer.split(b"\r\n")[0] or not is_endless
    assert httpx.get(f"{server.url}/v2/health/live").status_code == 200
    assert server.stop(signal.SIGTERM) == 0
    assert not any("Traceback" in line for line in server.lines)


@pytest.mark.parametrize("host, alone", [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
                                         ("0.0.0.0", False), ("::", False),
                                         ("127.evil.example", False), ("192.168.0.1", False)])
def test_others_may_ask_only_with_a_token_or_if_it_was_said(host, alone):
    assert is_loopback(host) is alone
    if alone:
        assert rules_of(Options(host=host)).token is None
    else:
        with pytest.raises(OptionError, match=r"--token .*--no-token"):
            rules_of(Options(host=host))
    assert rules_of(Options(host=host, token=SECRET)).any_address is not alone
    assert rules_of(Options(host=host, no_token=True)).token is None


@pytest.mark.parametrize("token", ["", "short", "가" * 20, "with a space in it somewhere", "x" * 15, "line\n" * 5])
def test_a_weak_token_is_refused_without_being_shown(token):
    with pytest.raises(OptionError, match="at least 16 characters") as refused:
        rules_of(Options(token=token))
    assert not token or token not in str(refused.value)
    with pytest.raises(OptionError, match="exclude each other"):
        rules_of(Options(token=SECRET, no_token=True))


def test_an_address_that_cannot_be_had_is_named():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=f"127.0.0.1 port {port}.*--port"):
            listen("127.0.0.1", port)
    with pytest.raises(OptionError, match=r"no\.such\.name\.invalid"):
        listen("no.such.name.invalid", 0)


def test_the_command_says_what_is_missing(monkeypatch):
    import sys

    from gluonattn.cli.app import app

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "gluonattn.serving.server", raising=False)
    found = CliRunner().invoke(app, ["serve"])
    assert "gluonattn[serve]" in str(found.exception)


def counted(url: str, status: int = 200) -> int:
    """Requests to predict that all processes together have answered."""
    page = httpx.get(f"{url}/metrics", timeout=300).text
    return sum(int(float(line.rpartition(" ")[2])) for line in page.splitlines()
               if line.startswith(f'gluonattn_requests_total{{route="predict",status="{status}"}}'))


def test_several_processes_answer_reload_and_stop_together(start):
    server = start("--workers", "2", "--no-access-log")
    for _ in range(20):  # a connection each
        assert httpx.post(f"{server.url}/v1/predict", json={"inputs": "좋다"}, timeout=300).status_code == 200
    assert counted(server.url) == 20
    server.process.send_signal(signal.SIGHUP)
    while server.lines.count("reloaded\n") < 2:
        assert httpx.post(f"{server.url}/v1/predict", json={"inputs": "좋다"}, timeout=300).status_code == 200
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(post(server.url, "정말 재미있고 좋은 영화다").status_code))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    while "gluonattn_waiting_texts" not in httpx.get(f"{server.url}/metrics", timeout=300).text and not answers:
        time.sleep(0.01)
    time.sleep(0.5)
    assert server.stop(signal.SIGTERM) == 0
    for thread in threads:
        thread.join(60)
    assert answers == [200] * 4
    assert not any("Traceback" in line for line in server.lines)


def test_a_process_that_dies_is_replaced(start):
    processes = Path("/proc")
    if not processes.is_dir():
        pytest.skip("needs /proc, where the processes are found")
    server = start("--workers", "2", "--no-access-log")
    main = server.process.pid

    def is_worker(pid: int) -> bool:  # one that is dead and not yet waited for has no command line
        try:
            return b"spawn_main" in (processes / str(pid) / "cmdline").read_bytes()
        except OSError:
            return False

    def workers() -> set[int]:
        found = map(int, (processes / f"{main}/task/{main}/children").read_text().split())
        return {pid for pid in found if is_worker(pid)}

    before = workers()
    assert len(before) == 2
    os.kill(min(before), signal.SIGKILL)
    while len(after := workers()) < 2 or after == before:
        time.sleep(0.1)
    assert any("and will be replaced" in line for line in server.lines)
    assert httpx.post(f"{server.url}/v1/predict", json={"inputs": "좋다"}, timeout=300).status_code == 200
    server.process.kill()  # and none is left when the first one is gone
    while any(map(is_worker, after)):
        time.sleep(0.1)


def test_several_processes_that_cannot_start_end_with_a_reason(tmp_path):
    import subprocess
    import sys

    found = subprocess.run([sys.executable, "-m", "gluonattn", "serve", "--workers", "2", "--port", "0", "--model",
                            str(tmp_path / "none")], capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert found.returncode == 1 and "none" in found.stderr and "Traceback" not in found.stderr
