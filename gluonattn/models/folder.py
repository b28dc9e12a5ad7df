"""The files of a checkpoint folder: their names, the replaced older folder, and leftovers of killed runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ..files import clear_all_partials, clear_partials, is_partial

CONFIG, VOCABULARY, WEIGHTS, HISTORY = "config.json", "vocab.json", "model.safetensors", "history.json"
FILES = (CONFIG, VOCABULARY, WEIGHTS, HISTORY)
TABLE = "history.csv"  # the same history, for a spreadsheet
# Names of unfinished files of versions without `files.py`.
_OLD_PARTIAL = re.compile(r"\.(config\.json|history\.json|history\.csv|words\.tsv|epoch-\d+\.safetensors)\.[a-z0-9_]{8}")


def recover(folder: Path) -> None:
    """Complete the replacement of a checkpoint if its process was killed.

    The older checkpoint is restored if the newer one was not in place yet. Otherwise the user's own files are moved
    from the older one.
    """
    if not folder.exists() and aside_folder(folder).is_dir():
        aside_folder(folder).rename(folder)
    elif folder.is_dir():
        clear_aside(folder)


def clear_leftovers(folder: Path) -> None:
    """Remove partial files of killed runs beside and in `folder`. Files of a running process are kept."""
    for path in (folder, folder.with_name(folder.name + ".resume")):
        clear_partials(path)
    old = re.compile(re.escape(f".{folder.name}") + r"(\.resume)?\.[a-z0-9_]{8}")
    for path in _entries(folder.parent):  # of versions without `files.py`
        if not old.fullmatch(path.name):
            continue
        if path.is_dir() and all(inside.name in FILES for inside in path.iterdir()):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file() and ".resume." in path.name:
            path.unlink(missing_ok=True)
    for inside in (folder, *filter(Path.is_dir, _entries(folder))):
        clear_all_partials(inside)
        for path in _entries(inside):
            if _OLD_PARTIAL.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def aside_folder(folder: Path) -> Path:
    folder = folder.resolve()
    return folder.with_name(f".{folder.name}.old")


def clear_aside(folder: Path) -> None:
    """Remove the older checkpoint. Files that do not belong to a checkpoint are moved to the new one."""
    old = aside_folder(folder)
    if not old.is_dir():
        return
    for path in old.iterdir():
        half_written = is_partial(path.name) or _OLD_PARTIAL.fullmatch(path.name)
        if path.name not in (*FILES, TABLE) and not half_written and not (folder / path.name).exists():
            path.rename(folder / path.name)
    shutil.rmtree(old, ignore_errors=True)
