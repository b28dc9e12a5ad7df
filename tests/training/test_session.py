"""A run killed at any step on the disk goes on to the same model; a finished one is never replaced by --resume."""

import gc
import json
import os
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest

from gluonattn.classifier.training import train
from gluonattn.data.reviews import Reviews
from gluonattn.errors import CheckpointError
from gluonattn.files import locking
from gluonattn.models.checkpoint import load_checkpoint, update_config
from gluonattn.models.snapshots import snapshot_epochs
from gluonattn.pronunciation.training import WORDS, train_pronunciation

from ..classifier.test_training import Watch, same_model
from .conftest import TINY

WRITES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "open")


class Killed(BaseException):
    """No handler of the package takes it, and after it nothing reaches the disk any more: what a kill leaves."""


class Disk:
    """Counts the writing steps under a folder; from the chosen one on they all fail."""

    folder = left = None

    def __call__(self, event, arguments):
        if self.left is None or event not in WRITES:
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        if not str(arguments[0]).startswith(self.folder):
            return
        self.left -= 1
        if self.left <= 0:
            raise Killed

    def killed(self, folder, step, act) -> bool:
        """Whether `act` came to its writing step number `step`, and was killed before it."""
        self.folder, self.left = str(folder), step
        try:
            act()
        except Killed:
            return True
        finally:
            self.left = None
            gc.collect()  # a dead process holds no file open
        return False


DISK = Disk()
sys.addaudithook(DISK)


def reviews(count=24):
    return Reviews([f"영화 {'좋다' if i % 2 else '나쁘다'} {i % 5}" for i in range(count)], ["0", "1"] * (count // 2))


def explained(folder, held_out):
    """What `gluonattn.train` does at the end, without the work."""
    update_config(folder, explanation={"method": "norm", "reviews": len(held_out)})


def classifier(out, resume=False, **options):
    return train(reviews(), out, resume=resume, validation=0.2, save_every=1000, finish=explained,
                 **{**TINY, "epochs": 1, "learning_rate": 0.05, **options})


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "words.tsv"
    texts = ["국물 먹다 좋다 영화", "같이 국물 앞문 영화", "값이 닭이 꽃이 좋고", "있다 없다 싫다 많다", "맏이 굳이 해돋이"]
    path.write_text("document\tlabel\n" + "".join(f"{text}\t{i % 2}\n" for i, text in enumerate(texts)))
    return path


def pronouncer(words):
    def train_words(out, resume=False, **options):
        return train_pronunciation(str(words), out, resume=resume, workers=1, device="cpu", save_every=1000,
                                   **{"epochs": 1, "batch_size": 512, "min_count": 1,
                                      "model": {"units": 4, "hidden_size": 4, "num_layers": 1, "num_heads": 2}, **options})

    return train_words


def trainer(kind, words):
    def post(out, **options):
        return classifier(out, recipe="post", **options)

    return {"default": classifier, "post": post, "pronunciation": pronouncer(words)}[kind]


def same_run(first, second):
    same_model(first, second)
    configs = [load_checkpoint(folder).config for folder in (first, second)]
    for config in configs:
        assert config["finished"] is True
        config["sha256"].pop("config.json")
        for epoch in (config["validation"], *config.get("history", [])):
            del epoch["seconds"], epoch["reviews_per_second"]
    assert configs[0] == configs[1]
    assert {p.name for p in first.iterdir()} == {p.name for p in second.iterdir()}
    assert snapshot_epochs(first) == snapshot_epochs(second)
    if (first / WORDS).exists():
        assert (first / WORDS).read_bytes() == (second / WORDS).read_bytes()


@pytest.mark.parametrize(("kind", "before", "stride"), [
    pytest.param("default", "nothing", 1, marks=pytest.mark.slow),  # at every step; elsewhere at some of the same steps
    ("default", "nothing", 9),
    pytest.param("default", "another model", 13, marks=pytest.mark.slow),
    pytest.param("pronunciation", "nothing", 17, marks=pytest.mark.slow),
    pytest.param("default", "the same model", 7, marks=pytest.mark.slow),
    pytest.param("post", "nothing", 13, marks=pytest.mark.slow),
    pytest.param("pronunciation", "another model", 17, marks=pytest.mark.slow),
])
def test_a_run_killed_at_any_step_and_resumed_ends_as_one_that_was_not(tmp_path, words, kind, before, stride):
    train_it = trainer(kind, words)
    whole = train_it(tmp_path / "whole")
    out, steps = tmp_path / "runs" / "model", 0
    for step in range(1, 200, stride):
        if before != "nothing":
            train_it(out, **({"seed": 5} if before == "another model" else {}))
            (out / "mine.txt").write_text("keep")
        killed = DISK.killed(tmp_path, step, lambda: train_it(out))
        left = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
        try:
            train_it(out, resume=True)
        except CheckpointError as error:  # nothing had been written yet
            assert before == "another model" and "it was not changed" in str(error)
            assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == left
            assert load_checkpoint(out).config["training"]["seed"] == 5
            train_it(out)
        assert [p.name for p in out.parent.iterdir()] == ["model"], step
        if before != "nothing":
            (out / "mine.txt").unlink()
        same_run(out, whole)
        for path in sorted(out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        if not killed:
            break
        steps += 1
    assert steps >= 20 // stride


KINDS = ["default", "post", "pronunciation"]
CHANGES = [{"epochs": 3}, {"seed": 4}, {"batch_size": 256}]
SHORT = {"epochs": 2, "patience": 1}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, words):
    """``finished(kind)``: the folder of a finished run."""
    return cache(lambda kind: trainer(kind, words)(tmp_path_factory.mktemp(kind) / "model", **SHORT))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_finished_run_is_left_alone_by_a_resume_with_other_settings(tmp_path, words, finished, kind, change):
    train_it = trainer(kind, words)
    out = Path(shutil.copytree(finished(kind), tmp_path / "model"))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    (name, value), = change.items()
    with pytest.raises(CheckpointError, match=rf"model contains a model of other data or settings .*{name} \d+ there, "
                                              rf"{value} here.*it was not changed.*choose another --out, or leave"):
        train_it(out, resume=True, **{**SHORT, **change})
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(("kind", "change"), [
    pytest.param(kind, change, marks=[] if i == j else pytest.mark.slow)
    for i, kind in enumerate(KINDS) for j, change in enumerate(CHANGES)])
def test_the_cures_of_its_message_cure(tmp_path, words, finished, kind, change):
    train_it = trainer(kind, words)
    out = Path(shutil.copytree(finished(kind), tmp_path / "model"))
    (name, value), = change.items()
    for cured in (train_it(tmp_path / "other", resume=True, **change), train_it(out, **change)):
        assert load_checkpoint(cured).config["training"][name] == value


def older(out, **change):
    """What a version wrote that did not say yet whether a run is finished, nor had a digest of config.json."""
    config = json.loads((out / "config.json").read_text())
    del config["finished"], config["sha256"]["config.json"]
    (out / "config.json").write_text(json.dumps({**config, **change}))


def test_a_finished_run_of_an_older_version_is_finished_where_no_resume_file_is(tmp_path):
    out, said = classifier(tmp_path / "model"), []
    older(out)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    classifier(out, resume=True, report=said.append)
    assert f"{out} is finished: there is nothing to resume" in said
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_an_unfinished_run_of_an_older_version_goes_on(tmp_path):
    whole = classifier(tmp_path / "whole", epochs=3)
    with pytest.raises(Exception, match="stopped after 1"):
        classifier(tmp_path / "model", epochs=3, callbacks=[Watch(stop_after=1)])
    older(tmp_path / "model")
    same_run(classifier(tmp_path / "model", resume=True, epochs=3), whole)


def test_a_resume_file_of_another_run_is_not_taken_away_by_one_that_is_finished(tmp_path):
    out = classifier(tmp_path / "model")
    (tmp_path / "model.resume").write_bytes(b"of another run")
    classifier(out, resume=True)
    assert (tmp_path / "model.resume").read_bytes() == b"of another run"


def test_a_damaged_model_is_no_finished_run(tmp_path):
    """The same run makes the same model again; whose settings cannot be read is left alone."""
    whole, out = classifier(tmp_path / "whole"), classifier(tmp_path / "model")
    (out / "model.safetensors").write_bytes(b"cut")
    same_run(classifier(out, resume=True), whole)
    config = (out / "config.json").read_bytes()
    (out / "config.json").write_bytes(config.replace(b'"mlp"', b'"dot"'))
    with pytest.raises(CheckpointError, match=r"config.json is not the file .*To train from the start and replace it"):
        classifier(out, resume=True)
    (out / "config.json").write_bytes(config)
    same_run(out, whole)


def test_a_run_that_diverges_says_so_and_leaves_the_older_model(tmp_path):
    out = classifier(tmp_path / "model")
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}

    class Diverge(Watch):
        def on_batch_end(self, run):
            parameter = run.model.head.weight
            parameter.set_data(parameter.data() * float("nan"))

    with pytest.raises(CheckpointError, match="training diverged.*lower --learning-rate"):
        classifier(out, seed=2, callbacks=[Diverge()])
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_what_finish_leaves_is_said_last(tmp_path):
    out = classifier(tmp_path / "model")
    assert load_checkpoint(out).config["finished"] is True
    update_config(out, finished=False)
    said = []
    classifier(out, resume=True, report=said.append)  # no resume file: trained again, to the same model
    assert any("nothing to resume" in line for line in said) and load_checkpoint(out).config["finished"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_into_the_same_folder_is_refused_and_changes_nothing(tmp_path, words, kind):
    out, refused = tmp_path / "runs" / "model", []

    class Again(Watch):
        def on_batch_end(self, run):
            if not refused:
                before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
                with pytest.raises(CheckpointError, match=rf"another run \(process {os.getpid()}\) is training into"):
                    trainer(kind, words)(out, seed=9)
                refused.append(before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()})

    trainer(kind, words)(out, callbacks=[Again()])
    assert refused == [True]
    assert [p.name for p in out.parent.iterdir()] == ["model"]
    with locking(out) as holder:
        assert holder is None
