"""Attention that is moved by hand: the arithmetic on both sides, the API, and the bars of the page in real browsers."""

from __future__ import annotations

import json
import random
import shutil
import subprocess

import numpy as np
import pytest

from gluonattn.errors import RecordError

from ..tolerance import tolerance
from ..views.conftest import browser  # noqa: F401 (a fixture)
from .conftest import NEEDS, call

for name in ("starlette", "prometheus_client"):
    pytest.importorskip(name, reason=NEEDS)

from gluonattn.serving.models import with_cells  # noqa: E402
from gluonattn.serving.page_files import ASSETS  # noqa: E402

from .test_publishing import site, visit_site, write  # noqa: E402, F401 (fixtures)

SENTENCE = "정말 재미있고 좋다"


def cases(count: int = 200):
    """Weights (heads, T, T) and cells: none, all of a row, too much, nothing but zeros."""
    draw = np.random.default_rng(0)
    for _ in range(count):
        heads, size = draw.integers(1, 3), draw.integers(1, 7)
        weights = draw.dirichlet(np.ones(size), (heads, size))
        if draw.random() < 0.3:
            weights = np.eye(size)[draw.integers(0, size, (heads, size))]
        cells = {(None if draw.random() < 0.5 else int(draw.integers(size)), int(draw.integers(size))):
                 float(draw.choice([0, 0, 1, draw.random()])) for _ in range(draw.integers(0, 2 * size + 1))}
        yield weights, [(query, key, weight) for (query, key), weight in cells.items()]


def test_rows_keep_their_sum_and_what_was_set_stays_where_there_is_room():
    for weights, cells in cases():
        found = with_cells(weights, cells)
        close = tolerance(weights.shape[-1], 1)
        np.testing.assert_allclose(found.sum(-1), 1, atol=close)
        for query in range(weights.shape[-1]):
            given = {key: weight for row, key, weight in cells if row is None}
            given |= {key: weight for row, key, weight in cells if row == query}
            if len(given) < weights.shape[-1] and sum(given.values()) <= 1:
                for key, weight in given.items():
                    np.testing.assert_allclose(found[:, query, key], weight, atol=close)
            if not given:
                np.testing.assert_array_equal(found[:, query], weights[:, query])


def node(script: str, given):
    """What a script says of a value, in Node."""
    if not shutil.which("node"):
        pytest.skip("needs Node, which runs what a browser runs")
    source = (ASSETS / "cells.js").read_text("utf-8") + "const given = JSON.parse(process.argv[1]);\n" + script
    said = subprocess.run(["node", "-e", source, json.dumps(given)], capture_output=True, encoding="utf-8", check=False)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_a_browser_moves_as_python_does():
    both = list(cases())
    given = [{"weights": weights.ravel().tolist(), "length": weights.shape[-1],
              "cells": [dict(zip(("query", "key", "weight"), cell)) for cell in cells]} for weights, cells in both]
    said = node("console.log(JSON.stringify(given.map((one) => Array.from("
                "gluonattn.withCells(one.weights, one.length, one.cells)))))", given)
    for (weights, cells), found in zip(both, said):
        np.testing.assert_allclose(found, with_cells(weights, cells).ravel(), atol=tolerance(8, 1))


def test_a_bar_gets_what_was_asked_whatever_was_moved_before():
    draw = np.random.default_rng(1)
    steps = [[{"query": None if draw.random() < 0.5 else 0, "key": int(draw.integers(4)),
               "weight": round(float(draw.choice([0, 1, draw.random()])), 2)} for _ in range(12)] for _ in range(50)]
    said = node("""const even = Array(16).fill(0.25);
        console.log(JSON.stringify(given.map((steps) => {
          let cells = [];
          return steps.map((step) => {
            cells = gluonattn.setCell(cells.filter(({ query }) => query === step.query), 4, step);
            const kept = gluonattn.readCells(gluonattn.writeCells(cells));
            const most = Math.max(...cells.map((one) => one.weight));
            return [gluonattn.withCells(even, 4, cells)[step.key], most, kept.length === cells.length];
          });
        })))""", steps)
    for wanted, found in zip(steps, said):
        for step, (share, most, kept) in zip(wanted, found):
            assert share == pytest.approx(step["weight"]) and most <= 1 and kept


def test_a_link_that_was_cut_or_written_by_hand_gives_only_its_whole_cells():
    said = node("console.log(JSON.stringify(given.map((one) => gluonattn.readCells(one).length)))",
                ["", "3:400_2-7:125", "3:400_2-", "x:1_3:1001_3:-1_-3:5_3:1e3", "1:5_1:6", "3:400&other=1"])
    assert said == [0, 2, 1, 0, 1, 0]


@pytest.mark.serve
def test_the_api_moves_cells(application):
    pytest.importorskip("starlette", reason=NEEDS)

    def ask(*cells):
        return call(application, "POST", "/v1/what-if", json={"inputs": SENTENCE, "change": {"cells": list(cells)}})

    answer = ask({"key": 0, "weight": 0.5}, {"query": 1, "key": 0, "weight": 0})
    assert answer.status_code == 200, answer.text
    column = np.array(answer.json()[1]["weights"])[0, :, :, 0]
    wanted = np.full(column.shape, 0.5)
    wanted[:, 1] = 0
    np.testing.assert_allclose(column, wanted, atol=tolerance(8, 1))
    for wrong in ([], [{"key": 99, "weight": 0}], [{"key": 0, "query": 99, "weight": 0}], [{"key": 0, "weight": 1.1}],
                  [{"key": -1, "weight": 0}], [{"weight": 0}]):
        assert ask(*wrong).status_code == 422, wrong
    with pytest.raises(RecordError, match="tokens 0 to 1"):
        with_cells(np.eye(2)[None], [(None, 2, 0.5)])


def test_every_sentence_has_a_link_that_opens_on_it():
    draw = random.Random(0)
    parts = ["\ud83d", "\udc4d", "\U0001f44d", "&attention=0:5", "%", "#text=", "가", "\0", "\u2028", "<", " ", "\n"]
    texts = ["".join(draw.choices(parts, k=draw.randrange(1, 8))) for _ in range(300)]
    cells = [{"query": None, "key": 1, "weight": 0.25}]
    both = [[text, draw.choice([[], cells])] for text in texts]
    said = node("console.log(JSON.stringify(given.map((one) => gluonattn.readLink(gluonattn.writeLink(...one)))))", both)
    for text, found in zip(texts, said):
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # pairs join
        assert found["text"] == whole and found["cells"] in ([], cells)


# ---- in a real browser


def moved(page) -> str:
    """The answer to what was moved, once it stands."""
    page.wait_for_function("() => document.querySelector('.moving output').textContent.includes('→')")
    return page.locator(".moving output").inner_text()


def after(page) -> str:
    return moved(page).split("→")[1]


def ask(page, text: str = SENTENCE) -> None:
    page.locator("textarea").fill(text)
    page.wait_for_function("text => document.querySelector('.panel .stage .sentence')?.textContent === text", arg=text)


def bar(page, at: int):
    return page.locator(".bars input").nth(at)


def said(page) -> list[str]:
    return page.locator(".bars .figure").all_inner_texts()


@pytest.mark.serve
@pytest.mark.browser
@pytest.mark.parametrize("pointer", ["mouse", "touch"])
def test_a_bar_is_dragged(visit_live, pointer):
    options = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True} if pointer == "touch" else {}
    page = visit_live(**options)
    ask(page)
    slider = bar(page, 1)
    slider.scroll_into_view_if_needed()
    before, box = said(page), slider.bounding_box()
    places = [(box["x"] + share * box["width"], box["y"] + box["height"] / 2) for share in (0.05, 0.4, 0.8, 0.9)]
    if pointer == "mouse":
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places:
            page.mouse.move(*place, steps=3)
        page.mouse.up()
    else:
        client = page.context.new_cdp_session(page)
        for kind, place in zip(("touchStart", "touchMove", "touchMove", "touchMove"), places):
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": place[0], "y": place[1]}]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    moved(page)
    share = float(slider.get_attribute("aria-valuetext").rstrip("%"))
    assert 80 < share <= 100 and said(page)[0] != before[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@pytest.fixture
def visit_live(visit):
    """Opens the page of a server, and waits for its answer."""

    def open_(path="/?lang=ko", **options):
        page = visit[0](path, **options)
        page.wait_for_selector(".panel")
        return page

    return open_


@pytest.mark.serve
@pytest.mark.browser
def test_bars_are_moved_by_keys_taken_back_and_kept_in_link_and_history(visit_live, tmp_path):
    page = visit_live("/?lang=en")
    ask(page)
    before = said(page)
    bar(page, 0).focus()
    page.keyboard.press("End")
    [name, value] = [bar(page, 0).get_attribute(one) for one in ("aria-label", "aria-valuetext")]
    assert (name, value) == ("정말", "100.0%") and set(said(page)[1:]) == {"0.0%"}
    tree = page.locator(".bars").aria_snapshot()
    assert 'slider "정말"' in tree and "100" in tree
    all_of_it = after(page)
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function("before => document.querySelector('.moving output').textContent.split('→')[1] !== before",
                           arg=all_of_it)
    assert said(page)[0] == "97.0%" and page.evaluate("document.activeElement.dataset.token") == "0"

    page.locator("[data-name=looks]").select_option("1")  # one row alone
    bar(page, 2).focus()
    page.keyboard.press("Home")
    assert bar(page, 2).get_attribute("aria-valuetext") == "0.0%"
    page.wait_for_function("() => location.hash.endsWith('&attention=0:970_1-2:0')")

    other = visit_live("/?lang=ko" + page.evaluate("location.hash"))  # the link opens on them
    assert after(other) == after(page)
    with page.expect_download() as waiting:
        page.locator("[data-action=saveHtml]").click()
    waiting.value.save_as(tmp_path / "moved.html")
    assert (tmp_path / "moved.html").read_text("utf-8").count(SENTENCE) >= 2  # before and after

    page.locator("[data-name=beside2]").click()
    page.wait_for_selector(".panels.two")
    page.keyboard.press("Enter")  # back to the sentence
    page.wait_for_selector(".panels:not(.two)")
    page.locator("[data-name=looks]").select_option("")
    page.locator("[data-name=takeBack]").click()
    assert said(page) == before and page.locator(".moving output").inner_text() == ""
    page.wait_for_function("() => !location.hash.includes('attention')")
    page.go_back()
    moved(page)
    assert said(page)[0] != before[0]
    page.locator(".before summary").click()
    assert "attention moved: 2" in page.locator(".before li").nth(1).inner_text()
    ask(page, "정말 싫다")  # another sentence has its own attention
    assert page.locator(".bars .moved").count() == 0 and page.locator(".moving output").inner_text() == ""


@pytest.mark.browser
def test_bars_are_moved_without_a_server(visit_site, site):  # noqa: F811
    page = visit_site()
    text = "또 별로 최고 영화"
    write(page, text)
    bar(page, 1).focus()
    page.keyboard.press("End")
    record = site[1].explain(text)
    wanted = record.edit(with_cells(record.weights[0], [(None, 1, 1.0)])).prediction.probabilities[record.prediction.label]
    assert after(page).strip() == f"{100 * wanted:.1f}%"
