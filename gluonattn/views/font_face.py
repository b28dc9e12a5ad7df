"""The glyphs a page or an SVG needs, as CSS: its Korean shows on systems without a Hangul font."""

from __future__ import annotations

import base64
import importlib.util
import io
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

_SOURCES = ["TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]  # tables of the tool that made it; browsers reject empty ones


@cache
def nanum_gothic() -> Path | None:
    """The NanumGothic that the koreanize-matplotlib wheel carries; None where it is not installed.

    The package itself is not imported: importing it changes global settings.
    """
    spec = importlib.util.find_spec("koreanize_matplotlib")
    folders = spec.submodule_search_locations if spec else None
    return next((p for folder in folders or () for p in sorted(Path(folder).rglob("NanumGothic.ttf"))), None)


def font_face(path: str | Path, family: str, text: str) -> str:
    """A CSS ``@font-face`` rule with a font's glyphs for the characters of a text.

    About 180 bytes a syllable (WOFF, base64).

    Parameters
    ----------
    path : path
        Of a TrueType font whose licence lets it be embedded.
    family : str
        Name under which the texts ask for it.
    text : str

    Returns
    -------
    str
        Empty where the font has none of the characters.
    """
    # NFC too: browsers draw decomposed Hangul with the composed glyph.
    glyphs = _subset(path, frozenset(text + unicodedata.normalize("NFC", text)))
    if not glyphs:
        return ""
    data = base64.b64encode(glyphs).decode("ascii")
    return f'@font-face{{font-family:"{family}";src:url(data:font/woff;base64,{data}) format("woff")}}'


# No text has its one character, so it is never loaded. It stands first in the pages' list of fonts: where a system's font
# stands first, Chromium draws a page's first words before the carried font is there, and not again (seen in 156).
FIRST_FACE = '@font-face{font-family:"gluonattn first";src:url(data:font/woff;base64,) format("woff");unicode-range:U+E000}'


def hangul_face(text: str) -> str:
    """The rules that hold NanumGothic's glyphs, as "gluonattn Hangul", for what is not ASCII; empty where nothing is."""
    path, text = nanum_gothic(), "".join(c for c in text if ord(c) > 0x7F)
    face = font_face(path, "gluonattn Hangul", text) if path and text else ""
    return face and FIRST_FACE + face


@cache
def whole_font() -> bytes | None:
    """NanumGothic as a file that browsers take (2 MB), for a server; None where it is not installed."""
    from fontTools.ttLib import TTFont

    path = nanum_gothic()
    if path is None:
        return None
    font, out = TTFont(path, recalcTimestamp=False), io.BytesIO()
    for name in _SOURCES:
        if name in font:
            del font[name]
    font.save(out)
    return out.getvalue()


@lru_cache(maxsize=32)  # a sentence is often shown again: with other settings, in a notebook, by a server
def _subset(path: str | Path, characters: frozenset[str]) -> bytes:
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.hinting = options.bidi_closure = False
    options.layout_features = []
    options.name_IDs = [0, 13]  # whose it is, and under which licence
    options.drop_tables += _SOURCES
    font = TTFont(path, lazy=True, recalcTimestamp=False)  # so that the same text gives the same file
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=sorted(map(ord, characters)))
    cutter.subset(font)
    if len(font.getGlyphOrder()) < 2:  # only the box for what is missing
        return b""
    font.flavor = "woff"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()
