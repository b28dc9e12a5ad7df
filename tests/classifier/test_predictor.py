"""A trained model in use: order, batching, odd texts, and what a record says it saw."""

import json
import os
import random
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gluonattn
from gluonattn.classifier.training import train
from gluonattn.data.reviews import Reviews
from gluonattn.errors import CheckpointError, DataError, TextError
from gluonattn.models.cells import CELLS
from gluonattn.models.checkpoint import KNOWN_NGRAMS, Checkpoint, load_checkpoint, save_checkpoint
from gluonattn.plain import is_blank, plain
from gluonattn.record import Prediction

from ..needs import needs_mxnet
from ..tolerance import tolerance
from .known import random_model

ROOT = Path(__file__).parents[2]
SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
TEXTS = ["재밌다ㅋㅋ", SENTENCE, "ㅠㅠ", "별로예요 돈 아깝다", "😀😀", "최고!! " * 40, "무난 무난", "\ud800", "그냥 그래요"]


@pytest.fixture(scope="session")
def predictor(tiny_model):
    return gluonattn.load(tiny_model, "cpu")


@pytest.mark.parametrize("wrong", [Reviews([], []), ["좋다"], "sample", None])
def test_only_reviews_with_labels_are_evaluated(predictor, wrong):
    with pytest.raises(DataError, match="evaluate takes reviews with their labels, at least one"):
        predictor.evaluate(wrong)


@pytest.fixture(scope="session")
def post(tmp_path_factory):
    """The post's recipe, hardly trained, on eojeol."""
    reviews = Reviews([f"영화 {'좋다' if i % 2 else '나쁘다'} 정말" for i in range(30)], ["1", "0"] * 15)
    folder = train(reviews, tmp_path_factory.mktemp("post") / "model", recipe="post", epochs=1,
                   tokenizer="whitespace", device="cpu", validation=0.2,
                   model={"embed_size": 6, "hidden_size": 4})
    return gluonattn.load(folder, "cpu")


def close(first, second):
    assert first.label == second.label
    assert first.probabilities == pytest.approx(second.probabilities, abs=tolerance(16, 64))


def test_a_prediction_is_a_label_and_probabilities(predictor):
    for prediction in predictor.predict(TEXTS):
        assert list(prediction.probabilities) == predictor.labels == ["0", "1"]
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=tolerance(2))
        assert prediction.probabilities[prediction.label] == max(prediction.probabilities.values())
        assert isinstance(prediction.confidence, float)


def test_order_is_kept_and_company_does_not_matter(predictor):
    alone = [predictor.predict([text])[0] for text in TEXTS]
    assert len({round(p.probabilities["1"], 7) for p in alone}) > 5  # texts do differ
    order = list(range(len(TEXTS))) * 3
    random.Random(0).shuffle(order)
    for i, prediction in zip(order, predictor.predict([TEXTS[i] for i in order])):
        close(prediction, alone[i])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(["", " \n", "\u200b", "\0 \ufeff", *TEXTS]), max_size=12))
def test_any_list_keeps_order_and_blanks(predictor, texts):
    found = predictor.predict(texts)
    assert len(found) == len(texts)
    for text, prediction in zip(texts, found):
        assert (prediction.label is None) == is_blank(text)
        if not is_blank(text):
            close(prediction, predictor.predict([text])[0])


@needs_mxnet
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_blind_to_the_batch(cell, tmp_path):
    """Random weights, larger than trained ones."""
    from gluonattn.classifier.network import build
    from gluonattn.data.vocabulary import build_vocabulary
    from gluonattn.models.checkpoint import get_weights
    from gluonattn.runtime import mx, versions

    words = [[w] for text in TEXTS for w in text.split()]
    vocabulary = build_vocabulary(words, min_count=1)
    arguments = dict(vocab_size=len(vocabulary), cell=cell, embed_size=8, hidden_size=4, num_heads=2)
    model = build("default", **arguments)
    model.initialize(mx.init.Normal(0.7))
    model(mx.nd.zeros((1, 2)), mx.nd.array([2]))
    config = {"recipe": "default", "model": arguments, "tokenizer": "whitespace", "labels": ["0", "1"],
              "max_length": 64, "versions": versions()}
    save_checkpoint(tmp_path / cell, Checkpoint(config, vocabulary.to_json(), get_weights(model), []))
    predictor = gluonattn.load(tmp_path / cell, "cpu")
    alone = [predictor.explain(text) for text in TEXTS]
    for record, together in zip(alone, predictor.explain_all(TEXTS)):
        close(record.prediction, together.prediction)
        np.testing.assert_allclose(record.weights, together.weights, atol=tolerance(8, 64))
        assert record.normalised and record.source["cell"] == cell
    for record, prediction in zip(alone, predictor.predict(TEXTS)):
        close(record.prediction, prediction)


def test_more_texts_than_a_chunk_or_batch_keep_their_order(predictor):
    texts = [f"{'좋' * (i % 7 + 1)} 영화 {i}" if i % 50 else "" for i in range(2200)]
    found = predictor.predict(texts)
    assert [i for i, p in enumerate(found) if p.label is None] == list(range(0, 2200, 50))
    for i in (1, 255, 257, 2047, 2049, 2199):
        close(found[i], predictor.predict([texts[i]])[0])


@pytest.mark.parametrize("blank", ["", " ", "\n\t \u3000", "\x1c", "\0", "\u200b", "\ufeff \u3164", "\u2800\u00ad"])
def test_a_blank_text_has_no_prediction_and_no_explanation(predictor, post, blank):
    for model in (predictor, post):
        first, none, last = model.predict(["영화", blank, "영화"])
        assert none == Prediction(None, {}) and np.isnan(none.confidence)
        close(first, last)
        assert first.label is not None
        with pytest.raises(TextError, match="nothing to explain in .*at least one visible character"):
            model.explain(blank)


@pytest.mark.parametrize("kind", [("mlp", False, "default"), ("mlp", True, "default"), ("mlp", "evidence", "default"),
                                  ("none", "evidence", "default"), ("mlp", False, "post")], ids=str)
@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["", " \n", "\u200b", "\0 \ufeff"]), max_size=4), st.integers(0, 2))
def test_blank_texts_need_no_company(kind, blanks, others):
    """Whatever a kind of model reads: where a part of the work has no text that can be seen, there is none to do."""
    model = random_model(*kind).predictor
    found = model.predict([*blanks, *TEXTS[:others]])
    assert found[: len(blanks)] == [Prediction(None)] * len(blanks)
    assert all(prediction.label is not None for prediction in found[len(blanks) :])


def test_no_texts(predictor):
    assert predictor.predict([]) == [] and predictor.explain_all([]) == []
    assert predictor.predict(["", ""]) == [Prediction(None)] * 2


@pytest.mark.parametrize("text", [
    "😀", "🎬🎬 😭", "👨‍👩‍👧‍👦", "좋다\0나쁘다", "\ud800", "좋다 \udfff 영화", "\x07\x1b[31m빨강", "e\u0301",
    "ㅋㅋㅋㅋ", "🇰🇷", "<unk>", "<pad> <unk>", "A" * 300, "\ufeff영화", "qqqq zzzz",
])
def test_odd_texts_are_read_whole(predictor, post, text):
    for model in (predictor, post):
        record = model.explain(text)
        assert record.text == text
        spans = {i for token in record.keys for i in range(token.start, token.end)}
        assert {i for i, c in enumerate(text) if not is_blank(c)} <= spans
        assert np.isfinite(record.weights).all()
        close(record.prediction, model.predict([text])[0])
        assert record.source["tokens"]["seen"] == record.source["tokens"]["in_text"] == len(record.keys)
        json.dumps(record.to_dict())


def test_unknown_tokens_are_said(predictor):
    record = predictor.explain("qqqq zzzz")
    assert record.source["tokens"]["unknown"] == list(range(len(record.keys)))
    assert predictor.explain("영화").source["tokens"]["unknown"] == []


@pytest.mark.parametrize("wrong", [None, 3, b"bytes", ["list"], float("nan")])
def test_what_is_not_a_text_is_refused(predictor, wrong):
    with pytest.raises(TextError, match=r"expected a text \(str\), got"):
        predictor.predict(["좋다", wrong])
    with pytest.raises(TextError, match=r"expected a text \(str\), got"):
        predictor.explain(wrong)


def test_a_single_string_is_one_text(predictor):
    assert predictor.predict("좋다") == predictor.predict(["좋다"])
    assert predictor.explain_all("좋다") == predictor.explain_all(["좋다"])
    assert all((a == b).all() for a, b in zip(predictor.inputs("좋다"), predictor.inputs(["좋다"])))


@pytest.fixture(scope="session")
def models(predictor, post, model_with_ngrams):
    return [predictor, post, model_with_ngrams]


@pytest.fixture(scope="session")
def model_with_ngrams():
    return gluonattn.load()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(text=st.lists(st.sampled_from([*TEXTS, "값", "\u1112\u1161\u11ab", "\uf914", "좋다", " ", "\u212b"]), max_size=6)
       .map("".join).filter(lambda text: not is_blank(text)), place=st.integers(0, 30),
       unseen=st.sampled_from(["\u200b", "\u00ad", "\ufeff", "\u2060\u200d", "\x00"]))
def test_equivalent_texts_get_the_same_answer(models, text, place, unseen):
    """Decomposed Hangul, compatibility characters, and what nobody can see."""
    decomposed = unicodedata.normalize("NFD", text)
    versions = [text, decomposed, unicodedata.normalize("NFC", text), text[:place] + unseen + text[place:],
                decomposed[: 2 * place] + unseen + decomposed[2 * place :]]
    for model in models:
        first, *others = model.predict(versions)
        for other in others:
            close(first, other)
        records = model.explain_all(versions)
        for version, record in zip(versions, records):
            assert record.text == version
            assert [token.text for token in record.keys] == [token.text for token in records[0].keys]
            for token, known in zip(record.keys, records[0].keys):
                assert plain(version[token.start : token.end]) == plain(text[known.start : known.end])


@pytest.mark.parametrize("index", [[2, 0, 1], [5, 9, 11], list("bca")])
def test_texts_are_taken_in_order_whatever_carries_them(models, index):
    texts = ["최고의 영화 감동이다", "돈이 아깝다 최악", "그냥 그렇다"]
    for model in models:
        for carrier in (pd.Series(texts, index=index), (text for text in texts), np.array(texts), tuple(texts)):
            assert model.predict(carrier) == model.predict(texts)
        assert model.explain_all(pd.Series(texts, index=index)) == model.explain_all(texts)
        assert all((a == b).all() for a, b in zip(model.inputs(iter(texts)), model.inputs(texts)))
        assert (model.evaluate(Reviews(pd.Series(texts, index=index), pd.Series([1, 0, 1.0], index=index)))
                == model.evaluate(Reviews(texts, ["1", "0", "1"])))


def test_ten_thousand_characters_are_cut_aloud(predictor):
    text = ("정말 재미있는 영화 " * 1000)[:10_000]
    record = predictor.explain(text)
    tokens = record.source["tokens"]
    assert tokens["in_text"] == len(predictor.tokenizer(text)) > 512
    assert tokens["seen"] == predictor.max_length == 512 == len(record.keys)
    assert record.text == text and record.weights.shape == (1, 1, 512, 512)
    seen = text[: record.keys[-1].end]
    close(record.prediction, predictor.predict([seen])[0])  # it saw this much and no more
    close(record.prediction, predictor.predict(["짧다", text])[1])


def test_ten_thousand_characters_without_a_space(predictor):
    record = predictor.explain("가나다라마" * 2000)
    assert record.source["tokens"]["seen"] == min(512, record.source["tokens"]["in_text"])


def test_a_record_says_where_it_comes_from(predictor, tiny_model):
    record = predictor.explain(SENTENCE)
    source = record.source
    assert source["model"] == tiny_model.name and source["recipe"] == "default" and source["cell"] == "mlp"
    assert source["tokenizer"] == "mecab" and source["framework"] == predictor.engine and source["versions"]["mxnet"]
    assert source["epoch"] == load_checkpoint(tiny_model).config["epoch"]
    assert record.normalised and "dropped_mass" not in source
    np.testing.assert_allclose(record.weights.sum(-1), 1, atol=1e-4)
    assert [SENTENCE[t.start : t.end] for t in record.keys] == [t.text for t in record.keys]
    assert record.queries == record.keys


def test_weights_are_the_models_own(predictor):
    """The record's rows are the classifier's, not cut or scaled anew."""
    record = predictor.explain(SENTENCE)
    logits, weights = predictor.classifier(*predictor.inputs([SENTENCE]))
    np.testing.assert_allclose(record.weights, weights, atol=tolerance(16, 32))
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert list(record.prediction.probabilities.values()) == pytest.approx(shares.tolist(), abs=tolerance(16, 32))


@needs_mxnet
def test_a_record_of_the_post_says_what_padding_took(post):
    record = post.explain("영화 정말 좋다")
    assert record.weights.shape == (1, 1, 3, 3) and [t.text for t in record.keys] == ["영화", "정말", "좋다"]
    assert record.normalised is False
    lost = 1 - record.weights.sum(-1).min()
    assert record.source["dropped_mass"] == pytest.approx(float(lost), abs=tolerance(30))
    assert 0.5 < lost < 1  # 27 of 30 positions were padding
    assert record.source["tokens"] == {"in_text": 3, "seen": 3, "unknown": []}


@needs_mxnet
@pytest.mark.parametrize("words", [30, 45])
def test_a_record_of_the_post_that_fills_its_30_tokens_is_whole(post, words):
    record = post.explain("영화 " * words)
    assert record.normalised and len(record.keys) == 30 == post.max_length
    assert record.source["tokens"] == {"in_text": words, "seen": 30, "unknown": []}
    close(record.prediction, post.predict(["영화 " * 30])[0])


def test_another_process_predicts_the_same(predictor, tiny_model):
    program = ("import gluonattn, json, sys\n"
               "found = gluonattn.load(sys.argv[1], 'cpu').predict(json.loads(sys.argv[2]))\n"
               "print(json.dumps([[p.label, p.probabilities] for p in found]))")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program, str(tiny_model), json.dumps(TEXTS)], text=True,
                          env=environment, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr
    for (label, probabilities), expected in zip(json.loads(done.stdout), predictor.predict(TEXTS)):
        close(Prediction(label, probabilities), expected)


def test_evaluate_equals_a_count_by_hand(predictor):
    reviews = Reviews(TEXTS, ["1", "0", "0", "0", "1", "1", "0", "1", "0"], {"without text": 2})
    result = predictor.evaluate(reviews)
    predictions = predictor.predict(TEXTS)
    right = [p.label == label for p, label in zip(predictions, reviews.labels)]
    assert result["accuracy"] == pytest.approx(np.mean(right))
    assert result["log_loss"] == pytest.approx(
        -np.mean([np.log(p.probabilities[label]) for p, label in zip(predictions, reviews.labels)]), abs=1e-4)
    confusion = np.array(result["confusion"])
    assert confusion.sum() == result["reviews"] == 9 and np.trace(confusion) == sum(right)
    assert confusion.sum(1).tolist() == [5, 4]  # rows are the true labels
    assert result["skipped"] == {"without text": 2} and result["macro_f1"] == pytest.approx(
        np.mean([result["f1"][label] for label in "01"]))


def test_evaluate_names_a_label_the_model_does_not_know(predictor):
    with pytest.raises(DataError, match="label '2' is unknown to this model, which knows '0', '1'"):
        predictor.evaluate(Reviews(["좋다", "나쁘다"], [1, 2]))


def test_evaluate_names_a_review_without_text(predictor):
    with pytest.raises(TextError, match=r"review 1 \(counted from 0\) has no text"):
        predictor.evaluate(Reviews(["좋다", " "], ["1", "0"]))


def test_a_folder_that_holds_another_models_parts_is_refused(tiny_model, post, tmp_path):
    """The digests are made to fit, so that only the parts themselves can tell."""
    ours, theirs = load_checkpoint(tiny_model), load_checkpoint(post.folder)
    for name, mixed, message in (
        ("vocabulary", ours._replace(vocabulary=theirs.vocabulary), "vocab.json has .* words, the model was built"),
        ("weights", ours._replace(weights={**theirs.weights, KNOWN_NGRAMS: ours.weights[KNOWN_NGRAMS]}),
         "weights do not fit this model"),
        ("ngrams", ours._replace(weights=theirs.weights), "does not hold the n-grams of this model"),
    ):
        with pytest.raises(CheckpointError, match=message):
            save_checkpoint(tmp_path / name, mixed)
            gluonattn.load(tmp_path / name, "cpu")
    narrow = {**ours.config, "model": {**ours.config["model"], "hidden_size": 9}}
    save_checkpoint(tmp_path / "narrow", ours._replace(config=narrow))
    with pytest.raises(CheckpointError, match="has shape .* in the checkpoint and .* in the model"):
        gluonattn.load(tmp_path / "narrow", "cpu")


def test_a_moved_folder_predicts_the_same_and_is_not_changed(tiny_model, predictor, tmp_path):
    moved = Path(shutil.copytree(tiny_model, tmp_path / "이름 바꾼 모델"))
    before = {p.name: p.read_bytes() for p in moved.iterdir()}
    assert gluonattn.load(moved, "cpu").predict(TEXTS) == predictor.predict(TEXTS)
    assert {p.name: p.read_bytes() for p in moved.iterdir()} == before


@pytest.mark.parametrize("workers", [1, 3])
def test_answers_stand_in_input_order_however_batches_are_cut(tiny_model, monkeypatch, workers):
    texts = [("정말 재밌다 " * (i % 9 + 1) if i % 7 else " ") for i in range(60)]
    predictor = gluonattn.load(tiny_model, "cpu", "numpy")
    expected = [predictor.predict([text])[0] for text in texts]
    monkeypatch.setattr("gluonattn.classifier.text_model._CHUNK", 16)
    monkeypatch.setattr(predictor.classifier, "batch_size", 4)
    monkeypatch.setattr(predictor.classifier, "batch_pairs", 200)
    monkeypatch.setattr(predictor, "_workers", workers)
    for found, one in zip(predictor.predict(texts), expected):
        assert found.label == one.label
        assert list(found.probabilities.values()) == pytest.approx(list(one.probabilities.values()), abs=tolerance(40, 40))
