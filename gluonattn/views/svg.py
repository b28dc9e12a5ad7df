"""The glyphs an SVG needs, put into it."""

from __future__ import annotations

import html
import re

from .font_face import font_face

_TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")


def embed_font(svg: str, path: str, family: str) -> str:
    """An SVG with the glyphs of its own texts as an ``@font-face``.

    Text is then as wide everywhere as it was measured, which an overlay needs
    to keep words and arcs together.

    Parameters
    ----------
    svg : str
        As matplotlib writes it, with texts as text.
    path : str
        Of a TrueType font whose licence lets it be embedded.
    family : str
        Name under which the SVG's texts ask for it.
    """
    text = html.unescape("".join(_TEXT.findall(svg)))
    face = font_face(path, family, text) if text else ""
    if not face:
        return svg
    return svg.replace("<defs>", f'<defs>\n  <style type="text/css">{face}</style>', 1)
