"""Part `kills`: commands are ended at random moments and run again; results are bit-identical, nothing is left behind."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
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

import safetensors.numpy
from _cases import Fault
from _clock import date_files, draw_clock, with_clock
from _command import MARK, command, environment, leftovers, living, require_no_traceback
from _killed import AT_ONCE, COMMANDS, DOWNLOAD, GOES_ON, MADE_BY, Slow, make_data, make_models, names

SECONDS, START, SHRINK = 3600.0, 60.0, 0.0
SHORT = 1  # cases of the short form
_PASSING = {"seconds", "reviews_per_second", "words_per_second", "pairs_per_second", "sha256", "versions"}
_CHECK_WORK, _STANDS_STILL, _MOST_WORK = 5.0, 300.0, 400.0  # seconds; the last of processor time
_SIGNALS = ["KILL"] * 7 + ["TERM", "HUP", "INT"]
# Commands that write a new folder: run again after it stands there, they refuse to change it.
_ONCE = ("publish", "predict parts")


def missing() -> str | None:
    return None if find_spec("mxnet") else "MXNet is not installed here"


def draw(random: Random) -> Any:
    kills = [[round(random.random() * 1.05, 4), random.choice(_SIGNALS)] for _ in range(random.choice((1, 2, 3, 5)))]
    return {"command": random.choice(names()), "kills": kills, "clock": draw_clock(random)}


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    make_models(folder / "models")
    try:
        yield _Kills(folder, f"http://127.0.0.1:{server.server_address[1]}/").check
    finally:
        server.shutdown()


class _Kills:
    """Runs each command whole once, and then with kills."""

    def __init__(self, parent: Path, url: str) -> None:
        self.models, self.folder, self.url = parent / "models", parent / "case", url
        self.whole: dict[str, tuple[dict[str, str], float]] = {}

    def check(self, case: Any) -> dict[str, int]:
        name, folder, clock = case["command"], self.folder, case["clock"]
        expected, seconds = self._run_whole(name)
        make_data(folder, self.models, name)
        env = self._environment(clock)
        sent = 0
        for moment, number in case["kills"]:
            date_files(clock, folder)
            more = ["--resume"] if sent and name in GOES_ON else []
            sent += _run_and_end(self._line(name, more), folder, env, moment * seconds, number, name)
            _require_whole_files(name, folder, expected)
        date_files(clock, folder)
        result = _finish(self._line(name, ["--resume"] if name in GOES_ON else []), folder, env, name)
        shown = require_no_traceback(result)
        found = _results(folder, name)
        if result.returncode and not (name in _ONCE and found == expected):
            raise Fault(f"{name}: it does not go on after a kill", shown)
        _require_nothing_left(folder, env[MARK], name)
        if found != expected:
            differ = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
            raise Fault(f"{name}: another result after a kill ({', '.join(differ)[:120]})", shown)
        counts = {"kills": sum(number == "KILL" for _, number in case["kills"]), "ends by signal": len(case["kills"])}
        return {**counts, "with a wrong clock": int(clock is not None)}

    def _run_whole(self, name: str) -> tuple[dict[str, str], float]:
        """What a command writes if nothing ends it, and how long it takes."""
        if name not in self.whole:
            if name in MADE_BY:
                self._run_whole(MADE_BY[name])
            make_data(self.folder, self.models, name)
            start = time.monotonic()
            result = _finish(self._line(name, []), self.folder, self._environment(None), name)
            if result.returncode:
                raise Fault(f"{name}: it fails when nothing ends it", require_no_traceback(result))
            self.whole[name] = _results(self.folder, name), time.monotonic() - start
            if name in MADE_BY.values():
                shutil.copytree(self.folder / "out" / "model", self.models / name)
        return self.whole[name]

    def _environment(self, clock: Any) -> dict[str, str]:
        return environment(self.folder, f"{self.folder}-{time.monotonic_ns()}", XDG_CACHE_HOME=str(self.folder / "cache"),
                           GLUONATTN_CACHE=None, **with_clock(clock, self.folder))

    def _line(self, name: str, more: list[str]) -> list[str]:
        if name == "data nsmc":
            return [sys.executable, "-c", DOWNLOAD, self.url]
        return command(*COMMANDS[name], *more)


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


def _require_whole_files(name: str, folder: Path, expected: dict[str, str]) -> None:
    """Every file that stands under its name is whole: as it will stay or, in training, one that can be read."""
    for path, found in _results(folder, name, hidden=False).items():
        if name in AT_ONCE and name != "data nsmc" and found != expected.get(path):
            raise Fault(f"{name}: a half-written file stands under its name", path)
        if path.endswith(".safetensors"):
            try:
                safetensors.numpy.load_file(folder / "out" / path)
            except safetensors.SafetensorError as error:
                raise Fault(f"{name}: a half-written file stands under its name", f"{path}: {error}") from None


def _results(folder: Path, name: str, hidden: bool = True) -> dict[str, str]:
    """A digest of each file written, without times."""
    found = {}
    for path in sorted((folder / "out").rglob("*")):
        place = path.relative_to(folder / "out")
        if not path.is_file() or (not hidden and any(part.startswith(".") for part in place.parts)):
            continue
        raw = path.read_bytes()
        if path.suffix == ".json":
            try:
                raw = json.dumps(_timeless(json.loads(raw)), sort_keys=True).encode()
            except ValueError:
                raise Fault(f"{name}: a half-written file stands under its name", f"{place}: {raw[-200:]!r}") from None
        elif path.name == "history.csv" or (name == "compare" and path.suffix in (".html", ".csv")):  # they show seconds
            raw = b""
        found[str(place)] = hashlib.sha256(raw).hexdigest()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(one) for name, one in value.items() if name not in _PASSING and "second" not in name}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
