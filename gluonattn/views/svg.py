"""Embed into an SVG the glyphs that it needs."""

from __future__ import annotations

import html
import re

from .font_face import font_face

_TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")


def embed_font(svg: str, path: str, family: str) -> str:
    """Add the glyphs of an SVG's texts to it as an ``@font-face``.

    Text then has its measured width everywhere, which an overlay needs to keep
    words and arcs together.

    Parameters
    ----------
    svg : str
        The SVG as matplotlib writes it, with texts as text.
    path : str
        Path of a TrueType font whose licence allows embedding.
    family : str
        Font family of the SVG's texts.
    """
    text = html.unescape("".join(_TEXT.findall(svg)))
    face = font_face(path, family, text) if text else ""
    if not face:
        return svg
    return svg.replace("<defs>", f'<defs>\n  <style type="text/css">{face}</style>', 1)
