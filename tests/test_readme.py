"""What the READMEs tell people to type works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .needs import needs_mxnet

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.S)


@needs_mxnet
@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_the_python_example_runs(readme, tmp_path, monkeypatch):
    import matplotlib

    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(readme, "python")
    names: dict = {}
    exec(compile(code, readme.name, "exec"), names)
    assert names["record"].weights.shape == (1, 1, len(names["record"].queries), len(names["record"].keys))
    assert names["record"].queries[0][:3] == ("연기", 0, 2)


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_every_file_and_target_named_exists(readme):
    text = readme.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (ROOT / target).exists(), target
    for script in re.findall(r"scripts/\w+\.\w+", text):
        assert (ROOT / script).exists(), script
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", text, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
    assert "@" not in re.sub(r"\S+@\S+\.\S+", "", text), "a placeholder was left"


@pytest.mark.slow
@pytest.mark.nsmc
def test_the_nsmc_commands_run(nsmc, tmp_path):
    """Train (one epoch instead of four), evaluate and explain, as the README has them."""
    (block,) = [b for b in blocks(READMES[0], "sh") if "gluonattn train --data nsmc" in b and "--device gpu" not in b]
    for line in block.splitlines():
        if not line or line.endswith("data nsmc"):  # the download has its own tests, with a local server
            continue
        words = [sys.executable, "-m", "gluonattn", *shlex.split(line)[1:]]
        words += ["--epochs", "1"] if " train " in line else []
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False,
                              env={**os.environ, "PYTHONPATH": str(ROOT), "GLUONATTN_NSMC": str(nsmc)})
        assert done.returncode == 0, done.stderr
        if " evaluate " in line:
            assert float(re.search(r"accuracy ([\d.]+)", done.stdout)[1]) > 0.845
    assert (tmp_path / "overlay.png").stat().st_size > 10_000 and (tmp_path / "page.html").stat().st_size > 50_000
