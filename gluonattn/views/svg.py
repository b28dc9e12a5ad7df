"""The glyphs an SVG needs, put into it: its Korean shows on systems without a Hangul font."""

from __future__ import annotations

import base64
import html
import io
import re

_TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")


def embed_font(svg: str, path: str, family: str) -> str:
    """An SVG with the glyphs of its own texts as an ``@font-face``.

    About 200 bytes a character. Text is also as wide everywhere as it was
    measured, which an overlay needs to keep words and arcs together.

    Parameters
    ----------
    svg : str
        As matplotlib writes it, with texts as text.
    path : str
        Of a TrueType font whose licence lets it be embedded.
    family : str
        Name under which the SVG's texts ask for it.
    """
    characters = set(html.unescape("".join(_TEXT.findall(svg))))
    if not characters:
        return svg
    data = base64.b64encode(_subset(path, characters)).decode("ascii")
    face = f'@font-face{{font-family:"{family}";src:url(data:font/woff;base64,{data}) format("woff")}}'
    return svg.replace("<defs>", f'<defs>\n  <style type="text/css">{face}</style>', 1)


def _subset(path: str, characters: set[str]) -> bytes:
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.hinting = options.bidi_closure = False
    options.layout_features = []
    options.name_IDs = [0, 13]  # whose it is, and under which licence
    options.drop_tables += ["TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]
    font = TTFont(path, recalcTimestamp=False)  # so that the same picture is the same file
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(c) for c in characters])
    cutter.subset(font)
    font.flavor = "woff"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()
