"""What reports are made of: escaping, the page's policy, figures as cells."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re

import numpy as np
import pytest

from gluonattn.statistics import Figure
from gluonattn.views.report_page import SHADES, Html, page, plain, shaded, table, with_interval

HOSTILE = "</td><script>alert(1)</script>\"'&"


def test_what_is_not_html_is_escaped():
    made = table([HOSTILE], [[HOSTILE, Html("<b>1</b>")]], caption=HOSTILE)
    assert made.count(html.escape(HOSTILE)) == 4 and "<script" not in made and "<td><b>1</b></td>" in made
    assert html.escape(HOSTILE) in shaded(0.5, HOSTILE) and html.escape(HOSTILE) in page(HOSTILE, "")


@pytest.mark.parametrize("body", ["<h1>발음</h1>", "<h1>sound</h1>"])
def test_the_policy_allows_the_page_its_own_styles_and_nothing_else(body):
    made = page("t", body, lang="ko", style=".x { color: red; }")
    policy = html.unescape(re.search('Content-Security-Policy" content="(.*?)">', made)[1])
    styles = re.findall("<style>(.*?)</style>", made, re.S)
    assert len(styles) == (2 if "발음" in body else 1) and ".x {" in styles[-1]
    for style in styles:
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "script-src" not in policy



def test_figures_as_cells():
    assert with_interval(Figure(0.123, -0.0001, 0.5), 2) == "0.12 <small>[0.00, 0.50]</small>"
    assert with_interval(Figure(0.5, 0.25, 1), 0, percent=True) == "50 <small>[25, 100]</small>"
    assert with_interval(Figure(float("nan"), 0, 0)) == "–"
    assert [re.search(r"s(\d)", shaded(x, "")).group(1) for x in (0, 0.5, 2, float("nan"))] == ["0", "4", str(SHADES), "0"]


def test_json_holds_figures_as_lists_and_missing_ones_as_null():
    figures = np.empty((1, 1), dtype=object)
    figures[0, 0] = Figure(0.5, float("nan"), 1)
    made = plain({1: figures, "b": np.float64(2), "c": np.array([True]), "d": (1, float("nan"))})
    assert made == {"1": [[[0.5, None, 1]]], "b": 2, "c": [True], "d": [1, None]}
    json.dumps(made, allow_nan=False)
