"""Pages where scripts do not run: the same as tables, made in Python."""

from __future__ import annotations

import re

import pytest

from gluonattn.views.grid_page import grid_page
from gluonattn.views.page import to_html
from gluonattn.views.plain_page import plain_records
from gluonattn.views.projection_page import projection_page

from .pages import SENTENCE, cross, hostile, numbered, record_of
from .test_attribution import explained
from .test_projection import records as joint_records  # noqa: F401


def fallback(page: str) -> str:
    return re.search("<noscript>(.*?)</noscript>", page, re.S)[1]


def test_the_table_has_every_word_with_score_attention_and_links():
    record = explained()
    (one,) = plain_records([record], "ko")["details"]
    assert [row["name"] for row in one["rows"]] == [t.text for t in record.keys]
    received = record.matrix(None, None).mean(0)
    for i, row in enumerate(one["rows"]):
        best = record.matrix(None, None)[i].argmax()
        assert row["links"][0] == (record.keys[best].text, f"{100 * record.matrix(None, None)[i].max():.1f}%")
        assert row["received"] == f"{100 * received[i]:.1f}%" and row["score"][0] in "+−"
    made = fallback(to_html(record))
    assert made.count('<th scope="row">') == len(record.keys) and "이 문장은 부정으로 판단했습니다" in made


def test_many_records_are_one_table_and_a_long_text_its_strongest_words():
    many = fallback(to_html([explained()] * 8, lang="en"))
    assert many.count('<th scope="row">') == 8 and many.count("negative (부정) 91.7%") == 8
    long = fallback(to_html(numbered(200), lang="en"))
    assert long.count('<th scope="row">') == 60 and "the 60 largest of 200" in long


def test_true_labels_have_a_column_where_they_are_known():
    record = explained()
    known = [record_of(SENTENCE, prediction=record.prediction, source={**record.source, "true_label": "1"})] * 6
    assert '<th scope="col">정답</th>' in fallback(to_html(known)) and "정답" not in fallback(to_html(record))


def test_what_is_hostile_stays_text():
    made = fallback(to_html(hostile(), title="<b>&"))
    assert "<script" not in made and "<img" not in made and "<b>" not in made and "&lt;img" in made
    assert not set("\0\x1b\ud800\u202e\u2028\u200b\u200f") & set(made)


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_without_scripts_every_kind_of_page_tells_its_content(browser, tmp_path, lang, joint_records):  # noqa: F811
    kinds = {
        "one": (to_html(explained(), lang=lang), "59.5%"),
        "many": (to_html([explained()] * 7, lang=lang), "91.7%"),
        "cross": (to_html(cross(), lang=lang), "movie"),
        "grid": (grid_page(record_of(SENTENCE, layers=2, heads=2), lang=lang), "→"),
        "projection": (projection_page(joint_records, lang=lang), "→"),
    }
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 700})
    for name, (source, said) in kinds.items():
        path = tmp_path / f"{name}.html"
        path.write_text(source, encoding="utf-8")
        page = context.new_page()
        page.goto(path.as_uri())
        shown = page.locator("main").inner_text()
        assert said in shown and page.locator("main table").count() >= 1, name
        assert page.locator("main h1").count() == 1 and page.locator("main caption").first.inner_text()
        box = page.locator("main h1").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320, name
    context.close()


@pytest.mark.browser
def test_without_scripts_every_word_has_the_font_the_page_carries(browser, tmp_path):
    """A system without a Hangul font showed empty boxes for the first words of each weight."""
    path = tmp_path / "page.html"
    path.write_text(to_html(explained()), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_timeout(300)
    asked = context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        asked.send(f"{domain}.enable")
    root = asked.send("DOM.getDocument", {"depth": -1})["root"]["nodeId"]
    fonts = {}
    for place in (".plain caption", ".plain thead th", ".plain thead th:nth-child(2)", ".plain tbody th"):
        node = asked.send("DOM.querySelector", {"nodeId": root, "selector": place})["nodeId"]
        found = asked.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        fonts[place] = max(found, key=lambda font: font["glyphCount"])["familyName"]
    context.close()
    assert len(set(fonts.values())) == 1, fonts
