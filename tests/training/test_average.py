"""Averaged weights: what is validated and saved, and what a resumed run goes on with."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import CheckpointError
from gluonattn.models.checkpoint import get_weights
from gluonattn.training.average import Average
from gluonattn.training.loop import fit, validate
from gluonattn.training.state import load_state, save_state

from ..tolerance import tolerance
from .test_state import StopAt


def test_the_mean_stands_in_and_goes_again(make_run):
    run = make_run(average=0.5, epochs=1)
    before = get_weights(run.model)
    fit(run, [])
    after = get_weights(run.model)
    with run.average.use_average():
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
    np.testing.assert_allclose(average.values[index].asnumpy(), expected, rtol=tolerance(1, 32))


def test_validation_is_of_the_mean(make_run):
    run = make_run(average=0.9)
    for mean in run.average.values:
        mean[:] = 0
    assert validate(run)["valid_loss"] == pytest.approx(np.log(2), abs=tolerance(64))  # all logits are 0


def test_without_an_average_the_parameters_stand_for_themselves(make_run):
    run = make_run(average=0.0)
    assert run.average.values == []
    with run.average.use_average():
        run.average.update(1)


def test_a_resumed_run_goes_on_with_the_mean(make_run, tmp_path):
    whole = make_run(average=0.9)
    fit(whole, [])
    first = make_run(average=0.9)
    fit(first, [StopAt(whole.batches_per_epoch + 1)])
    save_state(tmp_path / "resume", first, "print")
    second = make_run(average=0.9)
    load_state(tmp_path / "resume", second, "print")
    fit(second, [])
    for one, other in zip(whole.average.values, second.average.values):
        np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())


def test_a_resume_file_without_the_mean_is_refused_and_leaves_the_run_alone(make_run, tmp_path):
    run = make_run(average=0.0)
    save_state(tmp_path / "resume", run, "print")
    with pytest.raises(CheckpointError, match=r"average/\d+ is not an array of this model"):
        load_state(tmp_path / "resume", make_run(average=0.9), "print")


def test_runs_of_earlier_versions_are_known_again():
    """Their fingerprints were made of the settings there were then."""
    from gluonattn.classifier.settings import ClassifierSettings as Settings

    known = {"recipe", "cell", "ngrams", "extra", "extra_epochs", "tokenizer", "epochs", "batch_size", "learning_rate",
             "schedule", "warmup", "clip", "word_dropout", "label_smoothing", "min_count", "max_length", "validation",
             "patience", "seed", "device", "workers", "model"}
    for options in ({}, {"ngrams": True}, {"recipe": "post"}, {"extra": "crawl.tsv.gz"}):
        assert set(Settings(**options).resolve(1000).identity()) == known
    assert set(Settings(evidence=True).resolve(1000).identity()) == known | {"evidence", "average"}
