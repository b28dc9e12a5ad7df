"""All figures at once, the method that is chosen by them, and where it is written."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gluonattn
from gluonattn.classifier.attribution import METHODS
from gluonattn.classifier.measure import (
    ABOUT_A_METHOD,
    ABOUT_THE_WEIGHTS,
    measure,
    most_faithful,
    record_method,
)
from gluonattn.data.reviews import Reviews
from gluonattn.models.checkpoint import load_checkpoint
from gluonattn.statistics import figure

from ..needs import needs_mxnet
from .known import TEXTS, bag_of_words, random_model

MANY = [f"{a} {b} {c} 영화 그냥" for a in ("최고", "별로", "또") for b in ("좋다", "최악") for c in ("또", "영화", "좋다")]


@pytest.mark.parametrize("grams", [False, True])
def test_every_figure_is_there_for_every_text(grams):
    found = measure(random_model("mlp", grams), TEXTS)
    assert list(found["methods"]) == list(METHODS) and len(found["targets"]) == len(TEXTS)
    for one in found["methods"].values():
        assert list(one) == list(ABOUT_A_METHOD) and {len(v) for v in one.values()} == {len(TEXTS)}
    assert list(found["weights"]) == list(ABOUT_THE_WEIGHTS)
    for values in found["weights"].values():
        real = np.array(values, float)
        assert np.isfinite(np.delete(real, 3)).all()  # text 3 is one word: some cannot be asked
    assert [len(row) for row in found["received"]] == [len(text.split()) for text in TEXTS]
    json.dumps(found)


def test_on_a_bag_of_words_what_is_exact_beats_random_with_disjoint_intervals():
    steps = bag_of_words()
    found = measure(steps, MANY)["methods"]
    exact, floor = (figure(found[name]["comprehensiveness"]) for name in ("integrated-gradients", "random"))
    assert exact.low > floor.high
    best, figures = most_faithful(steps, MANY)
    assert METHODS[best].signed and figures[best][0] == max(mean for mean, *_ in figures.values())


def test_the_method_is_written_where_explain_finds_it(tiny_model, tmp_path):
    import shutil

    folder = shutil.copytree(tiny_model, tmp_path / "model")
    before = load_checkpoint(folder)
    reviews = Reviews(["재밌다 정말", "별로예요 돈 아깝다", "최고!!", "지루하고 재미없는 영화"], ["1", "0", "1", "0"])
    method = record_method(folder, reviews)
    after = load_checkpoint(folder)
    assert after.config["explanation"]["method"] == method and set(after.config["explanation"]["comprehensiveness"]) == set(
        METHODS)
    rest, before_it = ({k: v for k, v in one.config.items() if k != "explanation"} for one in (after, before))
    rest["sha256"]["config.json"] = before_it["sha256"]["config.json"]  # covers the explanation, too
    assert rest == before_it and after.history == before.history
    record = gluonattn.load(folder).explain("정말 재밌다", "default")
    assert list(record.attributions) == [method]


@needs_mxnet
def test_training_records_a_method(tmp_path):
    reviews = Reviews([f"영화 {'좋다' if i % 2 else '나쁘다'} 정말" for i in range(40)], ["1", "0"] * 20)
    said = []
    folder = gluonattn.train(reviews, tmp_path / "m", epochs=1, tokenizer="whitespace", device="cpu", validation=0.2,
                             report=said.append, model={"embed_size": 6, "hidden_size": 4})
    about = load_checkpoint(folder).config["explanation"]
    assert about["reviews"] == 8 and about["method"] in METHODS
    assert any(about["method"] in line and "validation" in line for line in said)
