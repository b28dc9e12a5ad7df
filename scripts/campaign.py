"""Run a repeatable reliability campaign: count cases and failures, and keep the smallest input for each kind of fault.

    python scripts/campaign.py --seconds 60                     # every part
    python scripts/campaign.py --short                          # a few cases of each, the same on every machine
    python scripts/campaign.py files kills --seconds 3600 --seed 7
    python scripts/campaign.py texts --seconds 600 --seed 8 --totals docs/reliability.json
    python scripts/campaign.py --again build/campaign/files/0f3a9c1b.json

A part is a file in scripts/campaign/ and is found automatically. It draws cases (JSON values) from a seed and checks each
of them. It runs in its own process, so that a crash, a hang and unlimited memory use are counted as faults too.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import importlib
import json
import multiprocessing
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent / "campaign"
sys.path[:0] = [str(HERE), str(HERE.parents[1])]
PARTS = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
_FORK = multiprocessing.get_context("fork")  # nothing heavy is loaded here yet
_SLACK = 30.0  # seconds that a case may take beyond its part's limit before its process is killed


class Tally:
    """What a part has tried and what failed; keeps the smallest case of each kind of fault in a folder.

    Parameters
    ----------
    part : str
    seed : int
    folder : pathlib.Path
        A folder with the part's name is made there for cases that fail.
    """

    def __init__(self, part: str, seed: int, folder: Path) -> None:
        self.part, self.seed, self.folder = part, seed, folder / part
        self.tried = self.failed = 0
        self.counts: dict[str, int] = {}
        self.seconds: float = 0.0
        self.kinds: dict[str, dict[str, Any]] = {}
        self.left_out: str | None = None

    def fault(self, kind: str, detail: str, case: Any, number: int, first: bool = True) -> None:
        """Count a fault, or (not `first`) take a smaller case of one that was counted.

        Parameters
        ----------
        kind, detail : str
        case : JSON value
        number : int
            Of the case among those that the seed gives.
        first : bool
        """
        found = self.kinds.setdefault(kind, {"times": 0, "size": None})
        if first:
            self.failed += 1
            found["times"] += 1
        size = len(json.dumps(case))
        if found["size"] is not None and size >= found["size"]:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{hashlib.sha256(kind.encode()).hexdigest()[:8]}.json"
        path.write_text(
            json.dumps(
                {"part": self.part, "seed": self.seed, "number": number, "kind": kind, "detail": detail, "case": case},
                indent=1,
            )
            + "\n"
        )
        found.update(size=size, file=str(path), detail=detail)

    def as_json(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "tried": self.tried,
            "counts": self.counts,
            "failed": self.failed,
            "kinds": self.kinds,
            "left_out": self.left_out,
        }


def run_part(tally: Tally, seconds: float, short: bool = False) -> None:
    """Run one part for so long; a process that dies or hangs is counted and another goes on after it.

    Parameters
    ----------
    tally : Tally
        What is found goes there at once: Ctrl-C loses nothing.
    seconds : float
    short : bool, default False
        Its first `SHORT` cases instead, however long they take.
    """
    from _cases import own_folder

    name, seed, part = tally.part, tally.seed, importlib.import_module(tally.part)
    tally.left_out = part.missing()
    start, number = time.monotonic(), 0
    end, most = (float("inf"), part.SHORT) if short else (start + seconds, sys.maxsize)
    while tally.left_out is None and time.monotonic() < end and number < most:
        opened = ExitStack()
        folder = opened.enter_context(own_folder(part))
        inner, outer = _FORK.Pipe(duplex=False)
        child = _FORK.Process(target=_work, args=(name, seed, number, end, most, outer, folder))
        child.start()
        outer.close()
        case, message = None, ("", None)
        while True:
            limit = part.SECONDS if message[0] == "case" else part.SECONDS + part.START
            try:
                if not inner.poll(limit + _SLACK):
                    stacks = _stacks(child, folder)
                    child.kill()
                    tally.fault("hangs: its process had to be killed", f"{limit + _SLACK:.0f} s\n{stacks}", case, number)
                    break
                message = inner.recv()
            except EOFError:
                child.join()
                tally.fault(f"crash: the process ended with {child.exitcode}", "", case, number)
                break
            if message[0] in ("end", "stop"):
                break
            if message[0] == "case":
                number, case = message[1], message[2]
            elif message[0] == "fault":
                tally.fault(message[1], message[2], message[3], number, message[4])
            elif message[0] == "tried":
                tally.tried += 1
                tally.seconds = time.monotonic() - start
                for unit, count in message[1].items():
                    tally.counts[unit] = tally.counts.get(unit, 0) + count
        child.join()
        opened.close()
        tally.seconds = time.monotonic() - start
        number += 1
        if message[0] == "stop":
            break


def _stacks(child: Any, folder: Path) -> str:
    """Where each thread of a process is that does not answer."""
    with suppress(OSError):
        os.kill(child.pid, signal.SIGUSR1)
        time.sleep(2)
        return (folder / ".stacks").read_text()[:4000]
    return ""


def _work(name: str, seed: int, number: int, end: float, most: int, pipe: Any, folder: Path) -> None:
    """In a process of its own: draw cases from `number` on and check them until the time is over or `most` is reached."""
    import random

    from _cases import Fault, kind_of, limited

    part = importlib.import_module(name)
    try:
        faulthandler.register(signal.SIGUSR1, open(folder / ".stacks", "w"))  # noqa: SIM115 - open as long as the process
        with part.prepare(folder, seed) as check:
            pipe.send(("ready", {}))
            shrunk: set[str] = set()
            while time.monotonic() < end and number < most:
                case = part.draw(random.Random(f"{seed} {name} {number}"))
                pipe.send(("case", number, case))
                fault = limited(check, case, part.SECONDS)
                if isinstance(fault, Fault):
                    pipe.send(("fault", fault.kind, fault.detail, case, True))
                    if fault.kind not in shrunk:
                        shrunk.add(fault.kind)
                        for smaller in _shrink(check, case, fault.kind, part, min(end, time.monotonic() + part.SHRINK)):
                            pipe.send(("fault", fault.kind, fault.detail, smaller, False))
                pipe.send(("tried", {} if isinstance(fault, Fault) else fault or {}))
                number += 1
    except Exception as error:
        pipe.send(("fault", f"the part cannot go on: {kind_of(error)}", traceback.format_exc(), None, True))
        pipe.send(("stop", None))
    pipe.send(("end", None))


def _shrink(check: Any, case: Any, kind: str, part: Any, end: float) -> Iterator[Any]:
    """Smaller and smaller cases that fail in the same way."""
    from _cases import Fault, limited, simpler

    going = True
    while going:
        going = False
        for smaller in simpler(case):
            if time.monotonic() > end:
                return
            fault = limited(check, smaller, part.SECONDS)
            if isinstance(fault, Fault) and fault.kind == kind:
                case, going = smaller, True
                yield case
                break


def again(path: Path) -> int:
    """Check a kept case once more, here; 1 if it still fails."""
    from _cases import Fault, limited, own_folder

    kept = json.loads(path.read_text())
    part = importlib.import_module(kept["part"])
    with own_folder(part) as folder, part.prepare(folder, kept["seed"]) as check:
        fault = limited(check, kept["case"], part.SECONDS)
    if isinstance(fault, Fault):
        print(f"still fails: {fault.kind}\n{fault.detail}")
        return 1
    print(f"passes now; it was: {kept['kind']}")
    return 0


def show(tallies: list[Tally]) -> None:
    print(f"{'part':<12}{'seed':>6}{'seconds':>9}{'tried':>9}{'failed':>8}{'kinds':>7}")
    for tally in tallies:
        if tally.left_out is not None:
            print(f"{tally.part:<12}left out: {tally.left_out}")
            continue
        counts = "  " + ", ".join(f"{count:,} {unit}" for unit, count in sorted(tally.counts.items()))
        print(
            f"{tally.part:<12}{tally.seed:>6}{tally.seconds:>9.0f}{tally.tried:>9,}{tally.failed:>8,}"
            f"{len(tally.kinds):>7}{counts.rstrip()}"
        )
        for kind, found in sorted(tally.kinds.items()):
            print(f"    {found['times']:,} x {kind}\n        {found.get('file', '')}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(PARTS)}; by default all")
    parser.add_argument("--seconds", type=float, default=20, help="for each part (default 20)")
    parser.add_argument("--short", action="store_true", help="a few cases of each part, however long they take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/campaign"), help="folder for failed cases and totals")
    parser.add_argument("--totals", type=Path, metavar="FILE",
                        help="a file of totals to add to; without other arguments: print its table")
    parser.add_argument("--again", type=Path, metavar="FILE", help="check one saved case again")
    arguments = parser.parse_args()
    if arguments.totals and not arguments.parts and not arguments.short:
        from _totals import totals_table

        print(totals_table(json.loads(arguments.totals.read_text())))
        return 0
    if arguments.again:
        return again(arguments.again)
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: expected some of {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tallies: list[Tally] = []
    try:
        for name in arguments.parts or PARTS:
            print(name if arguments.short else f"{name}: {arguments.seconds:.0f} s", flush=True)
            tallies.append(Tally(name, arguments.seed, arguments.out))
            run_part(tallies[-1], arguments.seconds, arguments.short)
    finally:
        show(tallies)
        if arguments.totals:
            from _totals import add_totals

            add_totals(arguments.totals, tallies)
        arguments.out.mkdir(parents=True, exist_ok=True)
        totals = arguments.out / f"totals-{arguments.seed}-{'-'.join(tally.part for tally in tallies)}.json"
        totals.write_text(
            json.dumps(
                {
                    "date": time.strftime("%Y-%m-%d"),
                    "python": platform.python_version(),
                    "machine": platform.machine(),
                    "parts": [t.as_json() for t in tallies],
                },
                indent=1,
            )
            + "\n"
        )
        print(f"{totals}")
    return int(any(tally.failed for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
