"""Training from pairs to a checkpoint: it learns, stops, and goes on as if it had never stopped."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from gluonattn.errors import CheckpointError, DataError, Interrupted, OptionError
from gluonattn.runtime import mx
from gluonattn.training.callbacks import Callback

from .closeness import close_logits
from .conftest import SMALL

pytestmark = pytest.mark.translation
OPTIONS = dict(epochs=3, batch_size=8, learning_rate=5e-3, subwords=60, validation=8, test=10, seed=1, device="cpu",
               workers=1, snapshots=(0, 1), model=SMALL)


@pytest.fixture(autouse=True)
def installed(require_translation):
    pass


def train(*args, **options):
    from gluonattn.translation.training import train_translation

    return train_translation(*args, **{**OPTIONS, **options})


class StopAt(Callback):
    def __init__(self, step: int):
        self.step = step

    def on_batch_end(self, run):
        if run.step == self.step:
            run.stop = "interrupted"


def test_it_learns_the_small_language(toy_model):
    history = json.loads((toy_model / "history.json").read_text())
    assert history[-1]["valid_loss"] < history[0]["valid_loss"] / 3
    best = json.loads((toy_model / "config.json").read_text())
    assert best["validation"]["valid_bleu"] == max(epoch["valid_bleu"] for epoch in history) > 60
    assert best["finished"] and best["epoch"] == best["validation"]["epoch"]


def test_the_loss_of_every_step_is_kept(toy_model):
    with open(toy_model / "losses.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1)) and len(rows) % 25 == 0
    losses = np.array([float(row["loss"]) for row in rows]).reshape(25, -1).mean(1)
    history = json.loads((toy_model / "history.json").read_text())
    assert np.abs(losses - [epoch["train_loss"] for epoch in history]).max() < 0.05  # batches have other sizes


def test_a_stopped_run_ends_where_an_uninterrupted_one_does(toy_file, tmp_path):
    train(toy_file, tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(toy_file, tmp_path / "stopped", callbacks=[StopAt(11)])
    train(toy_file, tmp_path / "stopped", resume=True)
    for name in ("model.safetensors", "losses.csv", "held-out.tsv", "snapshots/epoch-0.safetensors",
                 "snapshots/epoch-3.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes(), name


def test_two_processes_learn_it_too_and_go_on_where_they_stopped(toy_file, tmp_path):
    """Each process has its share of a batch, so the figures are those of another seed; the same run ends the same."""
    train(toy_file, tmp_path / "whole", workers=2)
    history = json.loads((tmp_path / "whole" / "history.json").read_text())
    assert history[-1]["valid_loss"] < 0.8 * history[0]["valid_loss"]
    with pytest.raises(Interrupted):
        train(toy_file, tmp_path / "stopped", workers=2, callbacks=[StopAt(11)])
    train(toy_file, tmp_path / "stopped", workers=2, resume=True)
    for name in ("model.safetensors", "losses.csv", "snapshots/epoch-1.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes(), name


def test_other_data_are_not_resumed(toy_file, tmp_path):
    with pytest.raises(Interrupted):
        train(toy_file, tmp_path / "run", callbacks=[StopAt(3)])
    with pytest.raises(CheckpointError, match="other data or settings"):
        train(toy_file, tmp_path / "run", seed=2, resume=True)


def test_nothing_held_out_is_trained_on(toy_file, tmp_path, monkeypatch):
    from gluonattn.translation import task
    from gluonattn.translation.pairs import read_pairs

    seen = []
    monkeypatch.setattr(task, "encode", lambda pairs, *rest, _encode=task.encode: seen.append(list(pairs)) or
                        _encode(pairs, *rest))
    out = train(toy_file, tmp_path / "run", epochs=1)
    rows = [line.split("\t") for line in (out / "held-out.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    trained, valid = seen
    assert {row[1] for row in rows if row[0] == "valid"} == {pair.source for pair in valid}
    assert not {pair.source for pair in trained} & {row[1] for row in rows}
    assert len(trained) + len(rows) == len(read_pairs(toy_file).pairs)


def test_without_positions_the_encoder_reads_a_bag(toy_file, tmp_path):
    from gluonattn.translation.translator import load_translator

    out = train(toy_file, tmp_path / "bag", epochs=1, model={**SMALL, "positions": False})
    translator = load_translator(out)
    model = translator.model
    ids = translator.subwords.ids(["the red cat sleeps."])[0]
    states = [model.encoder(model.source_embedding(mx.nd.array([row])), None, mx.nd.array([len(row)]))[0].asnumpy()[0]
              for row in (ids, ids[::-1])]
    close_logits(states[0], states[1][::-1])  # another order, the same states in that order
    assert not translator.model.encoder.position_weight.data().asnumpy().any()


@pytest.mark.parametrize(("options", "error", "said"), [
    ({"model": {"units": 30, "num_heads": 4}}, OptionError, "multiple of num_heads"),
    ({"model": {"width": 3}}, OptionError, "got 'width'"),
    ({"max_length": 4}, DataError, "--max-length"),
    ({"subwords": 9}, DataError, "--subwords"),
    ({"epochs": 0}, OptionError, "epochs"),
    ({"validation": 50, "test": 50}, DataError, "Lower --test"),
])
def test_bad_settings_are_refused_before_anything_is_written(toy_file, tmp_path, options, error, said):
    with pytest.raises(error, match=said):
        train(toy_file, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()
