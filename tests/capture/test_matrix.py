"""Attention of every architecture of transformers, by `capture(model)` alone, against weights that it gives itself."""

from __future__ import annotations

import contextlib

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
pytest.importorskip("transformers", reason='needs transformers: pip install "gluonattn[huggingface]"')
from gluonattn.capture.huggingface import capture  # noqa: E402
from gluonattn.errors import CaptureError  # noqa: E402

from . import zoo  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
OTHERS = [family for family in zoo.families() if family not in zoo.SIZES]


def test_at_least_seventy_architectures_are_held_to_their_weights():
    known = set(zoo.families())
    assert len([family for family in zoo.SIZES if family in known and family not in zoo.WITHOUT]) >= 70


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", zoo.SIZES)
def test_captured_weights_are_the_models_own(family):
    if family not in zoo.families():
        pytest.skip(f"this transformers has no {family}")
    try:
        one = zoo.tried(family)
    except zoo.NothingToHoldTo as error:
        assert family == "pegasus_x"  # before 4.51 it hands out no weights of its decoder
        pytest.skip(str(error))
    if family in zoo.TWICE and one.difference >= zoo.EXACT:
        pytest.skip(f"{family} asks twice in a layer {zoo.TWICE[family]}, and is recorded with two layers for each")
    assert family in zoo.WITHOUT or one.difference < zoo.EXACT, one


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", OTHERS)
def test_families_that_nobody_listed_are_tried_too(family):
    try:
        with zoo.bounded(), torch.no_grad():
            model = zoo.built(family)
            model(**zoo.inputs_of(model))
            with contextlib.suppress(ValueError, AttributeError):  # it has no other attention than its own
                model.set_attn_implementation("eager")
            model(**zoo.inputs_of(model))
    except Exception as error:  # whatever a class says that needs other sizes or inputs than were guessed
        pytest.skip(f"{family} was not built by guesses: {type(error).__name__}: {str(error)[:120]}")
    try:
        one = zoo.tried(family)
    except zoo.NothingToHoldTo as error:
        pytest.skip(str(error))
    if family in zoo.TWICE and one.difference >= zoo.EXACT:
        pytest.skip(f"{family} asks twice in a layer {zoo.TWICE[family]}, and is recorded with two layers for each")
    assert family in zoo.WITHOUT or one.difference < zoo.EXACT, one


def captured(family):
    if family not in zoo.families():
        pytest.skip(f"this transformers has no {family}")
    model = zoo.built(family)
    with capture(model) as recorder:
        zoo.run(model, zoo.inputs_of(model))
    return model, recorder


def test_layers_without_weights_beside_others_are_named():
    model, recorder = captured("minimax")
    linear = [path for path, module in model.named_modules() if type(module).__name__ == "MiniMaxLightningAttention"]
    assert linear and recorder.without == linear
    with pytest.warns(UserWarning, match=f"{linear[0]} computed no attention weights"):
        records = recorder.records_by_position()
    assert all(record.source["without_weights"] == linear and linear[0] not in record.source["layers"] for record in records)


@pytest.mark.filterwarnings("ignore")
def test_a_part_that_its_model_did_not_call_was_not_bypassed():
    _, recorder = captured("kosmos-2.5")  # its projection of pictures, where none came
    assert not any("projection" in one.layer for one in recorder.found())
    recorder.check()


@pytest.mark.filterwarnings("ignore")
def test_a_prompt_that_a_model_puts_before_its_ids_is_told_of():
    model, recorder = captured("cpmant")
    with pytest.raises(CaptureError, match=f"positions to the {zoo.LENGTH} ids .* records_by_position"):
        recorder.records(["가", "나"], None)
    first, second = recorder.records_by_position()
    assert len(first.queries) == model.prompt_length + zoo.LENGTH
    assert len(second.queries) == model.prompt_length + zoo.SHORT, "padding that the model sees itself is left out"
