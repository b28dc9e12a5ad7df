"""BertViz's pages in a browser, with the libraries they ask for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gluonattn.errors import OptionError
from gluonattn.record import AttentionRecord
from gluonattn.views.bertviz import INSTALL, LIBRARIES, to_bertviz

from .pages import cross, hostile, random_weights, record_of

pytestmark = [pytest.mark.browser, pytest.mark.torch]

FOLDER = Path(os.environ.get("GLUONATTN_NODE_MODULES", Path(__file__).parents[2] / "build" / "node_modules"))


@pytest.fixture(autouse=True)
def needs_bertviz():
    pytest.importorskip("bertviz", reason='needs BertViz: pip install "gluonattn[bertviz]"')


@pytest.fixture(scope="module")
def libraries():
    if not all((FOLDER / name).is_file() for name in LIBRARIES):
        pytest.skip(f"needs BertViz's scripts: {INSTALL} --prefix build (or GLUONATTN_NODE_MODULES=FOLDER)")
    return FOLDER


@pytest.fixture
def shown(browser, tmp_path):
    """Opens a page and waits until BertViz has drawn; afterwards no script has failed and none but BertViz's ran."""
    pages, wrong = [], []

    def open_(source: str, served: Path | None = None):
        path = tmp_path / f"page{len(pages)}.html"
        path.write_text(source, encoding="utf-8")
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(str(error)))

        def answer(route):
            name = route.request.url.rpartition("/")[2].split(".")[0]
            found = next((n for n in LIBRARIES if served and n.split("/")[0].startswith(name)), None)
            if found is None:
                wrong.append(route.request.url)
                return route.abort()
            return route.fulfill(path=served / found)

        page.route(lambda url: not url.startswith(("file:", "data:")), answer)
        page.goto(path.as_uri())
        page.wait_for_selector("svg line, svg path", state="attached", timeout=120_000)
        return page

    yield open_
    assert wrong == [] and all(page.evaluate("window.pwned") is None for page in pages)
    for page in pages:
        page.close()


def texts(page) -> list[str]:
    return page.locator("svg text").evaluate_all("all => all.map(t => t.textContent.trim())")


def with_vectors(record: AttentionRecord) -> AttentionRecord:
    vectors = np.random.default_rng(0).normal(size=(*record.weights.shape[:3], 5)).astype(np.float32)
    return AttentionRecord(record.text, record.queries, record.keys, record.weights, queries_vectors=vectors,
                           keys_vectors=vectors)


@pytest.mark.parametrize("carried", [True, False], ids=["carried", "from the network"])
@pytest.mark.parametrize("view", ["head", "model", "neuron"])
def test_every_view_draws_the_tokens(shown, libraries, view, carried):
    record = with_vectors(record_of("정말 좋은 영화였다", layers=2, heads=3))
    source = to_bertviz(record, view=view, libraries=libraries if carried else None)
    page = shown(source, None if carried else libraries)
    if view == "model":  # small heads have no names; a pressed one does
        assert page.locator("svg rect").count() >= 6
        page.locator("svg").first.click(position={"x": 90, "y": 90})
    for token in record.queries:
        assert texts(page).count(token.text) >= 2  # on the left and on the right
    assert page.evaluate('document.fonts.check(\'1em "gluonattn Hangul"\', "정말")')


@pytest.mark.parametrize("view", ["head", "model"])
def test_an_encoder_decoder_is_chosen_by_its_part(shown, libraries, view):
    crossing = cross(layers=2, heads=2)
    sizes = len(crossing.keys), len(crossing.queries)
    encoder = AttentionRecord(crossing.text, crossing.keys, crossing.keys, random_weights((2, 2, sizes[0], sizes[0])),
                              kind="encoder")
    decoder = AttentionRecord(crossing.text, crossing.queries, crossing.queries,
                              random_weights((2, 2, sizes[1], sizes[1])), kind="decoder",
                              target_text=crossing.target_text)
    page = shown(to_bertviz([encoder, decoder, crossing], view=view, libraries=libraries))
    choice = page.locator("select").filter(has_text="Cross")
    assert choice.locator("option").all_inner_texts() == ["Encoder", "Decoder", "Cross"]
    choice.select_option(label="Cross")
    page.wait_for_timeout(300)
    if view == "model":
        page.locator("svg").first.click(position={"x": 90, "y": 90})
    found = texts(page)
    assert {t.text for t in (*crossing.queries, *crossing.keys)} <= set(found)


@pytest.mark.parametrize("view", ["head", "model", "neuron"])
def test_hostile_tokens_run_no_script(shown, libraries, view):
    record = with_vectors(hostile())
    page = shown(to_bertviz(record, view=view, libraries=libraries))
    if view == "model":
        page.locator("svg").first.click(position={"x": 90, "y": 90})
    assert "<img src=x onerror=window.pwned=1>" in texts(page)
    assert page.locator("img, b").count() == 0
    page.mouse.move(200, 200)
    page.wait_for_timeout(300)  # the fixture then asks whether any of them ran


def test_libraries_that_are_not_there_are_named(tmp_path):
    with pytest.raises(OptionError, match=r"d3\.min\.js.*npm install d3"):
        to_bertviz(record_of("좋다"), libraries=tmp_path)
