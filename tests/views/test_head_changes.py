"""Heads and what is lost without them: numbers, intervals and marks in the picture and on the page."""

from __future__ import annotations

import matplotlib

matplotlib.use("agg")

import numpy as np
import pytest

from gluonattn.errors import RecordError
from gluonattn.statistics import Figure
from gluonattn.views.head_changes import changes_page, draw_changes

FIGURES = [[Figure(0.123, 0.1, 0.15), Figure(0.001, -0.01, 0.02)], [Figure(-0.05, -0.06, -0.04), Figure(0.0, 0.0, 0.0)]]


def test_a_picture_has_each_head_with_its_interval():
    ax = draw_changes(FIGURES, title="모델")
    assert ax.images[0].get_array().compressed() == pytest.approx([0.123, 0.001, -0.05, 0.0])
    texts = [text.get_text() for text in ax.texts]
    assert len(texts) == 4 and texts[0].startswith("+12.3\n[") and texts[2].startswith("−5.0\n[")
    assert [text.get_fontweight() for text in ax.texts] == ["bold", "normal", "bold", "normal"]
    assert ax.get_title() == "모델"


@pytest.mark.parametrize("lang, flipped", [("en", "7 decisions change"), ("ko", "판단 7개가 바뀜")])
def test_a_page_shades_only_what_differs_from_nothing(lang, flipped):
    page = changes_page(FIGURES, np.array([[7, 0], [1, 0]]), name="<b>", texts=1234, lang=lang)
    assert flipped in page and "1,234" in page and "<b>" not in page.replace("<b>", "", 0).partition("<main>")[2]
    cells = page.partition("<tbody>")[2].split("<td class=")[1:]
    assert [cell[1:3] for cell in cells] == ["s9", "s0", "s4", "s0"]


def test_no_head_is_refused():
    for view in (lambda: draw_changes([]), lambda: changes_page([[]], np.zeros((1, 0)), name="m", texts=1)):
        with pytest.raises(RecordError, match="at least one layer"):
            view()
