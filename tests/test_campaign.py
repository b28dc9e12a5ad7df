"""The campaign counts what falls, keeps the smallest case of each kind, and can try it again."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
PARTS = sorted(path.stem for path in (SCRIPTS / "campaign").glob("[!_]*.py"))
_TOY = """
import os
from contextlib import contextmanager
from _cases import Fault

SECONDS, START, SHRINK = 1.0, 5.0, 5.0
SHORT = 5

def missing():
    return None

def draw(random):
    return {"text": "".join(random.choice("abcdefgh") for _ in range(30)), "way": random.choice(WAYS)}

@contextmanager
def prepare(folder, seed):
    yield check

def check(case):
    if case["way"] == "fault" and "c" in case["text"] and "f" in case["text"]:
        raise Fault("c and f", case["text"])
    if case["way"] == "error":
        {}["key"]
    if case["way"] == "crash":
        os._exit(3)
    if case["way"] == "swallow":
        try:
            while True:
                pass
        except Exception:
            pass
    while case["way"] in ("slow", "swallow"):
        pass
    return {"texts": 1}
"""


def run_toy(tmp_path, ways, *more):
    shutil.copytree(SCRIPTS / "campaign", tmp_path / "campaign", dirs_exist_ok=True, ignore=lambda _, names: [
        name for name in names if name.removesuffix(".py") in PARTS or name == "__pycache__"])
    shutil.copy(SCRIPTS / "campaign.py", tmp_path)
    (tmp_path / "campaign" / "toy.py").write_text(_TOY.replace("WAYS", repr(ways)))
    arguments = more or ("toy", "--seconds", "2", "--seed", "3", "--out", "out")
    return subprocess.run([sys.executable, "campaign.py", *arguments], cwd=tmp_path, capture_output=True, text=True,
                          timeout=300)


@pytest.mark.parametrize(("way", "kind"), [
    ("fault", "c and f"), ("error", "KeyError in nowhere"), ("crash", "crash: the process ended with 3"),
    ("slow", "takes longer than 1 s"), ("swallow", "takes longer than 1 s")])
def test_what_falls_is_counted_and_its_smallest_case_is_kept(tmp_path, way, kind):
    done = run_toy(tmp_path, [way, "well"])
    assert done.returncode == 1, done.stderr
    [part] = json.loads((tmp_path / "out" / "totals-3-toy.json").read_text())["parts"]
    [(found, told)] = part["kinds"].items()
    assert found.startswith(kind.partition(" in ")[0])
    assert part["failed"] == told["times"] >= 1
    kept = json.loads((tmp_path / told["file"]).read_text())
    assert kept["kind"] == found and kept["case"]["way"] == way
    if way == "fault":
        assert sorted(kept["case"]["text"]) == ["c", "f"]
    if way != "crash":
        again = run_toy(tmp_path, [way], "--again", told["file"])
        assert again.returncode == 1 and "still fails" in again.stdout


def test_what_is_well_passes_and_one_seed_gives_the_same_cases(tmp_path):
    done = run_toy(tmp_path, ["well"])
    assert done.returncode == 0, done.stdout + done.stderr
    [part] = json.loads((tmp_path / "out" / "totals-3-toy.json").read_text())["parts"]
    assert part["failed"] == 0 and part["tried"] == part["counts"]["texts"] > 10


@pytest.mark.parametrize(("ways", "code"), [(["well"], 0), (["well", "crash"], 1)])
def test_the_short_form_tries_the_same_cases_however_fast_a_machine_is(tmp_path, ways, code):
    done = run_toy(tmp_path, ways, "toy", "--short", "--seed", "3", "--out", "out")
    assert done.returncode == code, done.stdout + done.stderr
    [part] = json.loads((tmp_path / "out" / "totals-3-toy.json").read_text())["parts"]
    assert part["tried"] + (part["failed"] if code else 0) == 5


@pytest.mark.parametrize("name", PARTS)
def test_every_part_draws_the_same_cases_from_the_same_seed(name):
    code = (f"import sys, json, random; sys.path[:0] = ['.', '../..']; import {name} as part\n"
            "both = [[part.draw(random.Random(f'1 {i}')) for i in range(20)] for _ in range(2)]\n"
            "print(json.dumps(both[0]) == json.dumps(both[1]), part.SECONDS > 0 < part.SHORT, "
            "len(part.missing() or 'nothing') > 6)")
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS / "campaign", capture_output=True, text=True,
                          timeout=300)
    assert done.stdout.split() == ["True"] * 3, done.stderr


def test_totals_add_up_over_runs_and_their_table_shows_them(tmp_path):
    for seed in (3, 4):
        done = run_toy(tmp_path, ["well", "fault"], "toy", "--short", "--seed", str(seed), "--out", "out",
                       "--totals", "totals.json")
        assert done.returncode in (0, 1), done.stderr
    parts = [json.loads((tmp_path / "out" / f"totals-{seed}-toy.json").read_text())["parts"][0] for seed in (3, 4)]
    total = json.loads((tmp_path / "totals.json").read_text())["parts"]["toy"]
    assert [run["seed"] for run in total["runs"]] == [3, 4]
    for name in ("tried", "failed"):
        assert total[name] == sum(part[name] for part in parts)
    assert sum(total["counts"].values()) == sum(sum(part["counts"].values()) for part in parts)
    shown = run_toy(tmp_path, ["well"], "--totals", "totals.json")
    assert f"| `toy` | 3, 4 | {total['seconds']:,} | {total['tried']:,} |" in shown.stdout


def test_the_published_table_is_what_the_totals_say():
    root = SCRIPTS.parent
    shown = subprocess.run([sys.executable, SCRIPTS / "campaign.py", "--totals", root / "docs" / "reliability.json"],
                           capture_output=True, text=True, check=True)
    assert shown.stdout.strip() in (root / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_what_grows_over_a_long_run_is_said(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import long_run

    flat = [{"memory": 100, "files": 5, "threads": 3}] * 40
    assert set(long_run.judge(flat).values()) == {"flat"}
    grown = [{"memory": 100 + i, "files": 5 + i, "threads": 3} for i in range(40)]
    assert long_run.judge(grown) == {"memory": "grows from 114.5 to 134.5", "files": "grows from 19.5 to 39.5",
                                     "threads": "flat"}
    assert set(long_run.judge(flat[:3]).values()) == {"too short to say"}


def ask_through(port, first_line):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(f"{first_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return line.recv(100)


@pytest.mark.parametrize("first_line, noted", [
    ("GET http://evil.example/x?q=mozilla.org", True), ("CONNECT evil.example:443", True), ("GET http://127.0.0.1:1/", True),
    ("CONNECT notmozilla.org:443", True), ("CONNECT mozilla.org.evil.example:443", True),
    ("GET http://evil.example/mozilla.org/", True), ("GET http://mozilla.org@evil.example/", True),
    ("CONNECT firefox.settings.services.mozilla.com:443", False), ("GET http://detectportal.firefox.com/success.txt", False),
])
def test_the_proxy_notes_what_a_page_asks_for_and_answers_nothing(first_line, noted):
    watching = runpy.run_path(str(SCRIPTS / "campaign" / "_watch.py"))["watching"]
    with watching() as watch:
        assert b" 403 " in ask_through(watch.port, first_line)
        assert watch.take() == ([first_line] if noted else []) and watch.take() == []


@pytest.mark.browser
@pytest.mark.slow
def test_every_browser_notices_what_no_page_may_do(tmp_path, monkeypatch):
    """`browsers` opens pages that do it, and raises where that is not noticed."""
    pytest.importorskip("playwright", reason="needs Playwright: pip install playwright")
    monkeypatch.syspath_prepend(str(SCRIPTS / "campaign"))
    from _browsers import browsers, chromium, missing_of_firefox

    if not chromium():
        pytest.skip("needs Chromium: apt-get install chromium")
    with browsers(tmp_path) as tabs:
        assert [tab.name for tab in tabs] == ["Chromium", *([] if missing_of_firefox() else ["Firefox"])]


@pytest.mark.parametrize("wrong", [[0.0, 0.0], [-86_400.0, -86_400.0], [0.0, 1e9], [-1e9, 0.0]])
def test_a_process_has_the_clock_that_a_case_gives_it(tmp_path, monkeypatch, wrong):
    monkeypatch.syspath_prepend(str(SCRIPTS / "campaign"))
    from _clock import date_files, with_clock

    clock = {"wrong": wrong, "moment": 0.5, "dated": "past"}
    code = ("import subprocess, sys, time; print(time.time()); time.sleep(0.6); print(time.time(), time.gmtime().tm_year);"
            "subprocess.run([sys.executable, '-c', 'import time; print(time.time())'])")
    env = {**os.environ, **with_clock(clock, tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=300)
    first, then, year, child = map(float, done.stdout.split())
    assert abs(first - time.time() - wrong[0]) < 300 > abs(then - time.time() - wrong[1])
    assert year == time.gmtime(then).tm_year and abs(child - time.time() - wrong[0]) < 300
    date_files(clock, tmp_path)
    assert {path.stat().st_mtime for path in tmp_path.rglob("*")} == {0.0}


def test_a_firefox_that_never_answers_is_replaced(monkeypatch):
    started = []

    def start(port, **others):
        started.append(port)
        if len(started) in (1, 4, 5, 6):
            raise OSError("no connection to Marionette server could be established")
        return port

    monkeypatch.setitem(sys.modules, "marionette_driver", ModuleType("marionette_driver"))
    fake = ModuleType("marionette_driver.marionette")
    fake.Marionette = start
    monkeypatch.setitem(sys.modules, "marionette_driver.marionette", fake)
    start_firefox = runpy.run_path(str(SCRIPTS / "campaign" / "_firefox.py"))["start_firefox"]
    assert [start_firefox(), start_firefox()] == started[1:3]
    with pytest.raises(OSError, match="no connection"):
        start_firefox()
    assert len(started) == 6 and not {0, 2828} & set(started)  # 2828 is Marionette's own, the same for all
