"""Words as numbers, the loss, and when a word is right."""

import numpy as np
import pytest

from gluonattn.pronunciation.pairs import word_pairs
from gluonattn.pronunciation.settings import PronunciationSettings
from gluonattn.pronunciation.task import (
    LetterCrossEntropy,
    PronunciationTask,
    encode,
    make_vocabulary,
)
from gluonattn.runtime import mx
from gluonattn.training.loop import fit, prepare, validate

from ..tolerance import tolerance

WORDS = ["국물이 값을 놓고 나무 하늘 좋은 학교에 같이 먹는다 책상"]


@pytest.fixture(scope="module")
def pairs():
    sets = word_pairs(WORDS, fractions=(1, 0, 0))
    return sets.train


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_mean_over_letters_and_padding_is_no_letter(smoothing):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 4, 6))
    targets = np.array([[1, 2, 3, 4, -1], [5, 0, -1, -1, -1], [2, -1, -1, -1, -1]], np.float32)
    expected = []
    for row, wanted in zip(log_softmax(logits), targets):
        share = np.eye(6)[wanted[wanted >= 0].astype(int)] * (1 - smoothing) + smoothing / 6
        expected.append(-(share * row[: len(share)]).sum(-1).mean())
    found = LetterCrossEntropy(smoothing)(mx.nd.array(logits), mx.nd.array(targets))
    np.testing.assert_allclose(found.asnumpy(), expected, rtol=tolerance(6, 2))


def test_a_word_is_right_when_every_letter_is():
    targets = np.array([[1, 2, 3], [1, 2, -1], [1, 2, 3], [0, -1, -1]], np.float32)
    said = np.array([[1, 2, 3], [1, 2, 0], [1, 0, 3], [1, 0, 0]])
    task = PronunciationTask(PronunciationSettings())
    found = task.correct(mx.nd, mx.nd.array(np.eye(4)[said]), mx.nd.array(targets))
    assert found.asnumpy().tolist() == [1, 1, 0, 0]


def test_words_as_arrays_hold_letters_in_their_places(pairs):
    vocabulary = make_vocabulary()
    part = encode(pairs, vocabulary)
    source, lengths, target = part.texts.batch(range(len(pairs)))
    for pair, row, length, said, wanted in zip(pairs, source, lengths, target, part.targets):
        names = vocabulary.to_tokens([int(i) for i in row])
        assert names == [*pair.said.written, "</s>", *["<pad>"] * (len(row) - int(length))]
        assert vocabulary.to_tokens([int(i) for i in said])[: len(pair.said.spoken) + 1] == ["<s>", *pair.said.spoken]
        letters = [int(i) for i in wanted if i >= 0]
        assert vocabulary.to_tokens(letters) == [*pair.said.spoken, "</s>"]


@pytest.fixture
def make_run(pairs):
    from gluonattn.training.loop import new_run

    def make(**options):
        settings = PronunciationSettings(**{"epochs": 2, "batch_size": 4, "workers": 1, **options}).resolve(10)
        vocabulary = make_vocabulary()
        part = encode(pairs, vocabulary)
        model = {"vocab_size": len(vocabulary), "units": 16, "hidden_size": 16, "num_layers": 1, "num_heads": 2}
        return new_run(settings, model, part, part, len(pairs))

    return make


def test_the_usual_loop_learns_words_by_heart(make_run):
    run = make_run(epochs=60, learning_rate=0.01, schedule="constant", label_smoothing=0.0)
    before = validate(run)
    fit(run, [])
    assert before["valid_accuracy"] == 0
    assert run.history[-1]["valid_accuracy"] > 0.8 and run.history[-1]["valid_loss"] < before["valid_loss"] / 5


def test_a_batch_is_prepared_the_same_whenever_it_is_asked_for(make_run):
    run = make_run()
    plan = run.plan(0)
    first, again = prepare(run, plan, 1), prepare(run, plan, 1)
    assert first[-1] == again[-1]
    assert all((a == b).asnumpy().all() for a, b in zip(first[0], again[0]))
