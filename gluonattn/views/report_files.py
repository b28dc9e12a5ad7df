"""The files of a report, written together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import DataError
from ..files import Content, replace_file


def save_report(files: Mapping[str, tuple[Path, Content]], out: Path) -> dict[str, Path]:
    """Write the files of a report; folders are made where they are missing.

    Parameters
    ----------
    files : mapping of str to (pathlib.Path, str or bytes)
        By what each is called. Half characters of texts become "?".
    out : pathlib.Path
        What the user asked for, for the message.

    Returns
    -------
    dict of str to pathlib.Path
        What was written.

    Raises
    ------
    DataError
        If a file cannot be written; each file is there whole, or as it was before.
    """
    try:
        for path, content in files.values():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, content.encode("utf-8", "replace") if isinstance(content, str) else content)
    except OSError as error:
        raise DataError(f"cannot write the report to {out}: {error.strerror}. Choose a folder that is writable and has "
                        "space.") from None
    return {name: path for name, (path, _) in files.items()}


def page_and_figures(out: Path, page: str, figures: str) -> dict[str, tuple[Path, Content]]:
    """A page and its figures beside it, for `save_report`.

    Parameters
    ----------
    out : pathlib.Path
        The page (.html), or a folder for ``report.html``.
    page : str
        HTML.
    figures : str
        JSON.
    """
    path = out if out.suffix.lower() == ".html" else out / "report.html"
    return {"html": (path, page), "json": (path.with_suffix(".json"), figures)}
