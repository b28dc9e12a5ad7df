"""What an index page shows of the package, and that everything that names its version and its needs says the same."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def told():
    """What setup.py tells setuptools."""
    setuptools = pytest.importorskip("setuptools", reason="needs setuptools: pip install setuptools")
    found: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", lambda **arguments: found.update(arguments))
        patch.chdir(ROOT)
        runpy.run_path(str(ROOT / "setup.py"))
    return found


def test_an_index_page_has_no_link_that_leads_nowhere(told):
    text = told["long_description"]
    for target in re.findall(r"\]\(([^)]*)\)", text):
        assert target.startswith(("https://", "http://")), target
    assert "gluonattn explain" in text and "<!--" not in text


def test_with_an_address_every_link_is_absolute(monkeypatch):
    pytest.importorskip("setuptools", reason="needs setuptools: pip install setuptools")
    source = (ROOT / "setup.py").read_text(encoding="utf-8").split("\nsetup(")[0]
    monkeypatch.chdir(ROOT)
    names: dict = {}
    exec(compile(source, "setup.py", "exec"), names)
    names["FILES"] = "https://example.org/blob/main/"
    text = names["describe"]()
    assert "](https://example.org/blob/main/docs/gallery/seed-overlay.png)" in text
    assert all(target.startswith("https://") for target in re.findall(r"\]\(([^)]*)\)", text))


def test_one_version(told):
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    recipe = (ROOT / "recipe" / "meta.yaml").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)", citation, re.M)[1] == told["version"]
    assert re.search(r'set version = "([^"]+)"', recipe)[1] == told["version"]


def test_the_recipe_needs_what_the_package_needs(told):
    recipe = (ROOT / "recipe" / "meta.yaml").read_text(encoding="utf-8")
    run = recipe.split("  run:\n")[1].split("\ntest:")[0]
    called = {"matplotlib-base": "matplotlib", "msgspec-python": "msgspec"}  # conda's own names
    listed = {called.get(name, name) + version for name, version in re.findall(r"- (\S+) (\S+)", run) if name != "python"}
    assert listed == set(told["install_requires"])


def test_the_source_package_carries_all_tests():
    manifest = (ROOT / "MANIFEST.in").read_text(encoding="utf-8")
    for folder in ("tests", "docs", "scripts", "notebooks", "recipe"):  # what tests read
        assert f"graft {folder}\n" in manifest
