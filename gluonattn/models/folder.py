"""The checkpoint folder as a folder: its files' names, the older one that is replaced, and what killed runs left."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ..files import clear_all_partials, clear_partials, is_partial

CONFIG, VOCABULARY, WEIGHTS, HISTORY = "config.json", "vocab.json", "model.safetensors", "history.json"
FILES = (CONFIG, VOCABULARY, WEIGHTS, HISTORY)
TABLE = "history.csv"  # the history again, for a spreadsheet
# Names that versions before the one writer gave what they had not finished.
_OLD_PARTIAL = re.compile(r"\.(config\.json|history\.json|history\.csv|words\.tsv|epoch-\d+\.safetensors)\.[a-z0-9_]{8}")


def recover(folder: Path) -> None:
    """Finish what a kill stopped while a checkpoint was replaced.

    The older checkpoint is put back if the newer one had not taken its place yet; else the user's own files move
    over from the older one.
    """
    if not folder.exists() and aside_folder(folder).is_dir():
        aside_folder(folder).rename(folder)
    elif folder.is_dir():
        clear_aside(folder)


def clear_leftovers(folder: Path) -> None:
    """Remove what killed runs left half-written beside and in `folder`; that of a living run stays."""
    for path in (folder, folder.with_name(folder.name + ".resume")):
        clear_partials(path)
    old = re.compile(re.escape(f".{folder.name}") + r"(\.resume)?\.[a-z0-9_]{8}")
    for path in _entries(folder.parent):  # of versions before the one writer
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
    """Remove the older checkpoint; what is not a checkpoint's file moves to the new one."""
    old = aside_folder(folder)
    if not old.is_dir():
        return
    for path in old.iterdir():
        half_written = is_partial(path.name) or _OLD_PARTIAL.fullmatch(path.name)
        if path.name not in (*FILES, TABLE) and not half_written and not (folder / path.name).exists():
            path.rename(folder / path.name)
    shutil.rmtree(old, ignore_errors=True)
