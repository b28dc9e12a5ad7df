"""Inks on shades, marks on papers, and colours that everyone can tell apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.views import report_page
from gluonattn.views.plain_page import ASSETS
from gluonattn.views.report_page import SHADES, contrast, ink_on, shade_of

from .colour import VISION, channels, least_distance

COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


def variables(name: str) -> dict[str, dict[str, tuple[int, int, int]]]:
    """The colours a style names, in the light and in the dark."""
    light, dark = (ASSETS / name).read_text(encoding="utf-8").split('data-theme="dark"', 1)
    found = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
    own = {theme: {key: channels(value) for key, value in found.findall(part)} for theme, part in
           (("light", light), ("dark", dark))}
    return {"light": own["light"], "dark": {**own["light"], **own["dark"]}}


PAPER = {theme: channels(paper) for theme, paper in (("light", "#ffffff"), ("dark", "#14181d"))}


@given(COLOUR, COLOUR)
def test_an_ink_can_be_read_on_every_shade(shade, ink):
    chosen = ink_on(shade, ink)
    assert contrast(chosen, shade) >= 4.5
    if contrast(ink, shade) >= 4.5:  # the page's own is kept where it can be
        assert chosen == ink


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_shade_of_a_report_has_an_ink_that_can_be_read(theme):
    rules = report_page._shades()
    own = rules if theme == "light" else rules.partition("prefers-color-scheme: dark")[2]
    for name, colour in (("s", report_page._BLUE), ("o", report_page._ORANGE)):
        for level in range(1, SHADES + 1):
            found = re.search(rf"\.{name}{level} {{ background: rgb\(([\d ]+)\); color: rgb\(([\d ]+)\)", own)
            shade, ink = (tuple(map(int, part.split())) for part in found.groups())
            assert shade == shade_of(colour[theme], report_page._PAPER[theme], level)
            assert contrast(shade, ink) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_of_the_map_stand_out_from_the_paper(theme):
    colours = variables("projection.css")[theme]
    assert len(colours) == 11
    assert {name: contrast(colour, PAPER[theme]) for name, colour in colours.items()
            if contrast(colour, PAPER[theme]) < 3} == {}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tags_and_sides_of_the_map_are_told_apart_by_everyone(theme, vision):
    colours = variables("projection.css")[theme]
    tags = [colour for name, colour in colours.items() if name.startswith("tag-")]
    assert len(tags) == 7 and least_distance(tags, vision) > 25
    assert least_distance([colours["query"], colours["key"]], vision) > 25


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_heads_stand_out_from_the_paper(theme):
    """Their colours are not told apart by everyone: each has its own kind of line too."""
    style = (ASSETS / "page.css").read_text(encoding="utf-8")
    heads = {name: colour for name, colour in variables("page.css")[theme].items() if name.startswith("head-")}
    assert len(heads) == 8 and min(contrast(colour, PAPER[theme]) for colour in heads.values()) >= 3
    dashes = re.findall(r"\.head-\d \.line { stroke-dasharray: ([\d ]+); }", style)
    assert len(set(dashes)) == 7  # and the first is solid
