"""Settings that every task has; the tasks are found by their rooms."""

from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

import gluonattn
from gluonattn.errors import OptionError
from gluonattn.training.settings import TrainingSettings

for room in Path(gluonattn.__file__).parent.glob("*/settings.py"):
    import_module(f"gluonattn.{room.parent.name}.settings")
KINDS = TrainingSettings.__subclasses__()


def test_the_tasks_are_found():
    assert {kind.__module__.split(".")[1] for kind in KINDS} >= {"classifier", "pronunciation"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_settings_are_taken_as_object_or_options_and_nothing_else(kind):
    given = kind(seed=3)
    assert kind.take(given, {}) is given and kind.take(None, {"seed": 3}) == given
    with pytest.raises(OptionError, match="settings or options, not both: got settings and epochs"):
        kind.take(given, {"epochs": 3})
    with pytest.raises(OptionError, match="'epoch' is not a setting: expected one of .*epochs"):
        kind.take(None, {"epoch": 3})
    other = next(one for one in KINDS if one is not kind)
    for wrong in (other(), "fast", {"epochs": 3}):
        with pytest.raises(OptionError, match=f"settings must be {kind.__name__}"):
            kind.take(wrong, {})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("examples", [100, 100_000])
def test_nothing_that_suits_the_data_is_left_open(kind, examples):
    resolved = kind().resolve(examples)
    open_still = {f.name for f in fields(resolved) if getattr(resolved, f.name) is None}
    assert open_still <= {"patience", "extra", "extra_text", "extra_label", "extra_score", "score_labels", "pretrain",
                          "pretrain_text", "teachers", "teach", "teach_text"}
    assert resolved.resolve(examples) == resolved
