"""Many texts at once give what each gives alone, and the model is asked nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gluonattn.classifier.reader as reader_module
from gluonattn.classifier.attribution import METHODS, attribute
from gluonattn.classifier.batch import WAYS, Batch
from gluonattn.classifier.engines.numpy_engine import NumpyClassifier
from gluonattn.classifier.faithfulness import deletion_test
from gluonattn.models.cells import CELLS

from ..tolerance import tolerance
from .known import TEXTS, random_model

KINDS = [(cell, grams, "default") for cell in CELLS for grams in (False, True, "evidence")] + [("mlp", False, "post")]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 99), st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4),
       st.sampled_from(WAYS), st.sampled_from([1, 2]))
def test_variants_are_what_the_engine_says_of_their_examples(kind, seed, texts, way, workers):
    steps = random_model(*kind, seed=seed)
    rng = np.random.default_rng(seed)
    encoded_texts = [steps.read(text) for text in texts]
    gone = [rng.random((5, len(encoded.tokens))) < rng.random() for encoded in encoded_texts]
    take_out = steps.without if way == "remove" else steps.masked
    found = Batch(steps, encoded_texts, workers).without(gone, way)
    for encoded, rows, own in zip(encoded_texts, gone, found):
        examples = [take_out(encoded, np.flatnonzero(row).tolist()) for row in rows]
        np.testing.assert_allclose(own, steps.probabilities(examples), atol=tolerance(16, 24))


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_company_changes_nothing(kind, method):
    steps = random_model(*kind)
    batch = Batch(steps, [steps.read(text) for text in TEXTS])
    targets = [0, 1, 0, 1, 1]
    for encoded, target, found in zip(batch.encoded_texts, targets, METHODS[method].run(batch, targets)):
        alone = attribute(steps, steps.read(encoded.text), method, target)
        np.testing.assert_allclose(found.scores, alone.scores, atol=tolerance(16, 24))
        assert found.notes.keys() == alone.notes.keys()


class Counts:
    """How often an explanation reads and asks."""

    def __init__(self, monkeypatch):
        self.tokenized = self.hashed = self.passes = self.engine = 0
        self.monkeypatch = monkeypatch
        self._count(reader_module, "ngram_spans", "hashed")
        self._count(NumpyClassifier, "recurrent_of_rows", "passes", lambda _, gates, rows, *rest: len(rows))

    def watch(self, predictor):
        self._count(predictor.reader, "_tokenizer", "tokenized")
        self._count(predictor, "classifier", "engine")

    def _count(self, owner, name, counter, size=lambda *_: 1):
        function = getattr(owner, name)

        def counted(*arguments):
            setattr(self, counter, getattr(self, counter) + size(*arguments))
            return function(*arguments)

        self.monkeypatch.setattr(owner, name, counted)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", TEXTS)
def test_an_explanation_asks_the_model_nothing_twice(method, text, monkeypatch):
    predictor = random_model("mlp", grams=True).predictor
    size, counts = len(predictor.tokenizer(text)), Counts(monkeypatch)
    counts.watch(predictor)
    record = predictor.explain(text, method)
    assert (counts.tokenized, counts.hashed, counts.engine) == (1, 1, 0)
    taken_out = {frozenset([i]) for i in range(size)} if size > 1 else {frozenset([0])}
    rng = np.random.default_rng(record._opened[1].seed)
    count = record.source["explanation"]["honesty"]["tokens"]
    drawn = {frozenset(rng.choice(size, count, replace=False).tolist()) for _ in range(100)}
    top = frozenset(np.argsort(-record.attributions[method], kind="stable")[:count].tolist())
    assert counts.passes == 1 + len(taken_out | drawn | {top})


def test_the_deletion_test_is_the_same_alone():
    steps = random_model("dot", grams=True)
    record = steps.predictor.explain(TEXTS[2], "norm")
    encoded = steps.read(TEXTS[2])
    alone = deletion_test(steps, encoded, attribute(steps, encoded, "norm").scores, int(record.prediction.label))
    assert record.source["explanation"]["honesty"] == pytest.approx(alone._asdict(), abs=tolerance(16, 24))


def test_long_ways_of_integration_are_bounded_and_it_is_said(monkeypatch):
    steps = random_model("mlp", grams=True)
    monkeypatch.setattr("gluonattn.classifier.gradients.COMPLETE", 0.0)
    monkeypatch.setattr("gluonattn.classifier.gradients._LEAST", 1e-15)
    monkeypatch.setattr("gluonattn.classifier.gradients._MOST_PAIRS", 64 * 6**2)
    notes = attribute(steps, steps.read(TEXTS[2]), "integrated-gradients", 1).notes
    assert notes["steps"] == 64 and notes["approximated"].keys() == {"steps", "missing", "of"}
