"""The page in a real browser (Debian's Chromium, headless, driven by Playwright): reading it."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.record import AttentionRecord, Token
from gluonattn.views.page import to_html

from ..tolerance import tolerance
from .browsing import code_points, percents, raw_text, shares, token, top, ways
from .pages import SENTENCE, cross, overlapping, record_of

pytestmark = pytest.mark.browser


# ---------------------------------------------------------------- text and tokens


def test_the_sentence_is_text_and_its_tokens_are_buttons(visit, scored):
    page = visit(to_html(scored))
    assert page.locator(".sentence").evaluate("e => e.textContent") == SENTENCE
    assert page.locator(".token").all_inner_texts() == [t.text for t in scored.queries]
    assert all(page.locator(".token").evaluate_all("all => all.map(b => b.tagName === 'BUTTON')"))
    for word in SENTENCE.split():  # an eojeol is never broken between its tokens
        assert page.locator(".word", has_text=word).evaluate("e => e.getClientRects().length") == 1
    assert page.locator("h1").inner_text() == "어텐션" and page.title() == SENTENCE
    assert page.locator(".prediction .best").inner_text().split() == ["0", "91.7%"]


def test_tokens_that_share_characters_or_have_none_are_named(visit):
    record = overlapping()
    page = visit(to_html(record))
    assert raw_text(page) == code_points(record.text)
    assert page.locator(".token").count() == 8
    assert page.locator(".token .name").all_inner_texts() == ["[CLS]", "비하", "어", "[SEP]"]
    page.hover(token(4))
    assert page.locator("p.chosen strong").inner_text() == "어"


@pytest.mark.nsmc
def test_real_reviews_show_as_typed_with_no_arrow_through_letters(visit, nsmc):
    lines = (nsmc / "ratings_test.txt").read_text(encoding="utf-8").splitlines()[1:400:20]
    texts = [line.split("\t")[1] for line in lines]
    records = [record_of(text) for text in texts if text.strip()]
    page = visit(to_html(records))
    for i, record in enumerate(records):
        page.locator(".index li button").nth(i).click()
        assert raw_text(page) == code_points(record.text)
        assert page.locator(".token").count() == len(record.queries)


# ---------------------------------------------------------------- whom it looks at


@pytest.mark.parametrize("index", [0, 9, 13])
def test_hovering_shows_whom_a_token_looks_at_and_who_looks_at_it(visit, scored, index):
    page = visit(to_html(scored))
    page.hover(token(index))
    weights = scored.weights[0, 0]
    outgoing, incoming = ways(page)
    np.testing.assert_allclose(outgoing, top(weights[index]), atol=0.051)
    np.testing.assert_allclose(incoming, top(weights[:, index]), atol=0.051)
    assert f"{100 * weights[:, index].mean():.1f}%" in page.locator("p.chosen").inner_text()

    shaded = shares(page)
    assert shaded.argmax() == weights[index].argmax()
    order = np.argsort(weights[index])
    assert (np.diff(shaded[order]) >= -1e-3).all()

    drawn = page.locator(".link.out").evaluate_all("all => all.map(g => Number(g.dataset.weight))")
    others = np.delete(weights[index], index)
    np.testing.assert_allclose(sorted(drawn, reverse=True), top(others, len(drawn)) / np.float64(100), atol=1e-4)
    widths = page.locator(".link.out .line").evaluate_all("all => all.map(p => Number(p.getAttribute('stroke-width')))")
    assert all((a - b) * (v - w) >= 0 for a, v in zip(drawn, widths) for b, w in zip(drawn, widths))

    page.mouse.move(500, 790)
    assert page.locator("p.chosen").count() == 0


def test_the_keyboard_moves_pins_and_lets_go(visit, scored):
    page = visit(to_html(scored), viewport={"width": 420, "height": 800})
    weights = scored.weights[0, 0]
    page.locator(token(0)).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    def here():
        return page.evaluate("Number(document.activeElement.dataset.token)")

    assert here() == 2
    np.testing.assert_allclose(ways(page)[0], top(weights[2]), atol=0.051)
    page.keyboard.press("ArrowDown")
    below = here()
    boxes = [page.locator(token(i)).bounding_box() for i in range(14)]
    assert boxes[below]["y"] > boxes[2]["y"]
    line = [i for i in range(14) if abs(boxes[i]["y"] - boxes[below]["y"]) < 4]
    middle = [boxes[i]["x"] + boxes[i]["width"] / 2 for i in range(14)]
    assert below == min(line, key=lambda i: abs(middle[i] - middle[2]))
    page.keyboard.press("ArrowUp")
    assert boxes[here()]["y"] == boxes[2]["y"]
    page.keyboard.press("End")
    assert here() == 13
    page.keyboard.press("Home")
    assert here() == 0
    page.keyboard.press("Enter")
    assert page.locator(token(0)).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Tab")  # pinned: it stays on show
    np.testing.assert_allclose(ways(page)[0], top(weights[0]), atol=0.051)
    page.locator(token(0)).focus()
    page.keyboard.press("Escape")
    assert page.locator("[aria-pressed=true]").count() == 0


def test_one_tab_stop_for_the_whole_sentence(visit, scored):
    page = visit(to_html(scored))
    assert page.locator(".token[tabindex='0']").count() == 1
    page.locator(token(0)).focus()
    page.keyboard.press("End")
    assert page.locator(".token[tabindex='0']").get_attribute("data-token") == "13"
    page.keyboard.press("Tab")
    assert "token" not in page.evaluate("document.activeElement.className")


def test_a_tap_pins_and_a_second_tap_lets_go(visit, scored):
    page = visit(to_html(scored), has_touch=True, is_mobile=True, viewport={"width": 360, "height": 700})
    page.tap(token(9))
    assert page.locator("p.chosen strong").inner_text() == "떨어지"
    assert page.locator(token(9)).get_attribute("aria-pressed") == "true"
    page.tap(token(9))
    assert page.locator("[aria-pressed=true]").count() == 0


def test_a_screen_reader_hears_the_weights(visit, scored):
    page = visit(to_html(scored))
    weights = scored.weights[0, 0]
    said = page.locator(token(9)).get_attribute("aria-label")
    assert said.startswith(f"떨어지, 받은 어텐션 {100 * weights[:, 9].mean():.1f}%")
    best = weights[9].argmax()
    assert f"보는 말: {scored.queries[best].text} {100 * weights[9].max():.1f}%" in said
    assert f"{scored.queries[weights[:, 9].argmax()].text} {100 * weights[:, 9].max():.1f}%" in said
    roles = page.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter(e => !(e.labels?.length"
        " || e.textContent.trim() || e.getAttribute('aria-label'))).map(e => e.outerHTML)"
    )
    assert roles == []


# ---------------------------------------------------------------- selecting and merging


def test_words_instead_of_morphemes_conserve_mass(visit, scored):
    page = visit(to_html(scored))
    page.check("input[value=word]")
    merged = scored.merge("eojeol")
    assert page.locator(".token").all_inner_texts() == [t.text for t in merged.queries]
    assert page.locator(".sentence").evaluate("e => e.textContent") == SENTENCE
    page.hover(token(3))
    np.testing.assert_allclose(ways(page)[0], top(merged.weights[0, 0, 3]), atol=0.051)
    shown = page.evaluate(
        """() => { const data = JSON.parse(document.getElementById('gluonattn-data').textContent);
        return Array.from(gluonattn.select(gluonattn.record(data.records[0]), {unit: 'word'}).weights); }"""
    )
    rows = np.reshape(shown, merged.weights.shape[2:])
    np.testing.assert_allclose(rows, merged.weights[0, 0], atol=1.5 / 2**16)
    np.testing.assert_allclose(rows.sum(-1), 1, atol=tolerance(64))
    page.check("input[value=list]")
    assert sum(percents(page, "td.figure")) == pytest.approx(100 * len(rows), abs=1)
    page.check("input[value=token]")
    assert page.locator(".token").count() == 14


def test_layers_and_heads_can_be_chosen_where_there_are_several(visit, scored):
    page = visit(to_html(scored))
    assert page.locator("label:has-text('층')").count() == page.locator("label:has-text('헤드')").count() == 0
    many = record_of(SENTENCE, layers=2, heads=3)
    page = visit(to_html(many, layer=1, head=-1, lang="en"))
    page.hover(token(2))
    np.testing.assert_allclose(ways(page)[0], top(many.matrix(1, 2)[2]), atol=0.051)
    for layer, head in ((0, 1), (None, 1), (None, None)):
        page.select_option("label:has-text('Layer') select", "" if layer is None else str(layer))
        page.select_option("label:has-text('Head') select", "" if head is None else str(head))
        page.hover(token(2))
        np.testing.assert_allclose(ways(page)[0], top(many.matrix(layer, head)[2]), atol=0.051)


def test_the_threshold_hides_what_is_below_it(visit, scored):
    page = visit(to_html(scored))
    automatic = page.locator(".link").count()
    assert 3 <= automatic <= 12
    page.locator("input[type=range]").fill("0")
    assert page.locator(".link").count() == 14 * 13
    page.locator("input[type=range]").fill("50")
    least = scored.weights.max() / 2
    off_diagonal = scored.weights[0, 0][~np.eye(14, dtype=bool)]
    assert page.locator(".link").count() == (off_diagonal >= least).sum()
    page.check("input[value=list]")
    assert page.locator("tbody tr").count() == (scored.weights >= least).sum()
    assert min(percents(page, "td.figure")) >= 100 * least - 0.06
    page.click(".small")
    page.check("input[value=overlay]")
    assert page.locator(".link").count() == automatic


# ---------------------------------------------------------------- two texts


def test_a_cross_record_has_two_texts_with_arrows_between(visit):
    record = cross()
    page = visit(to_html(record))
    assert page.locator(".sentence").all_text_contents() == [record.target_text, record.text]
    page.hover(token(4))
    np.testing.assert_allclose(percents(page, ".ways .figure"), top(record.weights[0, 0, 4]), atol=0.051)
    assert shares(page, "keys").argmax() == record.weights[0, 0, 4].argmax()
    page.hover(token(2, "keys"))
    np.testing.assert_allclose(percents(page, ".ways .figure"), top(record.weights[0, 0, :, 2]), atol=0.051)
    assert shares(page).argmax() == record.weights[0, 0, :, 2].argmax()


def test_a_decoder_record_has_one_text_the_target(visit):
    tokens = [Token("I", 0, 1), Token("saw", 2, 5), Token("it", 6, 8)]
    weights = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5]])[None, None]
    record = AttentionRecord("나는 보았다", tokens, tokens, weights, kind="decoder", target_text="I saw it")
    page = visit(to_html(record))
    assert page.locator(".sentence").all_inner_texts() == ["I saw it"]
    page.hover(token(2))
    np.testing.assert_allclose(ways(page)[0], [50, 30, 20], atol=0.051)
