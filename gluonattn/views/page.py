"""An interactive offline page: the sentence as text, with its attention.

The page is `assets/page.html` (a Jinja template) with `page.css` and the scripts, the records as JSON, the same data as
tables for browsers without scripts, and a Content-Security-Policy that allows exactly these and no request. A saved
file, a notebook (`notebook_html`) and a web page use the same scripts:
``gluonattn.mount(element, data, options)``.

Weights are shown by one blue whose lightness falls steadily (L* 97 to 19; on a dark page it rises
from 13 to 92), so they can be read in grey print and with every kind of colour blindness. Differences are
blue and orange, which are distinct with red-green blindness, and solid or dashed lines. Large ones have a printed sign.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import DataError, choose
from ..files import replace_file
from ..record import AttentionRecord
from .font_face import hangul_face
from .page_data import dumps, page_data
from .plain_page import ASSETS, environment, plain_records

LANGUAGES = {"ko": "ko", "en": "en"}
SCRIPTS = ("dom.js", "words.{lang}.js", "data.js", "sentence.js", "arcs.js", "heatmap.js", "list.js", "index.js",
           "picture.js", "places.js", "panel.js", "page.js", "start.js")
# Included in pages with an attribution.
ATTRIBUTION = ("words.attribution.{lang}.js", "attribution.js")
_POLICY = "default-src 'none'; {allowed}; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"


def to_html(
    records: AttentionRecord | Sequence[AttentionRecord],
    *,
    lang: str = "ko",
    title: str | None = None,
    layer: int | None = None,
    head: int | None = None,
    limit: int = 2_000_000,
    font: bool = True,
) -> str:
    """Make a page that shows one record, or many with an index, as one offline file.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
        The list of sentences marks right and wrong predictions if ``source["true_label"]`` is known. A record with two
        attributions shows them side by side.
    lang : {"ko", "en"}, default "ko"
        Language of the labels.
    title : str or None
        None takes the beginning of the first text.
    layer, head : int or None
        Shown first if a record has it. None is the mean. The page can switch.
    limit : int, default 2_000_000
        Maximum size of the records in bytes. See `page_data` for what is dropped to stay below it. The page's
        own code (76 kB, 84 kB with an attribution) and the font are extra.
    font : bool, default True
        Whether to embed the Hangul glyphs that are used (about 180 bytes each), for systems without a
        Hangul font.

    Returns
    -------
    str
        HTML. It can always be written with ``encoding="utf-8"``, whatever characters the tokens have.

    Raises
    ------
    OptionError
        If `lang` is unknown, there is no record, or the records are too large.
    RecordError
        If `layer` or `head` does not exist in the first record.
    """
    choose("language", lang, LANGUAGES)
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    data = page_data(records, limit=limit, lang=lang)
    records[0].matrix(layer, head)  # raises for a layer or head that does not exist
    heading = title if title is not None else beginning(records[0].query_text)
    others = data["records"][0].get("attribution", {}).get("others", ())
    data["options"] = {"lang": lang, "title": title, "layer": layer, "head": head}
    if others:
        data["options"]["beside"] = next(iter(others))
    attribution = ATTRIBUTION if any("attribution" in entry for entry in data["records"]) else ()
    scripts = (*SCRIPTS[:-1], *attribution, SCRIPTS[-1])
    plain = plain_records(records, lang)
    return assemble(data, lang=lang, heading=heading, font=font, scripts=scripts, plain=plain)


def assemble(data: Any, *, lang: str, heading: str, font: bool, plain: dict[str, Any],
             scripts: tuple[str, ...] = SCRIPTS,
             styles: tuple[str, ...] = ("page.css",), fallback: str = "plain.records.html") -> str:
    """Make the HTML of a page with its data, scripts and styles.

    Parameters
    ----------
    data : JSON value
        Data for the scripts.
    lang : {"ko", "en"}
    heading : str
        Title of the window.
    font : bool
        Whether to embed glyphs for characters outside ASCII.
    plain : dict
        Values for the template `fallback`, shown if scripts do not run.
    fallback : str
        Name of a template in `assets/`.
    scripts, styles : tuple of str
        Names of files in `assets/`, in order.
    """
    script, style = _code(lang, scripts, styles)
    json_text = dumps(data)
    fallen_back = _encodable(environment().get_template(fallback).render({**plain, "title": heading}))
    font_css = hangul_face(json_text + heading + script + fallen_back) if font else ""
    allowed = f"script-src {_hash(script)}; style-src {_hash(style)} {_hash(font_css)}"
    made = environment().get_template("page.html").render(
        lang=lang, title=heading, policy=_POLICY.format(allowed=allowed), font=font_css, style=style, fallback=fallen_back,
        data=json_text, script=script)
    return _encodable(made)


def save_page(records: AttentionRecord | Sequence[AttentionRecord], path: str | os.PathLike[str],
              **options: Any) -> Path:
    """Write `to_html(records, **options)`; the file gets its name only when it is complete.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
    path : path
    **options
        Options of `to_html`.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    path = Path(path)
    page = to_html(records, **options)
    try:
        replace_file(path, page.encode("utf-8"))
    except OSError as error:
        raise DataError(
            f"cannot write the page to {path}: {error.strerror}. "
            "Choose a folder that exists, is writable and has space."
        ) from None
    return path


def notebook_html(records: AttentionRecord | Sequence[AttentionRecord], **options: Any) -> str:
    """Make the page in an iframe, for ``_repr_html_``, so that a notebook can have any number of pages.

    The frame may only run its own script and offer downloads. It shares no name, style
    or storage with the notebook or with another frame.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
    **options
        Options of `to_html`.
    """
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    page = to_html(records, **options)
    return (
        f'<iframe sandbox="allow-scripts allow-downloads" srcdoc="{html.escape(page)}" width="100%" '
        f'height="{_height(records)}" frameborder="0" title="gluonattn"></iframe>'
    )


def _height(records: list[AttentionRecord]) -> int:
    """Height of the first record in pixels, on a page 700 wide. A longer record scrolls in its frame."""
    first = records[0]
    texts = [first.query_text] if first.queries == first.keys else [first.query_text, first.key_text]
    lines = sum(1 + len(text) // 32 for text in texts)
    index = min(230, 60 + 30 * len(records)) if len(records) > 1 else 0
    return min(1200, 540 + 100 * lines + index)


def page_code(lang: str) -> tuple[str, str]:
    """Script and style of a page that gets its records later, by ``gluonattn.mount(element, data, options)``."""
    return _code(lang, (*SCRIPTS[:-1], *ATTRIBUTION))


@cache
def _code(lang: str, scripts: tuple[str, ...] = SCRIPTS, styles: tuple[str, ...] = ("page.css",)) -> tuple[str, str]:
    """Script and style of a page, without comments and unnecessary spaces."""
    import rjsmin

    strict = '"use strict";'  # once is enough for the whole script
    parts = (rjsmin.jsmin(_asset(name.format(lang=lang))).replace(strict, "", 1) for name in scripts)
    script = strict + "\n".join(parts)
    style = re.sub(r"/\*.*?\*/", "", "".join(map(_asset, styles)), flags=re.DOTALL)
    style = re.sub(r"\s*([{};,]|:(?= ))\s*", r"\1", style).replace(";}", "}")
    return script, re.sub(r"(?<![\w.])0\.(?=\d)", ".", style)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode('utf-8')).digest()).decode('ascii')}'"


def beginning(text: str, longest: int = 60) -> str:
    """The beginning of a text on one line, for a title.

    Parameters
    ----------
    text : str
    longest : int, default 60
        Maximum number of characters.
    """
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
