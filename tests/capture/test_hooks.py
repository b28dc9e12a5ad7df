"""What every capture says where torch is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gluonattn
from gluonattn.capture import __file__ as room

WITHOUT_TORCH = """
import importlib, sys
sys.modules["torch"] = None
from gluonattn.errors import DependencyError
capture = importlib.import_module("gluonattn.capture.{name}").capture
try:
    with capture(object()):
        pass
except DependencyError as error:
    print(error)
"""
CAPTURES = [path.stem for path in sorted(Path(room).parent.glob("*.py"))
            if "need_torch(" in (source := path.read_text(encoding="utf-8")) and "def capture(" in source]


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_without_torch_says_what_to_install(name):
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH.format(name=name)], cwd=Path(gluonattn.__file__).parents[1],
                          capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "which is not installed: pip install" in done.stdout


def test_there_are_captures_to_try():
    assert {"torch", "huggingface", "fairseq"} <= set(CAPTURES)
