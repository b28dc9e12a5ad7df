"""The page to type into, with a server and without one, in a real Firefox."""

from __future__ import annotations

import time

import pytest

from ..views.access import RUN, axe, complaints, firefox
from .conftest import NEEDS, Running
from .test_publishing import site  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ANSWERED = ("return document.querySelector('.panel .stage .sentence')?.textContent === arguments[0]"
            " && !document.querySelector('[aria-busy=true]')")


@pytest.fixture(scope="module")
def driver():
    found = firefox()
    found.start_session({"acceptInsecureCerts": True})
    found.set_pref("security.csp.enable", False)  # axe's own script is none of the page's
    found.timeout.script = 60
    yield found
    found.delete_session()
    found.cleanup()


def wait_for(driver, script: str, *given) -> None:
    end = time.monotonic() + 60
    while not driver.execute_script(script, script_args=given, sandbox=None):
        assert time.monotonic() < end, script
        time.sleep(0.1)


def use(driver, address: str) -> None:
    """Type, ask what if, give a file; then axe."""
    driver.navigate(address)
    wait_for(driver, "return Boolean(document.querySelector('.panel'))")
    driver.execute_script("window.wrong = []; addEventListener('error', (e) => wrong.push(String(e.message)))", sandbox=None)
    field = driver.find_element("css selector", "textarea")
    field.clear()
    field.send_keys("또 정말 최고")
    wait_for(driver, ANSWERED, "또 정말 최고")
    slider = driver.find_element("css selector", ".bars input")
    slider.send_keys("\ue010")  # End
    wait_for(driver, "return document.querySelector('.moving output').textContent.includes('→')")
    assert driver.execute_script("return document.querySelector('.bars .figure').textContent", sandbox=None) == "100.0%"
    driver.execute_script("document.querySelector('.strip .token').click()", sandbox=None)
    wait_for(driver, "return Boolean(document.querySelector('.what-if'))")
    driver.execute_script("document.querySelector('[data-name=drop]').click()", sandbox=None)
    wait_for(driver, "return Boolean(document.querySelector('.panels.two'))")
    driver.execute_script("""const given = new DataTransfer();
        given.items.add(new File(["정말 좋다\\n별로\\n"], "two.txt"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true }));""",
                          sandbox=None)
    wait_for(driver, "return document.querySelectorAll('.reviews .index li').length === 2")
    assert driver.execute_script("return wrong", sandbox=None) == []
    driver.execute_script(axe(), sandbox=None, new_sandbox=False)
    found = driver.execute_async_script(
        f"const done = arguments[0]; {RUN}.then((r) => done(JSON.parse(JSON.stringify({{violations: r.violations}}))));",
        sandbox=None, new_sandbox=False)
    assert complaints(found) == []


@pytest.mark.serve
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_live_page(driver, lang):
    pytest.importorskip("uvicorn", reason=NEEDS)
    pytest.importorskip("prometheus_client", reason=NEEDS)
    running = Running()
    try:
        use(driver, f"{running.url}/?lang={lang}")
    finally:
        running.process.kill()
        running.process.wait()


@pytest.mark.parametrize("file", ["index.html", "en.html"])
def test_the_page_without_a_server(driver, site, file):  # noqa: F811
    use(driver, site[0] + file)
