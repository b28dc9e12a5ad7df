"""The page in a real browser: hostile tokens, its policy, several pages in one notebook."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET

import pytest

from gluonattn.views.page import notebook_html, to_html

from .browsing import code_points, raw_text, token
from .pages import HOSTILE, hostile, record_of

pytestmark = pytest.mark.browser


# ---------------------------------------------------------------- safe


@pytest.mark.parametrize("view", ["overlay", "heatmap", "list"])
def test_hostile_tokens_do_nothing_and_show_as_typed(visit, view):
    record = hostile()
    page = visit(to_html([record, record], title=HOSTILE[1]))
    page.check(f"input[value={view}]")
    page.select_option("label:has-text('비교') select", "1")
    for index in range(len(record.queries)):
        page.locator(".panel:nth-child(1) " + token(index)).focus()
        page.keyboard.press("Enter")
    page.check("input[value=word]")
    page.check("input[value=token]")
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, main script, main b, main a, main svg svg").count() == 0
    assert raw_text(page) == code_points(record.text)
    assert page.locator(".code").filter(has_text=re.compile(r"^U\+0000$")).count() >= 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 1000
    with page.expect_download() as download:
        page.click("[data-action=saveSvg]")
    ET.parse(download.value.path())


def test_a_direction_mark_turns_nothing_but_its_own_token(visit):
    record = record_of("앞 \u202e가운데 뒤", "whitespace")
    page = visit(to_html(record))
    lefts = [page.locator(token(i)).bounding_box()["x"] for i in range(3)]
    assert lefts == sorted(lefts)
    assert raw_text(page) == code_points(record.text)


def test_emoji_sequences_and_combining_marks_stay_whole(visit):
    text = "👨\u200d👩\u200d👧 👍🏽 한\u0301 \u1112\u119e\u11ab"
    page = visit(to_html(record_of(text, "whitespace")))
    assert page.locator(".token").all_inner_texts() == text.split()
    assert page.locator(".code").count() == 0


def test_the_policy_stops_what_gets_in_all_the_same(visit, scored):
    page = visit(to_html(scored))
    page.evaluate(
        """() => { for (const [name, text] of [['script', 'window.pwned = 1']]) {
          const e = document.createElement(name); e.textContent = text; document.body.append(e); }
          document.body.insertAdjacentHTML('beforeend', '<p onclick="window.pwned = 2" style="color: red">x</p>');
          document.body.lastChild.click(); }"""
    )
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("getComputedStyle(document.body.lastChild).color") != "rgb(255, 0, 0)"
    blocked = page.evaluate("fetch('https://example.invalid/').then(() => 'went out', error => error.name)")
    assert blocked == "TypeError"


# ---------------------------------------------------------------- notebooks


def test_several_pages_in_one_notebook_do_not_interfere(visit, scored):
    other = record_of("전혀 다른 문장입니다", "whitespace")
    outputs = notebook_html(scored) + notebook_html(other, lang="en")
    page = visit(f"<!doctype html><meta charset=utf-8>{outputs}")
    frames = page.frames[1:]
    for frame in frames:
        frame.wait_for_selector(".panel")
        assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")  # nothing is cut
    frames[0].hover(token(9))
    assert frames[0].locator("p.chosen").count() == 1 and frames[1].locator("p.chosen").count() == 0
    frames[1].check("input[value=heatmap]")
    assert frames[0].locator(".cells").count() == 0 and frames[1].locator(".cells").count() == 1
    assert page.evaluate("typeof gluonattn") == "undefined"
    assert frames[0].evaluate("try { parent.document.title } catch (e) { e.name }") == "SecurityError"
    with page.expect_download() as download:
        frames[0].click("[data-action=savePng]")
    assert download.value.suggested_filename == "attention-1.png"


def test_two_mounts_in_one_document_do_not_interfere(visit, scored):
    page = visit(to_html(scored))
    page.evaluate(
        """() => { const other = document.createElement('div'); other.id = 'other'; document.body.append(other);
        const data = JSON.parse(document.getElementById('gluonattn-data').textContent);
        window.second = gluonattn.mount(other, data, {lang: 'en', view: 'list', theme: 'dark'}); }"""
    )
    assert page.locator("#other tbody tr").count() == 100
    page.check("#gluonattn-page input[value=heatmap]")
    assert page.locator("#other input[value=list]").is_checked()
    page.click("#other " + token(3))
    assert page.locator("#gluonattn-page [aria-pressed=true]").count() == 0
    assert page.locator("#gluonattn-page").get_attribute("data-theme") == "light"
    assert page.evaluate("Object.keys(window).filter(k => /attn/i.test(k))") == ["gluonattn"]
    page.evaluate("second.destroy()")
    assert page.locator("#other *").count() == 0


def test_the_frame_of_a_hostile_record_is_one_element(visit):
    page = visit(f"<!doctype html><meta charset=utf-8>{notebook_html(hostile())}")
    page.frames[1].wait_for_selector(".panel")
    assert page.locator("body > *").count() == 1
    assert page.evaluate("window.pwned") is None and page.frames[1].evaluate("window.pwned") is None
    assert html.unescape(page.locator("iframe").get_attribute("srcdoc")).startswith("<!doctype html>")
