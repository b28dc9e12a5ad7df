"""Functions that the parts of the campaign share: faults, hostile texts, smaller cases, time limits, commands."""

from __future__ import annotations

import shutil
import signal
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Fault(Exception):
    """Something that must not happen.

    Parameters
    ----------
    kind : str
        What is wrong, the same for all cases that are wrong in this way.
    detail : str
        What was seen in this one.
    """

    def __init__(self, kind: str, detail: object = "") -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, str(detail)[-4000:]


def kind_of(error: BaseException) -> str:
    """A kind for an error that nobody expected: its type and the last place of the package that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "gluonattn/" in frame.filename.replace("\\", "/")] or frames[-1:]
    place = f"{ours[-1].filename.rpartition('gluonattn/')[2]}:{ours[-1].name}" if ours else "nowhere"
    return f"{type(error).__name__} in {place}"


@contextmanager
def own_folder(part: Any) -> Iterator[Path]:
    """A folder for what a part writes, removed at the end, also where the part's process has died."""
    folder = Path(tempfile.mkdtemp(prefix=f"campaign-{part.__name__}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def limited(check: Any, case: Any, seconds: float) -> Any:
    """What `check(case)` returns (what it counted), or the Fault that it found; longer than `seconds` is one.

    Parameters
    ----------
    check : callable
    case : JSON value
    seconds : float
    """

    def late(number: int, frame: FrameType | None) -> None:
        raise Fault(f"takes longer than {seconds:.0f} s", "".join(traceback.format_stack(frame)[-6:]))

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5.0)  # again: an `except Exception` may swallow the first
    try:
        return check(case)
    except Fault as fault:
        return fault
    except Exception as error:
        return Fault(kind_of(error), traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def simpler(case: Any) -> Iterator[Any]:
    """JSON values that are a little smaller than this one, the smallest first."""
    if isinstance(case, (str, list)) and case:
        half = len(case) // 2
        if half:
            yield case[:half]
            yield case[half:]
        if len(case) <= 40:
            for i in range(len(case)):
                yield case[:i] + case[i + 1 :]
    if isinstance(case, list):
        for i, item in enumerate(case[:40]):
            for smaller in simpler(item):
                yield [*case[:i], smaller, *case[i + 1 :]]
    elif isinstance(case, dict):
        for name, value in case.items():
            for smaller in simpler(value):
                yield {**case, name: smaller}
