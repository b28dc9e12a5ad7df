"""The files of a report, written together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import DataError
from ..files import Content, replace_file


def save_report(files: Mapping[str, tuple[Path, Content]], out: Path) -> dict[str, Path]:
    """Write the files of a report. Missing folders are created.

    Parameters
    ----------
    files : mapping of str to (pathlib.Path, str or bytes)
        The files by name. Half characters (lone surrogates) in texts become "?".
    out : pathlib.Path
        The path given by the user, for messages.

    Returns
    -------
    dict of str to pathlib.Path
        The written files by name.

    Raises
    ------
    DataError
        If a file cannot be written. Each file is then complete, or as it was before.
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
    """The files of a page with its figures beside it, for `save_report`.

    Parameters
    ----------
    out : pathlib.Path
        Path of the page (.html), or a folder for ``report.html``.
    page : str
        HTML.
    figures : str
        JSON.
    """
    path = out if out.suffix.lower() == ".html" else out / "report.html"
    return {"html": (path, page), "json": (path.with_suffix(".json"), figures)}
