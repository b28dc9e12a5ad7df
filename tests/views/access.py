"""axe-core and Firefox for the tests, where they are here."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
_FIREFOX = runpy.run_path(str(HERE / "scripts/campaign/_firefox.py"))
RUN = f"axe.run(document, {{runOnly: {TAGS}}})"


def axe() -> str:
    """The script of axe-core."""
    path = Path(os.environ.get("GLUONATTN_AXE") or HERE / "build/node_modules/axe-core/axe.min.js")
    if not path.exists():
        pytest.skip("needs axe-core: npm install --prefix build axe-core@4.14.1 (or set GLUONATTN_AXE)")
    return path.read_text(encoding="utf-8")


def complaints(found: dict) -> list[str]:
    """One line for each element that axe complains of."""
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]


def firefox():
    """Firefox, driven over Marionette."""
    if missing := _FIREFOX["missing_of_firefox"]():
        pytest.skip(missing)
    return _FIREFOX["start_firefox"]()


def ask_firefox(files: dict[str, Path], dark: int) -> dict[str, list[str]]:
    """What axe complains of in Firefox, page by page; each page shows some text.

    Parameters
    ----------
    files : dict of str to pathlib.Path
    dark : {0, 1}
        Whether the reader's system is dark.
    """
    script, driver = axe(), firefox()
    found = {}
    driver.start_session({"acceptInsecureCerts": True})
    try:
        driver.set_pref("ui.systemUsesDarkTheme", dark)
        driver.set_pref("security.csp.enable", False)
        driver.timeout.script = 60
        for name, path in files.items():
            driver.navigate(path.as_uri())
            driver.execute_script(script, sandbox=None, new_sandbox=False)
            result = driver.execute_async_script(
                f"const done = arguments[0]; {RUN}.then(r => done(JSON.parse(JSON.stringify({{violations: r.violations}}))),"
                " e => done({violations: [{id: String(e), nodes: [{html: ''}]}]}));",
                sandbox=None,
                new_sandbox=False,
            )
            found[name] = complaints(result)
            said = driver.execute_script("return document.querySelector('main').innerText.length", sandbox=None)
            assert said > 40, name
    finally:
        driver.delete_session()
        driver.cleanup()
    return found


def ask_chromium(browser, files: dict[str, Path], scheme: str, views=lambda name: ()) -> dict[str, list[str]]:
    """What axe complains of in Chromium, page by page.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    files : dict of str to pathlib.Path
    scheme : {"light", "dark"}
    views : callable
        The views of a page to choose besides the one it opens with, by the page's name.
    """
    script, found = axe(), {}
    for name, path in files.items():
        context = browser.new_context(color_scheme=scheme, bypass_csp=True, viewport={"width": 1000, "height": 900})
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("main h1")
        page.evaluate(script)
        found[name] = complaints(page.evaluate(RUN))
        for view in views(name):
            page.check(f"input[value={view}]")
            found[f"{name} {view}"] = complaints(page.evaluate(RUN))
        context.close()
    return found


def widths_at(browser, files: dict[str, Path], width: int) -> dict[str, int]:
    """How wide each page is in a window so wide.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    files : dict of str to pathlib.Path
    width : int
    """
    found = {}
    for name, path in files.items():
        page = browser.new_page(viewport={"width": width, "height": 700})
        page.goto(path.as_uri())
        found[name] = page.evaluate("document.documentElement.scrollWidth")
        page.close()
    return found
