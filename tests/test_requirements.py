"""What the package imports is what it asks pip for."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Libraries whose wheel has another name than what is imported.
WHEELS = {"jpype": "jpype1", "sklearn": "scikit-learn", "MeCab": "mecab-python3", "fontTools": "fonttools",
          "distributed": "dask"}
# Not asked for: what fails without them says what to install, and extras cannot bring them.
BY_HAND = {"fairseq"}


# Loaded by a test that skips first where torch is missing, or by scripts that need it.
BEHIND_A_SKIP = {"tests/capture/zoo.py", "tests/capture/local_references.py"}


def wheels(tree: ast.AST) -> set[str]:
    """Every wheel that a piece of setup.py names."""
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return {re.match(r"[\w-]*", text)[0].lower().replace("_", "-") for text in strings}


def required() -> set[str]:
    """Every wheel that setup.py names, in an extra or not."""
    return wheels(ast.parse((ROOT / "setup.py").read_text("utf-8")))


def always_here() -> set[str]:
    """Wheels of the package without extras, and of the extra `test`."""
    extras = _told()["extras_require"]
    [tests] = [value for key, value in zip(extras.keys, extras.values) if key.value == "test"]
    lists = {target.id: node.value for node in ast.parse((ROOT / "setup.py").read_text("utf-8")).body
             if isinstance(node, ast.Assign) for target in node.targets}
    shared = [lists[node.id] for node in ast.walk(tests) if isinstance(node, ast.Name)]  # as in [..., *measure]
    return base_needs().union(wheels(tests), *map(wheels, shared))


def base_needs() -> set[str]:
    """Wheels of the package without extras."""
    return wheels(_told()["install_requires"])


def _told() -> dict[str, ast.AST]:
    """What setup.py tells setuptools, by keyword."""
    return {keyword.arg: keyword.value for node in ast.walk(ast.parse((ROOT / "setup.py").read_text("utf-8")))
            if isinstance(node, ast.Call) for keyword in node.keywords}


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports from elsewhere, at any depth of its code."""
    return _imported(ast.walk(ast.parse(path.read_text("utf-8"))))


def imported_at_the_top(path: Path) -> set[str]:
    """Top-level names that a file imports from elsewhere as soon as it is loaded."""
    return _imported(ast.parse(path.read_text("utf-8")).body)


def _imported(nodes) -> set[str]:
    names = set()
    for node in nodes:
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


@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 has no list of its own modules")
def test_tests_are_collected_without_any_extra():
    """A file that imports torch at its top stops the whole suite where torch is missing."""
    here = always_here() | {"gluonattn", "tests"}
    stopping = {(name, str(path.relative_to(ROOT))) for path in (ROOT / "tests").rglob("*.py")
                for name in imported_at_the_top(path) - sys.stdlib_module_names
                if WHEELS.get(name, name).lower().replace("_", "-") not in here}
    assert sorted(one for one in stopping if Path(one[1]).as_posix() not in BEHIND_A_SKIP) == []
