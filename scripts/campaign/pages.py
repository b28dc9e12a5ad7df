"""Part `pages`: in pages with hostile tokens, labels and names, no script runs and no request is sent (two browsers)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from _cases import Fault
from _command import environment as surroundings
from _command import forked, load_command
from _firefox import missing_of_firefox, start_firefox
from _texts import text

SECONDS, START, SHRINK = 120.0, 120.0, 20.0
SHORT = 4  # cases of the short form
KINDS = ["page", "page", "two", "grid", "projection", "notebook", "corpus"]
_SNIPPETS = (
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg/onload=window.pwned=1>",
    "\"'><b onmouseover=window.pwned=1>",
    "javascript:window.pwned=1",
    "<!--<script>",
    "]]>&lt;&amp;&#60;",
    "${window.pwned=1}`",
    "{{window.pwned=1}}",
    "</style><style>*{background:url(https://evil.example/x)}</style>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content=0;url=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>",
    "<a href=javascript:window.pwned=1 autofocus onfocus=window.pwned=1>",
    "__proto__",
    "constructor",
    "toString",
    "\\u003cscript>window.pwned=1</script>",
    "</textarea><script>window.pwned=1</script>",
    "</title><script>window.pwned=1</script>",
    "<template><script>window.pwned=1</script></template>",
    "' onclick='window.pwned=1",
    "\u2028window.pwned=1//",
)

_ODD = """() => [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a =>
    /^on/.test(a.name) || /evil\\.example|^javascript:/.test(a.value) && /^(href|src|action|content)$/.test(a.name)))
    .map(e => e.outerHTML.slice(0, 200))"""


def missing() -> str | None:
    if not find_spec("playwright"):
        return "playwright is not installed (pip install playwright)"
    return None if _chromium() else "Chromium is not here (apt-get install chromium)"


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def draw(random: Random) -> Any:
    def hostile() -> str:
        return random.choice(_SNIPPETS) if random.random() < 0.6 else text(random, 20)

    return {
        "kind": random.choice(KINDS),
        "tokens": [hostile() for _ in range(random.choice((1, 3, 8, 20)))],
        "labels": [hostile(), hostile() + "2"],
        "names": [hostile(), hostile()],
        "title": hostile(),
        "lang": random.choice(["ko", "en"]),
        "seed": random.randrange(1000),
    }


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    load_command()
    with sync_playwright() as running:
        browser, firefox = running.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"]), _firefox()
        try:
            yield lambda case: _check(case, browser, firefox, folder)
        finally:
            browser.close()
            if firefox is not None:
                firefox.quit()


def _firefox() -> Any:
    """Firefox, or None where it or its driver is not here."""
    if missing_of_firefox():
        return None
    driver = start_firefox()
    driver.start_session()
    return driver


def _check_firefox(case: Any, driver: Any, path: Path) -> None:
    """No script of a text runs and none becomes an element; requests are watched in Chromium alone."""
    driver.navigate(path.as_uri())
    pwned, odd = driver.execute_script(
        f"""return [window.pwned === undefined ? null : String(window.pwned),
        ({_ODD})()]""",
        sandbox=None,
        new_sandbox=False,
    )
    if pwned is not None:
        raise Fault(f"{case['kind']}: a script of a text runs in Firefox", pwned)
    if odd:
        raise Fault(f"{case['kind']}: markup of a text became an element in Firefox", odd)
    if driver.get_url() != path.as_uri():
        raise Fault(f"{case['kind']}: the page went elsewhere in Firefox", driver.get_url())


def _check(case: Any, browser: Any, firefox: Any, folder: Path) -> dict[str, int]:
    if not case["tokens"] or not all(case["tokens"]):
        return {}
    path = folder / "page.html"
    path.unlink(missing_ok=True)
    source = _corpus(case, folder) if case["kind"] == "corpus" else _page(case)
    path.write_text(source, encoding="utf-8")
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    try:
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on(
            "request", lambda r: r.url.startswith(("file:", "data:", "blob:", "about:")) or wrong.append(f"request {r.url}")
        )
        page.on("pageerror", lambda error: wrong.append(f"a script fails: {error}"))
        page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        page.goto(path.as_uri())
        page.wait_for_timeout(100)
        tokens = page.locator(".token")
        for index in range(min(2, tokens.count())):
            tokens.nth(index).hover(force=True)
            tokens.nth(index).click(force=True)
        for frame in page.frames:
            if frame.evaluate("window.pwned") is not None:
                raise Fault(f"{case['kind']}: a script of a text runs", source[:0])
            odd = frame.evaluate(_ODD)
            if odd:
                raise Fault(f"{case['kind']}: markup of a text became an element", odd)
        if page.url != path.as_uri():
            raise Fault(f"{case['kind']}: the page went elsewhere", page.url)
        if wrong:
            raise Fault(f"{case['kind']}: {wrong[0].partition(':')[0].partition(' http')[0]}", wrong)
    finally:
        context.close()
    if firefox is None:
        return {"pages in Chromium": 1}
    _check_firefox(case, firefox, path)
    return {"pages in Chromium": 1, "pages in Firefox": 1}


def _record(case: Any, number: int = 0) -> Any:
    import numpy as np

    from gluonattn.record import AttentionRecord, Prediction, Token

    whole, tokens = "", []
    for token in case["tokens"]:
        tokens.append(Token(token, len(whole), len(whole) + len(token), case["labels"][0]))
        whole += token + " "
    random = np.random.default_rng(case["seed"] + number)
    size = len(tokens)
    first, second = case["labels"][0] or "a", (case["labels"][1] or "b")
    labels = {first: 0.25, second if second != first else second + "2": 0.75}
    return AttentionRecord(
        whole,
        tokens,
        tokens,
        random.dirichlet(np.ones(size), (2, 2, size)),
        prediction=Prediction(max(labels, key=labels.get), labels),
        source={"cell": case["names"][0], "model": case["names"][1], "label_names": {first: case["title"]}},
        attributions={case["names"][0] or "norm": random.normal(size=size)},
        queries_vectors=random.normal(size=(2, 2, size, 3)),
        keys_vectors=random.normal(size=(2, 2, size, 3)),
    )


def _page(case: Any) -> str:
    from gluonattn.views.grid_page import grid_page
    from gluonattn.views.page import notebook_html, to_html
    from gluonattn.views.projection_page import projection_page

    records, lang = [_record(case), _record(case, 1)], case["lang"]
    if case["kind"] == "grid":
        return grid_page(records, names=case["names"], lang=lang, title=case["title"])
    if case["kind"] == "projection" and len(case["tokens"]) > 2:
        return projection_page(records, lang=lang)
    if case["kind"] == "notebook":
        return f"<!doctype html><meta charset=utf-8>{notebook_html(records[0], lang=lang)}"
    return to_html(records if case["kind"] == "two" else records[0], lang=lang, title=case["title"])


def _corpus(case: Any, folder: Path) -> str:
    """The report of the real command over a file with hostile texts, labels and name."""
    name = "".join(c for c in case["title"] if c not in "/\0" and not "\ud800" <= c < "\ue000")[:40] + ".tsv"
    rows = [f"{token} 정말 좋은 영화\t{case['labels'][i % 2]}" for i, token in enumerate(case["tokens"])]
    clean = "\n".join(row.replace("\n", " ").replace("\r", " ") if row.count("\t") == 1 else "좋다\t1" for row in rows)
    (folder / name).write_text(f"document\tlabel\n{clean}\n", encoding="utf-8", errors="replace")
    out = folder / "corpus.html"
    result = forked(
        [
            "report",
            "corpus",
            str(folder / name),
            "--out",
            str(out),
            "--engine",
            "numpy",
            "--min-count",
            "1",
            "--lang",
            case["lang"],
        ],
        folder,
        surroundings(folder, str(folder)),
        0,
        SECONDS,
    )
    (folder / name).unlink()
    if b"Traceback" in result.stderr:
        raise Fault("corpus: a traceback", result.stderr.decode("utf-8", "replace"))
    return out.read_text(encoding="utf-8") if result.returncode == 0 else "<!doctype html><p>refused</p>"
