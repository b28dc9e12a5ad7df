"""Averaged weights: what is validated and saved, and what a resumed run goes on with."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.models.checkpoint import get_weights
from gluonattn.training.average import Average
from gluonattn.training.loop import fit, validate


def test_the_mean_stands_in_and_goes_again(make_run):
    run = make_run(average=0.5, epochs=1)
    before = get_weights(run.model)
    fit(run, [])
    after = get_weights(run.model)
    with run.average.standing_in():
        mean = get_weights(run.model)
    assert all((get_weights(run.model)[name] == after[name]).all() for name in after)
    assert any((mean[name] != after[name]).any() for name in after)
    moved = {name: np.abs(after[name] - before[name]).max() for name in after}
    assert all(np.abs(mean[name] - after[name]).max() <= 2 * moved[name] + 1e-6 for name in after)


def test_it_is_the_moving_mean_of_the_parameters(make_run):
    run = make_run()
    run.average = average = Average(run.parameters, 0.9, run.device)
    average.begin()
    parameter = next(p for p in run.parameters if p.name.endswith("head_bias") or ("dense" in p.name and "bias" in p.name))
    index = run.parameters.index(parameter)
    expected = parameter.data().asnumpy().astype(float)
    for step in range(1, 40):
        parameter.set_data(parameter.data() * 0 + step)
        average.update(step)
        kept = min(0.9, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * step
    np.testing.assert_allclose(average.values[index].asnumpy(), expected, rtol=1e-5)


def test_validation_is_of_the_mean(make_run):
    run = make_run(average=0.9)
    for mean in run.average.values:
        mean[:] = 0
    assert validate(run)["valid_loss"] == pytest.approx(np.log(2), abs=1e-5)  # all logits are 0


def test_without_an_average_the_parameters_stand_for_themselves(make_run):
    run = make_run(average=0.0)
    assert run.average.values == []
    with run.average.standing_in():
        run.average.update(1)
