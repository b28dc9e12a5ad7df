"""Public docstrings: every parameter is described where there are two or more."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import gluonattn
from gluonattn import options

PACKAGE = Path(gluonattn.__file__).parent
# Rooms whose docstrings are not done. A new room is checked from its first day.
NOT_YET = {"classifier", "cli"}


def parameters_of(function: ast.FunctionDef, is_method: bool) -> list[str]:
    """Names of a function's parameters, without the one a method is bound to."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    static = any(getattr(one, "id", "") == "staticmethod" for one in function.decorator_list)
    names = names[1:] if is_method and not static else names
    return names + [a.arg for a in (given.vararg, given.kwarg) if a]


def described_in(docstring: str) -> set[str]:
    """Names that a docstring's sections Parameters and Attributes describe ("queries, keys : tuple")."""
    found: set[str] = set()
    for section in re.findall(r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", docstring, re.M | re.S):
        for line in section.splitlines():
            if line and not line.startswith(" "):
                found.update(name.strip().lstrip("*") for name in line.partition(" : ")[0].split(","))
    return found


def described_in_help(function: ast.FunctionDef) -> set[str]:
    """Names of a command's parameters whose default has a help text: their docstring is the command's help."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args)]
    pairs = [*zip(reversed(names), reversed(given.defaults)),
             *((a.arg, default) for a, default in zip(given.kwonlyargs, given.kw_defaults) if default)]
    return {
        name for name, default in pairs
        if (isinstance(default, ast.Call) and any(word.arg == "help" for word in default.keywords))
        or (isinstance(default, ast.Name) and getattr(getattr(options, default.id, None), "help", None))
    }


def undescribed(source: str) -> list[str]:
    """Public functions and methods of a file with two or more parameters, and those of them that nothing describes.

    A method without a docstring has that of the class it is derived from. A class describes what makes it.
    """
    found = []
    for node in ast.parse(source).body:
        methods = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else []
        for function in [node, *methods]:
            if not isinstance(function, ast.FunctionDef):
                continue
            name, docstring = function.name, ast.get_docstring(function) or ""
            if name == "__init__":
                docstring = ast.get_docstring(node) or ""
            elif (name.startswith("_") and name != "__call__") or (methods and node.bases and not docstring):
                continue
            parameters = [one for one in parameters_of(function, bool(methods)) if not one.startswith("_")]
            known = described_in(docstring) | described_in_help(function)
            missing = [one for one in parameters if one not in known]
            if len(parameters) > 1 and missing:
                found.append(f"{f'{node.name}.' if methods else ''}{name}: {', '.join(missing)}")
    return found


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*.py"))
     if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in NOT_YET],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_every_parameter_is_described_where_there_are_two_or_more(path):
    assert undescribed(path.read_text(encoding="utf-8")) == []


def test_what_is_not_described_is_noticed():
    section = '"""What it does.\n\n    Parameters\n    ----------\n    {}\n    """\n'
    assert undescribed("def f(a, b): pass") == ["f: a, b"]
    assert undescribed("def f(a): pass\ndef _g(a, b): pass") == []
    assert undescribed("def f(a, *, b, **more):\n    " + section.format("a, b : int\n        Two of them.")) == ["f: more"]
    assert undescribed("def f(a=typer.Option(0, help='One.'), b=AsJson): pass") == []
    assert undescribed("def f(a=typer.Option(0), b=Nothing): pass") == ["f: a, b"]
    assert undescribed("def f(a, *b):\n    " + section.format("a : int\n    *b : int")) == []
    kind = "class Kind{}:\n    {}\n    def __init__(self, a, b): pass\n    def g(self, a, b): pass"
    assert undescribed(kind.format("", '"""A kind."""')) == ["Kind.__init__: a, b", "Kind.g: a, b"]
    assert undescribed(kind.format("(Base)", section.format("a, b : int"))) == []
