"""From a corpus to a model of pronunciation, with a real kill and a real Ctrl-C."""

import json
import shutil
import signal

import numpy as np
import pytest

from gluonattn.errors import OptionError
from gluonattn.models.checkpoint import load_checkpoint
from gluonattn.models.snapshots import load_snapshot, snapshot_epochs
from gluonattn.pronunciation.settings import PronunciationSettings
from gluonattn.pronunciation.training import WORDS, train_pronunciation

from ..classifier.test_training import same_model, start, wait_for

SMALL = dict(epochs=3, batch_size=128, workers=1, device="cpu",
             model={"units": 8, "hidden_size": 8, "num_layers": 1, "num_heads": 2})

# A user's process; it dies by its own kill -9 when a file of that name is put in place for the nth time.
PROGRAM = """
import json, os, signal, sys
from gluonattn.pronunciation.training import train_pronunciation

out, data, ending, times, options = json.loads(sys.argv[1])

def die_before(event, arguments):
    global times
    if ending and event == "os.rename" and str(arguments[1]).endswith(ending):
        times -= 1
        if not times:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die_before)
train_pronunciation(data, out, **options)
"""


def start_training(out, data, ending=None, times=1, **options):
    return start("-c", PROGRAM, json.dumps([str(out), str(data), ending, times, {**SMALL, **options}]))


def finish(process):
    said = process.communicate(timeout=600)[1]
    assert process.returncode == 0, said


def same_run(first, second):
    same_model(first, second)
    assert (first / WORDS).read_bytes() == (second / WORDS).read_bytes()
    assert snapshot_epochs(first) == snapshot_epochs(second) == (0, 1, 3)
    for epoch in snapshot_epochs(first):
        name = f"snapshots/epoch-{epoch}.safetensors"
        assert (first / name).read_bytes() == (second / name).read_bytes(), epoch


@pytest.fixture(scope="module")
def whole(table, tmp_path_factory):
    """The model of an uninterrupted run."""
    return train_pronunciation(str(table), tmp_path_factory.mktemp("whole") / "model", **SMALL)


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_where_an_uninterrupted_one_does(table, whole, tmp_path):
    out = tmp_path / "model"
    for ending, times in (("/model.resume", 3), ("epoch-1.safetensors", 1), ("/model", 2)):
        process = start_training(out, table, ending, times, save_every=0, resume=True)
        said = process.communicate(timeout=600)[1]
        assert process.returncode == -signal.SIGKILL, (ending, said)
    finish(start_training(out, table, save_every=0, resume=True))
    same_run(out, whole)
    assert not out.with_name("model.resume").exists()


@pytest.mark.slow
def test_ctrl_c_exits_130_and_the_run_goes_on(table, tmp_path):
    command = ["-m", "gluonattn", "pronunciation", "train", "--data", table, "--epochs", 2, "--batch-size", 256,
               "--save-every", 0, "--device", "cpu"]
    out, state = tmp_path / "model", tmp_path / "model.resume"
    process = start(*command, "--out", out)
    wait_for(state, process)
    process.send_signal(signal.SIGINT)
    said = "".join(process.communicate(timeout=600))
    assert process.returncode == 130 and "Run the same command with --resume to continue." in said, said
    process = start(*command, "--out", out, "--resume")
    said = "".join(process.communicate(timeout=600))
    assert process.returncode == 0 and "resumed in epoch 1" in said, said
    assert "gluonattn pronunciation evaluate --model" in said, said
    assert not state.exists() and snapshot_epochs(out) == (0, 1, 2)


@pytest.mark.slow
def test_two_processes_compute_what_one_does(table, tmp_path):
    options = {**SMALL, "epochs": 1, "model": {**SMALL["model"], "dropout": 0.0}}
    one, two = (load_checkpoint(train_pronunciation(str(table), tmp_path / str(n), **{**options, "workers": n}))
                for n in (1, 2))
    for name in one.weights:
        np.testing.assert_allclose(two.weights[name], one.weights[name], atol=1e-3, err_msg=name)
    assert any((one.weights[name] != two.weights[name]).any() for name in one.weights)  # sums in another order
    for figure in ("train_loss", "valid_loss", "valid_accuracy"):
        assert two.history[0][figure] == pytest.approx(one.history[0][figure], rel=1e-4)


def test_what_a_checkpoint_and_its_snapshots_hold(tiny_pronouncer):
    checkpoint = load_checkpoint(tiny_pronouncer)
    assert checkpoint.config["recipe"] == "pronunciation"
    assert checkpoint.config["epoch"] == checkpoint.config["validation"]["epoch"]
    print_ = checkpoint.config["fingerprint"]
    first, last = (load_snapshot(tiny_pronouncer, epoch, print_) for epoch in (0, 4))
    assert first.keys() == last.keys() == checkpoint.weights.keys()
    assert all((first[name] == last[name]).all() == name.endswith("position_weight") for name in first)


@pytest.mark.parametrize("options, said", [
    (dict(ngrams=True), "'ngrams' is not a setting"), (dict(recipe="post"), "unknown recipe 'post'"),
    (dict(model={"width": 3}), "the Transformer takes units"),
    (dict(settings=PronunciationSettings(), epochs=3), "settings or options, not both"),
    (dict(model={"num_heads": 5}), "a multiple of num_heads"), (dict(model={"max_length": 24}), "max_length more than 24"),
])
def test_options_that_mean_nothing_are_refused(table, tmp_path, options, said):
    with pytest.raises(OptionError, match=said):
        train_pronunciation(str(table), tmp_path / "model", **options)


@pytest.mark.slow
def test_a_run_begun_with_other_words_keeps_its_own(table, whole, tmp_path, monkeypatch):
    """Rules that choose other words come with a new version; what was trained before is not trained anew."""
    out = shutil.copytree(whole, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    monkeypatch.setattr("gluonattn.pronunciation.training.add_shapes", lambda sets: sets)
    said: list[str] = []
    train_pronunciation(str(table), out, resume=True, report=said.append, **SMALL)
    assert said == [f"{out} is finished: there is nothing to resume"]
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
