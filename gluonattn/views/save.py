"""Any view of a record as a file; the ending of its name picks the format."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError, OptionError, choose
from ..files import replace_file
from ..record import AttentionRecord

PICTURES = (".png", ".svg", ".pdf")
# The first view of an ending is the one taken where none is asked for.
VIEWS = {
    "overlay": PICTURES,
    "heatmap": PICTURES,
    "page": (".html",),
    "terminal": (".txt",),
    "record": (".npz", ".json"),
}


def view_of(path: str | os.PathLike, view: str | None = None) -> str:
    """The view a file name stands for.

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


def require_few(path: str | os.PathLike, view: str, count: int) -> None:
    """Raise OptionError if a view cannot hold as many records: found out before they are made, not after it."""
    if count != 1 and (view in ("overlay", "heatmap") or Path(path).suffix.lower() == ".npz"):
        raise OptionError(
            f"{Path(path).name} can hold one sentence, got {count:,}: give a name that ends in .html for a "
            "page of all, or one sentence."
        )


def save_view(
    records: AttentionRecord | Sequence[AttentionRecord],
    path: str | os.PathLike,
    *,
    view: str | None = None,
    layer: int | None = None,
    head: int | None = None,
    lang: str = "ko",
) -> Path:
    """Write one view of one record, or a page or list of many.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
    path : path
    view : {"overlay", "heatmap", "page", "terminal", "record"} or None
        None picks by the ending: .png, .svg and .pdf an overlay, .html a page,
        .txt the terminal's view, .npz and .json the record itself.
    layer, head : int or None
        None takes the mean; a page can switch.
    lang : {"ko", "en"}, default "ko"
        Language of the page's labels.

    Raises
    ------
    OptionError
        If the ending does not suit, or several records are given for a view of one.
    DataError, RecordError
        If the file cannot be written.
    """
    path, view = Path(path), view_of(path, view)
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    require_few(path, view, len(records))
    if view == "page":
        from .page import save_page

        return save_page(records, path, lang=lang, layer=layer, head=head)
    if view == "terminal":
        from .terminal import to_terminal

        shown = [to_terminal(record, colours="none", layer=layer, head=head) for record in records]
        return _write(path, "\n".join(shown))
    if path.suffix.lower() == ".json":
        values = [record.to_dict() for record in records]
        return _write(path, json.dumps(values[0] if len(values) == 1 else values, ensure_ascii=False))
    if view == "record":
        return records[0].save(path)
    return _picture(records[0], path, view, layer, head)


def _picture(record: AttentionRecord, path: Path, view: str, layer, head) -> Path:
    import matplotlib.pyplot as plt

    from .fonts import save_figure
    from .heatmap import heatmap
    from .overlay import overlay

    draw = heatmap if view == "heatmap" else overlay
    ax = draw(record, layer=layer, head=head)  # type: ignore[operator]
    try:
        return save_figure(ax, path)
    finally:
        plt.close(ax.figure)


def _write(path: Path, text: str) -> Path:
    try:
        replace_file(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror}. Choose a folder that exists, is writable and has space."
        ) from None
    return path
