"""Distillation: what teachers say becomes targets, no validation label gets through, and a killed run asks nobody twice."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gluonattn
from gluonattn.classifier import teachers as teaching
from gluonattn.classifier.settings import ClassifierSettings
from gluonattn.classifier.training import train
from gluonattn.errors import CheckpointError, DataError, Interrupted, OptionError
from gluonattn.models.checkpoint import load_checkpoint
from gluonattn.plain import bare_key
from gluonattn.training.callbacks import Callback

from ..tolerance import tolerance
from ..training.conftest import TINY

OPTIONS = {**TINY, "seed": 3, "workers": 1, "evidence": True, "extra_epochs": 1}


class Keep(Callback):
    """What a run is trained on."""

    def on_train_begin(self, run):
        self.train, self.valid, self.labelled = run.train, run.valid, run.labelled


@pytest.fixture(scope="module")
def teacher(reviews, tmp_path_factory):
    return train(reviews, tmp_path_factory.mktemp("teacher") / "first", **{**TINY, "seed": 1, "evidence": True})


@pytest.fixture(scope="module")
def new_texts(tmp_path_factory, reviews):
    """Texts to label, one of which stands among the labelled ones with quotes."""
    file = tmp_path_factory.mktemp("texts") / "new.txt"
    file.write_text("\n".join([*(f"새 글 {i} 번 좋다" for i in range(12)), f'"{reviews.texts[5]}"']), encoding="utf-8")
    return file


def parts_of(reviews, settings):
    from gluonattn.classifier.training import _split

    return [[reviews.texts[i] for i in part] for part in _split(reviews, settings)]


def test_new_texts_take_the_mean_of_the_teachers_and_labelled_ones_a_part(reviews, teacher, new_texts, tmp_path):
    own, table = parts_of(reviews, ClassifierSettings(**OPTIONS).resolve(100))[0], tmp_path / "soft.csv"
    quoted = own[3].replace('"', '""')
    table.write_text(f'text,0,1\n새 글 0 번 좋다,0.25,0.75\n"{quoted}",1,0\n', encoding="utf-8")
    kept = Keep()
    train(reviews, tmp_path / "student", callbacks=[kept], teachers=f"{teacher}, {table}", teach=str(new_texts),
          teach_share=0.25, **OPTIONS)
    said = {text: np.array([p.probabilities["0"], p.probabilities["1"]]) for text, p in zip(
        [*reviews.texts, *new_texts.read_text().splitlines()],
        gluonattn.load(teacher).predict([*reviews.texts, *new_texts.read_text().splitlines()]))}
    assert kept.labelled == len(own) and len(kept.train.targets) == len(own) + 12
    new = kept.train.targets[kept.labelled :]
    np.testing.assert_allclose(new[0], (said["새 글 0 번 좋다"] + [0.25, 0.75]) / 2, atol=tolerance(64, 64))
    np.testing.assert_allclose(new[1], said["새 글 1 번 좋다"], atol=tolerance(64, 64))
    labels = dict(zip(reviews.texts, reviews.labels))
    for i in (0, 3, 50):
        answer = (said[own[i]] + [1, 0]) / 2 if i == 3 else said[own[i]]
        hard = np.eye(2)[int(labels[own[i]])]
        np.testing.assert_allclose(kept.train.targets[i], 0.75 * hard + 0.25 * answer, atol=tolerance(64, 64))


def test_nobody_is_asked_about_validation_texts_and_their_labels_stay_their_own(reviews, teacher, tmp_path, monkeypatch):
    asked: list[str] = []
    ask = teaching._ask

    def noting(folder, device, labels, texts):
        asked.extend(texts)
        return ask(folder, device, labels, texts)

    monkeypatch.setattr(teaching, "_ask", noting)
    own, valid = parts_of(reviews, ClassifierSettings(**OPTIONS).resolve(100))
    table = tmp_path / "soft.jsonl"
    rows = [json.dumps({"text": f"“{text}”", "0": 0.5, "1": 0.5}) for text in valid]
    table.write_text("\n".join(rows), encoding="utf-8")
    with_quotes = tmp_path / "more.txt"
    with_quotes.write_text("\n".join(['전혀 다른 글', *(f'"{" ".join(text.split())}"' for text in valid)]), encoding="utf-8")
    kept = Keep()
    train(reviews, tmp_path / "student", callbacks=[kept], teachers=f"{teacher},{table}", teach=str(with_quotes), **OPTIONS)
    assert not {*map(bare_key, asked)} & ({*map(bare_key, valid)} - {*map(bare_key, own)})
    assert len(kept.train.targets) == len(own) + 1
    assert ((kept.valid.targets == 0) | (kept.valid.targets == 1)).all()


class StopAt(Callback):
    def on_batch_end(self, run):
        if run.step + 1 == 4:
            run.stop = "interrupted"


def test_a_run_that_was_stopped_goes_on_and_asks_nobody_again(reviews, teacher, new_texts, tmp_path, monkeypatch):
    options = {**OPTIONS, "teachers": str(teacher), "teach": str(new_texts)}
    train(reviews, tmp_path / "whole", **options)
    with pytest.raises(Interrupted):
        train(reviews, tmp_path / "model", callbacks=[StopAt()], **options)
    assert (tmp_path / "model.taught").exists()
    monkeypatch.setattr(teaching, "_ask", lambda *a: pytest.fail("asked again"))
    with pytest.raises(CheckpointError, match="other data or settings"):
        train(reviews, tmp_path / "model", resume=True, **{**options, "teach_share": 0.4})
    train(reviews, tmp_path / "model", resume=True, **options)
    whole, resumed = (load_checkpoint(tmp_path / name).weights for name in ("whole", "model"))
    assert all((whole[name] == resumed[name]).all() for name in whole)
    assert not (tmp_path / "model.taught").exists() and not (tmp_path / "model.resume").exists()


def test_another_teacher_is_another_run(reviews, teacher, new_texts, tmp_path):
    """At the same path, too: what counts is what the teacher is."""
    folder = tmp_path / "teacher"
    train(reviews, folder, **{**TINY, "seed": 1})
    options = {**OPTIONS, "teachers": str(folder)}
    with pytest.raises(Interrupted):
        train(reviews, tmp_path / "model", callbacks=[StopAt()], **options)
    train(reviews, folder, **{**TINY, "seed": 2})
    with pytest.raises(CheckpointError, match="other data or settings"):
        train(reviews, tmp_path / "model", resume=True, **options)


def test_what_cannot_teach_is_an_error_that_says_why(reviews, teacher, new_texts, tmp_path):
    def refused(error, message, **options):
        with pytest.raises(error, match=message):
            train(reviews, tmp_path / "model", **{**OPTIONS, **options})
        assert not (tmp_path / "model").exists() and not (tmp_path / "model.taught").exists()

    refused(CheckpointError, "no checkpoint folder at .*gone", teachers=str(tmp_path / "gone"))
    refused(DataError, r"gone.csv", teachers=str(tmp_path / "gone.csv"))
    refused(OptionError, "names none", teachers=" , ")
    refused(OptionError, "leave --teach out", teachers=str(new_texts.with_suffix(".csv")), teach=str(new_texts))
    refused(OptionError, "teach_share must be a number from 0 to 1", teachers=str(teacher), teach_share=1.5)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("text,0,1\n가,0.9,0.9\n", encoding="utf-8")
    refused(DataError, "line 2: .* sum to 1.8", teachers=f"{teacher},{wrong}")
    only = tmp_path / "only.txt"
    only.write_text(reviews.texts[5], encoding="utf-8")
    refused(DataError, "leave --teach out", teachers=str(teacher), teach=str(only))
    others = reviews.take(range(len(reviews)))
    others.labels[:] = ["좋음" if label == "1" else "나쁨" for label in others.labels]
    with pytest.raises(DataError, match=r"knows the labels '0', '1', and the labels here are .*Give teachers of the same"):
        train(others, tmp_path / "model", **{**OPTIONS, "teachers": str(teacher)})
