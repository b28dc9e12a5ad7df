"""The pages that part `pages` opens, made from hostile tokens, labels, model names and file names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from _cases import ROOT, Fault
from _command import environment as surroundings
from _command import forked
from _reports import report_page

_VIEWS = ("head", "model", "neuron")
_SECONDS = 120.0


def make_page(case: Any, folder: Path) -> str:
    """The page of a case as HTML.

    Parameters
    ----------
    case : dict
    folder : pathlib.Path
        For what is written beside it.
    """
    if case["kind"] in ("compare", "pronunciation", "translation"):
        return report_page(case, folder)
    return _corpus(case, folder) if case["kind"] == "corpus" else _page(case)


def libraries() -> Path | None:
    """The folder with BertViz's scripts, or None: its page then asks the network for them."""
    from gluonattn.views.bertviz import LIBRARIES

    given = Path(os.environ.get("GLUONATTN_NODE_MODULES", ROOT / "build" / "node_modules"))
    return given if all((given / name).is_file() for name in LIBRARIES) else None


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
    from gluonattn.views.bertviz import to_bertviz
    from gluonattn.views.grid_page import grid_page
    from gluonattn.views.page import notebook_html, to_html
    from gluonattn.views.projection_page import projection_page

    records, lang = [_record(case), _record(case, 1)], case["lang"]
    if case["kind"] == "bertviz":
        return _require_tokens(to_bertviz(records[0], view=_VIEWS[case["seed"] % 3], libraries=libraries()), case)
    if case["kind"] == "grid":
        return grid_page(records, names=case["names"], lang=lang, title=case["title"])
    if case["kind"] == "projection" and len(case["tokens"]) > 2:
        return projection_page(records, lang=lang)
    if case["kind"] == "notebook":
        return f"<!doctype html><meta charset=utf-8>{notebook_html(records[0], lang=lang)}"
    return to_html(records if case["kind"] == "two" else records[0], lang=lang, title=case["title"])


def _require_tokens(page: str, case: Any) -> str:
    """The page, if BertViz is given the tokens as they are."""
    name = '"left_text": '
    given, _ = json.JSONDecoder().raw_decode(page, page.index(name) + len(name))
    if given != case["tokens"]:
        raise Fault("bertviz: it gets other tokens", given)
    return page


def _corpus(case: Any, folder: Path) -> str:
    """The report of the real command over a file with hostile texts, labels and name."""
    name = "".join(c for c in case["title"] if c not in "/\0" and not "\ud800" <= c < "\ue000")[:40] + ".tsv"
    rows = [f"{token} 정말 좋은 영화\t{case['labels'][i % 2]}" for i, token in enumerate(case["tokens"])]
    clean = "\n".join(row.replace("\n", " ").replace("\r", " ") if row.count("\t") == 1 else "좋다\t1" for row in rows)
    (folder / name).write_text(f"document\tlabel\n{clean}\n", encoding="utf-8", errors="replace")
    out = folder / "corpus.html"
    words = ["report", "corpus", str(folder / name), "--out", str(out), "--engine", "numpy", "--min-count", "1",
             "--lang", case["lang"]]
    result = forked(words, folder, surroundings(folder, str(folder)), 0, _SECONDS)
    (folder / name).unlink()
    if b"Traceback" in result.stderr:
        raise Fault("corpus: a traceback", result.stderr.decode("utf-8", "replace"))
    return out.read_text(encoding="utf-8") if result.returncode == 0 else "<!doctype html><p>refused</p>"
