"""A page with the grid of all heads. Each head can be opened."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import OptionError, choose
from ..record import AttentionRecord
from ..record.modes import subtract_weights
from .page import LANGUAGES, SCRIPTS, assemble, beginning
from .page_data import page_data
from .plain_page import plain_records


def grid_page(
    records: AttentionRecord | Sequence[AttentionRecord],
    *,
    names: Sequence[str] | None = None,
    lang: str = "ko",
    title: str | None = None,
    limit: int = 2_000_000,
    steps: bool = False,
    font: bool = True,
) -> str:
    """All layers and heads as a grid with one colour scale. A click opens a head as in `to_html`.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
        Several records become a choice above the grid: encoder, decoder and cross attention, or a record and
        its other modes (`record.modes`).
    names : sequence of str or None
        Name of each record in that choice. None takes kind and mode.
    lang : {"ko", "en"}, default "ko"
    title : str or None
    limit : int, default 2_000_000
        Maximum size of the records in bytes. Records that are too large are rounded, then reduced to the strongest keys
        of each row, and the page says so. The page's own code (82 kB) and the font are extra.
    steps : bool, default False
        Whether the records are steps of one thing, such as epochs. A slider selects one, and all share one colour scale.
        They must have the same tokens, layers and heads.
    font : bool, default True
        Whether to embed the Hangul glyphs that are used.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    OptionError
        If `lang` is unknown, there is no record, the number of names differs, or the records are too large.
    RecordError
        If steps have different tokens, layers or heads.
    """
    choose("language", lang, LANGUAGES)
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    if names is not None and len(names) != len(records):
        raise OptionError(f"got {len(records)} records and {len(names)} names: give one name for each record.")
    if steps:
        for record in records[1:]:
            subtract_weights(records[0], record)  # raises if they do not match
    data = page_data(records, limit=limit, lang=lang)
    heading = beginning(records[0].query_text) if title is None else title
    called = names or [" · ".join(filter(None, (r.kind, r.source.get("mode")))) for r in records]
    data["grid"] = {"lang": lang, "title": title, "names": list(called), "steps": steps}
    return assemble(data, lang=lang, heading=heading, font=font, scripts=(*SCRIPTS[:-1], "grid.js"),
                    styles=("page.css", "grid.css"), plain=plain_records(records, lang, heads=True))
