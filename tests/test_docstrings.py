"""Public docstrings: every parameter is described where there are two or more."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import gluonattn
from gluonattn import options

PACKAGE = Path(gluonattn.__file__).parent


def parameters_of(function: ast.FunctionDef, is_method: bool) -> list[str]:
    """Names of a function's parameters, without the one a method is bound to."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)
             if not (a.annotation and ast.unparse(a.annotation) == "typer.Context")]  # typer's own, no option
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


def has_help(value: ast.expr) -> bool:
    """Whether this is ``typer.Option(..., help=...)``."""
    return isinstance(value, ast.Call) and any(word.arg == "help" for word in value.keywords)


def described_in_help(function: ast.FunctionDef, helped: set[str]) -> set[str]:
    """Names of a command's parameters whose default has a help text: their docstring is the command's help.

    `helped` are the names of such defaults in the command's own file.
    """
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args)]
    pairs = [*zip(reversed(names), reversed(given.defaults)),
             *((a.arg, default) for a, default in zip(given.kwonlyargs, given.kw_defaults) if default)]
    return {
        name for name, default in pairs
        if has_help(default)
        or (isinstance(default, ast.Name)
            and (default.id in helped or getattr(getattr(options, default.id, None), "help", None)))
    }


def undescribed(source: str) -> list[str]:
    """Public functions and methods of a file with two or more parameters, and those of them that nothing describes.

    A method without a docstring has that of the class it is derived from. A class describes what makes it.
    """
    found, body = [], ast.parse(source).body
    helped = {one.id for node in body if isinstance(node, ast.Assign) and has_help(node.value)
              for one in node.targets if isinstance(one, ast.Name)}
    for node in body:
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
            known = described_in(docstring) | described_in_help(function, helped)
            missing = [one for one in parameters if one not in known]
            if len(parameters) > 1 and missing:
                found.append(f"{f'{node.name}.' if methods else ''}{name}: {', '.join(missing)}")
    return found


@pytest.mark.parametrize(
    "path",
    sorted(PACKAGE.rglob("*.py")),
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
    assert undescribed("def f(a: typer.Context, b=typer.Option(0, help='One.'), c=AsJson): pass") == []
    assert undescribed("def f(a=typer.Option(0), b=Nothing): pass") == ["f: a, b"]
    assert undescribed("A = typer.Option(0, help='One.')\nB = typer.Option(0)\ndef f(a=A, b=B): pass") == ["f: b"]
    assert undescribed("def f(a, *b):\n    " + section.format("a : int\n    *b : int")) == []
    kind = "class Kind{}:\n    {}\n    def __init__(self, a, b): pass\n    def g(self, a, b): pass"
    assert undescribed(kind.format("", '"""A kind."""')) == ["Kind.__init__: a, b", "Kind.g: a, b"]
    assert undescribed(kind.format("(Base)", section.format("a, b : int"))) == []
