"""The package without extras: the bundled model explains with nothing but what pip installs with it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import gluonattn
from gluonattn.errors import DependencyError
from gluonattn.runtime import mxnet_is_installed

from .test_requirements import base_needs

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 does not say which wheel a module is of")


def spell(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_by_pip() -> set[str]:
    """Wheels that an installation without extras brings: what it asks for, and what that asks for."""
    found: set[str] = set()
    waiting = {spell(name) for name in base_needs()}
    while waiting:
        name = waiting.pop()
        found.add(name)
        try:
            asked = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:  # for another Python
            continue
        waiting |= {spell(re.match(r"[\w.-]+", line)[0]) for line in asked if "extra ==" not in line} - found
    return found


@pytest.fixture(scope="module")
def run():
    """Run a command of gluonattn where only the base installation can be imported."""
    here = installed_by_pip()
    others = sorted(module for module, wheels in metadata.packages_distributions().items()
                    if not {spell(wheel) for wheel in wheels} & (here | {"gluonattn", "setuptools", "coverage"}))
    assert {"konlpy", "jpype", "pandas", "scipy", "sklearn"} <= set(others)
    code = ("import json, sys\nfor name in json.loads(sys.argv[1]): sys.modules[name] = None\n"
            "sys.argv[1:] = sys.argv[2:]\nfrom gluonattn.cli import main\nmain()")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "PYTHONUTF8": "1"}

    def call(folder, *arguments):
        return subprocess.run([sys.executable, "-c", code, json.dumps(others), *arguments], cwd=folder, env=environment,
                              capture_output=True, text=True, encoding="utf-8")

    return call


def test_it_predicts_explains_and_draws(run, tmp_path):
    outs = [tmp_path / f"made.{ending}" for ending in ("png", "svg", "pdf", "html", "txt", "npz")]
    wanted = [word for out in outs for word in ("--out", str(out))]
    done = run(tmp_path, "explain", "연기는 좋았는데 이야기가 아쉽다", *wanted)
    assert done.returncode == 0, done.stderr
    assert "부정" in done.stdout and all(out.stat().st_size > 100 for out in outs)
    (tmp_path / "reviews.txt").write_text("text\n정말 좋은 영화\n돈이 아깝다\n", encoding="utf-8")
    done = run(tmp_path, "predict", "reviews.txt", "--out", "scored.csv")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "scored.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize("arguments, said", [
    (["pronounce", "국물"], "궁물"),
    (["tokenizers"], "okt         missing needs konlpy"),
    (["doctor"], "the bundled model says"),
], ids=lambda value: value[0] if isinstance(value, list) else "")
def test_what_needs_no_extra_works(run, tmp_path, arguments, said):
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


@pytest.mark.parametrize("arguments, cure", [
    (["evaluate", "--data", "sample"], "evaluate needs scikit-learn: pip install \"gluonattn[measure]\"."),
    (["train", "--data", "sample"], "training needs scikit-learn: pip install"),
    (["compare", "--data", "sample", "--cells", "mlp", "--seeds", "1"], "training needs scikit-learn: pip install"),
], ids=lambda value: value[0] if isinstance(value, list) else "")
def test_what_needs_an_extra_names_it(run, tmp_path, arguments, cure):
    if arguments[0] != "evaluate" and not mxnet_is_installed():
        cure = 'pip install "gluonattn[torch]"'  # brings scikit-learn, too: named first (the last test here)
    done = run(tmp_path, *arguments)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ") and cure in done.stderr, done.stderr


def test_konlpys_tokenizers_say_how_to_install_them(run, tmp_path):
    rows = json.loads(run(tmp_path, "tokenizers", "--json").stdout)
    for name in ("okt", "komoran", "hannanum", "kkma"):
        assert not rows[name]["ready"] and "pip install konlpy JPype1; or use the mecab tokenizer" in rows[name]["why"]
    assert rows["mecab"]["ready"]


# Only training comes here, after `_split` of training has asked for scikit-learn, which brings scipy.
AFTER_TRAINING_HAS_ASKED = {"classifier/linear.py", "classifier/weighing.py"}


def test_every_import_of_what_an_extra_measures_with_names_the_extra():
    package, bare = Path(gluonattn.__file__).parent, []
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        guarded = {one for block in ast.walk(tree) if isinstance(block, ast.With) and any(
            isinstance(item.context_expr, ast.Call) and getattr(item.context_expr.func, "id", "") == "offer_extra"
            for item in block.items) for one in ast.walk(block)}
        for one in ast.walk(tree):
            names = [one.module or ""] if isinstance(one, ast.ImportFrom) and not one.level else [
                alias.name for alias in one.names] if isinstance(one, ast.Import) else []
            if one not in guarded and any(name.split(".")[0] in ("sklearn", "scipy") for name in names):
                bare.append(path.relative_to(package).as_posix())
    assert set(bare) == AFTER_TRAINING_HAS_ASKED


def test_without_what_trains_its_extra_is_named_first(monkeypatch):
    """The extra brings scikit-learn, too: one command mends both."""
    from gluonattn.runtime import wheel

    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setattr(wheel, "find_wheels", lambda: [])
    with pytest.raises(DependencyError, match=r"pip install \"gluonattn\[(torch|cpu)\]"):
        gluonattn.train("sample", "nowhere", framework="mxnet")
