"""`gluonattn doctor`: it looks at everything there is to choose from, and never falls over what is broken."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from gluonattn.classifier import predictor
from gluonattn.classifier.engines import choice
from gluonattn.classifier.engines.choice import ENGINES
from gluonattn.cli import doctor
from gluonattn.text import KNOWN

from .test_app import call


def test_it_looks_at_every_engine_and_tokenizer_and_explains_a_sentence(capsys):
    code, out, _ = call(capsys, "doctor", "--json")
    found = json.loads(out)
    assert code == 0 and found["The main job"][0]["works"]
    assert [one["name"] for one in found["Engines"]] == list(ENGINES)
    assert [one["name"] for one in found["Tokenizers"]] == list(KNOWN)
    for name, ones in found.items():
        for one in ones if isinstance(ones, list) else ():
            assert one["works"] or one["cure"], (name, one)  # what is missing comes with its cure
    assert set(doctor.PARTS) <= set(found)


def test_it_says_the_same_in_words(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "PARTS", {name: doctor.PARTS[name] for name in ("The main job", "Tokenizers", "Fonts")})
    code, out, _ = call(capsys, "doctor")
    assert code == 0 and "\nThe main job\n  works   explain" in out and "\nFonts\n  works   Hangul" in out
    assert all(f" {name} " in out for name in KNOWN)


def test_where_no_sentence_can_be_explained_it_leaves_with_1(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(predictor, "SHIPPED", tmp_path / "none")
    code, out, _ = call(capsys, "doctor", "--json")
    first = json.loads(out)["The main job"][0]
    assert code == 1 and not first["works"] and "has no model" in first["note"] and first["cure"]


@pytest.mark.parametrize("name", doctor.PARTS)
def test_a_part_that_falls_is_a_finding(capsys, monkeypatch, name):
    def broken():
        raise ImportError("libfoo.so.1: cannot open shared object file")
        yield

    monkeypatch.setattr(doctor, "PARTS", {name: broken})
    code, out, err = call(capsys, "doctor")
    assert code == (1 if name == "The main job" else 0)
    assert "libfoo.so.1" in out and "Reinstall" in out and "Traceback" not in out + err


def test_a_cure_installs_into_the_environment_that_asks(capsys, monkeypatch):
    monkeypatch.setattr(doctor.sys, "executable", "/home/me/my env/bin/python")
    monkeypatch.setattr(doctor, "_version_of", lambda name: None)
    monkeypatch.setattr(doctor, "PARTS", {name: doctor.PARTS[name] for name in ("Packages", "Extras")})
    _, out, _ = call(capsys, "doctor", "--json")
    found = json.loads(out)
    ones = [one for name in ("Packages", "Extras") for one in found[name]]
    assert ones and not any(one["works"] for one in ones)
    for one in ones:  # where MXNet has ended, the cure of its extras is another extra
        assert one["cure"].removeprefix("Train with torch: ").startswith("'/home/me/my env/bin/python' -m pip install \"")


REQUIRES = ["numpy>=1.22", 'mxnet==1.9.1; python_version < "3.13" and extra == "cpu"', "torch>=2.0; extra == 'torch'"]


@pytest.mark.parametrize("python, cpu", [((3, 12), "mxnet==1.9.1"), ((3, 13), None)])
def test_an_extra_that_this_python_cannot_have_names_the_one_it_can(monkeypatch, python, cpu):
    class Own:
        requires = REQUIRES

    monkeypatch.setattr(doctor.metadata, "distribution", lambda name: Own)
    monkeypatch.setattr(doctor.sys, "version_info", python)
    monkeypatch.setattr(doctor, "_version_of", lambda name: None)
    assert [name for name, _ in doctor._requirements()[""]] == ["numpy"]
    found = {one.name: one for one in doctor._extras()}
    assert set(found) == {"cpu", "torch"}
    if cpu:
        assert found["cpu"].note == "needs mxnet" and "gluonattn[cpu]" in found["cpu"].cure
    else:
        assert "MXNet ends with 3.12" in found["cpu"].note and "gluonattn[torch]" in found["cpu"].cure


def test_a_program_that_does_not_start_is_missing(monkeypatch, tmp_path):
    broken = tmp_path / "firefox"
    broken.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {one.name: one for one in doctor._programs()}
    assert not found["firefox"].works and "does not start" in found["firefox"].note and found["firefox"].cure
    assert not found["java"].works and "not found" in found["java"].note


def test_a_broken_engine_leaves_the_others(monkeypatch):
    def load(folder=None, device="auto", engine="auto"):
        if engine == "torch":
            raise OSError("libtorch.so: undefined symbol")
        return type("Model", (), {"predict": staticmethod(lambda texts: texts)})

    monkeypatch.setattr(predictor, "load", load)
    monkeypatch.setattr(choice, "ENGINES", {name: SimpleNamespace(missing=list, extra=name) for name in ENGINES})
    monkeypatch.setattr(choice, "fastest", lambda: "numpy")
    found = {one.name: one for one in doctor._engines()}
    assert set(found) == set(ENGINES) and [name for name, one in found.items() if not one.works] == ["torch"]
    assert "undefined symbol" in found["torch"].note and "gluonattn[torch]" in found["torch"].cure


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["explain", "가"]])
@pytest.mark.parametrize("module", ["numpy", "typer", "msgspec"])
def test_without_a_package_of_the_core_it_says_which(module, arguments):
    code = f"import sys; sys.modules[{module!r}] = None; from gluonattn.cli import main; main(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert f"{module}" in done.stdout + done.stderr and "--force-reinstall" in done.stdout + done.stderr
    if "--json" in arguments:
        assert json.loads(done.stdout)["The main job"][0]["needed"]
