"""A clock that is wrong, or is set while a command runs, and files that are dated in the past or in the future."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

from _cases import ROOT

DAY = 86_400.0
_SETTING = "GLUONATTN_CAMPAIGN_CLOCK"
# Python imports this module at its start, in every process that descends from the command.
_SITE = f"""
import os, time
_now, _now_ns, _local, _utc, _began = time.time, time.time_ns, time.localtime, time.gmtime, time.monotonic()
_first, _then, _moment = map(float, os.environ["{_SETTING}"].split())
_wrong = lambda: _first if time.monotonic() - _began < _moment else _then
time.time = lambda: _now() + _wrong()
time.time_ns = lambda: _now_ns() + int(1e9 * _wrong())
time.localtime = lambda seconds=None: _local(time.time() if seconds is None else seconds)
time.gmtime = lambda seconds=None: _utc(time.time() if seconds is None else seconds)
"""


def draw_clock(random: Random) -> Any:
    """None for a right clock, else by how many seconds it is wrong, before and after it is set, and how files are dated.

    Parameters
    ----------
    random : random.Random
    """
    if random.random() < 0.6:
        return None
    wrong = [random.choice((0.0, -DAY, DAY, -20_000 * DAY, 20_000 * DAY, -3600.0, 3600.0)) for _ in range(2)]
    return {"wrong": wrong, "moment": round(random.random() * 4, 2), "dated": random.choice(("past", "future", "mixed"))}


def with_clock(clock: Any, folder: Path) -> dict[str, str]:
    """The environment of processes that have this clock.

    Parameters
    ----------
    clock : JSON value
        As `draw_clock` returns it.
    folder : pathlib.Path
        Gets the module that changes the clock.
    """
    if clock is None:
        return {}
    (folder / "clock").mkdir(exist_ok=True)
    (folder / "clock" / "sitecustomize.py").write_text(_SITE)
    places = [str(folder / "clock"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, places)),
            _SETTING: " ".join(map(str, [*clock["wrong"], clock["moment"]]))}


def date_files(clock: Any, folder: Path) -> None:
    """Date every file and folder as a wrong clock would have.

    Parameters
    ----------
    clock : JSON value
    folder : pathlib.Path
    """
    if clock is None:
        return
    times = {"past": (0.0,), "future": (4e9,), "mixed": (0.0, 4e9, 1e9)}[clock["dated"]]
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if not path.is_symlink():
            os.utime(path, (times[number % len(times)],) * 2)
