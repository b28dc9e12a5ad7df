"""What every report is made of: tables with intervals, pictures, and one file that opens offline."""

from __future__ import annotations

import base64
import hashlib
import html
import io
from collections.abc import Iterable
from typing import Any

from ..statistics import Figure
from .font_face import hangul_face
from .fonts import families

SHADES = 9  # classes s0 to s9
# The page's own glyphs come first: Chromium draws boxes where they come in only after other fonts were asked.
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #c9d1d9; --quiet: #57606a; --mark: #a34a00;
  --blue: 29 87 160; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #12161b; --line: #3a424c; --quiet: #a2abb5;
  --mark: #f0a860; --blue: 88 150 224; } }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --line: #999; --quiet: #444; --mark: #a34a00;
  --blue: 29 87 160; } .scroll { overflow: visible; } h2, h3, tr, figure { break-inside: avoid; }
  h2, h3 { break-after: avoid; } }
@page { size: A4 landscape; margin: 1.2cm; }
body { max-width: 72rem; margin: 0 auto; padding: 1rem; color: var(--ink); background: var(--paper); line-height: 1.55;
  font-family: "gluonattn Hangul", system-ui, "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic",
    NanumGothic, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p, li { max-width: 48rem; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .8rem 0 .2rem; }
th, td { padding: .2rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { white-space: normal; word-break: keep-all; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
td small, .quiet { color: var(--quiet); }
.quiet { font-size: .88rem; }
.scroll { overflow-x: auto; } .scroll + .scroll { margin-top: 1rem; }
.side > .scroll { margin: 0; }
.side { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.side > * { min-width: 0; max-width: 100%; }
figure { margin: .8rem 0; } figcaption { font-weight: 600; }
img { max-width: 100%; height: auto; background: #fff; }
.letters td { text-align: center; min-width: 1.6rem; }
.letters td:first-child { text-align: left; }
.letters .cause { outline: 2px solid var(--mark); outline-offset: -2px; }
.letters .own { outline: 2px dotted var(--quiet); outline-offset: -2px; }
b.more { color: inherit; text-decoration: underline; text-underline-offset: 2px; }
"""
# Shades of one blue; the ink turns light where the shade is dark on a light page.
_SHADES = "".join(f".s{n} {{ background: rgb(var(--blue) / {n / SHADES:.2f}); }}\n" for n in range(SHADES + 1)) + (
    ".s6, .s7, .s8, .s9 { color: #fff; } td[class] small { color: inherit; }\n"
    "@media (prefers-color-scheme: dark) { .s6, .s7, .s8, .s9 { color: #0b0e12; } }\n"
    "@media print { .s6, .s7, .s8, .s9 { color: #fff; } * { print-color-adjust: exact; }\n"
    "table { font-size: .6rem; } th, td { padding: .15rem .35rem; } td:last-child { white-space: normal; } }\n")
_POLICY = ("default-src 'none'; style-src {hashes}; style-src-attr {attributes}; img-src data:; font-src data:; "
           "base-uri 'none'; form-action 'none'")


class Html(str):
    """Text that is HTML already."""


def page(title: str, body: str, *, lang: str = "en", style: str = "", inline_styles: bool = False) -> str:
    """One HTML file that needs no network and no script; its policy allows nothing else.

    Parameters
    ----------
    title : str
    body : str
        HTML.
    lang : str, default "en"
    style : str
        Added to the style of all reports.
    inline_styles : bool, default False
        Whether elements of the body have style attributes.
    """
    face, rules = hangul_face(title + body), _STYLE + _SHADES + style
    policy = _POLICY.format(hashes=" ".join(_hash(part) for part in (face, rules) if part),
                            attributes="'unsafe-inline'" if inline_styles else "'none'")
    styles = "".join(f"<style>{part}</style>" for part in (face, rules) if part)
    return (f'<!doctype html>\n<html lang="{lang}"><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>'
            f"{styles}\n{body}\n</html>\n")


def table(headings: Iterable[Any], rows: Iterable[Iterable[Any]], *, caption: str = "", kind: str = "") -> str:
    """A table in a frame that scrolls aside; what is not `Html` is escaped."""
    head = "".join(f"<th>{escaped(h)}</th>" for h in headings)
    body = "".join("<tr>" + "".join(x if x.startswith("<td") else f"<td>{x}</td>" for x in map(escaped, row)) + "</tr>"
                   for row in rows)
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    first = f"<tr>{head}</tr>" if head else ""
    return f'<div class="scroll"><table{f" class={kind}" if kind else ""}>{title}{first}{body}</table></div>'


def escaped(value: Any) -> str:
    return value if isinstance(value, Html) else html.escape(str(value))


def with_interval(found: Figure, digits: int = 3, *, percent: bool = False, sign: str = "") -> Html:
    """A figure with its interval; a dash where there is none."""
    if found.mean != found.mean:
        return Html("–")
    mean, low, high = found.spell(digits, factor=100 if percent else 1, sign=sign)
    return Html(f"{mean} <small>[{low}, {high}]</small>")


def shaded(value: float, text: Any, *, most: float = 1.0, kind: str = "") -> Html:
    """A table cell whose shade says how large a value is, of `most`; NaN has no shade."""
    level = 0 if value != value else round(SHADES * min(1.0, max(0.0, value / (most or 1))))
    return Html(f'<td class="s{level}{" " + kind if kind else ""}">{escaped(text)}</td>')


def picture(drawn, alt: str) -> str:
    """A matplotlib figure as an image that is part of the page."""
    return image(png(drawn), alt)


def image(content: bytes, alt: str) -> str:
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'


def png(drawn) -> bytes:
    import matplotlib as mpl

    with mpl.rc_context({"font.family": families()}):
        content = io.BytesIO()
        drawn.savefig(content, format="png", dpi=150)
    return content.getvalue()


def plain(value: Any) -> Any:
    """Figures as [mean, low, high], arrays as lists, NaN as None: what JSON can hold."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value



def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode('utf-8')).digest()).decode('ascii')}'"
