"""The glyphs that a page or an SVG needs, as CSS, so that Korean is shown on systems without a Hangul font."""

from __future__ import annotations

import base64
import importlib.util
import io
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

_SOURCES = ["TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]  # tables of the font's editor; browsers reject empty ones


@cache
def nanum_gothic() -> Path | None:
    """The path of NanumGothic in the koreanize-matplotlib wheel. None if the wheel is not installed.

    The package itself is not imported: importing it changes global settings.
    """
    spec = importlib.util.find_spec("koreanize_matplotlib")
    folders = spec.submodule_search_locations if spec else None
    return next((p for folder in folders or () for p in sorted(Path(folder).rglob("NanumGothic.ttf"))), None)


def font_face(path: str | Path, family: str, text: str) -> str:
    """A CSS ``@font-face`` rule with a font's glyphs for the characters of a text.

    It takes about 180 bytes per syllable (WOFF, base64).

    Parameters
    ----------
    path : path
        Path of a TrueType font whose licence allows embedding.
    family : str
        Family name of the rule.
    text : str

    Returns
    -------
    str
        The rule. Empty if the font has none of the characters.
    """
    # NFC too: browsers draw decomposed Hangul with the composed glyph.
    glyphs = _subset(path, frozenset(text + unicodedata.normalize("NFC", text)))
    if not glyphs:
        return ""
    data = base64.b64encode(glyphs).decode("ascii")
    return f'@font-face{{font-family:"{family}";src:url(data:font/woff;base64,{data}) format("woff")}}'


# No text has its only character, so it is never loaded. It is first in the pages' list of fonts. If a system font is
# first, Chromium draws a page's first words before the embedded font is ready and does not redraw them (seen in 156).
FIRST_FACE = '@font-face{font-family:"gluonattn first";src:url(data:font/woff;base64,) format("woff");unicode-range:U+E000}'


def hangul_face(text: str) -> str:
    """The rules with NanumGothic's glyphs for the characters outside ASCII, as "gluonattn Hangul". Empty for none."""
    path, text = nanum_gothic(), "".join(c for c in text if ord(c) > 0x7F)
    face = font_face(path, "gluonattn Hangul", text) if path and text else ""
    return face and FIRST_FACE + face


@cache
def whole_font() -> bytes | None:
    """NanumGothic as a font file for browsers (2 MB), which a server sends. None if it is not installed."""
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
    options.name_IDs = [0, 13]  # copyright and licence
    options.drop_tables += _SOURCES
    font = TTFont(path, lazy=True, recalcTimestamp=False)  # so that the same text gives the same file
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=sorted(map(ord, characters)))
    cutter.subset(font)
    if len(font.getGlyphOrder()) < 2:  # only the box for missing characters
        return b""
    font.flavor = "woff"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()
