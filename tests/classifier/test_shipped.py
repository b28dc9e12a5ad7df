"""The bundled model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gluonattn
from gluonattn.classifier import predictor
from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate
from gluonattn.errors import CheckpointError
from gluonattn.models.checkpoint import load_checkpoint

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"


@pytest.fixture(scope="module")
def model():
    return gluonattn.load()


def test_it_is_small_has_a_card_and_tells_no_machine(model):
    files = {path.name: path.stat().st_size for path in model.folder.iterdir()}
    assert {"README.md", "config.json", "vocab.json", "model.safetensors", "history.json"} <= set(files)
    assert sum(files.values()) <= 12_000_000
    config = (model.folder / "config.json").read_text(encoding="utf-8")
    assert "/work" not in config and "/tmp" not in config and "/home" not in config
    card = (model.folder / "README.md").read_text(encoding="utf-8")
    assert all(heading in card for heading in ("## Figures", "## Data and recipe", "## Limits", "## Licence"))


def test_it_reads_reviews_it_never_saw(model):
    """The bundled sample was written for this project, with irony and mixed feelings: harder than NSMC."""
    assert model.evaluate(read_reviews(locate("sample").test))["accuracy"] > 0.78


def test_the_sentence_of_the_post_is_negative_and_its_weights_are_a_record(model):
    record = model.explain(SENTENCE)
    assert record.prediction.label == "0" and record.prediction.probabilities["0"] > 0.8
    np.testing.assert_allclose(record.weights.sum(-1), 1, atol=1e-4)


def test_its_card_tells_its_recipe_from_its_config(model):
    settings = load_checkpoint(model.folder).config["training"]
    card = (model.folder / "README.md").read_text(encoding="utf-8")
    assert f"--cell {settings['cell']}" in card and f"--seed {settings['seed']}" in card


@pytest.mark.parametrize("words", [["explain", "정말 재밌다"], ["predict", "in.csv", "--out", "out.csv"]])
def test_commands_use_it_without_a_model(tmp_path, words):
    (tmp_path / "in.csv").write_text("text\n정말 재밌다\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "gluonattn", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = done.stdout if words[0] == "explain" else (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert "긍정" in shown or ",1," in shown


def test_where_there_is_none_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(predictor, "SHIPPED", Path("/nowhere"))
    with pytest.raises(CheckpointError, match="has no model.*gluonattn train"):
        gluonattn.load()
