"""The page in a real browser: contrast, themes, phones, print, languages."""

from __future__ import annotations

import re

import pytest

from gluonattn.record import AttentionRecord, Prediction, Token
from gluonattn.views.page import to_html

from .browsing import token
from .pages import REVIEW, SENTENCE, changed, random_weights, record_of

pytestmark = pytest.mark.browser


CONTRASTS = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = e => { const all = []; for (; e; e = e.parentElement) all.push(parse(getComputedStyle(e).backgroundColor));
    return all.reverse().reduce((below, c) => over(c, below), [255, 255, 255, 1]); };
  const linear = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const found = [];
  for (const e of document.querySelectorAll('.gluonattn *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest('svg, noscript, option') || e.disabled || !e.getClientRects().length) continue;
    const below = behind(e), colour = over(parse(getComputedStyle(e).color), below);
    found.push([e.className || e.tagName, e.textContent.slice(0, 20), ratio(colour, below)]);
  }
  for (const e of document.querySelectorAll('.cells text:not(.number)')) {
    const below = behind(e.closest('.scroll'));
    found.push(['svg', e.textContent, ratio(parse(getComputedStyle(e).fill), below)]);
  }
  const paper = behind(document.querySelector('.stage'));
  for (const e of document.querySelectorAll('.arcs .line')) // 3 to 1 is asked of what is not text
    found.push(['arc', '', ratio(parse(getComputedStyle(e).stroke), paper) * 1.5]);
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_of_wcag_aa(visit, scored, scheme):
    page = visit(to_html([scored, changed(scored, 3)]), color_scheme=scheme)
    page.select_option("label:has-text('비교') select", "1")
    page.click("summary")
    seen = set()
    for view in ("overlay", "heatmap", "list"):
        page.check(f"input[value={view}]")
        for index in (None, 9):
            if index is not None:
                page.click(".panel:nth-child(1) " + token(index))
            for kind, text, ratio in page.evaluate(CONTRASTS):
                seen.add(kind)
                assert ratio >= 4.5, (view, kind, text, ratio)
    assert len(seen) > 12
    assert page.locator("#gluonattn-page").get_attribute("data-theme") == scheme


def test_the_theme_follows_the_system_until_it_is_chosen(visit, scored):
    page = visit(to_html(scored), color_scheme="dark")

    def paper():
        return page.evaluate("getComputedStyle(document.querySelector('.gluonattn')).backgroundColor")

    dark = paper()
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("[data-theme=light]")
    light = paper()
    assert dark != light
    page.select_option("select[data-name=theme]", "dark")
    assert paper() == dark


@pytest.mark.parametrize("view", ["overlay", "heatmap", "list"])
def test_a_phone_of_360_pixels_needs_no_scrolling_aside(visit, view):
    phone = {"viewport": {"width": 360, "height": 740}, "is_mobile": True}
    page = visit(to_html([record_of(REVIEW), record_of(SENTENCE, heads=2)]), **phone)
    page.check(f"input[value={view}]")
    page.select_option("label:has-text('비교') select", "1")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    small = page.locator(".controls select, .controls button:not([hidden]), .actions button, .choice label").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).filter(r => r.height < 24 || r.width < 24).length"
    )
    assert small == 0


def test_print_is_light_and_without_controls(visit, scored):
    page = visit(to_html(scored), color_scheme="dark")
    page.check("input[value=heatmap]")
    page.evaluate(
        """() => { const root = document.getElementById('gluonattn-page'); window.seen = [];
        new MutationObserver(() => seen.push(root.dataset.theme)).observe(root, {attributes: true}); }"""
    )
    assert page.pdf().startswith(b"%PDF")
    assert page.evaluate("seen")[0] == "light" and page.locator("#gluonattn-page").get_attribute("data-theme") == "dark"
    page.emulate_media(media="print")
    for hidden in (".controls", ".actions", ".help", ".hint"):
        assert not page.locator(hidden).is_visible()
    assert page.locator(".sentence").is_visible() and page.locator(".cells").is_visible()


def test_english_labels_hold_no_korean(visit):
    prediction = Prediction("pos", {"pos": 1.0})
    page = visit(to_html(record_of("one two three", "whitespace", heads=2, prediction=prediction), lang="en"))
    for view in ("overlay", "heatmap", "list"):
        page.check(f"input[value={view}]")
        assert not re.search("[ㄱ-힣]", page.locator("#gluonattn-page").inner_text())
        spoken = page.locator("[aria-label]").evaluate_all("all => all.map(e => e.ariaLabel).join()")
        assert not re.search("[ㄱ-힣]", spoken)
    assert page.evaluate("document.documentElement.lang") == "en"


def test_what_was_dropped_is_said_in_words(visit):
    text = "말 " * 60
    tokens = [Token("말", 2 * i, 2 * i + 1) for i in range(60)]
    weights, source = random_weights((2, 4, 60, 60)), {"tokens": {"seen": 60, "in_text": 90}}
    record = AttentionRecord(text, tokens, tokens, weights, source=source)
    page = visit(to_html(record, limit=12_000))
    said = page.locator(".notes").inner_text()
    assert "헤드 4개의 평균만" in said and "가장 큰 29개만" in said
    assert "말 90개 가운데 앞의 60개만" in said
    assert page.locator("label:has-text('헤드')").count() == 0
    assert visit(to_html(record)).locator(".notes li").count() == 1


def test_the_hangul_of_the_page_is_there_without_a_system_font(visit, scored):
    page = visit(to_html(scored))
    loaded = page.evaluate("[...document.fonts].map(f => [f.family, f.status])")
    states = {family.strip('"'): state for family, state in loaded}
    assert states == {"gluonattn first": "unloaded", "gluonattn Hangul": "loaded"}
