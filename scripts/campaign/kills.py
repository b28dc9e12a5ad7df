"""Part `kills`: commands are ended at random moments and run again; results are bit-identical, nothing is left behind."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from _cases import Fault
from _command import MARK, command, environment, leftovers, living, require_no_traceback
from _killed import COMMANDS, DOWNLOAD, Slow, make_data

SECONDS, START, SHRINK = 3600.0, 60.0, 0.0
SHORT = 1  # cases of the short form
_PASSING = {"seconds", "reviews_per_second", "words_per_second", "pairs_per_second", "sha256", "versions"}
_CHECK_WORK, _STANDS_STILL, _MOST_WORK = 5.0, 300.0, 400.0  # seconds; the last of processor time
_SIGNALS = ["KILL"] * 7 + ["TERM", "HUP", "INT"]
def missing() -> str | None:
    return None if find_spec("mxnet") else "MXNet is not installed here"


def names() -> list[str]:
    return [name for name in COMMANDS if name != "translation" or find_spec("sentencepiece")]


def draw(random: Random) -> Any:
    kills = [[round(random.random() * 1.05, 4), random.choice(_SIGNALS)] for _ in range(random.choice((1, 2, 3, 5)))]
    return {"command": random.choice([*names(), "data nsmc", "predict", "train"]), "kills": kills}


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    whole: dict[str, tuple[dict[str, str], float]] = {}
    try:
        yield lambda case: _check(case, folder, whole, f"http://127.0.0.1:{server.server_address[1]}/")
    finally:
        server.shutdown()


def _line(name: str, url: str, more: list[str]) -> list[str]:
    if name == "data nsmc":
        return [sys.executable, "-c", DOWNLOAD, url]
    return command(*COMMANDS[name][0], *more)


def _check(case: Any, parent: Path, whole: dict[str, tuple[dict[str, str], float]], url: str) -> dict[str, int]:
    name, folder = case["command"], parent / "case"
    surroundings = {"XDG_CACHE_HOME": str(folder / "cache"), "GLUONATTN_CACHE": None}
    if name not in whole:
        make_data(folder)
        start = time.monotonic()
        env = environment(folder, f"{folder}-whole-{time.monotonic_ns()}", **surroundings)
        result = _finish(_line(name, url, []), folder, env, name)
        if result.returncode:
            raise Fault(f"{name}: it fails when nothing ends it", require_no_traceback(result))
        whole[name] = _results(folder), time.monotonic() - start
    expected, seconds = whole[name]
    make_data(folder)
    mark = f"{folder}-{time.monotonic_ns()}"
    env = environment(folder, mark, **surroundings)
    sent = 0
    for moment, number in case["kills"]:
        sent += _run_and_end(
            _line(name, url, COMMANDS[name][1] if sent else []), folder, env, moment * seconds, number, name
        )
    start = time.monotonic()
    result = _finish(_line(name, url, COMMANDS[name][1]), folder, env, name)
    shown = require_no_traceback(result)
    if result.returncode:
        raise Fault(f"{name}: it does not go on after a kill", shown)
    _require_nothing_left(folder, mark, name)
    found = _results(folder)
    if found != expected:
        differ = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
        raise Fault(f"{name}: another result after a kill ({', '.join(differ)[:120]})", shown)
    return {"kills": sum(number == "KILL" for _, number in case["kills"]), "ends by signal": len(case["kills"])}


def _finish(line: list[str], folder: Path, env: dict[str, str], name: str) -> subprocess.CompletedProcess[bytes]:
    """Let it end by itself, however busy the machine is: what counts is whether it works, not how long that takes."""
    with open(folder / "tmp" / ".said", "wb+") as said:
        process = subprocess.Popen(line, cwd=folder, env=env, stdout=said, stderr=said, start_new_session=True)
        used, changed = 0.0, time.monotonic()
        try:
            while process.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - changed < _CHECK_WORK:
                    continue
                now = sum(_worked(number) for number, _ in living(env[MARK]))
                if abs(now - used) < 0.02 and time.monotonic() - changed > _STANDS_STILL:
                    raise Fault(f"{name}: it stands still", f"{_STANDS_STILL:.0f} s without work")
                if now > _MOST_WORK:
                    raise Fault(f"{name}: it works without end", f"{now:.0f} s of processor time")
                if abs(now - used) >= 0.02:
                    used, changed = now, time.monotonic()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        said.seek(0)
        return subprocess.CompletedProcess(line, process.returncode, b"", said.read())


def _worked(number: int) -> float:
    """Seconds of processor time of a process."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _run_and_end(line: list[str], folder: Path, env: dict[str, str], wait: float, number: str, name: str) -> int:
    with open(folder / "tmp" / ".stderr", "wb+") as errors:
        process = subprocess.Popen(line, cwd=folder, env=env, stdout=errors, stderr=errors, start_new_session=True)
        try:
            try:
                process.wait(wait)
                return 0
            except subprocess.TimeoutExpired:
                process.send_signal(getattr(signal, f"SIG{number}"))
            try:
                code = process.wait(60)
            except subprocess.TimeoutExpired:
                raise Fault(f"{name}: it does not end within 60 s of SIG{number}", "") from None
        finally:
            process.kill()
            process.wait()
        errors.seek(0)
        shown = errors.read()
    mark = env["GLUONATTN_CAMPAIGN"]
    deadline = time.monotonic() + 10
    while (left := living(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        raise Fault(f"{name}: a process lives on after SIG{number}", left)
    memory = [entry for entry in os.listdir("/dev/shm") if f"-{process.pid}-" in entry]  # noqa: S108 - only looked at
    if memory:
        raise Fault(f"{name}: shared memory is left after SIG{number}", memory)
    if number != "KILL":
        _require_orderly_end(code, shown, number, name, folder)
    return 1


def _require_orderly_end(code: int, shown: bytes, number: str, name: str, folder: Path) -> None:
    """Ctrl-C, SIGTERM and SIGHUP end a command in the same way, once Python has begun to run it."""
    if code == -getattr(signal, f"SIG{number}") and not shown and name != "data nsmc":
        code = 130  # the interpreter itself was still starting
    if name == "data nsmc":  # a program of ours around a function
        return
    if (
        b"Traceback (most recent call last)" in shown
        and b"KeyboardInterrupt" in shown
        and b"gluonattn/cli/app.py" not in shown
    ):
        return  # Ctrl-C while Python imports what the command stands in
    require_no_traceback(subprocess.CompletedProcess([], max(code, 0), shown, b""))
    if code < 0:
        raise Fault(f"{name}: SIG{number} ends it by the signal itself, unlike Ctrl-C", shown.decode("utf-8", "replace"))
    if left := leftovers(folder):
        raise Fault(f"{name}: a half-written file is left after SIG{number}", left)


def _require_nothing_left(folder: Path, mark: str, name: str) -> None:
    if left := living(mark):
        raise Fault(f"{name}: a process is left", left)
    if left := leftovers(folder):
        raise Fault(f"{name}: a half-written or temporary file is left", left)


def _results(folder: Path) -> dict[str, str]:
    """A digest of each file written, without times."""
    found = {}
    for path in sorted((folder / "out").rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        if path.suffix == ".json":
            raw = json.dumps(_timeless(json.loads(raw)), sort_keys=True).encode()
        elif path.name == "history.csv" or path.suffix == ".html":
            raw = b""
        found[str(path.relative_to(folder / "out"))] = hashlib.sha256(raw).hexdigest()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(one) for name, one in value.items() if name not in _PASSING and "second" not in name}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
