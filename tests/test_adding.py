"""docs/adding: every page's example, put into a copy of the package, works, and the tests find it by themselves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gluonattn
from gluonattn.runtime import mxnet_is_installed

PACKAGE = Path(gluonattn.__file__).parent
ROOT = PACKAGE.parent
PAGES = sorted((ROOT / "docs" / "adding").glob("*.md"))
KINDS = {"cell", "tokenizer", "attribution-method", "view", "engine", "captured-framework", "data-set", "metric",
         "command", "task"}
_BLOCK = re.compile(r"`(gluonattn/[\w/]+\.py)`[^\n`]*(?:`ENGINES`)?:\n\n```python\n(.*?)```", re.DOTALL)
_TRIED = re.compile(r"Try it:\n\n```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
_FOUND = re.compile(r"(?:They|they)\s+call\s+it\s+`([\w-]+)`")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Files of a page and the code that goes into each, in order."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def files_named(page: Path) -> list[str]:
    return re.findall(r"`(tests/[\w/]+\.py)`", page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the repository in which everything that the pages add is added."""
    if not PAGES:
        pytest.skip("needs a checkout: docs/ does not travel in the wheel")
    folder = tmp_path_factory.mktemp("adding")
    ignored = shutil.ignore_patterns("__pycache__", "pretrained")
    shutil.copytree(PACKAGE, folder / "gluonattn", ignore=ignored)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=ignored)
    for name in ("data", "docs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "gluonattn" / "pretrained").symlink_to(PACKAGE / "pretrained")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for page in PAGES:
        for name, code in blocks(page):
            file = folder / name
            if file.exists():  # a line in a table
                assert code.count("\n") == 1, "more than one line elsewhere"
                text = file.read_text(encoding="utf-8")
                end = text.index("\n}\n", text.index("ENGINES: dict"))
                file.write_text(f"{text[:end]}\n{code.rstrip()}{text[end:]}", encoding="utf-8")
                continue
            file.parent.mkdir(exist_ok=True)
            (file.parent / "__init__.py").touch()
            file.write_text(code, encoding="utf-8")
    return folder


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True,
                          encoding="utf-8", check=False)


def test_there_is_a_page_for_each_of_the_ten():
    assert {page.stem for page in PAGES} == KINDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_adds_one_file_and_at_most_one_line_elsewhere(page):
    new = [name for name, _ in blocks(page) if not (ROOT / name).exists()]
    old = [code for name, code in blocks(page) if (ROOT / name).exists()]
    rooms = {Path(name).parent for name in new}
    assert len(new) == 1 or (page.stem == "task" and len(rooms) == 1), new
    assert len(old) <= 1 and all(code.count("\n") == 1 for code in old)


@pytest.mark.parametrize("page", [
    pytest.param(page, marks=pytest.mark.slow) if page.stem == "task" else page for page in PAGES
], ids=lambda page: page.stem)
def test_the_example_of_a_page_does_what_the_page_says(page, copy):
    if page.stem == "task" and not mxnet_is_installed():
        pytest.skip('needs MXNet to train: pip install "gluonattn[cpu]" on Python 3.9 to 3.12')
    code, expected = _TRIED.search(page.read_text(encoding="utf-8")).groups()
    done = run(copy, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip("\n") == expected.strip("\n")


@pytest.mark.slow
def test_the_tests_find_what_the_pages_add(copy):
    named = {page: _FOUND.search(page.read_text(encoding="utf-8")) for page in PAGES}
    wanted = {page: (found.group(1), files_named(page)) for page, found in named.items() if found}
    files = sorted({file for _, tests in wanted.values() for file in tests})
    done = run(copy, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", "-o", "addopts=", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    for page, (name, tests) in wanted.items():
        for file in tests:
            assert re.search(rf"^{re.escape(file)}::.*[\[/ '-]{name}\b", done.stdout, re.MULTILINE), (page.stem, file)


def test_the_table_of_counts_is_that_of_the_pages():
    rows = dict(re.findall(r"^\| \[([\w-]+)\]\(docs/adding/[\w-]+\.md\) \| ([^|]+) \|",
                           (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(rows) == KINDS
    for page in PAGES:
        new = sum(not (ROOT / name).exists() for name, _ in blocks(page))
        old = len(blocks(page)) - new
        assert rows[page.stem].strip() == f"{new} + {old}"
