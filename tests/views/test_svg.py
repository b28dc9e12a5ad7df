from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager

from gluonattn.views.fonts import families
from gluonattn.views.svg import embed_font

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><defs></defs><text x="0">%s</text></svg>'


@pytest.fixture
def path():
    return font_manager.findfont(font_manager.FontProperties(family=families()[:1]))


def embedded(svg):
    data = re.search(r"base64,(.*?)\)", svg).group(1)
    return TTFont(io.BytesIO(base64.b64decode(data)))


def test_the_font_holds_what_the_texts_say_and_nothing_else(path):
    svg = embed_font(SVG % "가나 &lt;&amp;", path, "NanumGothic")
    held = set(map(chr, embedded(svg).getBestCmap()))
    assert held == set("가나 <&")
    assert len(svg) < 5000


def test_glyphs_are_as_wide_as_in_the_whole_font(path):
    whole, part = TTFont(path), embedded(embed_font(SVG % "가g!", path, "NanumGothic"))
    for c in "가g!":
        assert (part["hmtx"][part.getBestCmap()[ord(c)]][0] / part["head"].unitsPerEm
                == whole["hmtx"][whole.getBestCmap()[ord(c)]][0] / whole["head"].unitsPerEm)


def test_the_rule_stands_in_the_picture_under_the_name_its_texts_use(path):
    style = ElementTree.fromstring(embed_font(SVG % "가", path, "Some Font")).find(".//{*}style")
    assert style.text.startswith('@font-face{font-family:"Some Font";src:url(data:font/woff;base64,')


def test_a_picture_without_text_stays_as_it_is(path):
    assert embed_font("<svg><defs></defs></svg>", path, "x") == "<svg><defs></defs></svg>"


def test_the_same_picture_gives_the_same_bytes(path):
    assert embed_font(SVG % "가", path, "x") == embed_font(SVG % "가", path, "x")
    assert embedded(embed_font(SVG % "가", path, "x"))["head"].modified == TTFont(path)["head"].modified
