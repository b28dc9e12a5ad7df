"""A model that reads evidence, from its training to every way of asking it."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

import gluonattn
from gluonattn.classifier.batch import Batch
from gluonattn.classifier.config import check_classifier
from gluonattn.errors import CheckpointError, OptionError
from gluonattn.models.checkpoint import EVIDENCE, load_checkpoint, save_checkpoint

from ..needs import needs_mxnet
from ..tolerance import tolerance

TEXTS = ["연기는 좋았는데 이야기가  아쉽다 ㅋㅋㅋㅋㅋㅋ", "최고!", "재미없다 진짜 별로",
         "\u1112\u1161\u11ab 번 더 볼래요", "이런 말은 처음 본다"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Trained on the bundled sample for two epochs."""
    from gluonattn.runtime import mxnet_is_installed

    if not mxnet_is_installed():
        pytest.skip('needs MXNet to train a model: pip install "gluonattn[cpu]" on Python 3.9 to 3.12')
    return gluonattn.train("sample", tmp_path_factory.mktemp("models") / "evidence", epochs=2, seed=1, device="cpu",
                           evidence=True, model={"embed_size": 8, "hidden_size": 6})


@pytest.fixture(scope="module")
def predictor(folder):
    return gluonattn.load(folder, engine="numpy")


@pytest.mark.parametrize("engine", [pytest.param("onnx", marks=pytest.mark.onnx),
                                    pytest.param("torch", marks=pytest.mark.torch), "mxnet"])
def test_engines_agree_from_the_raw_text_on(folder, predictor, engine):
    pytest.importorskip({"onnx": "onnxruntime"}.get(engine, "numpy"))
    other = gluonattn.load(folder, engine=engine)
    for one, found in zip(predictor.predict(TEXTS), other.predict(TEXTS)):
        assert one.probabilities == pytest.approx(found.probabilities, abs=tolerance(128))


def test_explaining_reads_what_predicting_reads(predictor):
    for text, predicted, record in zip(TEXTS, predictor.predict(TEXTS), predictor.explain_all(TEXTS)):
        assert record.prediction.probabilities == pytest.approx(predicted.probabilities, abs=tolerance(128)), text


def test_dropping_reads_the_text_as_if_the_words_had_not_been_there(predictor):
    """Not as another text: n-grams over the gap are not made."""
    record = predictor.explain(TEXTS[0])
    encoded = predictor.read(TEXTS[0])
    for gone in ([0], [1, 2], list(range(1, len(record.keys)))):
        left = predictor.steps.without(encoded, gone)
        expected = predictor.probabilities([left])[0]
        assert list(record.drop(gone).prediction.probabilities.values()) == pytest.approx(expected, abs=tolerance(128))
        rows = [np.isin(np.arange(len(encoded.tokens)), gone)[None]]
        np.testing.assert_allclose(Batch(predictor.steps, [encoded]).without(rows)[0][0], expected, atol=tolerance(128))
    assert len(record.drop(0).drop(0).keys) == len(record.keys) - 2
    assert record.drop(0).drop(0).prediction.probabilities == pytest.approx(
        record.drop([0, 1]).prediction.probabilities, abs=tolerance(128))


def test_the_record_carries_an_account_that_adds_up(predictor):
    for text in TEXTS:
        record = predictor.explain(text, "leave-one-out")
        account = record.source["explanation"].get("account")
        if account is None:
            assert len(record.keys) == 1
            continue
        p = record.prediction.probabilities[record.prediction.label]
        entered = account["nothing"] + np.sum(account["words"]) + np.sum(account["evidence"]) + np.sum(account["beside"])
        assert entered == pytest.approx(account["difference"], abs=tolerance(128))
        assert account["bias"] + np.sum(account["read"]) == pytest.approx(account["difference"], abs=tolerance(128))
        assert account["difference"] == pytest.approx(np.log(p / (1 - p)), abs=1e-4)


def test_a_long_text_is_read_to_the_models_longest(folder):
    predictor = gluonattn.load(folder, engine="numpy")
    text = "정말 좋은 영화 " * 400
    cut = text[: predictor.visible(text)[predictor.max_length - 1].end]
    assert predictor.predict([text])[0].probabilities == pytest.approx(
        predictor.predict([cut])[0].probabilities, abs=tolerance(128))
    assert predictor.explain(text).prediction.probabilities == pytest.approx(
        predictor.predict([text])[0].probabilities, abs=tolerance(128))


def test_the_checkpoint_holds_the_tables_and_saves_again(folder, predictor, tmp_path):
    checkpoint = load_checkpoint(folder)
    assert set(EVIDENCE) <= set(checkpoint.weights)
    save_checkpoint(tmp_path / "again", checkpoint)
    assert gluonattn.load(tmp_path / "again", engine="numpy").predict(TEXTS) == predictor.predict(TEXTS)


@pytest.mark.parametrize(("name", "change"), [
    ("evidence.known", lambda v: v[::-1].copy()), ("evidence.known", lambda v: v[:-1].copy()),
    ("evidence.scores", lambda v: v[:-1].copy()), ("evidence.scores", lambda v: v * np.float32("nan")),
    ("evidence.scores", lambda v: v + 1), ("evidence.squares", lambda v: -v), ("evidence.spread", lambda v: v * 0),
    ("evidence.spread", lambda v: v[:-1].copy()), ("evidence.spread", None), ("evidence.known", None),
])
def test_tables_that_do_not_fit_are_an_error_that_names_the_file(folder, tmp_path, name, change):
    changed = shutil.copytree(folder, tmp_path / "model")
    weights = dict(load_tensors((changed / "model.safetensors").read_bytes()))
    if change is None:
        del weights[name]
    else:
        weights[name] = change(weights[name])
    content = save_tensors({key: np.ascontiguousarray(value) for key, value in weights.items()})
    config = json.loads((changed / "config.json").read_bytes())
    config["sha256"] = {**config["sha256"], "model.safetensors": sha256(content).hexdigest()}
    (changed / "model.safetensors").write_bytes(content)
    (changed / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        gluonattn.load(changed)


@pytest.mark.parametrize("model", [{"evidence": 5}, {"evidence": 12}, {"evidence": 6, "subword_buckets": 9}])
def test_a_config_that_cannot_be_is_refused(folder, model):
    config = load_checkpoint(folder).config
    check_classifier(config, folder / "config.json")
    with pytest.raises(CheckpointError, match="channels of evidence"):
        check_classifier({**config, "model": {**config["model"], **model}}, folder / "config.json")


@needs_mxnet
def test_more_than_two_classes_have_evidence_for_each(tmp_path):
    from gluonattn.data.reviews import Reviews

    rng = np.random.default_rng(0)
    words = {"좋음": ["최고", "훌륭하다", "감동"], "나쁨": ["최악", "지루하다", "실망"],
             "보통": ["그저", "무난하다", "평범"]}
    labels = [list(words)[i] for i in rng.integers(3, size=150)]
    texts = [" ".join(rng.choice([*words[label], "영화", "배우"], 5)) for label in labels]
    folder = gluonattn.train(Reviews(texts, labels), tmp_path / "three", evidence=True, tokenizer="whitespace", epochs=6,
                             batch_size=8, device="cpu", model={"embed_size": 8, "hidden_size": 6})
    predictor = gluonattn.load(folder, engine="numpy")
    assert predictor.config["model"]["evidence"] == 18
    assert np.mean([p.label == label for p, label in zip(predictor.predict(texts), labels)]) > 0.9
    account = predictor.explain(texts[0], "account").source["explanation"]["account"]
    assert account["nothing"] + np.sum(account["words"]) + np.sum(account["evidence"]) == pytest.approx(
        account["difference"], abs=tolerance(128))


def test_evidence_and_ngrams_together_are_refused():
    with pytest.raises(OptionError, match="evidence takes the place of ngrams"):
        gluonattn.train("sample", evidence=True, ngrams=True)
