"""From reviews to a checkpoint folder, with real kills, a real Ctrl-C and a full disk."""

import json
import os
import signal
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gluonattn
from gluonattn.classifier.settings import ClassifierSettings
from gluonattn.classifier.training import _split, train
from gluonattn.data.reviews import Reviews
from gluonattn.errors import CheckpointError, DataError, Interrupted, OptionError
from gluonattn.models.checkpoint import get_weights, load_checkpoint
from gluonattn.training.callbacks import Callback

from ..needs import require_mxnet
from ..tolerance import tolerance
from ..training.conftest import TINY

ROOT = Path(__file__).parents[2]
TIMES = ("seconds", "reviews_per_second")


def without_times(history):
    return [{k: v for k, v in epoch.items() if k not in TIMES} for epoch in history]


def same_model(first, second):
    """Byte-identical parameters and vocabulary, equal history apart from times."""
    for name in ("model.safetensors", "vocab.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    histories = [without_times(json.loads((f / "history.json").read_text())) for f in (first, second)]
    assert histories[0] == histories[1]


class Watch(Callback):
    """Weights after each epoch; can ask to stop."""

    def __init__(self, stop_after=None, reason="interrupted"):
        self.weights, self.stop_after, self.reason = [], stop_after, reason

    def on_epoch_end(self, run):
        self.weights.append(get_weights(run.model))
        if run.epoch == self.stop_after:
            run.stop = self.reason


# A user's process. It dies by its own kill -9 at the named moment, so that no test depends on timing.
PROGRAM = """
import json, os, resource, signal, sys
import gluonattn

out, data, moment, limit, options = json.loads(sys.argv[1])

def die_before(event, arguments):
    if moment and event == moment[0]:
        path = arguments[1 if event == "os.rename" else 0]  # where a rename goes to
        if str(path).endswith(moment[1]):
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die_before)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    gluonattn.train(data, out, **options)
except gluonattn.GluonAttnError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def start(*arguments, omp="1"):
    require_mxnet()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": omp}
    return subprocess.Popen([sys.executable, *map(str, arguments)], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def start_training(out, data, moment=None, limit=0, **options):
    return start("-c", PROGRAM, json.dumps([str(out), str(data), moment, limit, {**TINY, **options}]))


def wait_for(path, process):
    """Until `path` is there; fails if the process ends before."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_parameters(table, tmp_path):
    """kill -9 from outside, while the resume file or checkpoint is put in place, and at the very end."""
    options = dict(save_every=0, seed=3)
    whole = start_training(tmp_path / "whole", table, **options)
    out, state = tmp_path / "model", tmp_path / "model.resume"
    process = start_training(out, table, **options)
    wait_for(state, process)
    process.kill()
    process.communicate()
    moments = [["os.rename", "/model.resume"], ["os.rename", "/model"], ["os.remove", "/model.resume"]]
    for moment in moments:
        process = start_training(out, table, moment, resume=True, **options)
        _, said = process.communicate(timeout=600)
        assert process.returncode == -signal.SIGKILL, (moment, said)
        assert state.exists(), moment
        if out.exists():
            load_checkpoint(out)
    last = start_training(out, table, resume=True, **options)
    for process in (whole, last):
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
    same_model(out, tmp_path / "whole")
    assert not state.exists()
    gluonattn.load(out, "cpu").predict(["좋다"])


@pytest.mark.slow
def test_ctrl_c_exits_130_and_the_run_goes_on(table, tmp_path):
    command = ["-m", "gluonattn", "train", "--data", table, "--tokenizer", "whitespace", "--epochs", 3,
               "--batch-size", 8, "--save-every", 0, "--device", "cpu"]
    out, state = tmp_path / "model", tmp_path / "model.resume"
    whole = start(*command, "--out", tmp_path / "whole")
    process = start(*command, "--out", out)
    wait_for(state, process)
    process.send_signal(signal.SIGINT)
    said = "".join(process.communicate(timeout=600))
    assert process.returncode == 130, said
    assert "stopped after" in said and "Run the same command with --resume to continue." in said
    assert "Traceback" not in said and state.exists()
    process = start(*command, "--out", out, "--resume")
    said = "".join(process.communicate(timeout=600))
    assert process.returncode == 0 and "resumed in epoch" in said, said
    assert whole.communicate(timeout=600) and whole.returncode == 0
    same_model(out, tmp_path / "whole")
    assert not state.exists()


def test_a_full_disk_gives_the_clear_error_and_leaves_the_older_files(table, tmp_path):
    out, options = tmp_path / "model", {**TINY, "epochs": 3}
    with pytest.raises(Interrupted, match="stopped after 1 of 3 epochs and 0 of .*--resume to continue"):
        train(table, out, callbacks=[Watch(stop_after=1)], **options)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    process = start_training(out, table, limit=2000, resume=True, save_every=0, epochs=3)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "CheckpointError: cannot write" in said and "File too large. Free some space" in said
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    lines = []
    train(table, out, resume=True, report=lines.append, **options)  # space is back
    assert any(line.startswith("resumed in epoch 2, after 0 of ") for line in lines)
    assert len(load_checkpoint(out).history) == 3


def test_what_train_leaves(reviews, tmp_path):
    watch, lines, tokenized = Watch(), [], []
    out = train(reviews, tmp_path / "runs" / "model", callbacks=[watch], report=lines.append,
                tokenizing=lambda *done: tokenized.append(done), **{**TINY, "epochs": 4})
    assert {p.name for p in out.iterdir()} == {
        "config.json", "vocab.json", "model.safetensors", "history.json", "history.csv", "trained_on.json"}
    assert [p.name for p in out.parent.iterdir()] == ["model"]  # no resume file is left
    saved = load_checkpoint(out)
    assert saved.config["labels"] == ["0", "1"] and saved.config["training"]["reviews"] == 100
    assert saved.config["training"]["epochs"] == 4 and saved.config["versions"]["mxnet"]
    table = pd.read_csv(out / "history.csv", float_precision="round_trip").to_dict("records")
    assert table == saved.history and len(table) == 4
    assert lines[0] == str(reviews)
    assert any("90 to train, 10 to validate" in line for line in lines)
    assert tokenized[-1] == (100, 100)

    # The best epoch is what was saved, and it is as accurate as the history says.
    scores = [epoch["valid_accuracy"] for epoch in saved.history]
    best = saved.config["epoch"]
    assert scores[best - 1] == max(scores)
    for name, array in watch.weights[best - 1].items():
        np.testing.assert_array_equal(saved.weights[name], array)
    held_out = reviews.take(_split(reviews, ClassifierSettings(**TINY).resolve(100))[1])
    assert gluonattn.load(out, "cpu").evaluate(held_out)["accuracy"] == pytest.approx(max(scores))


def test_same_seed_same_files_and_another_seed_another_model(reviews, tmp_path):
    folders = [train(reviews, tmp_path / str(n), **{**TINY, "epochs": 1, "seed": seed})
               for n, seed in enumerate((5, 5, 6))]
    same_model(*folders[:2])
    first, other = (load_checkpoint(f).weights for f in folders[1:])
    assert not np.array_equal(first["head.weight"], other["head.weight"])


def test_equivalent_texts_make_the_same_model(reviews, tmp_path):
    """Files of a Mac, or with marks nobody sees, teach what their plain versions teach."""
    versions = [reviews.texts, [unicodedata.normalize("NFD", text) for text in reviews.texts],
                [f"\ufeff{text[:2]}\u200b{text[2:]}" for text in reviews.texts]]
    options = {**TINY, "epochs": 1, "ngrams": True, "tokenizer": "mecab"}
    folders = [train(Reviews(texts, reviews.labels), tmp_path / str(n), **options) for n, texts in enumerate(versions)]
    for folder in folders[1:]:
        first, other = load_checkpoint(folders[0]), load_checkpoint(folder)
        assert first.vocabulary == other.vocabulary and first.weights.keys() == other.weights.keys()
        assert all(np.array_equal(first.weights[name], other.weights[name]) for name in first.weights)


def test_early_stopping_ends_the_run(reviews, tmp_path):
    lines = []
    out = train(reviews, tmp_path / "model", report=lines.append,
                **{**TINY, "epochs": 30, "patience": 1, "learning_rate": 1.0, "clip": None})
    history = json.loads((out / "history.json").read_text())
    losses = [epoch["valid_loss"] for epoch in history]
    assert len(losses) < 30 and losses[-1] >= losses[-2]
    assert "stopped: validation loss has not fallen for 1 epochs" in lines
    assert not (tmp_path / "model.resume").exists()


@pytest.mark.parametrize("change", [
    {"seed": 9}, {"cell": "dot"}, {"epochs": 3}, {"learning_rate": 0.1}, {"batch_size": 9}, {"workers": 2},
    {"model": {**TINY["model"], "hidden_size": 8}},
])
def test_resume_with_other_settings_is_refused(reviews, tmp_path, change):
    out = _stopped(reviews, tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(CheckpointError, match="model.resume belongs to a run with other data or settings"):
        train(reviews, out, resume=True, **{**TINY, **change})
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_resume_with_other_reviews_is_refused(reviews, tmp_path):
    out = _stopped(reviews, tmp_path)
    with pytest.raises(CheckpointError, match="other data or settings"):
        train(reviews.take(range(99)), out, resume=True, **TINY)


def _stopped(reviews, tmp_path):
    with pytest.raises(Interrupted):
        train(reviews, tmp_path / "model", callbacks=[Watch(stop_after=1)], **TINY)
    assert (tmp_path / "model.resume").exists()
    return tmp_path / "model"


def test_without_resume_an_old_resume_file_is_dropped(reviews, tmp_path):
    out = _stopped(reviews, tmp_path)
    train(reviews, out, **{**TINY, "epochs": 1, "seed": 8})
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert len(load_checkpoint(out).history) == 1


def test_nothing_to_resume_is_said_and_trained_from_the_start(reviews, tmp_path):
    lines = []
    out = train(reviews, tmp_path / "model", resume=True, report=lines.append, **{**TINY, "epochs": 1})
    assert any("nothing to resume" in line for line in lines)
    assert len(load_checkpoint(out).history) == 1


def test_the_split_is_stratified_and_fixed_by_the_seed():
    reviews = Reviews([str(i) for i in range(200)], ["a"] * 150 + ["b"] * 50)
    parts = [_split(reviews, ClassifierSettings(seed=seed, validation=0.2)) for seed in (1, 1, 2)]
    assert parts[0] == parts[1] != parts[2]
    for training, validation in parts:
        assert sorted([*training, *validation]) == list(range(200))
        assert len(validation) == 40
        assert sum(reviews.labels[i] == "b" for i in validation) == 10


def tiny(count, labels=("1", "0")):
    return Reviews([f"영화 {'좋다' if i % 2 else '나쁘다'} {i}" for i in range(count)],
                   [labels[i % 2] for i in range(count)], origin="tiny.csv")


def test_ten_reviews_say_what_is_missing_or_train(tmp_path):
    with pytest.raises(DataError, match=r"tiny.csv: too few reviews to set aside 10% .*Add reviews"):
        train(tiny(10), tmp_path / "model", **TINY)
    out = train(tiny(10), tmp_path / "model", **TINY, validation=0.2)
    assert len(gluonattn.load(out, "cpu").predict(["영화 좋다"])) == 1


@pytest.mark.parametrize("recipe", ["default", "post"])
def test_a_vocabulary_of_nothing_but_unknown_words_trains(tmp_path, recipe):
    out = train(tiny(20), tmp_path / "model", recipe=recipe, validation=0.2, min_count=1000, **TINY)
    record = gluonattn.load(out, "cpu").explain("처음 보는 말")
    assert record.source["tokens"]["unknown"] == [0, 1, 2]


def test_three_labels_with_their_own_names(tmp_path):
    reviews = tiny(30)
    reviews.labels = [("좋음", "보통", "나쁨")[i % 3] for i in range(30)]
    out = train(reviews, tmp_path / "model", validation=0.2, **TINY)
    prediction = gluonattn.load(out, "cpu").predict(["영화"])[0]
    assert list(prediction.probabilities) == ["나쁨", "보통", "좋음"]
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=tolerance(2))


def test_one_class_only(tmp_path):
    with pytest.raises(DataError, match=r"tiny.csv: every review has label '1'; a classifier needs"):
        train(tiny(10, labels=("1", "1")), tmp_path / "model", **TINY)


def test_a_label_with_a_single_review(tmp_path):
    reviews = tiny(20, labels=("1", "1"))
    reviews.labels[3] = "0"
    with pytest.raises(DataError, match="too few reviews to set aside"):
        train(reviews, tmp_path / "model", **TINY)


def test_a_review_without_text_is_named(tmp_path):
    reviews = tiny(20)
    reviews.texts[7] = " \t"
    with pytest.raises(DataError, match=r"review 7 \(counted from 0\) has no text"):
        train(reviews, tmp_path / "model", **TINY)


def test_odd_characters_are_trained_on_and_saved(tmp_path):
    reviews = tiny(20)
    reviews.texts = [f"{text} \ud800 \0 🎬" for text in reviews.texts]
    out = train(reviews, tmp_path / "model", validation=0.2, min_count=1, **TINY)
    record = gluonattn.load(out, "cpu").explain("🎬 \ud800 \0")
    assert [t.text for t in record.keys] == ["🎬", "\ud800"]  # NUL cannot be seen
    assert record.source["tokens"]["unknown"] == []


@pytest.mark.parametrize(("model", "message"), [
    ({"hiden_size": 3}, r"default recipe's model takes embed_size, hidden_size, .*; got 'hiden_size'"),
    ({"classes": 5}, "got 'classes'"),
    ({"cell": "dot"}, "got 'cell'"),
    ({"vocab_size": 5}, "got 'vocab_size'"),
])
def test_a_model_argument_that_is_not_free_is_named(reviews, tmp_path, model, message):
    with pytest.raises(OptionError, match=message):
        train(reviews, tmp_path / "model", **{**TINY, "model": model})
    with pytest.raises(OptionError, match="got 'length'"):
        train(reviews, tmp_path / "model", recipe="post", **{**TINY, "model": {"length": 10}})


def test_settings_and_options_at_once_are_refused(reviews, tmp_path):
    with pytest.raises(OptionError, match="give settings or options, not both: got settings and epochs"):
        train(reviews, tmp_path / "model", settings=ClassifierSettings(), epochs=1)


class NeverTokenized:
    """Fails the test if training got as far as the texts."""

    def __call__(self, done, total):
        raise AssertionError("tokenized before the folder was checked")


def test_a_foreign_or_unwritable_folder_is_refused_before_any_work(reviews, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for out, message in ((tmp_path / "mine", "mine holds files that are not a checkpoint's"),
                         (tmp_path / "mine" / "thesis.txt", "thesis.txt is a file: give a folder"),
                         (tmp_path / "mine" / "thesis.txt" / "model", "cannot write .*thesis.txt")):
        with pytest.raises(CheckpointError, match=message):
            train(reviews, out, tokenizing=NeverTokenized(), **TINY)
    assert [p.name for p in tmp_path.rglob("*")] == ["mine", "thesis.txt"]
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_the_post_recipe_trains_without_clipping_at_length_30(reviews, tmp_path):
    class Looks(Callback):
        def on_gradient(self, run):
            assert run.gradient_scale == 1.0
            assert run.model.embedding.weight.grad().stype == "default"
            assert run.train.texts.batch([0, 1])[0].shape == (2, 30)
            assert run.trainer.learning_rate == 1e-3

    out = train(reviews, tmp_path / "model", recipe="post", callbacks=[Looks()], **{**TINY, "epochs": 1})
    config = load_checkpoint(out).config
    assert config["max_length"] == config["model"]["length"] == 30


def test_reviews_that_are_cut_are_counted_and_said(tmp_path):
    lines = []
    short = [f"좋다 {i}" for i in range(20)]
    texts = [*short, "정말 " * 60, "별로 " * 60]
    train(Reviews(texts, ["0", "1"] * 11), tmp_path / "model", report=lines.append, **{**TINY, "epochs": 1})
    assert "2 reviews are longer than 48 tokens: only their beginning is read here" in lines


def test_a_finished_run_is_not_trained_again(reviews, tmp_path):
    lines = []
    out = train(reviews, tmp_path / "model", **{**TINY, "epochs": 1})
    before = (out / "model.safetensors").stat().st_mtime_ns
    assert train(reviews, out, resume=True, report=lines.append, **{**TINY, "epochs": 1}) == out
    assert f"{out} is finished: there is nothing to resume" in lines
    assert (out / "model.safetensors").stat().st_mtime_ns == before


def test_what_is_done_at_the_end_is_done_again_if_it_was_cut_short(reviews, tmp_path):
    calls = []

    def finish(folder, held_out):
        calls.append((folder, len(held_out)))
        if len(calls) == 1:
            raise KeyboardInterrupt

    options = dict(finish=finish, validation=0.2, **TINY)
    with pytest.raises(KeyboardInterrupt):
        train(reviews, tmp_path / "m", **options)
    assert (tmp_path / "m.resume").exists()
    folder = train(reviews, tmp_path / "m", resume=True, **options)
    assert calls == [(folder, 20)] * 2 and not (tmp_path / "m.resume").exists()
    train(reviews, tmp_path / "m", resume=True, **options)
    assert len(calls) == 2  # a finished run has nothing left to do


def test_the_model_of_each_epoch_is_a_checkpoint_and_a_report_shows_them(table, tmp_path, capsys):
    require_mxnet()
    from gluonattn.cli.app import main
    from gluonattn.models.epochs import epoch_folders

    weights = Watch()
    out = train(table, tmp_path / "model", keep_epochs=True, callbacks=[weights], **{**TINY, "epochs": 3})
    folders = epoch_folders(out)
    assert list(folders) == [1, 2, 3] and all(path.parent == out / "epochs" for path in folders.values())
    for kept, then in zip(folders.values(), weights.weights):
        found = load_checkpoint(kept)
        assert all((found.weights[name] == own).all() for name, own in then.items()) and found.config["finished"]
    best = json.loads((out / "config.json").read_text())["epoch"]
    assert (folders[best] / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()
    train(table, out, keep_epochs=True, resume=None, **{**TINY, "epochs": 2, "seed": 5})
    assert list(epoch_folders(out)) == [1, 2]  # not those of the earlier run
    with pytest.raises(SystemExit) as left:
        main(["report", "epochs", "정말 좋다", "--model", str(out), "--engine", "numpy",
              *(part for name in ("e.html", "e.png") for part in ("--out", str(tmp_path / name)))])
    said = capsys.readouterr()
    assert left.value.code == 0, said.err
    assert said.out.count("epoch ") == 2 and (tmp_path / "e.png").stat().st_size > 5000
    assert '"steps": true' in (tmp_path / "e.html").read_text(encoding="utf-8").replace('"steps":true', '"steps": true')


def test_a_run_that_kept_no_epochs_says_how_to_keep_them(table, tmp_path, capsys):
    from gluonattn.cli.app import main

    with pytest.raises(SystemExit) as left:
        main(["report", "epochs", "좋다", "--model", str(tmp_path), "--out", str(tmp_path / "e.html")])
    assert left.value.code == 2 and "--keep-epochs" in capsys.readouterr().err
