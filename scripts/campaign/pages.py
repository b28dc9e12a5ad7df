"""Part `pages`: in pages with hostile tokens, labels and names, no script runs and no request is sent (two browsers)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from _browsers import browsers, chromium, is_outside
from _command import load_command
from _paged import libraries, make_page
from _reports import missing_of_report
from _served import Served, missing_of_server, serving, use_served
from _texts import text

SECONDS, START, SHRINK = 400.0, 240.0, 20.0
SHORT = 5  # cases of the short form
KINDS = ["page", "two", "grid", "projection", "notebook", "corpus", "compare", "pronunciation", "translation", "bertviz",
         "served", "served"]
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


def missing() -> str | None:
    if not find_spec("playwright"):
        return "playwright is not installed (pip install playwright)"
    return None if chromium() else "Chromium is not here (apt-get install chromium)"


def hostile(random: Random) -> str:
    return random.choice(_SNIPPETS) if random.random() < 0.6 else text(random, 20)


def draw(random: Random) -> Any:
    return {
        "kind": random.choice(KINDS),
        "tokens": [hostile(random) for _ in range(random.choice((1, 3, 8, 20)))],
        "labels": [hostile(random), hostile(random) + "2"],
        "names": [hostile(random), hostile(random)],
        "title": hostile(random),
        "lang": random.choice(["ko", "en"]),
        "seed": random.randrange(1000),
        "texts": [hostile(random) for _ in range(2)],
        "models": [random.randrange(4), random.randrange(4)],
        "ending": random.choice([".tsv", ".csv", ".jsonl", ".txt"]),
    }


class _Pages:
    """Checks cases, and starts a server for the first that needs one."""

    def __init__(self, folder: Path, seed: int, tabs: list[Any], opened: ExitStack) -> None:
        self.folder, self.seed, self.tabs, self.opened = folder, seed, tabs, opened
        self.served: Served | None = None

    def check(self, case: Any) -> dict[str, int]:
        if not case["tokens"] or not all(case["tokens"]) or not all(case["texts"]) or missing_of_report(case["kind"]):
            return {}
        if case["kind"] == "served":
            return {} if missing_of_server() else self._check_served(case)
        return self._check_file(case, make_page(case, self.folder))

    def _check_served(self, case: Any) -> dict[str, int]:
        if self.served is None:
            self.served = self.opened.enter_context(serving(self.folder / "models", self.seed, hostile))
        for tab in self.tabs:
            use_served(tab, self.served, case)
        self._check_file({**case, "kind": "kept"}, self.served.kept(case))
        return {f"pages in {tab.name}": 2 for tab in self.tabs}

    def _check_file(self, case: Any, source: str) -> dict[str, int]:
        path = self.folder / "page.html"
        path.write_text(source, encoding="utf-8")
        from_network = case["kind"] == "bertviz" and libraries() is None  # then its own scripts cannot run
        for tab in self.tabs:
            with tab.open(path.as_uri(), _is_foreign if from_network else is_outside, from_network):
                tab.touch()
                tab.require_harmless(case["kind"], path.as_uri())
        return {f"pages in {tab.name}": 1 for tab in self.tabs}


def _is_foreign(address: str) -> bool:
    """Whether a request is none of those for the libraries that BertViz's page names."""
    return is_outside(address) and "evil.example" in address


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    load_command()
    (folder / "models").mkdir()
    with ExitStack() as opened:
        yield _Pages(folder, seed, opened.enter_context(browsers(folder)), opened).check
