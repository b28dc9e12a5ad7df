"""Parts of all reports: tables with intervals, pictures, and one file that opens offline."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..statistics import Figure
from .font_face import hangul_face
from .fonts import families

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SHADES = 9  # classes s1 to s9, and o1 to o9; 0 has no shade
# The two colours of shades (red, green, blue), and the papers and inks. A shade is blended with the paper.
_BLUE = {"light": (29, 87, 160), "dark": (88, 150, 224)}
_ORANGE = {"light": (200, 105, 10), "dark": (214, 120, 30)}
_PAPER = {"light": (255, 255, 255), "dark": (18, 22, 27)}
_INK = {"light": (27, 31, 36), "dark": (230, 237, 243)}
_AA = 4.5
# The page's own glyphs are first. Chromium draws boxes if they follow other fonts.
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #c9d1d9; --quiet: #57606a; --mark: #a34a00;
  --link: #1d57a0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #12161b; --line: #3a424c; --quiet: #a2abb5;
  --mark: #f0a860; --link: #8fc1f5; } }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --line: #999; --quiet: #444; --mark: #a34a00; }
  .scroll { overflow: visible; } h2, h3, tr, figure { break-inside: avoid; } h2, h3 { break-after: avoid; } }
@page { size: A4 landscape; margin: 1.2cm; }
body { margin: 0; color: var(--ink); background: var(--paper); line-height: 1.55; word-break: keep-all;
  font-family: "gluonattn Hangul", system-ui, "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic",
    NanumGothic, sans-serif; }
main { display: block; max-width: 72rem; margin: 0 auto; padding: 1rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p, li { max-width: 48rem; overflow-wrap: anywhere; }
.answer { font-size: 1.15rem; font-weight: 600; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .8rem 0 .2rem; }
th, td { padding: .2rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { white-space: normal; word-break: keep-all; vertical-align: bottom; }
tr > :first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
tbody th { font-weight: 400; white-space: nowrap; vertical-align: baseline; }
td small, .quiet { color: var(--quiet); }
.quiet { font-size: .88rem; }
.scroll { overflow-x: auto; } .scroll + .scroll { margin-top: 1rem; }
.side > .scroll { margin: 0; }
.side { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.side > * { min-width: 0; max-width: 100%; }
figure { margin: .8rem 0; } figcaption { font-weight: 600; }
img { max-width: 100%; height: auto; background: #fff; }
.letters td { text-align: center; min-width: 1.6rem; }
.letters .cause { outline: 2px solid var(--mark); outline-offset: -2px; }
.letters .own { outline: 2px dotted var(--quiet); outline-offset: -2px; }
b.more { color: inherit; text-decoration: underline; text-underline-offset: 2px; }
td[class] small { color: inherit; }
@media (width <= 640px) { main { padding: .7rem; } tr > :first-child { position: static; }
  tbody th { white-space: normal; } }
@media print { * { print-color-adjust: exact; } table { font-size: .6rem; } th, td { padding: .15rem .35rem; }
  td:last-child { white-space: normal; } }
@media (forced-colors: active) { td[class] { forced-color-adjust: none; } .letters .cause { outline-color: Highlight; } }
"""
_POLICY = ("default-src 'none'; style-src {hashes}; img-src data:; font-src data:; base-uri 'none'; form-action 'none'")


def luminance(colour: Any) -> float:
    """Relative luminance of a colour, from 0 (black) to 1 (white); WCAG 2.1."""
    red, green, blue = (c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour)
    result: float = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return result


def contrast(one: Any, other: Any) -> float:
    """Contrast of two colours, from 1 to 21; WCAG 2.1.

    Parameters
    ----------
    one, other : sequence of three int
        Red, green and blue, from 0 to 255.
    """
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def shade_of(colour: Any, paper: Any, level: int) -> tuple[int, int, int]:
    """The colour of a shade on a paper.

    Parameters
    ----------
    colour, paper : sequence of three int
        Red, green and blue, from 0 to 255.
    level : int
        From 0, the paper, to `SHADES`, the colour.
    """
    part = level / SHADES
    red, green, blue = (round(part * c + (1 - part) * p) for c, p in zip(colour, paper))
    return red, green, blue


def ink_on(shade: Any, ink: Any) -> tuple[int, int, int]:
    """The page's ink if it is readable on a shade, else black or white, whichever has more contrast.

    Parameters
    ----------
    shade, ink : sequence of three int
        Red, green and blue, from 0 to 255.
    """
    if contrast(shade, ink) >= _AA:
        result: tuple[int, int, int] = ink
        return result
    return max(((0, 0, 0), (255, 255, 255)), key=lambda one: contrast(shade, one))


def _shades() -> str:
    """Classes s0 to s9 of blue and o0 to o9 of orange: paper and ink by theme, on paper as in light."""

    def rules(theme: str) -> str:
        return "".join(
            f".{name}{n} {{ background: rgb({' '.join(map(str, shade))}); "
            f"color: rgb({' '.join(map(str, ink_on(shade, _INK[theme])))}); }}\n"
            for name, colours in (("s", _BLUE), ("o", _ORANGE)) for n in range(1, SHADES + 1)
            for shade in [shade_of(colours[theme], _PAPER[theme], n)])

    return f"{rules('light')}@media screen and (prefers-color-scheme: dark) {{ {rules('dark')} }}\n"


class Html(str):
    """Text that is already HTML."""


def page(title: str, body: str, *, lang: str = "en", style: str = "") -> str:
    """Make one HTML file that needs no network and no script. Its policy forbids both.

    Parameters
    ----------
    title : str
    body : str
        HTML.
    lang : str, default "en"
    style : str
        CSS added to the style of all reports.
    """
    face, rules = hangul_face(title + body), _STYLE + _shades() + style
    policy = _POLICY.format(hashes=" ".join(_hash(part) for part in (face, rules) if part))
    styles = "".join(f"<style>{part}</style>" for part in (face, rules) if part)
    return (f'<!doctype html>\n<html lang="{lang}"><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>'
            f"{styles}\n<main>\n{body}\n</main>\n</html>\n")


def table(headings: Iterable[Any], rows: Iterable[Iterable[Any]], *, caption: str = "", kind: str = "",
          label: str = "",
          headings_lang: str = "") -> str:
    """Make a table in a frame that scrolls horizontally. Values that are not `Html` are escaped.

    Parameters
    ----------
    headings : iterable
        Headings of the columns. Empty makes a table without headings.
    rows : iterable of iterables
        The first cell of each row is the row's name.
    caption : str
        Text above the table.
    kind : str
        CSS class of the table.
    label : str
        Name of the frame for screen readers. By default the caption.
    headings_lang : str
        Language of the headings, if it is not the page's.
    """
    spoken = f' lang="{headings_lang}"' if headings_lang else ""
    head = "".join(f'<th scope="col"{spoken}>{text}</th>' if text else "<td></td>" for text in map(escaped, headings))
    body = "".join("<tr>" + "".join(_cell(text, not i) for i, text in enumerate(map(escaped, row))) + "</tr>"
                   for row in rows)
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    first = f"<thead><tr>{head}</tr></thead>" if head else ""
    name = html.escape(str(label or caption))
    frame = f' role="group" aria-label="{name}"' if name else ""
    return (f'<div class="scroll" tabindex="0"{frame}><table{f" class={kind}" if kind else ""}>{title}{first}'
            f"<tbody>{body}</tbody></table></div>")


def _cell(text: str, first: bool) -> str:
    if text.startswith("<td"):
        return text
    return f'<th scope="row">{text}</th>' if first and text else f"<td>{text}</td>"


def escaped(value: Any) -> str:
    return value if isinstance(value, Html) else html.escape(str(value))


def list_of(lines: Iterable[str]) -> str:
    """Make a list in HTML. Empty lines are left out."""
    return "<ul>" + "".join(f"<li>{escaped(line)}</li>" for line in lines if line) + "</ul>"


def note(line: str) -> str:
    """Make a paragraph in HTML for a note on how something was counted."""
    return f'<p class="quiet">{escaped(line)}</p>'


def with_interval(found: Figure, digits: int = 3, *, percent: bool = False, sign: str = "") -> Html:
    """Format a figure with its interval. A missing figure is a dash.

    Parameters
    ----------
    found : Figure
    digits : int, default 3
        Number of decimals.
    percent : bool, default False
        Whether to print a fraction in per cent.
    sign : {"", "+"}, default ""
        "+" prints the sign of positive numbers too.
    """
    if found.mean != found.mean:
        return Html("–")
    mean, low, high = found.spell(digits, factor=100 if percent else 1, sign=sign)
    return Html(f"{mean} <small>[{low}, {high}]</small>".replace("-", "−"))


def shaded(value: float, text: Any, *, most: float = 1.0, kind: str = "") -> Html:
    """Make a table cell whose shade shows a value. NaN has no shade.

    Parameters
    ----------
    value : float
    text : object
        The content of the cell, which is escaped if it is not `Html`.
    most : float, default 1.0
        The value with the darkest shade.
    kind : str
        An additional CSS class.
    """
    level = 0 if value != value else round(SHADES * min(1.0, max(0.0, value / (most or 1))))
    return Html(f'<td class="s{level}{" " + kind if kind else ""}">{escaped(text)}</td>')


def picture(drawn: Drawing, alt: str) -> str:
    """Convert a matplotlib figure to an image inside the page.

    Parameters
    ----------
    drawn : matplotlib.figure.Figure
    alt : str
        Description for readers who cannot see it.
    """
    return image(png(drawn), alt)


def image(content: bytes, alt: str) -> str:
    """Convert a PNG to an image inside the page.

    Parameters
    ----------
    content : bytes
    alt : str
        Description for readers who cannot see it.
    """
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'


def png(drawn: Drawing) -> bytes:
    import matplotlib as mpl

    with mpl.rc_context({"font.family": families()}):
        content = io.BytesIO()
        drawn.savefig(content, format="png", dpi=150)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:  # pyplot keeps every figure that it made
        pyplot.close(drawn)
    return content.getvalue()


def plain(value: Any) -> Any:
    """Figures as [mean, low, high], arrays as lists, NaN as None: values for JSON."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value



def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode('utf-8')).digest()).decode('ascii')}'"
