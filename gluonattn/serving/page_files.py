"""The files of the interactive page, for a server and for a published folder.

They are the scripts and style of the offline page, and `assets/live.js`, which adds the text field. One more script gets the
answers, from the server (`asking.js`) or from the model in the browser.
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
_LIVE = ("what-if.js", "cells.js", "moving.js", "table.js", "reviews.js", "live.js")
_COLUMNS = dumps({"text": TEXT_COLUMNS, "label": LABEL_COLUMNS})  # usual column names in files of reviews


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
        Names of the scripts in `assets/` that get the answers.
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
    if font is not None:  # a browser loads it only if the system has no Hangul font
        found["hangul.ttf"] = font, "font/ttf"
    return found


def live_page(lang: str, *, folder: str, pages: Mapping[str, str], api: str = "", policy: str = "") -> str:
    """The HTML of the page.

    Parameters
    ----------
    lang : {"ko", "en"}
    folder : str
        Prefix of the addresses of the page's files.
    pages : mapping of str to str
        Address of the page by language.
    api : str
        Address of the API's description. "" if there is none.
    policy : str
        Content-Security-Policy for pages of a published folder. "" leaves it to the server.
    """
    return templates().get_template("live.html").render(lang=lang, folder=folder, pages=pages, api=api, policy=policy)


