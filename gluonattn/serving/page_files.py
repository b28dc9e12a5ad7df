"""The files of the page to type into, for a server and for a folder without one.

They are the offline page's own scripts and style, and `assets/live.js`, which adds the text field. What answers the page is
one script of several: the server (`asking.js`), or the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import rjsmin
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..data.reviews import LABEL_COLUMNS, TEXT_COLUMNS
from ..views.font_face import whole_font
from ..views.page import page_code
from ..views.page_data import dumps

ASSETS = Path(__file__).parent / "assets"
LANGUAGES = ("ko", "en")
_LIVE = ("what-if.js", "table.js", "reviews.js", "live.js")
_COLUMNS = dumps({"text": TEXT_COLUMNS, "label": LABEL_COLUMNS})  # what a file of reviews calls them


@cache
def templates() -> Environment:
    """The templates of `assets/`."""
    return Environment(loader=FileSystemLoader(ASSETS, encoding="utf-8"), autoescape=True, undefined=StrictUndefined,
                       keep_trailing_newline=True)


@cache
def page_files(*answering: str) -> dict[str, tuple[bytes, str]]:
    """Every file that the page loads, by name: its content and its type.

    Parameters
    ----------
    *answering : str
        Scripts of `assets/` that answer the page.
    """
    found: dict[str, tuple[bytes, str]] = {}
    style = ""
    for lang in LANGUAGES:
        script, style = page_code(lang)
        own = (rjsmin.jsmin((ASSETS / name).read_text(encoding="utf-8"))
               for name in (f"words.live.{lang}.js", *answering, *_LIVE))
        made = "\n".join([script, f"gluonattn.columns={_COLUMNS};", *own])
        found[f"page.{lang}.js"] = made.encode(), "text/javascript; charset=utf-8"
    style += (ASSETS / "live.css").read_text(encoding="utf-8")
    found["page.css"] = style.encode(), "text/css; charset=utf-8"
    font = whole_font()
    if font is not None:  # loaded by a browser only where the system has no Hangul font
        found["hangul.ttf"] = font, "font/ttf"
    return found


def live_page(lang: str, *, folder: str, pages: Mapping[str, str], api: str = "", policy: str = "") -> str:
    """The HTML of the page.

    Parameters
    ----------
    lang : {"ko", "en"}
    folder : str
        Before the names of its files.
    pages : mapping of str to str
        Where the page is, by language.
    api : str
        Where the API is described; "" without one.
    policy : str
        Content-Security-Policy, where no server sends one.
    """
    return templates().get_template("live.html").render(lang=lang, folder=folder, pages=pages, api=api, policy=policy)


