"""The floors of the house: who may import whom, and what an import may load."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gluonattn

PACKAGE = Path(gluonattn.__file__).parent
FLOORS = {
    "errors": 0,
    "contents": 1,
    "files": 1,
    "finding": 1,
    "metrics": 1,
    "plain": 1,
    "progress": 1,
    "statistics": 2,
    "streams": 1,
    "threads": 1,
    "processes": 1,
    "record": 2,
    "reference": 2,
    "runtime": 2,
    "console": 2,
    "options": 2,
    "text": 3,
    "data": 3,
    "models": 3,
    "views": 3,
    "capture": 3,
    "early": 4,
    "training": 4,
    "serving": 6,
    "scale": 6,
    "cli": 7,
    "__init__": 8,
    "__main__": 8,
}
WITH_COMMANDS = {path.parent.name for path in PACKAGE.glob("*/commands.py")}  # rooms that the command line finds
TASKS = {"classifier", "pronunciation", *WITH_COMMANDS}  # rooms that never import each other
FLOORS.update(dict.fromkeys(TASKS, 5))
FILES = sorted(p for p in PACKAGE.rglob("*.py"))
ONLY_RUNTIME = {"mxnet", "gluonnlp"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(source: str, path: Path, for_types: bool = True) -> list[str]:
    """Full dotted names of everything a file imports, at any depth of its code.

    Parameters
    ----------
    source : str
    path : pathlib.Path
        Where it stands.
    for_types : bool, default True
        Whether imports under ``if TYPE_CHECKING`` count.
    """
    package = ["gluonattn", *path.relative_to(PACKAGE).parts[:-1]]
    names = []
    tree = ast.parse(source)
    if not for_types:
        tree.body = [node for node in tree.body
                     if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            names += [".".join([*base, alias.name]) for alias in node.names]
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__", "find_spec", "run_module") and node.args:
                target = node.args[0]
                if _is_beside(target):
                    continue
                names.append(target.value if isinstance(target, ast.Constant) else "<computed>")
    return names


def _is_beside(target: ast.expr) -> bool:
    """Whether what is imported is named ".something", so is in the folder of the file itself."""
    first = target.values[0] if isinstance(target, ast.JoinedStr) else None
    return isinstance(first, ast.Constant) and str(first.value).startswith(".") and not str(first.value).startswith("..")


def broken_floors(source: str, path: Path) -> list[str]:
    """What a file imports and may not."""
    room, wrong = room_of(path), []
    for name in imported(source, path):
        parts = name.split(".")
        if parts[0] in ONLY_RUNTIME and room != "runtime":
            wrong.append(name)
        # There: the table of public names, and rooms with commands of their own.
        if name == "<computed>" and path not in (PACKAGE / "__init__.py", PACKAGE / "cli" / "registry.py"):
            wrong.append(name)
        if parts[0] != "gluonattn" or name == "gluonattn.__version__":
            continue
        target = parts[1] if len(parts) > 1 else "__init__"
        if {room, target} <= TASKS and target != room:
            wrong.append(name)
        if target not in FLOORS or (target != room and FLOORS[target] >= FLOORS[room]):
            wrong.append(name)
        no_mxnet = room == "views" or (room == "capture" and not path.name.startswith("gluon"))
        if no_mxnet and target in ("runtime", "models", "training"):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_from_lower_floors_or_its_own_room(path):
    assert room_of(path) in FLOORS, "a new room needs a floor in DESIGN.md and here"
    assert broken_floors(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    "where, code",
    [
        ("record.py", "from . import runtime"),
        ("metrics.py", "from .record import Token"),
        ("text/align.py", "from ..data import reviews"),
        ("models/cells/mlp.py", "def f():\n    from ...training.loop import fit"),
        ("views/heatmap.py", "from ..runtime import mx"),
        ("views/heatmap.py", "import gluonattn.models.cells"),
        ("capture/torch.py", "from ..runtime import mx"),
        ("classifier/predictor.py", "from .. import cli"),
        ("data/batches.py", "import mxnet as mx"),
        ("data/batches.py", "from gluonnlp.data import batchify"),
        ("models/gru.py", "import importlib\nimportlib.import_module('mxnet.gluon')"),
        ("models/gru.py", "__import__('mxnet')"),
        ("models/gru.py", "name = 'mx' + 'net'\n__import__(name)"),
        ("models/gru.py", "import importlib\nname = 'cli'\nimportlib.import_module(f'..{name}', __name__)"),
        ("data/batches.py", "import gluonattn"),
        ("pronunciation/report.py", "from ..classifier.compare import compare"),
        ("classifier/training.py", "def f():\n    from ..pronunciation import pairs"),
        ("data/batches.py", "from gluonattn.attic import anything"),
    ],
)
def test_the_walk_notices_a_broken_floor(where, code):
    assert broken_floors(code, PACKAGE / where)


@pytest.mark.parametrize(
    "where, code",
    [
        ("runtime.py", "import importlib\nimportlib.import_module('mxnet')\nimport gluonnlp"),
        ("classifier/training.py", "from .. import __version__, runtime\nfrom .loop import fit"),
        ("capture/gluon.py", "from ..runtime import mx"),
        ("models/cells/__init__.py", "import importlib\nname = 'mlp'\nimportlib.import_module(f'.{name}', __name__)"),
        ("views/heatmap.py", "import matplotlib\nfrom ..record import Token\nfrom .fonts import families"),
    ],
)
def test_the_walk_lets_the_allowed_pass(where, code):
    assert broken_floors(code, PACKAGE / where) == []


MAX_FILE, MAX_FUNCTION = 300, 60  # lines


def too_long(source: str) -> list[str]:
    """What of a file is too long, unless a paragraph "Stays whole:" of its docstring says why (and names the function)."""
    tree = ast.parse(source)
    paragraphs = (ast.get_docstring(tree) or "").split("\n\n")
    reasons = "".join(paragraph for paragraph in paragraphs if paragraph.startswith("Stays whole:"))
    found = []
    if len(source.splitlines()) > MAX_FILE and not reasons:
        found.append(f"{len(source.splitlines())} lines")
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if lines > MAX_FUNCTION and f"`{node.name}`" not in reasons:
                found.append(f"{node.name}: {lines} lines")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_long_file_or_function_says_why_it_stays_whole(path):
    assert too_long(path.read_text(encoding="utf-8")) == []


def test_what_is_too_long_is_noticed():
    long = "def draw():\n" + "    pass\n" * MAX_FUNCTION
    assert too_long(long) == ["draw: 61 lines"]
    assert too_long("x = 1\n" * (MAX_FILE + 1)) == ["301 lines"]
    reason = "Stays whole: `draw` is one figure, from top to bottom."
    assert too_long(f'"""A picture.\n\n{reason}\n"""\n{long}') == []
    assert too_long(f'"""A picture.\n\n{reason}\n"""\n{long.replace("draw", "paint")}') == ["paint: 61 lines"]


def imports_inside(room: str, sources: dict[str, str]) -> dict[str, set[str]]:
    """Which files of a room each of its files imports when it runs, by dotted names ("gluonattn.record.units").

    Parameters
    ----------
    room : str
    sources : dict of str to str
        Source by path inside the room ("units.py", "cells/__init__.py").
    """
    names = {path: ".".join(["gluonattn", room, *path.removesuffix(".py").removesuffix("__init__").split("/")]).strip(".")
             for path in sources}
    found: dict[str, set[str]] = {}
    for path, source in sources.items():
        targets = set()
        for name in imported(source, PACKAGE / room / path, for_types=False):
            while name.count(".") >= 1 and name not in names.values():
                name = name.rpartition(".")[0]
            targets.add(name)
        found[names[path]] = targets & set(names.values()) - {names[path]}
    return found


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Nodes of one circle, or none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node):], node]
        if node in done:
            return []
        for target in sorted(graph[node]):
            if circle := walk(target, [*path, node]):
                return circle
        done.add(node)
        return []

    return next((circle for node in sorted(graph) if (circle := walk(node, []))), [])


@pytest.mark.parametrize("room", sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py")))
def test_the_files_of_a_room_import_each_other_in_no_circle(room):
    sources = {path.relative_to(PACKAGE / room).as_posix(): path.read_text(encoding="utf-8")
               for path in (PACKAGE / room).rglob("*.py")}
    assert circle_in(imports_inside(room, sources)) == []


def test_a_circle_is_noticed():
    sources = {"__init__.py": "from .a import x", "a.py": "from .b import y", "b.py": "def f():\n    from .a import x"}
    assert circle_in(imports_inside("views", sources)) == ["gluonattn.views.a", "gluonattn.views.b", "gluonattn.views.a"]
    assert circle_in(imports_inside("views", {**sources, "b.py": "from ..record import Token"})) == []
    assert circle_in(imports_inside("views", {**sources, "b.py": "from . import x"}))


def names_of(task: str) -> list[str]:
    """Files that name a task outside its own room: by itself, or in a longer name. A title that has the word does not."""
    named = re.compile(rf"(?<![A-Za-z]){task}|(?<![A-Za-z]){task.title()}[A-Z]")
    others = (path for path in FILES if room_of(path) != task and path != PACKAGE / "__init__.py")
    return [str(path.relative_to(PACKAGE)) for path in others if named.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("source", ["run_task(1)", "from ..task import x", "'task'", "TaskSettings()"])
def test_a_name_of_a_task_is_noticed(source, monkeypatch, tmp_path):
    path = tmp_path / "gluonattn" / "views" / "a.py"
    path.parent.mkdir(parents=True)
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "gluonattn")
    monkeypatch.setitem(globals(), "FILES", [path])
    path.write_text(source, encoding="utf-8")
    assert names_of("task") == ["views/a.py"]
    path.write_text("# Learning a Task by Doing It; Multitask(1)", encoding="utf-8")
    assert names_of("task") == []


@pytest.mark.parametrize("task", sorted(WITH_COMMANDS))
def test_a_task_with_commands_of_its_own_is_named_in_its_room_alone(task):
    assert task in TASKS and names_of(task) == []


def loaded_by(code: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter after running `code`."""
    code += "\nimport sys\nprint('\\n' + ' '.join(sorted({m.split('.')[0] for m in sys.modules})))"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_no_framework():
    loaded = loaded_by("import gluonattn; dir(gluonattn)")
    assert "gluonattn" in loaded
    assert not loaded & {"mxnet", "gluonnlp", "torch", "matplotlib", "pandas", "sklearn", "rich", "numpy"}


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "--help"], ["cells"]], ids=" ".join)
def test_help_and_lists_do_not_load_mxnet(arguments):
    loaded = loaded_by(
        f"import runpy, sys\nsys.argv = {['gluonattn', *arguments]!r}\n"
        "try:\n    runpy.run_module('gluonattn', run_name='__main__')\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code"
    )
    assert "typer" in loaded
    assert not loaded & {"mxnet", "gluonnlp", "torch", "matplotlib", "pandas", "sklearn"}


def test_drawing_a_record_does_not_load_mxnet():
    loaded = loaded_by(
        "import gluonattn as g\nt = [g.Token('가', 0, 1)]\nr = g.AttentionRecord('가', t, t, [[[[1.0]]]])\n"
        "g.heatmap(r); g.to_terminal(r)"
    )
    assert "matplotlib" in loaded and not loaded & {"mxnet", "gluonnlp", "torch", "pandas"}


def test_every_public_name_can_be_fetched_and_unknown_ones_say_so():
    for name in gluonattn.__all__:
        assert getattr(gluonattn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(gluonattn, "nothing")  # noqa: B009 (a plain attribute looks like a slip)


@pytest.mark.parametrize("engine", ["numpy", pytest.param("onnx", marks=pytest.mark.onnx)])
def test_predicting_and_explaining_load_no_mxnet(tiny_model, engine):
    loaded = loaded_by(
        f"import gluonattn\np = gluonattn.load({str(tiny_model)!r}, engine={engine!r})\n"
        "p.predict(['좋다']); p.explain('별로')"
    )
    assert "numpy" in loaded and not loaded & {"mxnet", "gluonnlp", "torch"}
