"""Explanations with attributions, and what they answer to "what if"."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier import explanation
from gluonattn.classifier.account import account_of
from gluonattn.classifier.attribution import METHODS, attribute
from gluonattn.classifier.explanation import without_attention_to_each
from gluonattn.classifier.predictor import Predictor
from gluonattn.errors import OptionError, RecordError, TextError
from gluonattn.models.cells import CELLS
from gluonattn.record import load_record
from gluonattn.views.page_data import page_data
from gluonattn.views.terminal import to_terminal

from ..tolerance import tolerance
from .known import GRAMS, TEXTS, bag_of_words, blind_to_attention, predictor_of, random_model

TEXT = TEXTS[2]


def p(record) -> float:
    return record.prediction.probabilities["1"]


@pytest.mark.parametrize("cell", CELLS)
def test_editing_to_the_same_weights_changes_nothing(cell):
    record = random_model(cell, grams=True).predictor.explain(TEXT)
    same = record.edit(record.weights)
    assert p(same) == pytest.approx(p(record), abs=tolerance(8, 14))
    np.testing.assert_allclose(same.weights, record.weights)
    assert same.source["what_if"] == {"edited": True} and "what_if" not in record.source


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("classes", [2, 3])
def test_scores_of_the_other_classes_are_those_of_asking_for_them(method, classes):
    predictor = predictor_of({"cell": "multi-head", "classes": classes, **GRAMS})
    for text in (text for text in TEXTS if len(text.split()) > 1):  # of one word nothing is asked in advance
        record = predictor.explain(text, method)
        found = record.source["explanation"].get("other_classes", {})
        label = record.source["explanation"]["label"]
        for other in predictor.labels:
            if other == label:
                assert other not in found
                continue
            asked = predictor.explain(text, method, other).attributions[method]
            scores = found.get(other, record.attributions[method])
            np.testing.assert_allclose(scores, asked, atol=tolerance(8, 24, scale=asked))


def test_editing_moves_the_decision_as_the_formula_says():
    """With all attention of "uniform" on one word, the bag of words holds this word alone."""
    record = bag_of_words("uniform").predictor.explain("최고 최악 영화")
    for i, value in enumerate((2.0, -2.5, 0.1)):
        weights = np.zeros((3, 3))
        weights[:, i] = 1
        assert p(record.edit(weights)) == pytest.approx(1 / (1 + np.exp(-6 * np.tanh(value))), abs=tolerance(8, 14))


def test_a_model_that_is_blind_to_attention_does_not_care():
    record = blind_to_attention().predictor.explain(TEXT)
    even = np.full(record.weights.shape, 1 / len(record.keys))
    assert p(record.edit(even)) == pytest.approx(p(record), abs=tolerance(8, 14))


def test_dropping_is_reading_what_is_left():
    predictor = random_model("mlp").predictor
    record = predictor.explain("최고 별로 영화")
    dropped = record.drop([1])
    assert p(dropped) == pytest.approx(predictor.predict(["최고 영화"])[0].probabilities["1"], abs=tolerance(8, 14))
    assert [t.text for t in dropped.keys] == ["최고", "영화"] and dropped.text == record.text
    assert [t.start for t in dropped.keys] == [0, 6] and dropped.source["what_if"] == {"dropped": [1]}
    np.testing.assert_allclose(dropped.weights, predictor.explain("최고 영화").weights, atol=tolerance(8, 14))


@pytest.mark.parametrize("grams", [False, True, "evidence"])
def test_dropping_twice_is_dropping_both(grams):
    record = random_model("dot", grams).predictor.explain(TEXT)
    assert p(record.drop([1]).drop([1, 2])) == pytest.approx(p(record.drop([1, 2, 3])), abs=tolerance(8, 14))
    for tokens in (np.int64(1), np.array([1]), np.array(1), (i for i in [1]), {1}):
        assert p(record.drop(tokens)) == p(record.drop([1]))
    assert p(record.replace(np.int64(1), "좋다")) == p(record.replace(1, "좋다"))
    assert p(record.drop(-1)) == p(record.drop([len(record.keys) - 1]))
    edited = record.drop([0]).edit(np.full((5, 5), 0.2))
    assert len(edited.keys) == 5


def test_replacing_reads_the_new_text():
    predictor = random_model("general", grams=True).predictor
    record = predictor.explain("최고 별로 영화")
    changed = record.replace(1, "좋다")
    assert changed.text == "최고 좋다 영화"
    assert p(changed) == pytest.approx(p(predictor.explain("최고 좋다 영화")), abs=tolerance(8, 14))
    assert changed.source["what_if"] == {"replaced": [3, 5, "좋다"]}
    with pytest.raises(TextError, match="nothing to explain"):
        predictor.explain("별로").replace(0, " ")


def test_what_cannot_be_asked_is_said():
    record = random_model("mlp").predictor.explain("최고 별로 영화")
    with pytest.raises(RecordError, match=r"edit needs weights of shape \(3, 3\) or \(1, 3, 3\); got \(2, 2\)"):
        record.edit(np.eye(2))
    with pytest.raises(RecordError, match="rows that sum to 1"):
        record.edit(np.ones((3, 3)))
    for shape in ((1, 1), (3, 1), (1, 3), (2, 3, 3), (1, 1, 3, 1), (1, 1, 1, 3, 3), ()):
        with pytest.raises(RecordError, match=r"edit needs weights of shape \(3, 3\)"):
            record.edit(np.full(shape, 1 / 3))  # its rows would sum to 1, were it stretched over the tokens
    with pytest.raises(RecordError, match="got list"):
        record.edit([[1, 0, 0], [1, 0], [1]])
    with pytest.raises(RecordError, match="finite"):
        record.edit(np.full((3, 3), np.nan))
    with pytest.raises(RecordError, match="token 3 does not exist: this record has 3"):
        record.drop([3])
    with pytest.raises(RecordError, match="drop must leave a token"):
        record.drop([0, 1, 2])


def test_a_record_without_its_model_says_what_to_do(tmp_path):
    record = random_model("mlp").predictor.explain("최고 별로 영화")
    with pytest.raises(RecordError, match="drop needs the model this record came from"):
        record.merge().drop([0])
    assert load_record(record.save(tmp_path / "r.npz")) == record


@pytest.mark.parametrize("recipe", ["default", "post"])
@pytest.mark.parametrize("method", METHODS)
def test_an_explanation_carries_the_attribution_it_was_asked_for(method, recipe, tmp_path):
    predictor = random_model("mlp", recipe == "default", recipe).predictor
    record = predictor.explain(TEXT, method)
    assert list(record.attributions) == [method] and record.attributions[method].shape == (len(record.keys),)
    about = record.source["explanation"]
    assert about["method"] == method and about["sign"] == METHODS[method].sign
    honest = about["honesty"]
    assert honest["before"] == pytest.approx(record.prediction.confidence, abs=tolerance(8, 14))
    assert honest["low"] <= honest["random"] <= honest["high"] and honest["tokens"] == 2
    assert load_record(record.save(tmp_path / "r.npz")) == record
    for i, row in enumerate(about["what_if"]["drop"]):
        assert row[1] == pytest.approx(p(record.drop([i])), abs=1e-4)
    if recipe == "default":
        size = len(record.keys)
        assert about["what_if"]["uniform"][1] == pytest.approx(p(record.edit(np.full((size, size), 1 / size))), abs=1e-4)
        for row, weights in zip(about["what_if"]["unseen"], without_attention_to_each(record.weights[0], size)):
            assert row[1] == pytest.approx(p(record.edit(weights)), abs=1e-4)


def test_the_default_method_is_the_one_recorded_in_training():
    predictor = random_model("mlp").predictor
    assert predictor.default_method == "leave-one-out" and not predictor.explain(TEXT).attributions
    predictor.config["explanation"] = {"method": "norm", "comprehensiveness": {"norm": [0.3, 0.2, 0.4],
                                                                               "random": [0.1, 0, 0.2]}}
    record = predictor.explain(TEXT, "default")
    assert list(record.attributions) == ["norm"]
    assert record.source["explanation"]["validation"] == {"norm": [0.3, 0.2, 0.4], "random": [0.1, 0, 0.2]}
    with pytest.raises(OptionError, match="unknown attribution method 'shap'"):
        predictor.explain(TEXT, "shap")


def test_nobody_looks_at_a_word_and_rows_stay_whole():
    weights = np.array([[[0.2, 0.8, 0], [0, 1, 0], [0.5, 0.25, 0.25]]])
    np.testing.assert_allclose(without_attention_to_each(weights, 2), [[[[0, 1, 0], [0, 1, 0], [0, 0.5, 0.5]]],
                                                                       [[[1, 0, 0], [0.5, 0, 0.5], [2 / 3, 0, 1 / 3]]]],
                               atol=tolerance(3))


def test_the_account_is_made_when_it_is_first_read_and_kept(monkeypatch, tmp_path):
    asked = []

    def noting(*given):
        asked.append(given)
        return account_of(*given)

    monkeypatch.setattr(explanation, "account_of", noting)
    predictor = random_model("mlp").predictor
    record = predictor.explain(TEXT, "leave-one-out")
    assert record.attributions and record.prediction and not asked
    account = record.source["explanation"]["account"]
    assert account == account_of(predictor.steps, predictor.read(TEXT), record.source["explanation"]["target"]).to_json()
    assert record.select([0], [0]).source["explanation"]["account"] == account and len(asked) == 1
    assert load_record(predictor.explain(TEXT, "norm").save(tmp_path / "r.npz")).source["explanation"]["account"] == account
    assert "account" not in next(predictor.explain_each([TEXT], "norm", what_if=False)).source["explanation"]


def test_attributions_are_summed_over_eojeol_and_selected_with_their_tokens():
    record = random_model("mlp").predictor.explain(TEXT, "norm")
    assert record.merge().attributions["norm"].sum() == pytest.approx(record.attributions["norm"].sum(), rel=tolerance(8))
    np.testing.assert_allclose(record.select(None, [2, 0]).attributions["norm"], record.attributions["norm"][[2, 0]])


NAMES = ("부정", "중립", "긍정")


def three_classes(names=NAMES):
    predictor = predictor_of({"cell": "mlp", "classes": 3, **GRAMS}, seed=3)
    predictor.config["label_names"] = dict(zip("012", names))
    return predictor


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(list(METHODS)), st.integers(0, 2), st.sampled_from(TEXTS), st.booleans())
def test_a_chosen_class_is_explained_and_everything_follows_it(method, number, text, by_name):
    predictor = three_classes()
    record = predictor.explain(text, method, target=NAMES[number] if by_name else str(number))
    about, encoded = record.source["explanation"], predictor.read(text)
    assert (about["target"], about["label"]) == (number, str(number))
    np.testing.assert_allclose(record.attributions[method],
                               attribute(predictor.steps, encoded, method, number).scores, atol=tolerance(8, 24))
    assert about["honesty"]["before"] == pytest.approx(record.prediction.probabilities[str(number)], abs=tolerance(8, 24))
    assert record.prediction == predictor.explain(text, method).prediction
    assert f"+ speaks for {NAMES[number]}," in to_terminal(record, colours="none")
    [entry] = page_data([record])["records"]
    assert entry["attribution"]["label"] == NAMES[number]
    if len(record.keys) > 1:
        assert entry["attribution"]["asked"]["drop"] == [row[number] for row in about["what_if"]["drop"]]


def test_without_a_target_the_predicted_class_is_explained():
    predictor = three_classes()
    for record in predictor.explain_all(TEXTS, "gradient-input"):
        assert record.source["explanation"]["label"] == record.prediction.label
    for record in predictor.explain_all(TEXTS, "gradient-input", target="중립"):
        assert record.source["explanation"]["label"] == "1"


@pytest.mark.parametrize("names, target", [(("a", "b", "c"), "d"), (("가", "가", "나"), "가"), (("0", "1", "2"), "")])
def test_an_unknown_target_lists_the_labels(names, target):
    with pytest.raises(OptionError, match=f"unknown target '{target}': expected one of this model's labels, '0'.*'1'.*'2'"):
        three_classes(names).explain(TEXT, "norm", target)


def test_a_label_goes_before_a_name():
    assert three_classes(("1", "2", "0")).explain(TEXT, "norm", "1").source["explanation"]["target"] == 1


@pytest.mark.parametrize("names, target, number", [
    (NAMES, unicodedata.normalize("NFD", NAMES[1]), 1), (NAMES, f" {NAMES[2]}\u200b", 2), (NAMES, 1, 1), (NAMES, 2.0, 2),
    (NAMES, np.int64(0), 0), (("1", "2", "0"), "1", 1)])
def test_a_target_is_the_same_however_it_is_written(names, target, number):
    """Labels are compared so everywhere."""
    assert three_classes(names).explain(TEXT, "norm", target).source["explanation"]["target"] == number


@pytest.mark.parametrize("target", [["0"], float("nan"), True, "\u200b", {}, np.array(["0"]), b"0"])
def test_what_is_no_label_is_no_target(target):
    with pytest.raises(OptionError, match="unknown target .*: expected one of this model's labels"):
        three_classes(NAMES).explain(TEXT, "norm", target)


def test_a_checkpoint_that_leaves_its_cell_out_has_the_recipes(tmp_path):
    predictor = random_model("mlp").predictor
    config = {**predictor.config, "model": {k: v for k, v in predictor.config["model"].items() if k != "cell"}}
    found = Predictor(predictor.checkpoint._replace(config=config), tmp_path, "cpu", "numpy").explain(TEXT, "norm")
    assert found.source["cell"] == "mlp"


@pytest.mark.parametrize("draws", [0, -1, 1.5, True, None, "5", float("nan")])
def test_draws_are_a_whole_number(draws):
    with pytest.raises(OptionError, match="draws must be a whole number, at least 1"):
        three_classes(NAMES).explain_each([TEXT], "norm", draws=draws)
    [record] = three_classes(NAMES).explain_each([TEXT], "norm", draws=np.int64(3))
    assert record.source["explanation"]["honesty"]["draws"] == 3


@pytest.mark.parametrize("wrong", [None, 3, b"a", ["a"]])
def test_what_is_no_text_replaces_nothing(wrong):
    with pytest.raises(TextError, match="expected a text"):
        three_classes(NAMES).explain(TEXT).replace(0, wrong)


def test_a_target_needs_a_method():
    with pytest.raises(OptionError, match="target '1' names the class of an attribution: give a method too"):
        three_classes().explain(TEXT, target="1")


def test_explanations_come_in_order_and_are_counted(monkeypatch):
    monkeypatch.setattr("gluonattn.classifier.many._EXPLAINED", 4)
    monkeypatch.setattr("gluonattn.classifier.many._TOGETHER", 2)
    predictor, seen = three_classes(), []
    texts = [*TEXTS, *TEXTS[::-1]]
    found = list(predictor.explain_each(texts, "norm", progress=lambda *counts: seen.append(counts)))
    assert [record.text for record in found] == texts
    assert seen[-1] == (10, 10) and [done for done, _ in seen] == sorted(done for done, _ in seen)
    with pytest.raises(TextError, match="nothing to explain"):  # before anything is computed
        predictor.explain_each(["좋다", " "])
