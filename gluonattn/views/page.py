"""One offline page to touch: the sentence as text, and the attention on it.

The page is `assets/page.html` (a template of Jinja's) with `page.css` and the scripts put in, the records as JSON, the
same as tables for where scripts do not run, and a Content-Security-Policy that allows exactly these and no request
at all. The same scripts serve a saved file, a notebook (`notebook_html`) and a web page:
``gluonattn.mount(element, data, options)``.

Weights are shown by one blue whose lightness falls steadily (L* 97 to 19; on a dark page it rises
from 13 to 92), so they read in grey print and with every kind of colour blindness. Differences are
blue and orange, which red-green blindness keeps apart too, and solid or dashed lines; large ones carry a printed sign.
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
    """A page that shows one record, or many with an index, as one offline file.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
        The list of sentences shows right and wrong where ``source["true_label"]`` is known; a record with two
        attributions has them side by side.
    lang : {"ko", "en"}, default "ko"
        Language of the labels.
    title : str or None
        None takes the beginning of the first text.
    layer, head : int or None
        Shown first, where a record has it; None is the mean. The page can switch.
    limit : int, default 2_000_000
        Bytes the records may take; see `page_data` for what is dropped to stay below. The page's
        own code (75 kB, 83 kB with an attribution) and the font come on top.
    font : bool, default True
        Whether to carry the Hangul glyphs used (about 180 bytes each), for systems that have no
        Hangul font.

    Returns
    -------
    str
        HTML. It can be written with ``encoding="utf-8"`` whatever the tokens hold.

    Raises
    ------
    OptionError
        If `lang` is unknown, there is no record, or the records cannot be made to fit.
    RecordError
        If `layer` or `head` does not exist in the first record.
    """
    choose("language", lang, LANGUAGES)
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    data = page_data(records, limit=limit, lang=lang)
    records[0].matrix(layer, head)  # says which layers and heads there are
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
    """The HTML of a page that carries its data, scripts and styles.

    Parameters
    ----------
    data : JSON value
        For the scripts to read.
    lang : {"ko", "en"}
    heading : str
        For the window's title.
    font : bool
        Whether to carry glyphs for what is not ASCII.
    plain : dict
        What `fallback` is filled with, for where scripts do not run.
    fallback : str
        Template of `assets/`.
    scripts, styles : tuple of str
        Files of `assets/`, in order.
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
    """Write `to_html(records, **options)`; the file appears under its name only when it is complete.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
    path : path
    **options
        Of `to_html`.

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
    """The page in an iframe, for ``_repr_html_``, so that a notebook can have any number of them.

    The frame may run its own script and offer downloads, and nothing else: it shares no name, style
    or storage with the notebook or with another frame.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
    **options
        Of `to_html`.
    """
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    page = to_html(records, **options)
    return (
        f'<iframe sandbox="allow-scripts allow-downloads" srcdoc="{html.escape(page)}" width="100%" '
        f'height="{_height(records)}" frameborder="0" title="gluonattn"></iframe>'
    )


def _height(records: list[AttentionRecord]) -> int:
    """Pixels the first record takes on a page 700 wide; a longer one scrolls in its frame."""
    first = records[0]
    texts = [first.query_text] if first.queries == first.keys else [first.query_text, first.key_text]
    lines = sum(1 + len(text) // 32 for text in texts)
    index = min(230, 60 + 30 * len(records)) if len(records) > 1 else 0
    return min(1200, 540 + 100 * lines + index)


def page_code(lang: str) -> tuple[str, str]:
    """Script and style of a page that is given its records later: ``gluonattn.mount(element, data, options)`` shows them."""
    return _code(lang, (*SCRIPTS[:-1], *ATTRIBUTION))


@cache
def _code(lang: str, scripts: tuple[str, ...] = SCRIPTS, styles: tuple[str, ...] = ("page.css",)) -> tuple[str, str]:
    """Script and style of a page, without the comments and spaces that are there for their readers."""
    import rjsmin

    strict = '"use strict";'  # said once, it holds for the whole script
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
        Characters.
    """
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
