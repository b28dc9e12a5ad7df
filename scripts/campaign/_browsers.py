"""Chromium and Firefox with the same few functions: open a page, run a script in it, and find what must not happen there."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from _cases import Fault
from _firefox import missing_of_firefox, start_firefox
from _watch import Watch, through, watching

Leaves = Callable[[str], bool]  # whether a request to an address leaves the page
# Elements and attributes that no page of the package has: a text has become markup.
_ODD = """return [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a =>
    /^on/.test(a.name) || /evil\\.example|^javascript:/.test(a.value) && /^(href|src|action|content)$/.test(a.name)))
    .map(e => e.outerHTML.slice(0, 200))"""
# What a script shows that has looked up a text among the properties that every object has.
_INSIDE = "return (/.{0,40}(\\[native code\\]|\\[object [A-Z]).{0,40}/.exec(document.body?.innerText ?? '') ?? [null])[0]"
_PATIENCE = 90.0  # seconds that a page may take to do what a script waits for


def chromium() -> str | None:
    """Where Chromium is."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Tab:
    """A page in a browser. Subclasses open it, run scripts and know what went wrong.

    Parameters
    ----------
    browser : object
        The running browser.
    """

    name = ""

    def __init__(self, browser: Any) -> None:
        self.browser, self.wrong = browser, list[str]()

    def run(self, script: str, *given: Any) -> Any:
        """Run the body of a function with the list `given`, whose texts arrive as they are, also halves of characters."""
        return self._run(f"const given = JSON.parse({json.dumps(json.dumps(given))});\n{script}")

    def wait(self, what: str, script: str, *given: Any) -> None:
        """Wait until a script returns something true.

        Parameters
        ----------
        what : str
            What is waited for; it becomes the kind of the fault.
        script : str
        *given : JSON values
        """
        end = time.monotonic() + _PATIENCE
        while True:
            with suppress(Exception):  # a browser runs no script while it goes from page to page
                if self.run(script, *given):
                    return
            if time.monotonic() > end:
                raise Fault(f"{what} never comes in {self.name}", [self.wrong, self.run("return document.body.innerText")])
            time.sleep(0.1)

    def require_harmless(self, kind: str, address: str) -> None:
        """Raise Fault if a text ran as a script or became markup, a request left the page, or it went elsewhere.

        Parameters
        ----------
        kind : str
            What page it is.
        address : str
            How the page's address begins.
        """
        for pwned, odd, inside in self._frames():
            if pwned is not None:
                raise Fault(f"{kind}: a script of a text runs in {self.name}", pwned)
            if odd:
                raise Fault(f"{kind}: markup of a text became an element in {self.name}", odd)
            if inside:
                raise Fault(f"{kind}: it shows the inside of a script in {self.name}", inside)
        if not (found := self._address()).startswith(address):
            raise Fault(f"{kind}: the page went elsewhere in {self.name}", found)
        if wrong := self._noted():
            raise Fault(f"{kind}: {wrong[0].partition(':')[0]} in {self.name}", wrong)

    def forget(self) -> None:
        """Forget what was asked for."""

    def _look(self, run: Callable[[str], Any]) -> tuple[Any, Any, Any]:
        return run("return window.pwned === undefined ? null : String(window.pwned)"), run(_ODD), run(_INSIDE)

    def _run(self, script: str) -> Any:
        raise NotImplementedError

    def _frames(self) -> Iterator[tuple[Any, Any, Any]]:
        raise NotImplementedError

    def _address(self) -> str:
        raise NotImplementedError

    def _noted(self) -> list[str]:
        return self.wrong


class ChromiumTab(Tab):
    """A page in Chromium, driven by Playwright."""

    name = "Chromium"

    @contextmanager
    def open(self, address: str, leaves: Leaves, scripts_fail: bool = False) -> Iterator[None]:
        """Open a page, and close it at the end of the block.

        Parameters
        ----------
        address : str
        leaves : callable
        scripts_fail : bool, default False
            Whether the page's own scripts are known to fail.
        """
        self.wrong = []
        context = self.browser.new_context(viewport={"width": 1000, "height": 800})
        try:
            self.page = context.new_page()
            self.page.set_default_timeout(1000 * _PATIENCE)
            self.page.route(leaves, lambda route: route.abort())
            self.page.on("request", lambda r: self.wrong.append(f"a request leaves: {r.url}") if leaves(r.url) else None)
            self.page.on("pageerror", lambda e: scripts_fail or self.wrong.append(f"a script fails: {e}"))
            self.page.on("dialog", lambda dialog: (self.wrong.append("a dialog opens"), dialog.dismiss()))
            self.page.goto(address)
            self.page.wait_for_timeout(100)
            yield
        finally:
            context.close()

    def touch(self) -> None:
        """Point at some tokens and press them."""
        tokens = self.page.locator(".token")
        for index in range(min(2, tokens.count())):
            tokens.nth(index).hover(force=True)
            tokens.nth(index).click(force=True)

    def _run(self, script: str) -> Any:
        return self.page.evaluate(f"() => {{ {script} }}")

    def _frames(self) -> Iterator[tuple[Any, Any, Any]]:
        for frame in self.page.frames:
            yield self._look(lambda script, frame=frame: frame.evaluate(f"() => {{ {script} }}"))

    def _address(self) -> str:
        return str(self.page.url)


class FirefoxTab(Tab):
    """A page in Firefox, driven by Marionette. What it asks for goes to a proxy that notes and refuses it.

    Parameters
    ----------
    browser : Marionette
    watch : Watch
    """

    name = "Firefox"

    def __init__(self, browser: Any, watch: Watch) -> None:
        super().__init__(browser)
        self.watch = watch

    @contextmanager
    def open(self, address: str, leaves: Leaves, scripts_fail: bool = False) -> Iterator[None]:
        """Open a page, and leave it at the end of the block.

        Parameters
        ----------
        address : str
        leaves : callable
        scripts_fail : bool, default False
        """
        served = address.partition("://")[2].partition("/")[0]
        self.browser.set_pref("network.proxy.no_proxies_on", served)
        self.leaves = leaves
        self.browser.navigate(address)
        if not scripts_fail:
            self.run("""window.gone = []; for (const name of ['error', 'unhandledrejection'])
                addEventListener(name, (e) => window.gone.push(`a script fails: ${e.message ?? e.reason}`));""")
        try:
            yield
        finally:
            self.browser.navigate("about:blank")

    def touch(self) -> None:
        """Press some tokens."""
        self.run("""[...document.querySelectorAll('.token')].slice(0, 2).forEach((e) =>
            ['mouseover', 'mousemove', 'click'].forEach((n) => e.dispatchEvent(new MouseEvent(n, {bubbles: true}))))""")
        time.sleep(0.1)

    def forget(self) -> None:
        """Forget what was asked for."""
        self.watch.take()

    def _run(self, script: str) -> Any:
        return self.browser.execute_script(script, sandbox=None, new_sandbox=False)

    def _frames(self) -> Iterator[tuple[Any, Any, Any]]:
        yield self._look(self._run)
        for frame in self.browser.find_elements("css selector", "iframe"):
            self.browser.switch_to_frame(frame)
            yield self._look(self._run)
            self.browser.switch_to_frame()

    def _address(self) -> str:
        return str(self.browser.get_url())

    def _noted(self) -> list[str]:
        asked = [line.partition(" ")[2] for line in self.watch.take()]
        asked = [one if "://" in one else f"https://{one}/" for one in asked]
        left = [f"a request leaves: {one}" for one in asked if self.leaves(one)]
        return left + list(self.run("return window.gone ?? []"))


@contextmanager
def browsers(folder: Path) -> Iterator[list[Any]]:
    """Start Chromium, and Firefox where it and its driver are installed.

    Each opens a page that does all that no page may do: a browser in which this is not noticed proves nothing.

    Parameters
    ----------
    folder : pathlib.Path
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running, watching() as watch:
        tabs: list[Any] = [ChromiumTab(running.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]))]
        try:
            if not missing_of_firefox():
                tabs.append(FirefoxTab(start_firefox(prefs=through(watch)), watch))
                tabs[1].browser.start_session()
            for tab in tabs:
                _require_noticed(tab, folder / "noticed.html")
            yield tabs
        finally:
            tabs[0].browser.close()
            for tab in tabs[1:]:
                tab.browser.quit()


def _require_noticed(tab: Any, path: Path) -> None:
    for page, noticed in (
        ("<script>window.pwned = 1</script>", "a script of a text runs"),
        ("<a href='https://evil.example/'>x</a>", "became an element"),
        ("<p>function () { [native code] }", "shows the inside"),
        ("<img src='https://elsewhere.example/x.png' alt=''>", "a request leaves"),
    ):
        path.write_text(f"<!doctype html><meta charset=utf-8><title>x</title>{page}", encoding="utf-8")
        with tab.open(path.as_uri(), is_outside):
            time.sleep(0.2)
            try:
                tab.require_harmless("noticed", path.as_uri())
            except Fault as fault:
                if noticed in fault.kind:
                    time.sleep(0.5)
                    tab.forget()
                    continue
            raise Fault(f"the campaign does not notice in {tab.name} that {noticed}", page)


def is_outside(address: str) -> bool:
    """Whether a request of a page in a file leaves it.

    Parameters
    ----------
    address : str
    """
    return not address.startswith(("file:", "data:", "blob:", "about:"))
