"""The examples of the pages under docs/ run as they stand, and print what the page says they print."""

from __future__ import annotations

import importlib
import inspect
import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import gluonattn

from .needs import needs_mxnet
from .test_readme import blocks

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    "tutorials/reading-attention": [],
    "tutorials/your-data": [],
    "ko/reading-attention": [],
    "ko/your-data": [],
    "reference/records": [],
    "reference/views": [],
    "reference/training": [needs_mxnet, pytest.mark.slow],
    "reference/torch": [pytest.mark.huggingface],
    "reference/translation": [needs_mxnet, pytest.mark.translation],
}
ELSEWHERE = {"usage", "ko/usage",  # tests/test_readme.py
             "multi-head-attention"}  # tests/test_reference.py
NOT_OURS_ALONE = {"explain-any-model", "how-it-works", "scale"}  # they go on from a reader's own model or cluster


def test_every_page_with_python_is_run():
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md") if blocks(page, "python")}
    added = {page for page in pages if page.startswith("adding/")}  # tests/test_adding.py
    assert pages - added == set(PAGES) | ELSEWHERE | NOT_OURS_ALONE


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks) for name, marks in PAGES.items()])
def test_a_page_prints_what_it_shows(name, tmp_path, monkeypatch):
    import matplotlib

    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    names: dict = {}
    for code, shown in re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", page, re.S):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, name, "exec"), names)
        if shown:
            assert printed.getvalue().strip() == shown.strip(), code


def reference() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))


def python_in(text: str) -> str:
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))


def test_every_public_name_is_in_the_reference_with_an_example():
    text = reference()
    code = python_in(text)
    for name in set(gluonattn.__all__) - {"__version__"}:
        assert re.search(rf"^\.\. auto\w+:: gluonattn\.{name}$", text, re.M), name
        if name not in ("AttentionRecord", "Token", "Prediction"):  # records are made by explain
            assert f"gluonattn.{name}" in code or f"import {name}" in code, name


# Methods that only the package itself calls.
NOT_CALLED_BY_READERS = {
    "ClassifierSettings": {"suit", "make_task"},  # training
    "Recorder": {"begin", "end", "current", "add", "grids", "ran", "cure"},  # hooks, and checks of what they recorded
    "TorchRecorder": {"grids", "ran", "attended", "add_part", "hint", "cure"},
    "HuggingFaceRecorder": {"ran", "hint", "add", "leave_out_own_padding", "settle_silent"},
    "FairseqRecorder": {"records"},  # fairseq needs Python 3.10: scripts/check_fairseq.py runs it
}


def classes_returned(function) -> list[type]:
    """The package's classes that a function's annotation says it returns."""
    known = vars(sys.modules[inspect.unwrap(function).__module__])
    words = re.findall(r"\w+", str(inspect.signature(function).return_annotation))
    classes = [known[word] for word in words if inspect.isclass(known.get(word))]
    return [one for one in classes if one.__module__.startswith("gluonattn")]


def methods(kind: type) -> set[str]:
    """Names of a class's public methods, without inherited ones and properties."""
    return {name for name, value in vars(kind).items()
            if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, (classmethod, staticmethod)))}


def public_classes() -> set[type]:
    """Public classes, and those of what public functions and their methods return."""
    public = [getattr(gluonattn, name) for name in gluonattn.__all__ if name != "__version__"]
    for framework in ("torch", "huggingface", "fairseq", "gluon"):
        public.append(importlib.import_module(f"gluonattn.capture.{framework}").capture)
    found: set[type] = set()
    while public:
        one = public.pop()
        if not inspect.isclass(one):
            public += classes_returned(one)
        elif one not in found:
            found.add(one)
            public += [getattr(one, name) for name in methods(one)]
    return found


def without_an_example(kind: type, text: str) -> set[str]:
    """Methods that the reference does not show, or that no example under the same heading as their class calls."""
    wanted = methods(kind) - NOT_CALLED_BY_READERS.get(kind.__name__, set())
    for found in re.finditer(r"^\.\. autoclass:: ([\w.]+)\.(\w+)\n((?:   :.*\n)*)", text, re.M):
        if getattr(importlib.import_module(found[1]), found[2]) is kind:
            named = re.search(r"^   :members:(.*)$", found[3], re.M)
            shown = wanted if named and not named[1].strip() else set(re.findall(r"\w+", named[1] if named else ""))
            before, after = (re.split(r"^##? ", part, flags=re.M) for part in (text[:found.start()], text[found.end():]))
            return wanted - (shown & set(re.findall(r"\.(\w+)\(", python_in(before[-1] + after[0]))))
    return wanted


@needs_mxnet
def test_every_method_of_a_public_object_is_in_the_reference_with_an_example():
    kinds = public_classes()
    assert {"Predictor", "Explanation", "OpenedClassifier", "Pronouncer", "Translator", "HuggingFaceRecorder", "Reviews",
            "Tokenizer"} < {kind.__name__ for kind in kinds}
    text = reference()
    assert {kind.__name__: missing for kind in kinds if (missing := without_an_example(kind, text))} == {}
    for kind in kinds:  # no entry outlives its method
        assert NOT_CALLED_BY_READERS.get(kind.__name__, set()) <= methods(kind), kind


def test_a_method_without_an_example_is_noticed():
    text = reference()
    assert without_an_example(gluonattn.AttentionRecord, text) == set()
    assert without_an_example(gluonattn.AttentionRecord, text.replace("record.matrix(", "matrix(")) == {"matrix"}
    assert without_an_example(gluonattn.AttentionRecord, text.replace("AttentionRecord\n   :members:", "AttentionRecord"))
    elsewhere = text.replace("record.to_dict()", "{}") + "\n## Other\n\n```python\nrecord.to_dict()\n```\n"
    assert without_an_example(gluonattn.AttentionRecord, elsewhere) == {"to_dict"}


@pytest.mark.parametrize("korean", sorted((DOCS / "ko").glob("*.md")), ids=lambda page: page.name)
def test_a_korean_page_runs_the_same_code_as_the_english_one(korean):
    english = DOCS / "tutorials" / korean.name
    if not english.exists() or korean.name in ("pronunciation.md", "your-own-transformer.md"):
        pytest.skip("its English page is longer")
    for language in ("python", "py"):
        assert blocks(korean, language) == blocks(english, language)
