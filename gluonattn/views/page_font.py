"""The few Hangul glyphs a page needs, for a reader whose system has none."""

from __future__ import annotations

import base64
import importlib.util
import io
import unicodedata
from functools import cache
from pathlib import Path

FAMILY = "gluonattn Hangul"


def font_face(text: str) -> str:
    """A CSS ``@font-face`` rule that holds NanumGothic's glyphs for the characters of `text`.

    About 180 bytes a syllable (WOFF, base64). Empty where the font's package is not
    installed or the text has nothing beyond ASCII.
    """
    # NFC too: browsers draw decomposed Hangul with the composed glyph.
    wanted = frozenset(c for c in text + unicodedata.normalize("NFC", text) if ord(c) > 0x7F)
    font = _subset(wanted) if wanted else b""
    if not font:
        return ""
    data = base64.b64encode(font).decode("ascii")
    return f'@font-face{{font-family:"{FAMILY}";src:url(data:font/woff;base64,{data}) format("woff")}}'


def _subset(characters: frozenset[str]) -> bytes:
    path = _nanum_gothic()
    if path is None:
        return b""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.name_IDs = [0, 13]  # whose it is, and under which licence
    options.drop_tables += ["TSI0", "TSI1", "TSI2", "TSI3", "TSI5", "kern"]
    font = TTFont(path, lazy=True, recalcTimestamp=False)  # the same page gives the same bytes
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=sorted(map(ord, characters)))
    cutter.subset(font)
    if len(font.getGlyphOrder()) < 2:  # only the box for what is missing
        return b""
    font.flavor = "woff"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


@cache
def _nanum_gothic() -> Path | None:
    spec = importlib.util.find_spec("koreanize_matplotlib")
    folders = spec.submodule_search_locations if spec else None
    found = [path for folder in folders or () for path in Path(folder).rglob("NanumGothic.ttf")]
    return found[0] if found else None
