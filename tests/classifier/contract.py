"""What every kind of model that can be explained is held to: ours, and those of other programs. One checker for all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gluonattn.classifier.attribution import attribute_batch
from gluonattn.classifier.faithfulness import SHARES, deletion_tests, erase, flips
from gluonattn.errors import OptionError, RecordError, TextError
from gluonattn.record import load_record
from gluonattn.views.page_data import page_data
from gluonattn.views.terminal import to_terminal

TOLERANCE = 2e-6  # of a probability: float32 sums of texts that went through together


def check_batch(batch, methods, targets) -> None:
    """A batch answers consistently, and every test of faithfulness can be asked of it."""
    for encoded, passed, alone in zip(batch.encoded_texts, batch.passes, batch.without_each()):
        size = len(encoded.tokens)
        assert alone.shape == (size, len(passed.probabilities))
        assert passed.probabilities.sum() == pytest.approx(1) and np.allclose(alone.sum(1), 1)
    left: list = []
    for way in ("remove", "mask"):
        nothing, everything = (batch.without([np.full((2, len(r.tokens)), gone) for r in batch.encoded_texts], way)
                               for gone in (False, True))
        for passed, same, none in zip(batch.passes, nothing, everything):
            assert (same == passed.probabilities).all() and (none[0] == none[1]).all()
        left.append(everything)
    assert all(np.allclose(a, b, atol=TOLERANCE) for a, b in zip(*left))  # how long a text was is not told
    rng = np.random.default_rng(0)
    gone = [rng.random((5, len(r.tokens))) < 0.5 for r in batch.encoded_texts]
    batch.expect([g[:2] for g in gone])
    together = batch.without(gone)
    for i, (one, found) in enumerate(zip(gone, together)):
        for row, p in zip(one, found):
            asked = [np.zeros((0, len(r.tokens)), bool) for r in batch.encoded_texts]
            asked[i] = row[None]
            assert np.allclose(batch.without(asked)[i][0], p, atol=TOLERANCE)
    for name in methods:
        found = attribute_batch(batch, name, targets, methods)
        for encoded, (scores, _) in zip(batch.encoded_texts, found):
            assert scores.shape == (len(encoded.tokens),) and np.isfinite(scores).all()
            assert methods[name].signed or (scores >= 0).all()
        scores = [own for own, _ in found]
        assert erase(batch, scores, targets).comprehensiveness.shape == (len(batch.encoded_texts), len(SHARES))
        assert ((flips(batch, scores, targets) > 0) & (flips(batch, scores, targets) <= 1)).all()
        for passed, target, test in zip(batch.passes, targets, deletion_tests(batch, scores, targets, draws=7)):
            assert test.draws == 7 and test.before == passed.probabilities[target] and 0 <= test.further <= 1


def check_predictor(predictor, methods, text: str, tmp_path) -> None:
    """Prediction, explanation, what-if, honesty line, page and file agree with each other."""
    first, blank = predictor.predict([text, " \n"])
    assert blank.label is None and set(first.probabilities) == set(predictor.labels)
    with pytest.raises(TextError):
        predictor.explain(" \n")
    with pytest.raises(OptionError):
        predictor.explain(text, "no such method")
    with pytest.raises(OptionError):
        predictor.explain(text, "default", "no such label")
    with pytest.raises(OptionError):
        predictor.explain(text, None, predictor.labels[0])
    for name in methods:
        record = predictor.explain(text, name)
        assert record.prediction.label == first.label
        assert record.prediction.probabilities == pytest.approx(first.probabilities, abs=1e-5)
        assert all(text[t.start:t.end] == t.text for t in record.keys) and record.queries == record.keys
        about = record.source["explanation"]
        assert about["method"] == name and about["label"] == first.label and about["sign"] == methods[name].sign
        assert record.attributions[name].shape == (len(record.keys),)
        assert "goes from" in to_terminal(record, colours="none")
        path = record.save(tmp_path / f"{name}.npz")
        assert load_record(path) == record
    for i, label in enumerate(predictor.labels):
        other = predictor.explain(text, "default", label)
        assert other.source["explanation"]["target"] == i and other.source["explanation"]["label"] == label
    record = predictor.explain(text, "default")
    asked = record.source["explanation"]["what_if"]["drop"]
    assert len(asked) == len(record.keys)
    shown = page_data([record])["records"][0]["attribution"]
    assert shown["asked"]["drop"] == [row[predictor.labels.index(first.label)] for row in asked] and shown["trust"]
    for i, row in enumerate(asked):
        dropped = record.drop(i)
        assert [t.text for t in dropped.keys] == [t.text for j, t in enumerate(record.keys) if j != i]
        assert list(dropped.prediction.probabilities.values()) == pytest.approx(row, abs=1e-4)  # four digits are kept
        assert dropped.source["what_if"] == {"dropped": [i]} and dropped.text == text
    again = dropped.drop(0)
    assert len(again.keys) == len(record.keys) - 2
    replaced = record.replace(0, "최고")
    assert replaced.keys[0].text == "최고" and replaced.prediction.probabilities == pytest.approx(
        predictor.predict([replaced.text])[0].probabilities, abs=1e-5)
    with pytest.raises(RecordError, match="must leave"):
        record.drop(range(len(record.keys)))
    with pytest.raises(RecordError):
        record.drop(len(record.keys))
    with pytest.raises(RecordError):
        record.edit(np.zeros_like(record.weights))
    with pytest.raises(RecordError, match="needs the model"):
        type(record).drop(dataclasses.replace(record, source={}), 0)  # what is changed has no model any more
