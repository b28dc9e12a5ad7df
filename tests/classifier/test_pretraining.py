"""The stage before the labels: what is learned from, what the classifier begins with, and resuming within it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from gluonattn.classifier.pretraining import read_unlabelled
from gluonattn.errors import DataError, Interrupted
from gluonattn.training.callbacks import Callback

from ..training.conftest import TINY


class StopAt(Callback):
    """Stop in the given stage, after the given batch."""

    def __init__(self, unit: str, step: int):
        self.unit, self.step = unit, step

    def on_batch_end(self, run):
        if run.task.unit == self.unit and run.step + 1 == self.step:
            run.stop = "interrupted"


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Options of a run with this stage, over texts in which each word foretells the next."""
    file = tmp_path_factory.mktemp("texts") / "more.txt"
    rng = np.random.default_rng(0)
    file.write_text("\n".join(" ".join(f"말{(start + i) % 9}" for i in range(6)) for start in rng.integers(9, size=120)),
                    encoding="utf-8")
    return {**TINY, "pretrain": str(file), "pretrain_epochs": 2, "min_count": 2, "evidence": True, "seed": 3, "workers": 1}


def weights_of(folder):
    from gluonattn.models.checkpoint import load_checkpoint

    return load_checkpoint(folder).weights


def test_no_text_of_the_labelled_ones_is_read_whatever_its_spaces_and_quotes(tmp_path):
    file = tmp_path / "more.txt"
    file.write_text('정말좋다\n"정말 좋다"\n\n다른 말이다\n', encoding="utf-8")
    assert read_unlabelled(str(file), None, ["정말 좋다"]) == (["다른 말이다"], 2)
    with pytest.raises(DataError, match="leave --pretrain out"):
        read_unlabelled(str(file), None, ["정말 좋다", "다른말이다"])


def test_the_validation_part_is_not_read(reviews, asked):
    from gluonattn.classifier.pretraining import gather_texts
    from gluonattn.classifier.settings import ClassifierSettings as Settings
    from gluonattn.classifier.training import _split

    settings = Settings(**{**asked, "validation": 0.2}).resolve(len(reviews))
    split = _split(reviews, settings)
    texts, _ = gather_texts(settings, reviews, reviews.texts, split, "", lambda line: None)
    assert {reviews.texts[i] for i in split[0]} <= set(texts)
    assert not {reviews.texts[i] for i in split[1]} & set(texts)


def test_it_learns_to_foretell_words_and_the_classifier_begins_with_what_it_learned(reviews, asked, tmp_path):
    from gluonattn.classifier.training import train

    seen = {}

    class Look(Callback):
        def on_train_begin(self, run):
            from gluonattn.models.checkpoint import get_weights

            seen.setdefault(run.task.unit, get_weights(run.model))

        def on_train_end(self, run):
            seen[f"{run.task.unit} after"] = run.history

    options = {**asked, "pretrain_epochs": 12, "learning_rate": 0.02}
    train(reviews, tmp_path / "model", callbacks=[Look()], **options)
    history = seen["texts after"]
    assert history[-1]["valid_loss"] < history[0]["valid_loss"] < math.log(len(seen["texts"]["embedding.weight"])) + 0.5
    first, begun = seen["texts"], seen["reviews"]
    shared = [name for name in begun if name.startswith(("embedding.", "bigru."))]
    assert len(shared) == 9 and all(first[name].shape == begun[name].shape for name in shared)
    assert all((first[name] != begun[name]).any() for name in shared if "bias" not in name)
    evidence = first["bigru.forward_gru.l0_i2h_weight"][:, -6:]
    np.testing.assert_array_equal(evidence, begun["bigru.forward_gru.l0_i2h_weight"][:, -6:])  # it was 0 all the time


@pytest.mark.parametrize(("unit", "step"), [("texts", 3), ("texts", 20), ("reviews", 4)])
def test_a_run_stopped_in_either_stage_goes_on_as_if_it_had_not_been(reviews, asked, tmp_path, unit, step):
    from gluonattn.classifier.training import train

    train(reviews, tmp_path / "whole", **asked)
    with pytest.raises(Interrupted):
        train(reviews, tmp_path / "model", callbacks=[StopAt(unit, step)], **asked)
    train(reviews, tmp_path / "model", resume=True, **asked)
    whole, resumed = weights_of(tmp_path / "whole"), weights_of(tmp_path / "model")
    assert all((whole[name] == resumed[name]).all() for name in whole)
    times = ("seconds", "reviews_per_second")
    kept = [[{k: v for k, v in epoch.items() if k not in times} for epoch in json.loads(
        (tmp_path / name / "history.json").read_text())] for name in ("whole", "model")]
    assert kept[0] == kept[1]
    assert not (tmp_path / "model.resume").exists()


@pytest.fixture(scope="module")
def pretrained(reviews, asked, tmp_path_factory):
    """The folder of a run whose language model stands beside it."""
    from gluonattn.classifier.training import train

    return train(reviews, tmp_path_factory.mktemp("runs") / "first", **asked)


@pytest.mark.parametrize("ending", ["", ".pretrained"])
def test_another_seed_begins_with_the_language_model_of_a_run(reviews, asked, pretrained, tmp_path, ending):
    from gluonattn.classifier.stage import load_stage, stage_file
    from gluonattn.classifier.training import train
    from gluonattn.models.checkpoint import get_weights, load_checkpoint

    seen = {}

    class Look(Callback):
        def on_train_begin(self, run):
            seen[run.task.unit] = get_weights(run.model)

    stage = load_stage(stage_file(pretrained))
    options = {**asked, "pretrain": f"{pretrained}{ending}", "seed": 4}
    said: list[str] = []
    train(reviews, tmp_path / "second", callbacks=[Look()], report=said.append, **options)
    assert list(seen) == ["reviews"]  # no language model was trained
    for name, values in stage.weights.items():
        np.testing.assert_array_equal(seen["reviews"][name], values)
    first, second = (json.loads(load_checkpoint(folder).vocabulary) for folder in (pretrained, tmp_path / "second"))
    assert first == second
    assert any("begins with the language model of" in line for line in said)


def test_a_run_that_begins_with_a_language_model_goes_on_as_if_it_had_not_been_stopped(reviews, asked, pretrained, tmp_path):
    from gluonattn.classifier.training import train

    options = {**asked, "pretrain": str(pretrained), "seed": 4}
    train(reviews, tmp_path / "whole", **options)
    with pytest.raises(Interrupted):
        train(reviews, tmp_path / "model", callbacks=[StopAt("reviews", 4)], **options)
    train(reviews, tmp_path / "model", resume=True, **options)
    whole, resumed = weights_of(tmp_path / "whole"), weights_of(tmp_path / "model")
    assert all((whole[name] == resumed[name]).all() for name in whole)


def test_the_same_texts_are_set_aside_and_none_that_was_read_is_let_in(reviews, asked, pretrained, tmp_path):
    """A language model that has read validation texts is refused: other data or another fraction set others aside."""
    from gluonattn.classifier.stage import digest_texts, load_stage, stage_file
    from gluonattn.classifier.training import _split, train

    stage = load_stage(stage_file(pretrained))
    from gluonattn.classifier.settings import ClassifierSettings as Settings

    settings = Settings(**{**asked, "seed": 4}).resolve(len(reviews))
    valid = [reviews.texts[i] for i in _split(reviews, settings, stage)[1]]
    assert valid and not np.isin(digest_texts(valid), stage.read).any()
    assert valid != [reviews.texts[i] for i in _split(reviews, settings)[1]]
    with pytest.raises(DataError, match=r"has read \d+ of the .* --validation 0.1, or"):
        train(reviews, tmp_path / "model", **{**asked, "pretrain": str(pretrained), "validation": 0.3})
    quoted = reviews.take(range(len(reviews)))
    quoted.texts[:] = [f'"{text}"' for text in reversed(reviews.texts)]
    quoted.labels[:] = reversed(reviews.labels)
    with pytest.raises(DataError, match="has read"):
        train(quoted, tmp_path / "model", **{**asked, "pretrain": str(pretrained)})
    assert not (tmp_path / "model").exists()


def test_a_language_model_that_does_not_fit_is_an_error_that_says_why(reviews, asked, pretrained, tmp_path):
    from gluonattn.classifier.training import train
    from gluonattn.errors import CheckpointError, OptionError

    def refused(error, pattern, **options):
        with pytest.raises(error, match=pattern):
            train(reviews, tmp_path / "model", **{**asked, "pretrain": str(pretrained), **options})

    refused(OptionError, "has embed_size 6, this run asks for 8", model={**asked["model"], "embed_size": 8})
    refused(OptionError, "has evidence 6, this run asks for 0", evidence=False)
    refused(OptionError, "has tokenizer whitespace, this run asks for syllable", tokenizer="syllable")
    refused(OptionError, "leave it out", pretrain_text="document")
    refused(CheckpointError, r"there is no .*\.pretrained beside it", pretrain=str(tmp_path))
    refused(CheckpointError, "No such file", pretrain=str(tmp_path / "gone.pretrained"))
    cut = tmp_path / "cut.pretrained"
    cut.write_bytes(pretrained.with_name(f"{pretrained.name}.pretrained").read_bytes()[:-9])
    refused(CheckpointError, "cut short", pretrain=str(cut))
    other = tmp_path / "other.pretrained"
    other.write_bytes((pretrained / "model.safetensors").read_bytes())
    refused(CheckpointError, "is not a language model", pretrain=str(other))


def test_too_few_texts_are_an_error_that_says_so(reviews, asked, tmp_path):
    from gluonattn.classifier.training import train

    file = tmp_path / "few.txt"
    file.write_text("하나\n둘\n", encoding="utf-8")
    few = reviews.take(range(6)) if len(set(reviews.labels[:6])) > 1 else reviews.take([*range(3), *range(-3, 0)])
    with pytest.raises(DataError, match="too few to learn from"):
        train(few, tmp_path / "model", **{**asked, "pretrain": str(file), "validation": 0.4, "evidence": False})
