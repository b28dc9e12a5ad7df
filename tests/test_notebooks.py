"""The notebooks run from top to bottom, offline; `make notebooks` runs them in a kernel, too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .needs import needs_mxnet

FOLDER = Path(__file__).parents[1] / "notebooks"
NEEDS = {"post": [needs_mxnet, pytest.mark.slow], "comparing_cells": [needs_mxnet, pytest.mark.slow],
         "capture_huggingface": [pytest.mark.huggingface], "pronunciation": []}


def test_every_notebook_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(NEEDS)


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks) for name, marks in NEEDS.items()])
def test_it_runs_and_shows_something(name, tmp_path, monkeypatch, capsys):
    import matplotlib

    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    code = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    last = code.body.pop() if isinstance(code.body[-1], ast.Expr) and isinstance(code.body[-1].value, ast.Name) else None
    exec(compile(code, name, "exec"), names)
    assert len(capsys.readouterr().out.splitlines()) >= 2
    if last:  # a record, which a notebook shows as an interactive page
        assert "<iframe" in names[last.value.id]._repr_html_()
