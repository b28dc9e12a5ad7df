"""The examples of the pages under docs/ run as they stand, and print what the page says they print."""

from __future__ import annotations

import io
import re
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


def test_every_public_name_is_in_the_reference_with_an_example():
    pages = [page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md")]
    text = "\n".join(pages)
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    for name in set(gluonattn.__all__) - {"__version__"}:
        assert re.search(rf"^\.\. auto\w+:: gluonattn\.{name}$", text, re.M), name
        if name not in ("AttentionRecord", "Token", "Prediction"):  # records are made by explain
            assert f"gluonattn.{name}" in code or f"import {name}" in code, name
    for name, value in vars(gluonattn.AttentionRecord).items():
        if callable(value) and not name.startswith("_"):
            assert re.search(rf"\b\w+\.{name}\(", code), f"AttentionRecord.{name}"


@pytest.mark.parametrize("korean", sorted((DOCS / "ko").glob("*.md")), ids=lambda page: page.name)
def test_a_korean_page_runs_the_same_code_as_the_english_one(korean):
    english = DOCS / "tutorials" / korean.name
    if not english.exists() or korean.name in ("pronunciation.md", "your-own-transformer.md"):
        pytest.skip("its English page is longer")
    for language in ("python", "py"):
        assert blocks(korean, language) == blocks(english, language)
