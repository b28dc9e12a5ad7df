"""Save any view of a record as a file. The ending of the file's name selects the format."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, OptionError, choose
from ..files import replace_file
from ..finding import find_entries
from ..record import AttentionRecord

PICTURES = (".png", ".svg", ".pdf")
Records = Sequence[AttentionRecord]


@dataclass(frozen=True)
class View:
    """An entry of the table of views. An entry in a file ``NAME_view.py`` is found automatically.

    Attributes
    ----------
    name : str
        The value of ``--view``.
    endings : tuple of str
        Endings of the files that the view can be written to, with dots.
    write : callable
        ``write(records, path, layer=, head=, lang=)`` writes the file and returns its path. See `save_view`.
    single : tuple of str
        The endings of files that can contain only one record.
    """

    name: str
    endings: tuple[str, ...]
    write: Callable[..., Path]
    single: tuple[str, ...] = ()


def view_of(path: str | os.PathLike[str], view: str | None = None) -> str:
    """Choose the view for a file name.

    Parameters
    ----------
    path : path
    view : str or None
        A key of `VIEWS`; None takes the first view of the ending.

    Raises
    ------
    OptionError
        If the ending is unknown, or not one of `view`.
    """
    ending = Path(path).suffix.lower()
    if view is None:
        for name, endings in VIEWS.items():
            if ending in endings:
                return name
        known = ", ".join(dict.fromkeys(e for endings in VIEWS.values() for e in endings))
        raise OptionError(f"cannot write {Path(path).name}: expected a name that ends in {known}.")
    endings = choose("view", view, VIEWS)
    if ending not in endings:
        raise OptionError(
            f"the view {view} cannot be written to {Path(path).name}: expected a name that ends in "
            f"{', '.join(endings)}."
        )
    return view


def require_few(path: str | os.PathLike[str], view: str, count: int) -> None:
    """Raise OptionError if a view cannot show so many records. It is called before the records are computed.

    Parameters
    ----------
    path : path
    view : str
        A key of `VIEWS`.
    count : int
        Number of records.
    """
    if count != 1 and Path(path).suffix.lower() in _VIEWS[view].single:
        raise OptionError(
            f"{Path(path).name} can hold one sentence, got {count:,}: give a name that ends in .html for a "
            "page of all, or one sentence."
        )


def save_view(
    records: AttentionRecord | Sequence[AttentionRecord],
    path: str | os.PathLike[str],
    *,
    view: str | None = None,
    layer: int | None = None,
    head: int | None = None,
    lang: str = "ko",
) -> Path:
    """Write one view of one record, or a page or list of several records.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
    path : path
    view : str or None
        A key of `VIEWS`: "overlay", "heatmap", "page", "terminal" or "record". None
        chooses by the ending: an overlay for .png, .svg and .pdf, a page for .html,
        the terminal view for .txt, the record itself for .npz and .json.
    layer, head : int or None
        None takes the mean. A page can switch.
    lang : {"ko", "en"}, default "ko"
        Language of the page's labels.

    Raises
    ------
    OptionError
        If the ending does not match the view, or several records are given for a view of one record.
    DataError, RecordError
        If the file cannot be written.
    """
    path, view = Path(path), view_of(path, view)
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    require_few(path, view, len(records))
    return _VIEWS[view].write(records, path, layer=layer, head=head, lang=lang)


def save_figure_of(draw: Callable[..., Any], record: AttentionRecord, path: Path, **options: Any) -> Path:
    """Draw a record with ``draw(record, **options)``, which returns matplotlib's Axes, and write the picture.

    Parameters
    ----------
    draw : callable
    record : AttentionRecord
    path : pathlib.Path
        The ending, one of `PICTURES`, selects the format.
    **options
        Options of `draw`.

    Returns
    -------
    pathlib.Path
        `path`.
    """
    import matplotlib.pyplot as plt

    from .fonts import save_figure

    ax = draw(record, **options)
    try:
        return save_figure(ax, path)
    finally:
        plt.close(ax.figure)


def save_text(path: Path, text: str) -> Path:
    """Write a text as UTF-8, completely or not at all. Raises DataError if it cannot be written.

    Parameters
    ----------
    path : pathlib.Path
    text : str
    """
    try:
        replace_file(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror}. Choose a folder that exists, is writable and has space."
        ) from None
    return path


def _save_overlay(records: Records, path: Path, *, layer: int | None, head: int | None, lang: str) -> Path:
    from .overlay import overlay

    return save_figure_of(overlay, records[0], path, layer=layer, head=head)


def _save_heatmap(records: Records, path: Path, *, layer: int | None, head: int | None, lang: str) -> Path:
    from .heatmap import heatmap

    return save_figure_of(heatmap, records[0], path, layer=layer, head=head)


def _save_page(records: Records, path: Path, *, layer: int | None, head: int | None, lang: str) -> Path:
    from .page import save_page

    return save_page(records, path, lang=lang, layer=layer, head=head)


def _save_terminal(records: Records, path: Path, *, layer: int | None, head: int | None, lang: str) -> Path:
    from .terminal import to_terminal

    return save_text(path, "\n".join(to_terminal(one, colours="none", layer=layer, head=head) for one in records))


def _save_record(records: Records, path: Path, **_: Any) -> Path:
    if path.suffix.lower() == ".npz":
        return Path(records[0].save(path))
    values = [record.to_dict() for record in records]
    return save_text(path, json.dumps(values[0] if len(values) == 1 else values, ensure_ascii=False))


# The first view of an ending is its default.
_VIEWS: dict[str, View] = {found.name: found for found in (
    View("overlay", PICTURES, _save_overlay, single=PICTURES),
    View("heatmap", PICTURES, _save_heatmap, single=PICTURES),
    View("page", (".html",), _save_page),
    View("terminal", (".txt",), _save_terminal),
    View("record", (".npz", ".json"), _save_record, single=(".npz",)),
    *find_entries(__file__, __package__, "view"))}
VIEWS: dict[str, tuple[str, ...]] = {name: found.endings for name, found in _VIEWS.items()}
