"""`gluonattn doctor`: it looks at everything there is to choose from, and never falls over what is broken."""

from __future__ import annotations

import json

import pytest

from gluonattn.classifier import predictor
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
    assert code == 1 and not first["works"] and "carries no model" in first["note"] and first["cure"]


@pytest.mark.parametrize("name", doctor.PARTS)
def test_a_part_that_falls_is_a_finding(capsys, monkeypatch, name):
    def broken():
        raise ImportError("libfoo.so.1: cannot open shared object file")
        yield

    monkeypatch.setattr(doctor, "PARTS", {name: broken})
    code, out, err = call(capsys, "doctor")
    assert code == (1 if name == "The main job" else 0)
    assert "libfoo.so.1" in out and "Reinstall" in out and "Traceback" not in out + err
