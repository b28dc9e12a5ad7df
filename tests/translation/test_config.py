"""config.json of a model of translation is checked before anything is made of it."""

from __future__ import annotations

import json
import shutil

import pytest

from gluonattn.errors import CheckpointError

pytestmark = pytest.mark.translation


@pytest.mark.parametrize(("change", "said"), [
    (lambda config: config["model"].update(units=30, num_heads=4), "multiple of num_heads"),
    (lambda config: config["model"].update(width=3), "width"),
    (lambda config: config.update(labels=["a"]), "labels"),
    (lambda config: config.pop("fingerprint"), "fingerprint"),
    (lambda config: config["training"].pop("data"), "training.data"),
    (lambda config: config.update(recipe="pronunciation"), "'translation' was expected"),
    (lambda config: config["model"].update(vocab_size=77), "subwords"),
])
def test_what_does_not_fit_is_refused(toy_model, tmp_path, change, said):
    from gluonattn.translation.translator import load_translator

    folder = tmp_path / "changed"
    shutil.copytree(toy_model, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    change(config)
    config["sha256"].pop("config.json", None)
    from gluonattn.models.checkpoint import _seal

    (folder / "config.json").write_text(json.dumps(_seal(config)), encoding="utf-8")
    with pytest.raises(CheckpointError, match=said):
        load_translator(folder)
