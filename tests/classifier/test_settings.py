"""Settings: what is refused, and what is filled in."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from gluonattn.classifier.settings import ClassifierSettings as Settings
from gluonattn.errors import OptionError
from gluonattn.training.settings import SMALL


@pytest.mark.parametrize(("name", "value", "message"), [
    ("cell", "mlpp", "unknown attention cell 'mlpp'.*Did you mean 'mlp'"),
    ("tokenizer", "mekab", "unknown tokenizer 'mekab'.*Did you mean 'mecab'"),
    ("recipe", "seed", "unknown recipe 'seed': expected one of 'default', 'post'"),
    ("schedule", "step", "unknown schedule 'step': expected one of 'linear', 'cosine', 'constant'"),
    ("epochs", 0, "epochs must be a whole number from 1 to 10000; got 0"),
    ("epochs", 2.5, "epochs must be a whole number from 1 to 10000; got 2.5"),
    ("epochs", "3", "epochs must be a whole number from 1 to 10000; got '3'"),
    ("batch_size", -1, "batch_size must be a whole number"),
    ("learning_rate", 0, "learning_rate must be a number from 1e-08 to 10; got 0"),
    ("learning_rate", float("nan"), "learning_rate must be a number.*got nan"),
    ("warmup", 1.1, "warmup must be a number from 0 to 1"),
    ("warmup", None, "warmup must be a number from 0 to 1; got None"),
    ("clip", -1.0, "clip must be"),
    ("word_dropout", 1, "word_dropout must be"),
    ("label_smoothing", 0.95, "label_smoothing must be"),
    ("min_count", 0, "min_count must be"),
    ("max_length", 0, "max_length must be"),
    ("validation", 0, "validation must be"),
    ("validation", 1, "validation must be"),
    ("patience", 0, "patience must be"),
    ("seed", -1, "seed must be"),
    ("seed", 2**31, "seed must be"),
    ("workers", 0, "workers must be a whole number from 1 to 256; got 0"),
])
def test_a_wrong_value_is_named(name, value, message):
    with pytest.raises(OptionError, match=message):
        Settings(**{name: value})


@pytest.mark.parametrize(("recipe", "reviews", "expected"), [
    ("default", SMALL - 1, dict(epochs=15, batch_size=32, learning_rate=2e-3, schedule="linear", min_count=2,
                                word_dropout=0.1, label_smoothing=0.1, max_length=48, warmup=0.05, clip=1.0)),
    ("default", SMALL, dict(epochs=4, batch_size=256, learning_rate=8e-3, min_count=3)),
    ("post", SMALL, dict(epochs=3, batch_size=128, learning_rate=1e-3, schedule="constant", min_count=1,
                         word_dropout=0.0, label_smoothing=0.0, max_length=30, warmup=0.0, clip=None)),
])
def test_what_is_open_is_filled_in_by_data_and_recipe(recipe, reviews, expected):
    resolved = Settings(recipe=recipe).resolve(reviews)
    assert {name: getattr(resolved, name) for name in expected} == expected
    assert resolved.resolve(reviews) == resolved


def test_widths_are_the_recipes_unless_they_are_given():
    assert Settings(model={"hidden_size": 7, "units": 5}).resolve(SMALL).model == dict(embed_size=64, hidden_size=7, units=5)
    assert Settings(recipe="post", model={"units": 5}).resolve(SMALL).model == {"units": 5}


@pytest.mark.parametrize(("options", "expected"), [
    (dict(batch_size=128), 4e-3),
    (dict(batch_size=64), 2e-3),
    (dict(batch_size=1024), 8e-3),
    (dict(batch_size=64, learning_rate=6e-3), 6e-3),
    (dict(ngrams=True), 8e-3),
    (dict(recipe="post", batch_size=512), 1e-3),
])
def test_the_rate_goes_with_the_batch(options, expected):
    assert Settings(**options).resolve(SMALL).learning_rate == expected


@pytest.mark.parametrize(("threads", "options", "reviews", "on_cpu", "workers"), [
    ("6", {}, SMALL, True, 6),
    ("6", {}, SMALL - 1, True, 1),
    ("6", {}, SMALL, False, 1),
    ("6", {"recipe": "post"}, SMALL, True, 1),
    ("6", {"batch_size": 40}, SMALL, True, 2),
    ("6", {"batch_size": 4}, SMALL, True, 1),
    ("6", {"workers": 3}, 100, True, 3),
    ("6", {"workers": 3}, 100, False, 1),
    ("1", {}, SMALL, True, 1),
])
def test_workers_follow_threads_data_and_device(monkeypatch, threads, options, reviews, on_cpu, workers):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert Settings(**options).resolve(reviews, on_cpu).workers == workers


def test_other_systems_than_linux_train_in_one_process(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert Settings(workers=4).resolve(SMALL).workers == 1


@pytest.mark.parametrize("reviews", [100, 100_000])
def test_what_is_given_stays(reviews):
    given = dict(epochs=7, batch_size=5, learning_rate=0.5, schedule="cosine", min_count=9, word_dropout=0.0,
                 label_smoothing=0.0, seed=3, patience=2, clip=None)
    resolved = Settings(**given).resolve(reviews)
    assert {name: getattr(resolved, name) for name in given} == given


def test_numbers_of_numpy_become_plain_ones():
    settings = Settings(seed=np.int64(3), learning_rate=np.float32(0.5), epochs=np.int32(2))
    assert json.loads(json.dumps(asdict(settings)))["seed"] == 3
