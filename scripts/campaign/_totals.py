"""Totals that accumulate over runs, and their table in docs/reliability.md."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any


def add_totals(path: Path, tallies: list[Any]) -> None:
    """Add what was tried to a file of totals that grows from run to run, and keep which runs it is made of.

    Parameters
    ----------
    path : pathlib.Path
    tallies : list of Tally
    """
    totals = json.loads(path.read_text()) if path.exists() else {"parts": {}}
    for tally in tallies:
        if tally.left_out is not None or not tally.tried + tally.failed:
            continue
        part = totals["parts"].setdefault(
            tally.part, {"seconds": 0, "tried": 0, "failed": 0, "counts": {}, "kinds": {}, "runs": []}
        )
        part["seconds"] = round(part["seconds"] + tally.seconds)
        part["tried"] += tally.tried
        part["failed"] += tally.failed
        for unit, count in tally.counts.items():
            part["counts"][unit] = part["counts"].get(unit, 0) + count
        for kind, found in tally.kinds.items():
            part["kinds"][kind] = part["kinds"].get(kind, 0) + found["times"]
        part["runs"].append(
            {
                "date": time.strftime("%Y-%m-%d"),
                "seed": tally.seed,
                "seconds": round(tally.seconds),
                "tried": tally.tried,
                "failed": tally.failed,
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(totals, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def totals_table(totals: dict[str, Any]) -> str:
    """The table of docs/reliability.md: a line a part.

    Parameters
    ----------
    totals : dict
        As `add_totals` writes it.
    """
    lines = ["| part | seeds | seconds | tried | failed | of which |", "| --- | --- | --- | --- | --- | --- |"]
    for name, part in sorted(totals["parts"].items()):
        seeds = ", ".join(map(str, sorted({run["seed"] for run in part["runs"]})))
        counts = ", ".join(f"{count:,} {unit}" for unit, count in sorted(part["counts"].items()))
        lines.append(f"| `{name}` | {seeds} | {part['seconds']:,} | {part['tried']:,} | {part['failed']:,} | {counts} |")
    return "\n".join(lines)
