"""axe-core and Firefox for the tests, where they are here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def axe() -> str:
    """The script of axe-core."""
    path = Path(os.environ.get("GLUONATTN_AXE") or HERE / "build/node_modules/axe-core/axe.min.js")
    if not path.exists():
        pytest.skip("needs axe-core: npm install --prefix build axe-core@4.14.1 (or set GLUONATTN_AXE)")
    return path.read_text(encoding="utf-8")


def complaints(found: dict) -> list[str]:
    """One line for each element that axe complains of."""
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]


def firefox():
    """Firefox, driven over Marionette."""
    driver = pytest.importorskip(
        "marionette_driver.marionette", reason="needs Firefox's driver: pip install marionette_driver"
    )
    binary = shutil.which("firefox-esr") or shutil.which("firefox")
    if not binary:
        pytest.skip("needs Firefox: apt-get install firefox-esr")
    return driver.Marionette(bin=binary, headless=True, startup_timeout=120)
