"""The resume file: a run goes on as if it had never stopped."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from gluonattn.errors import CheckpointError
from gluonattn.models.cells import CELLS
from gluonattn.models.checkpoint import get_weights
from gluonattn.training.callbacks import Callback, GradientClipping, LearningRate
from gluonattn.training.loop import fit
from gluonattn.training.state import load_state, save_state

TIMES = ("seconds", "reviews_per_second")


class StopAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, run):
        if run.step == self.step:
            run.stop = "here"


def usual():
    return [LearningRate("linear", 0.01, 0.1), GradientClipping(0.05)]


def outcome(run):
    history = [{k: v for k, v in epoch.items() if k not in TIMES} for epoch in run.history]
    states = run.trainer._updaters[0].states
    moments = {(i, n): m.asnumpy() for i, pair in states.items() for n, m in enumerate(pair)}
    return get_weights(run.model), moments, history


@pytest.mark.parametrize("cell", CELLS)
def test_a_run_stopped_at_any_step_ends_where_an_uninterrupted_one_does(make_run, tmp_path, cell):
    whole = make_run(cell=cell, word_dropout=0.2)
    fit(whole, usual())
    expected = outcome(whole)
    epoch = whole.batches_per_epoch
    for step in (1, epoch, epoch + 1, 2 * epoch - 1) if cell == "mlp" else (epoch + 1,):
        first = make_run(cell=cell, word_dropout=0.2)
        fit(first, [*usual(), StopAt(step)])
        save_state(tmp_path / "resume", first, "print")
        second = make_run(cell=cell, word_dropout=0.2)
        load_state(tmp_path / "resume", second, "print")
        assert second.step == step
        fit(second, usual())
        weights, moments, history = outcome(second)
        assert history == expected[2], step
        for found, wanted in ((weights, expected[0]), (moments, expected[1])):
            assert found.keys() == wanted.keys()
            for name in wanted:
                np.testing.assert_array_equal(found[name], wanted[name], err_msg=f"{name} {step}")


def test_a_run_stopped_between_the_last_batch_and_validation_notes_the_same_epoch(make_run, tmp_path):
    class Save(Callback):
        def on_batch_end(self, run):
            if run.step == run.batches_per_epoch:
                save_state(tmp_path / "resume", run, "print")

    whole = make_run()
    fit(whole, [*usual(), Save()])
    resumed = make_run()
    load_state(tmp_path / "resume", resumed, "print")
    assert (resumed.epoch, resumed.batch) == (0, resumed.batches_per_epoch)
    fit(resumed, usual())
    assert outcome(resumed)[2] == outcome(whole)[2]


def test_a_run_without_a_step_yet_can_be_saved(make_run, tmp_path):
    save_state(tmp_path / "resume", make_run(), "print")
    whole, resumed = make_run(), make_run()
    load_state(tmp_path / "resume", resumed, "print")
    for run in (whole, resumed):
        fit(run, usual())
    first, second = (get_weights(run.model)["head.weight"] for run in (whole, resumed))
    np.testing.assert_array_equal(first, second)


def test_other_data_or_settings_are_refused_and_the_run_is_untouched(make_run, tmp_path):
    stopped = make_run()
    fit(stopped, [*usual(), StopAt(3)])
    save_state(tmp_path / "resume", stopped, "print")
    fresh = make_run()
    before = get_weights(fresh.model)
    with pytest.raises(CheckpointError, match="belongs to a run with other data or settings. Give the same"):
        load_state(tmp_path / "resume", fresh, "another print")
    assert fresh.step == 0
    assert all(np.array_equal(before[n], a) for n, a in get_weights(fresh.model).items())


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_cut_file_is_named(make_run, tmp_path, share):
    path = tmp_path / "model.resume"
    save_state(path, make_run(), "print")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"model.resume cannot be read .*without --resume"):
        load_state(path, make_run(), "print")


def test_a_file_of_another_version_or_program_is_named(make_run, tmp_path):
    for metadata in (None, {"format": "0"}):
        save_file({"x": np.ones(2)}, tmp_path / "resume", metadata)
        with pytest.raises(CheckpointError, match="resume was written by another version of gluonattn"):
            load_state(tmp_path / "resume", make_run(), "print")


def test_a_place_that_cannot_be_written(make_run, tmp_path):
    gone = r"cannot write .*No such file.* no longer exists: train again, into a folder that is not removed\.$"
    with pytest.raises(CheckpointError, match=gone):
        save_state(tmp_path / "gone" / "resume", make_run(), "print")
