"""Every kind of page for every reader: axe-core, paper, 320 pixels, the keyboard, the reader's own colours."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gluonattn.record import AttentionRecord
from gluonattn.statistics import Figure
from gluonattn.views.grid_page import grid_page
from gluonattn.views.head_changes import changes_page
from gluonattn.views.page import to_html
from gluonattn.views.projection_page import projection_page
from gluonattn.views.report_page import Html, shaded, table
from gluonattn.views.report_page import page as report

from .access import ask_chromium, ask_firefox, widths_at
from .pages import REVIEW, SENTENCE, changed, cross, hostile, numbered, random_weights, record_of, spread
from .test_attribution import explained
from .test_projection import records as joint_records  # noqa: F401

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def kinds(joint_records):  # noqa: F811
    made = {}
    for lang in ("ko", "en"):
        made |= {
            f"one {lang}": to_html(explained(), lang=lang),
            f"many {lang}": to_html([explained(), *[record_of(SENTENCE)] * 6], lang=lang),
            f"heads {lang}": to_html(record_of(SENTENCE, layers=2, heads=3), lang=lang),
            f"cross {lang}": to_html(cross(), lang=lang),
            f"grid {lang}": grid_page(record_of(SENTENCE, layers=2, heads=3), lang=lang),
            f"epochs {lang}": grid_page([record_of(SENTENCE, layers=2, heads=3, seed=n) for n in range(3)],
                                        names=["1", "2", "3"], lang=lang, steps=True),
            f"projection {lang}": projection_page(joint_records, lang=lang),
            f"changes {lang}": changes_page([[Figure(0.12, 0.1, 0.15), Figure(0.0, -0.01, 0.02)]] * 2,
                                                  np.array([[7, 0], [1, 0]]), name="bert", texts=1234, lang=lang),
        }
    rows = [[f"줄 {n}", *(shaded(x / 9, f"{x}") for x in range(10))] for n in range(2)]
    made["report"] = report(
        "보고서", "<h1>보고서</h1>" + table(["", *range(10)], rows, label="수치", caption="표"), lang="ko"
    )
    return made


@pytest.fixture
def files(kinds, tmp_path):
    paths = {}
    for name, source in kinds.items():
        paths[name] = tmp_path / f"{name}.html"
        paths[name].write_text(source, encoding="utf-8")
    return paths


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_to_complain_of_in_chromium(browser, files, scheme):
    found = ask_chromium(
        browser, files, scheme, lambda name: ("heatmap", "list") if "one" in name or "heads" in name else ()
    )
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.slow
@pytest.mark.parametrize("dark", [0, 1])
def test_axe_has_nothing_to_complain_of_in_firefox(files, dark):
    assert {name: said for name, said in ask_firefox(files, dark).items() if said} == {}


def test_nothing_is_wider_than_320_pixels(browser, files):
    for name, path in files.items():
        page = browser.new_page(viewport={"width": 320, "height": 700})
        page.goto(path.as_uri())
        page.wait_for_selector("main h1")
        views = ("overlay", "heatmap", "list") if name.split()[0] in ("one", "many", "heads", "cross") else (None,)
        for view in views:
            if view:
                page.check(f"input[value={view}]")
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, (name, view)
        page.close()


def test_what_is_hidden_is_not_seen(browser, files):
    for name in ("one ko", "many en", "heads en", "grid ko"):
        page = browser.new_page()
        page.goto(files[name].as_uri())
        page.wait_for_selector("main h1")
        seen = "[...document.querySelectorAll('[hidden]')].filter((e) => e.checkVisibility()).map((e) => e.outerHTML)"
        assert page.evaluate(seen) == [], name
        page.close()


LONG = {"letters": "W" * 200, "hangul": "긴이름" * 67, "emoji": "😭" * 40, "right to left": "الفيلم" * 30}


def named(text: str) -> AttentionRecord:
    """A record whose labels, model, tokens and true label are all of one long name."""
    base, labels = explained(), {"0": text, "1": f"<b>{text}"}
    sentence, tokens = spread([text, "좋다", f"{text}!"])
    return AttentionRecord(
        sentence,
        tokens,
        tokens,
        random_weights((2, 2, 3, 3)),
        prediction=base.prediction,
        source={"label_names": labels, "model": text, "cell": text, "true_label": "1"},
    )


def test_names_of_any_length_fit_into_320_pixels_and_are_heard_as_they_are_seen(browser, tmp_path):
    files, records = {}, {**{name: named(text) for name, text in LONG.items()}, "hostile": hostile()}
    for lang in ("ko", "en"):
        made = {name: to_html(record, lang=lang) for name, record in records.items()}
        made["list"] = to_html(list(records.values()) * 2, lang=lang, title="W" * 200)
        made["grid"] = grid_page(records["letters"], lang=lang)
        for name, source in made.items():
            files[f"{name} {lang}"] = tmp_path / f"{name} {lang}.html"
            files[f"{name} {lang}"].write_text(source, encoding="utf-8")
    assert {name: width for name, width in widths_at(browser, files, 320).items() if width > 320} == {}
    assert {name: said for name, said in ask_chromium(browser, files, "light").items() if said} == {}


TARGETS = """() => [...document.querySelectorAll('.arcs .link')]
  .map(g => [Number(g.dataset.query), Number(g.dataset.key)]).sort()"""
# Of every arrow, the token its head points into: read off the page, not off what was meant.
POINTED = """() => { const origin = document.querySelector('.arcs').getBoundingClientRect();
  const boxes = [...document.querySelectorAll('.overlay .token')]
    .map(b => [Number(b.dataset.token), b.getBoundingClientRect()]);
  return [...document.querySelectorAll('.arcs .link')].map(g => {
    const [x, y] = g.querySelector('.head').getAttribute('d').match(/M([-\\d.]+) ([-\\d.]+)/).slice(1).map(Number);
    const [px, py] = [x + origin.left, y + origin.top];
    const under = boxes.filter(([, r]) => px >= r.left - 1 && px <= r.right + 1 && Math.abs(py - r.top) < 12);
    return [Number(g.dataset.key), under.map(([i]) => i)]; }); }"""


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_drawn_again_for_the_papers_width(visit, width):
    page = visit(to_html(record_of(REVIEW)), viewport={"width": width, "height": 900})
    on_screen = page.evaluate(TARGETS)
    assert len(on_screen) >= 10 and all(key in under for key, under in page.evaluate(POINTED))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 1000})  # the paper's: 180 mm
    assert page.evaluate(TARGETS) == on_screen and all(key in under for key, under in page.evaluate(POINTED))
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(100)
    assert all(key in under for key, under in page.evaluate(POINTED)) and not page.locator(".paper").count()


@pytest.mark.parametrize("width", [1280, 390])
def test_arrows_point_at_the_same_words_on_screen_and_in_the_pdf(visit, width):
    pymupdf = pytest.importorskip("pymupdf", reason="needs a reader of PDF: pip install pymupdf")
    page = visit(to_html(record_of(REVIEW)), viewport={"width": width, "height": 900})
    names = page.locator(".overlay .token").all_inner_texts()
    on_screen = sorted(names[key] for _, key in page.evaluate(TARGETS))
    document = pymupdf.open(stream=page.pdf(prefer_css_page_size=True), filetype="pdf")
    pointed = []
    for sheet in document:
        letters = [
            (char["c"], pymupdf.Rect(char["bbox"]))
            for block in sheet.get_text("rawdict")["blocks"]
            for line in block.get("lines", [])
            for span in line["spans"]
            for char in span["chars"]
        ]
        for drawing in sheet.get_drawings():  # an arrow's head: a small filled triangle, its tip lowest
            corners = {(round(p.x, 1), round(p.y, 1)) for item in drawing["items"] if item[0] == "l" for p in item[1:3]}
            if drawing["type"] != "f" or len(corners) != 3:
                continue
            x, y = max(corners, key=lambda corner: corner[1])
            under = [c for c, box in letters if box.x0 - 1 <= x <= box.x1 + 1 and 0 <= box.y0 - y + 6 < 14]
            pointed.append(under[0] if under else None)
    assert len(pointed) == len(on_screen) and None not in pointed
    for letter in pointed:  # every arrow of the paper has its own on the screen
        on_screen.remove(next(name for name in on_screen if letter in name))


def test_paper_has_no_buttons_and_no_hints(visit):
    page = visit(to_html(explained()))
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for hidden in (".controls", ".actions", ".help", ".hint", "button.small", ".answer"):
        assert not any(page.locator(hidden).evaluate_all("all => all.map(e => e.checkVisibility())")), hidden
    assert (
        page.locator(".answer-first").is_visible()
        and page.locator(".strip").is_visible()
        and page.locator(".trust").is_visible()
    )


def test_for_and_against_are_told_without_colour(visit):
    record = explained()
    scores = np.linspace(-0.3, 0.9, len(record.keys))
    page = visit(
        to_html(
            record_of(
                SENTENCE, prediction=record.prediction, source=record.source, attributions={"leave-one-out": scores}
            )
        )
    )
    for i, score in enumerate(scores):
        token = page.locator(f".strip .token[data-token='{i}']")
        assert token.evaluate("e => getComputedStyle(e).borderBottomStyle") == ("dashed" if score < 0 else "solid")
        said = token.locator(".score").text_content()
        assert said[0] == ("−" if score < 0 else "+")
        assert token.locator(".score:not(.unseen)").count() == (abs(score) >= 0.08 * np.abs(scores).max())
    order = page.locator(".answer-first, .strip, .stage.overlay").evaluate_all("all => all.map(e => e.className)")
    assert [name.split()[0] for name in order] == ["answer-first", "strip", "stage"], (
        "the answer, the scores, the attention"
    )


def test_the_readers_own_colours_keep_every_mark(visit):
    page = visit(to_html(explained()), forced_colors="active")
    widths = page.locator(".overlay .token").evaluate_all(
        "all => all.map(e => parseFloat(getComputedStyle(e).borderBottomWidth))"
    )
    assert max(widths) - min(widths) >= 2  # a shade became a line
    checked = page.locator(".choice input:checked + span").first.evaluate("e => getComputedStyle(e).backgroundColor")
    other = page.locator(".choice input:not(:checked) + span").first.evaluate(
        "e => getComputedStyle(e).backgroundColor"
    )
    bar = page.locator(".bar > span").first.evaluate("e => getComputedStyle(e).backgroundColor")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert checked != other and bar != paper


def test_a_list_of_sentences_a_text_and_a_grid_are_one_stop_each(visit):
    page = visit(to_html([explained() for _ in range(30)]))
    for region in (".index ol", ".strip", ".overlay"):
        assert page.locator(f"{region} [tabindex='0']").count() == 1, region
        assert page.locator(f"{region} button:not([tabindex])").count() == 0
    page.locator(".index button[aria-current]").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.dataset.record") == "29"
    page = visit(grid_page(record_of(SENTENCE, layers=3, heads=4)))
    page.locator(".square[tabindex='0']").focus()
    for key, at in (
        ("ArrowRight", 1),
        ("ArrowDown", 5),
        ("ArrowDown", 9),
        ("ArrowDown", 9),
        ("ArrowLeft", 8),
        ("ArrowUp", 4),
    ):
        page.keyboard.press(key)
        assert page.evaluate("[...document.querySelectorAll('.square')].indexOf(document.activeElement)") == at
    assert page.locator(".square[tabindex='0']").count() == 1


def test_escape_lets_go_everywhere(visit):
    page = visit(to_html([explained() for _ in range(8)]))
    page.locator(".strip .token").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".strip [aria-pressed=true]").count() == 1 and "→" in page.locator(".answer").inner_text()
    page.keyboard.press("Escape")
    assert page.locator(".strip [aria-pressed=true]").count() == 0 and "→" not in page.locator(".answer").inner_text()
    page.locator("input[type=search]").fill("없는 말")
    assert page.locator(".index li:not([hidden])").count() == 0
    page.keyboard.press("Escape")
    assert page.locator(".index li:not([hidden])").count() == 8
    page.check("input[value=heatmap]")
    page.locator(".below .scroll").focus()
    page.keyboard.press("ArrowRight")
    assert "→" in page.locator(".status").inner_text()
    page.keyboard.press("Escape")
    assert "→" not in page.locator(".status").inner_text()


def test_the_heading_and_the_mark_follow_the_head(visit):
    page = visit(grid_page(record_of(SENTENCE, layers=2, heads=3), lang="en"))
    page.locator(".square").nth(4).click()
    assert page.locator("h2.title").inner_text() == "layer 1 · head 1"
    page.select_option("[data-name=headfalse]", "2")
    assert page.locator("h2.title").inner_text() == "layer 1 · head 2"
    assert page.locator(".square").nth(5).get_attribute("aria-pressed") == "true"
    page.select_option("[data-name=headfalse]", "")
    assert (
        page.locator("h2.title").inner_text() == "layer 1 · head mean"
        and page.locator(".square[aria-pressed=true]").count() == 0
    )
    assert "square-root" in page.locator(".cells").text_content()


def test_grid_and_heatmap_give_a_weight_the_same_colour(visit):
    record = record_of(SENTENCE, layers=2, heads=3)
    page = visit(grid_page(record))
    page.locator(".square").nth(4).click()
    small, large = page.evaluate("""async () => {
      const read = c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data);
      const image = new Image();
      image.src = document.querySelector('.cells .pixels').getAttribute('href'); await image.decode();
      const canvas = document.createElement('canvas'); canvas.width = image.width; canvas.height = image.height;
      canvas.getContext('2d').drawImage(image, 0, 0);
      return [read(document.querySelectorAll('.square canvas')[4]), read(canvas)]; }""")
    assert np.abs(np.subtract(small, large)).max() <= 2


def test_the_list_is_kept_by_label_by_error_and_by_word_and_put_in_order(visit):
    base = explained()

    def record(text, share, truth):
        made = record_of(
            text,
            prediction=type(base.prediction)("0" if share > 0.5 else "1", {"0": share, "1": 1 - share}),
            source={"label_names": {"0": "부정", "1": "긍정"}, "true_label": truth},
        )
        return made

    page = visit(
        to_html(
            [
                record("하나 말", 0.9, "0"),
                record("둘 말", 0.6, "1"),
                record("셋 글", 0.2, "1"),
                record("넷 글", 0.99, "1"),
                record("다섯 글", 0.7, "0"),
                record("여섯 글", 0.3, "0"),
            ]
        )
    )

    def shown():
        return page.locator(".index li:not([hidden]) .text").all_inner_texts()

    page.select_option("[data-name=label]", "긍정")
    assert shown() == ["셋 글", "여섯 글"]
    page.select_option("[data-name=label]", "")
    page.select_option("[data-name=errors]", "wrong")
    page.select_option("[data-name=sort]", "wrong")
    assert shown() == ["넷 글", "여섯 글", "둘 말"]
    page.select_option("[data-name=errors]", "")
    page.select_option("[data-name=sort]", "low")
    assert shown()[0] == "둘 말" and shown()[-1] == "넷 글"
    page.locator("input[type=search]").fill("글")
    assert shown() == ["다섯 글", "여섯 글", "셋 글", "넷 글"]
    assert page.locator(".index .wrong").count() == 2  # of those that are listed
    page.locator(".index li:not([hidden]) button").first.click()
    assert page.locator(".overlay .sentence").inner_text().startswith("다섯")


def test_two_methods_stand_side_by_side(visit):
    record = explained()
    scores = {**record.attributions, "norm": np.linspace(0, 1, len(record.keys))}
    page = visit(to_html(record_of(SENTENCE, prediction=record.prediction, source=record.source, attributions=scores)))
    page.select_option("[data-name=beside]", "norm")
    assert page.locator(".strip").count() == 2 and "norm" in page.locator(".pair").inner_text()
    page.select_option("[data-name=beside]", "받은 어텐션")
    received = record.matrix(None, None).mean(0)
    assert (
        page.locator(".strip").nth(1).locator(".score").nth(int(received.argmax())).inner_text()
        == f"{received.max():.2f}"
    )
    page.select_option("[data-name=method]", "norm")
    assert page.locator(".trust").count() == 0  # what was measured was measured of the other


def test_scores_of_words_are_those_of_their_morphemes_added_up(visit):
    record = explained()
    page = visit(to_html(record))
    page.check("input[value=word]")
    merged = record.merge("eojeol").attributions["leave-one-out"]
    shown = page.locator(".strip .score").all_text_contents()
    assert [float(text.replace("−", "-")) for text in shown] == pytest.approx(merged.tolist(), abs=0.006)
    page.locator(".strip .token").nth(0).click()
    assert page.locator(".answer strong").all_inner_texts() == ["가지", "고"]


def test_a_word_that_cannot_be_asked_is_no_button_and_the_page_says_why(visit):
    record = explained(" ".join(["재미있는 영화"] * 70))
    about = {k: v for k, v in record.source["explanation"].items() if k != "what_if"}
    record = AttentionRecord(
        record.text,
        record.queries,
        record.keys,
        record.weights,
        prediction=record.prediction,
        source={**record.source, "explanation": about},
        attributions=record.attributions,
    )
    page = visit(to_html(record))
    assert (
        page.locator(".strip button").count() == 0 and page.locator(".strip .token").count() == len(record.keys) > 128
    )
    assert f"말이 {len(record.keys)}개로 많아" in page.locator(".answer").inner_text()


def test_heads_are_drawn_in_colours_and_can_be_hidden(visit):
    record = record_of(SENTENCE, layers=2, heads=4)
    page = visit(to_html(record, layer=1, lang="en"))
    page.select_option("[data-name=headfalse]", "colours")
    drawn = page.locator(".arcs .link").evaluate_all(
        "all => all.map(g => [Number(g.dataset.weight), g.getAttribute('class')])"
    )
    weights = record.weights[1].copy()
    weights[:, np.arange(weights.shape[1]), np.arange(weights.shape[1])] = 0
    expected = np.sort(weights.ravel())[::-1][: len(drawn)]
    np.testing.assert_allclose(sorted((w for w, _ in drawn), reverse=True), expected, atol=1e-4)
    assert len({re.search(r"head-\d", kind)[0] for _, kind in drawn}) >= 3
    dashes = page.locator(".sample .line").evaluate_all("all => all.map(l => getComputedStyle(l).strokeDasharray)")
    assert len(set(dashes)) == 4
    page.click("[data-name=head-0]")
    assert page.locator(".arcs .head-0").count() == 0 and page.locator(".arcs .head-1").count() > 0


def test_korean_stands_as_korean_in_an_english_page(visit):
    page = visit(to_html([explained(), changed(record_of(SENTENCE), 2)], lang="en"))
    bare = page.evaluate("""() => {
      const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), found = [];
      while (walk.nextNode()) {
        const n = walk.currentNode;
        const apart = n.parentElement.closest('[lang=ko], option, noscript');
        if (/[가-힣]/.test(n.data) && !apart) found.push(n.data); }
      return found; }""")
    assert [text for text in bare if not re.search(r"\((긍정|부정)\)", text)] == []


def test_512_tokens_can_be_used(visit):
    page = visit(to_html(numbered(512)))
    page.hover(".token[data-token='5']")
    assert page.locator(".link").count() > 0
    page.check("input[value=heatmap]")
    assert page.locator(".cells").is_visible()


def test_a_table_of_a_report_names_its_rows_and_columns():
    made = table(["a", "b"], [["x", 1], [Html("<td>y</td>"), 2]], label="t")
    assert (
        '<th scope="col">a</th>' in made
        and '<th scope="row">x</th>' in made
        and 'tabindex="0" role="group" aria-label="t"' in made
    )


def test_a_slider_goes_through_steps_with_the_keyboard(visit):
    records = [record_of(SENTENCE, layers=2, heads=2, seed=seed) for seed in (1, 2, 3)]
    page = visit(grid_page(records, names=["1회", "2회", "3회"], steps=True))
    slider, said = page.locator('.gluonattn-heads input[type="range"]'), page.locator(".gluonattn-heads output")
    labels = lambda: page.locator(".square").evaluate_all("all => all.map(one => one.title)")  # noqa: E731
    scale = page.locator(".highest").inner_text()
    page.locator(".square").nth(3).click()
    first = labels()
    assert said.inner_text() == "1회" and slider.get_attribute("aria-valuetext") == "1회"
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert said.inner_text() == "2회" and slider.get_attribute("aria-valuetext") == "2회"
    assert labels() != first and page.locator(".highest").inner_text() == scale  # one scale for all steps
    assert slider.evaluate("e => e === document.activeElement")
    assert page.locator('.square[aria-pressed="true"]').get_attribute("title") == labels()[3]
    page.keyboard.press("ArrowLeft")
    assert labels() == first
