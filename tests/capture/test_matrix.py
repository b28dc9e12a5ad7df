"""Attention of every architecture of transformers, by `capture(model)` alone, against weights that it gives itself."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
pytest.importorskip("transformers", reason='needs transformers: pip install "gluonattn[huggingface]"')
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
    one = zoo.tried(family)
    assert family in zoo.WITHOUT or one.difference < zoo.EXACT, one


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", OTHERS)
def test_families_that_nobody_listed_are_tried_too(family):
    try:
        model = zoo.built(family)
        with torch.no_grad():
            model(**zoo.inputs_of(model))
    except Exception as error:  # whatever a class says that needs other sizes or inputs than were guessed
        pytest.skip(f"{family} was not built by guesses: {type(error).__name__}: {str(error)[:120]}")
    one = zoo.tried(family)
    assert one.difference < zoo.EXACT, one
