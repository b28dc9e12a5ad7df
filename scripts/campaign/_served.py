"""The page of a real `gluonattn serve`: models, typed texts, earlier sentences, a what-if question, a dropped file."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from _cases import Fault
from _command import running_server
from _reports import distinct

_NOTE = "const said = document.querySelector('.asking .state');"
_EMPTY = f"{_NOTE} said.textContent = ''; said.classList.remove('wrong');"
_TYPE = f"""{_EMPTY} const field = document.querySelector('textarea'); field.value = given[0];
    field.dispatchEvent(new InputEvent('input', {{bubbles: true}}))"""
_TOUCH = """[...document.querySelectorAll('.panel .token')].slice(0, 2).forEach((e) =>
    ['mouseover', 'mousemove', 'click'].forEach((name) => e.dispatchEvent(new MouseEvent(name, {bubbles: true}))))"""
# The sentence stands there as it was typed, or a line says why not.
_ANSWERED = f"""{_NOTE} const typed = window.gluonattn.wholeCharacters(document.querySelector('textarea').value);
    const shown = document.querySelector('.panel .stage:not(.strip) .sentence')?.cloneNode(true);
    shown?.querySelectorAll('.code').forEach((e) => e.remove());
    return shown?.textContent === typed || said.classList.contains('wrong') || !shown && Boolean(said.textContent)"""
_CHOOSE = """const list = document.querySelectorAll('.asking select')[given[0]]; if (!list) return;
    list.selectedIndex = given[1] % list.length;
    list.dispatchEvent(new Event('change', {bubbles: true}))"""
_REPLACE = """const field = document.querySelector('.what-if input[type=text]'); if (!field) return;
    field.value = given[0]; document.querySelector('.what-if [data-name=replace]').click()"""
_DROP = """const file = new DataTransfer(); file.items.add(new File([given[1]], given[0]));
    for (const kind of ['dragover', 'drop']) document.body.dispatchEvent(
        new DragEvent(kind, {dataTransfer: file, bubbles: true, cancelable: true}))"""
_READ = """return Boolean(document.querySelector('.reviews .state').textContent)
    && document.querySelector('.reviews progress').hidden"""
_PRESS = "document.querySelector(given[0])?.click()"
_REST = 1.7  # seconds after which an answered text is among the earlier ones, and in the link


def missing_of_server() -> bool:
    """Whether a package is missing without which nothing is served."""
    return any(not find_spec(name) for name in ("starlette", "uvicorn", "prometheus_client", "msgspec"))


def as_name(text: str) -> str:
    """A text as a name of a file: without what no name may have.

    Parameters
    ----------
    text : str
    """
    name = re.sub(r"[/\0]", "", text).encode("utf-8", "replace")[:80].decode("utf-8", "ignore")
    return name if name.strip(".") else "model"


def whole(text: str) -> str:
    """A text in which half characters are replaced.

    Parameters
    ----------
    text : str
    """
    return text.encode("utf-8", "replace").decode()


def _make_models(folder: Path, random: Random, hostile: Any) -> list[Path]:
    """Small models of random weights, whose folders and labels have hostile names. One label of each has no other name."""
    from gluonattn.models.checkpoint import save_checkpoint
    from tests.classifier.known import predictor_of

    made = []
    for name in distinct([*(as_name(hostile(random)) for _ in range(3)), as_name(hostile(random)) + "\udcff"]):
        checkpoint = predictor_of({"cell": "multi-head", "classes": 3}, seed=random.randrange(100)).checkpoint
        labels = distinct([*(whole(hostile(random)) for _ in range(3)), "constructor", "__proto__", "toString"])[:3]
        named = {label: whole(hostile(random)) for label in labels[:2]} if random.random() < 0.5 else {}
        config = {**checkpoint.config, "labels": labels, "label_names": named}
        made.append(save_checkpoint(folder / name, checkpoint._replace(config=config)))
    return made


class Served:
    """A running server.

    Parameters
    ----------
    address : (str, int)
    lines : list of str
        What it writes to standard error.
    """

    def __init__(self, address: tuple[str, int], lines: list[str]) -> None:
        self.address, self.lines = address, lines
        self.url = f"http://{address[0]}:{address[1]}/"
        _, said = self.ask("GET", "/v1/models")
        self.names: list[str] = [one["name"] for one in json.loads(said)]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """The status and the content of an answer.

        Parameters
        ----------
        method, path : str
        body : JSON value or None
        """
        connection = http.client.HTTPConnection(*self.address, timeout=100)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def leaves(self, address: str) -> bool:
        """Whether a request goes elsewhere.

        Parameters
        ----------
        address : str
        """
        return not address.startswith((self.url, "data:", "blob:", "about:"))

    def kept(self, case: Any) -> str:
        """The page that a reader saves.

        Parameters
        ----------
        case : dict
        """
        asked = {"text": whole(case["texts"][0]), "models": self.names[:1], "lang": case["lang"]}
        status, said = self.ask("POST", "/page/export", asked)
        if status not in (200, 422):
            raise Fault(f"served: {status} for a page to save", said[:2000])
        return said.decode("utf-8") if status == 200 else "<!doctype html><p>refused</p>"


@contextmanager
def serving(folder: Path, seed: int, hostile: Any) -> Iterator[Served]:
    """Start a server with models of hostile names.

    Parameters
    ----------
    folder : pathlib.Path
    seed : int
        Of the names.
    hostile : callable
        ``hostile(random)`` returns a hostile text.
    """
    models = _make_models(folder, Random(f"{seed} names"), hostile)
    words = [word for path in models for word in ("--model", str(path))]
    with running_server(folder, *words) as (_, address, lines):
        yield Served(address, lines)


def use_served(tab: Any, served: Served, case: Any) -> None:
    """Do in a browser all that a reader can do with the page.

    Parameters
    ----------
    tab : Tab
    served : Served
    case : dict
    """
    known = len(served.lines)
    with tab.open(f"{served.url}?lang={case['lang']}", served.leaves):
        tab.wait("served: the first answer", "return Boolean(document.querySelector('.panel'))")
        for number, model in enumerate(case["models"]):
            tab.run(_CHOOSE, number, model)
        for text in case["texts"]:
            tab.run(_TYPE, text)
            tab.wait("served: the answer to a text", _ANSWERED)
            time.sleep(_REST)
            tab.run(_TOUCH)
        tab.run(_PRESS, ".before summary")
        tab.run(_PRESS, ".before li:last-child button")
        time.sleep(0.3)
        tab.run(_PRESS, ".strip .token")
        tab.run(_REPLACE, case["title"])
        tab.run(_DROP, as_name(case["names"][0]) + case["ending"], _table(case))
        tab.wait("served: the answer to a file", _READ)
        tab.run(_PRESS, ".reviews .index li button")
        time.sleep(0.3)
        tab.require_harmless("served", served.url)
        tab.run(_PRESS, ".languages a:not([aria-current])")
        time.sleep(0.5)
        tab.wait("served: the page in the other language", "return Boolean(document.querySelector('textarea'))")
        tab.require_harmless("served", served.url)
    said = "".join(served.lines[known:])
    if "Traceback" in said or re.search(r'"status": 5(?!03)', said):
        raise Fault("served: the server has an error of its own", said)
    status, _ = served.ask("GET", "/metrics")
    if status != 200:
        raise Fault("served: it gives no metrics", status)


def _table(case: Any) -> str:
    """A file of reviews in the form that its ending names."""
    rows = [(text, case["labels"][i % 2]) for i, text in enumerate([*case["texts"], *case["tokens"]])]
    if case["ending"] == ".txt":
        return "\n".join(text for text, _ in rows)
    if case["ending"] == ".jsonl":
        return "\n".join(json.dumps({"document": text, "label": label, "__proto__": 1}) for text, label in rows)
    rows.insert(0, ("document", "label"))
    if case["ending"] == ".csv":
        return "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "\n".join("\t".join(re.sub(r"[\t\r\n]", " ", cell) for cell in row) for row in rows)
