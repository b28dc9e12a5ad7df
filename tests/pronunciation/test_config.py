"""What config.json may say of a model of pronunciation."""

import pytest

import gluonattn
from gluonattn.errors import CheckpointError
from gluonattn.models.checkpoint import load_checkpoint
from gluonattn.pronunciation.config import check_pronunciation, load_pronunciation


def test_entries_that_do_not_fit_together_are_refused(tiny_pronouncer, tmp_path):
    config = load_pronunciation(tiny_pronouncer).config
    assert config == load_checkpoint(tiny_pronouncer).config
    check_pronunciation(config, tmp_path)
    model = config["model"]
    for wrong in ({"labels": ["0", "1"]}, {"model": {**model, "num_heads": 5}}, {"model": {**model, "units": "64"}},
                  {"model": {**model, "layers": 1}}, {"max_length": 7}, {"epoch": None}, {"training": {}}):
        with pytest.raises(CheckpointError, match=r"config.json has invalid content"):
            check_pronunciation({**config, **wrong}, tmp_path / "config.json")


def test_a_model_of_another_task_is_told_from_its_own(tiny_pronouncer, tiny_model, tmp_path):
    for opening in (gluonattn.load, lambda folder: gluonattn.export_model(folder, "torch", tmp_path / "model.safetensors")):
        with pytest.raises(CheckpointError, match="recipe 'pronunciation', where 'default' or 'post' was expected: "
                                                  "`gluonattn pronunciation --help` lists"):
            opening(tiny_pronouncer)
    with pytest.raises(CheckpointError, match=r"recipe 'default', where 'pronunciation' was expected: gluonattn\.load"):
        gluonattn.load_pronouncer(tiny_model)
