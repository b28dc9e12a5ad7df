"""What parts of the campaign share: faults, hostile texts, smaller cases, time limits, and the command in a process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
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
def prepared(part: Any, seed: int) -> Iterator[Any]:
    """A part's check, with a folder of its own that is removed at the end.

    Parameters
    ----------
    part : module
    seed : int
    """
    folder = Path(tempfile.mkdtemp(prefix=f"campaign-{part.__name__}-"))
    try:
        with part.prepare(folder, seed) as check:
            yield check
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
    signal.setitimer(signal.ITIMER_REAL, seconds)
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


# ---- texts

KOREAN = ("정말 재미있게 봤습니다", "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출", "ㅋㅋㅋㅋ 최고", "돈 아깝다", "별 다섯개!!",
          "배우들 연기는 좋았지만 내용이 없다.", "또 보고 싶은 영화 ♥", "1점도 아깝다 ㅡㅡ", "감동 그 자체", "그냥 그래요")
_BLOCKS = ((0x20, 0x7F), (0, 0x20), (0x7F, 0xA0), (0x1100, 0x1200), (0x3130, 0x3190), (0xA960, 0xA980), (0xD7B0, 0xD800),
           (0xAC00, 0xD7A4), (0xD800, 0xE000), (0x200B, 0x2070), (0x2028, 0x202F), (0x300, 0x370), (0xFE00, 0xFE10),
           (0x1F300, 0x1FAFF), (0x1F1E6, 0x1F200), (0xE0000, 0xE0080), (0x4E00, 0x9FFF), (0xFFF0, 0x10000), (0xE000, 0xF900),
           (0x3000, 0x3040), (0x600, 0x700), (0xE00, 0xE80), (0x900, 0x980), (0x20000, 0x2A6E0), (0x1D000, 0x1D200),
           (0, 0x110000))
_SNIPPETS = ("<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "</script><svg onload=window.pwned=1>",
             "javascript:window.pwned=1", "\"><b>", "{{7*7}}", "${7*7}", "$\\frac{1}{2}$", "$", "\\", "\\u0000", "%s%n", "[bold]",
             "[/red]", ":smile:", "\x1b[31m", "\x1b]0;x\x07", "\x9b2J", "\r\n", "\u202e", "\u2066", "=1+1", "@sum", "&amp;", "&#0;",
             "-->", "]]>", "'; DROP TABLE x; --", "\ufeff", "\u200d", "👨\u200d👩\u200d👧", "👍🏽", "🇰🇷", "❤\ufe0f", "##다", "▁나",
             "[CLS]", "<unk>", "<pad>", "\u1112\u119e\u11ab", "ㄱㅏㄴ", "_", "http://example.com/?q=<x>", "../../etc/passwd", "NaN",
             "null", "\t", "\n", "\x00", "\x85", "\u2028", "\u2800", "\u3000", "é", "e\u0301", "\ud83d", "\udc4d")


def text(random: Random, longest: int = 60) -> str:
    """A text that someone could type, or that nobody would.

    Parameters
    ----------
    random : random.Random
    longest : int
        Most characters, nearly always.
    """
    pieces: list[str] = []
    while not pieces or (random.random() < 0.7 and sum(map(len, pieces)) < longest):
        way = random.random()
        if way < 0.3:
            pieces.append(random.choice(KOREAN))
        elif way < 0.5:
            pieces.append(random.choice(_SNIPPETS))
        else:
            low, high = random.choice(_BLOCKS)
            pieces.append("".join(chr(random.randrange(low, high)) for _ in range(random.choice((1, 1, 2, 5, 12)))))
    whole = random.choice(("", " ", "")).join(pieces)
    form = random.random()
    if form < 0.1:
        whole = unicodedata.normalize("NFD", whole)
    elif form < 0.13:
        whole = whole * random.randrange(2, 8)
    return whole


# ---- the command

MARK = "GLUONATTN_CAMPAIGN"


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "gluonattn", *words]


def environment(folder: Path, mark: str, **changes: str | None) -> dict[str, str]:
    """What the command runs in: the package of this checkout, one thread, temporary files in a folder that can be looked at.

    Parameters
    ----------
    folder : pathlib.Path
        Gets a folder ``tmp``.
    mark : str
        Every process that descends from the command has it in its environment.
    **changes : str or None
        None removes a variable.
    """
    (folder / "tmp").mkdir(exist_ok=True)
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
             "OMP_NUM_THREADS": "1", "TMPDIR": str(folder / "tmp"), MARK: mark, "MPLBACKEND": "agg", **changes}
    return {name: value for name, value in found.items() if value is not None}


def living(mark: str) -> list[tuple[int, str]]:
    """Processes with this mark in their environment: (number, command line)."""
    found, wanted = [], f"{MARK}={mark}\0".encode()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if wanted in Path("/proc", entry, "environ").read_bytes() + b"\0":
                    words = Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    found.append((int(entry), words))
            except OSError:
                continue
    return found


def leftovers(folder: Path) -> list[str]:
    """Hidden files of killed writers, and temporary files."""
    partial = [str(path.relative_to(folder)) for path in folder.rglob(".*.partial")]
    return partial + [f"tmp/{path.name}" for path in (folder / "tmp").glob("*") if not _of_libraries(path)]


def _of_libraries(path: Path) -> bool:
    """What other libraries keep on purpose for the next process of the user."""
    return re.match(r"matplotlib-|hsperfdata_|fontconfig|v8-compile|loky-|\.", path.name) is not None


def require_no_traceback(result: subprocess.CompletedProcess[bytes]) -> str:
    """The standard error as text; a Fault if it, or the output, shows a traceback, or a signal ended the command."""
    shown = (result.stderr or b"").decode("utf-8", "replace")
    both = shown + (result.stdout or b"").decode("utf-8", "replace")
    if "Traceback (most recent call last)" in both:
        last = [line for line in both.splitlines() if line.strip()][-1]
        places = re.findall(r'gluonattn/([\w/]+\.py)", line \d+, in (\w+)', both)
        raise Fault(f"traceback: {last.partition(':')[0][:60]} in {':'.join(places[-1]) if places else 'a library'}", both)
    if result.returncode < 0:
        raise Fault(f"crash: the command ended by signal {-result.returncode}", both)
    return shown
