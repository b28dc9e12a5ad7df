"""What the tests of the views share: a real browser, and a record to show in it."""

from __future__ import annotations

import shutil

import pytest

from gluonattn.record import AttentionRecord, Prediction

from .pages import SENTENCE, record_of


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def watched_page(browser, contexts: list, wrong: list, **options):
    """A page in a context of its own, which goes into `contexts`; errors of its scripts go into `wrong`."""
    contexts.append(browser.new_context(**options))
    page = contexts[-1].new_page()
    page.set_default_timeout(120_000)  # a busy machine is no fault
    page.on("pageerror", lambda error: wrong.append(str(error)))
    return page


@pytest.fixture
def visit(browser, tmp_path):
    """Opens HTML as a saved file; afterwards no request has gone out and no script has failed."""
    contexts, wrong = [], []

    def open_(source: str, **options):
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(source, encoding="utf-8")
        page = watched_page(browser, contexts, wrong, **{"viewport": {"width": 1000, "height": 800}, **options})
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or wrong.append(r.url))
        page.on("dialog", lambda dialog: (wrong.append("dialog"), dialog.dismiss()))
        page.goto(path.as_uri())
        page.wait_for_selector(".panel, iframe")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def scored() -> AttentionRecord:
    """A sentence's record with a prediction."""
    return record_of(
        SENTENCE, prediction=Prediction("0", {"0": 0.917, "1": 0.083}), source={"cell": "mlp", "model": "m"}
    )


@pytest.fixture(scope="package", autouse=True)
def only_our_fonts():
    """As on a machine that has no fonts of its own: the same is drawn, and the same goes by its name, on every machine."""
    from matplotlib import font_manager, get_data_path

    from gluonattn.views import fonts

    fonts.families()
    cached = [one for one in vars(fonts).values() if hasattr(one, "cache_clear")]
    before = font_manager.fontManager.ttflist
    font_manager.fontManager.ttflist = [
        font for font in before if font.fname.startswith(get_data_path()) or font.name == "NanumGothic"]
    for one in cached:
        one.cache_clear()
    yield
    font_manager.fontManager.ttflist = before
    for one in cached:
        one.cache_clear()
