"""What the package imports is what it asks pip for."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Libraries whose wheel has another name than what is imported.
WHEELS = {"jpype": "jpype1", "sklearn": "scikit-learn", "MeCab": "mecab-python3", "fontTools": "fonttools"}
# Not asked for: what fails without them says what to install, and extras cannot bring them.
BY_HAND = {"fairseq"}


def required() -> set[str]:
    """Every wheel that setup.py names, in an extra or not."""
    strings = [node.value for node in ast.walk(ast.parse((ROOT / "setup.py").read_text("utf-8")))
               if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return {re.match(r"[\w-]*", text)[0].lower().replace("_", "-") for text in strings}


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports from elsewhere, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 has no list of its own modules")
def test_every_library_that_is_imported_is_asked_for():
    """One that another brings is gone when that one does without it: typer brought click up to 0.28."""
    known = required() | BY_HAND | {"gluonattn"}
    missing = {(name, str(path.relative_to(ROOT))) for path in (ROOT / "gluonattn").rglob("*.py")
               for name in imported(path) - sys.stdlib_module_names
               if WHEELS.get(name, name).lower().replace("_", "-") not in known}
    assert sorted(missing) == []
