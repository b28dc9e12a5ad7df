"""The loop: what a step does, and that it depends on seed and step alone."""

import numpy as np
import pytest

from gluonattn.classifier.task import SmoothedCrossEntropy
from gluonattn.models.checkpoint import get_weights
from gluonattn.runtime import mx
from gluonattn.training.callbacks import Callback
from gluonattn.training.loop import fit, prepare, train_batch, validate
from gluonattn.training.tasks import dropout_mask

from ..tolerance import tolerance


def equal(first, second):
    return all(np.array_equal(first[name], second[name]) for name in first)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("classes", [2, 5])
def test_the_loss_is_cross_entropy_against_smoothed_targets(smoothing, classes):
    rng = np.random.default_rng(0)
    logits, shares = rng.normal(size=(6, classes)), rng.dirichlet(np.ones(classes), 6)
    target = shares * (1 - smoothing) + smoothing / classes
    expected = -(target * log_softmax(logits)).sum(-1)
    found = SmoothedCrossEntropy(smoothing)(mx.nd.array(logits), mx.nd.array(shares))
    np.testing.assert_allclose(found.asnumpy(), expected, atol=tolerance(classes, 16, scale=expected))


def test_a_plan_holds_every_review_once_and_is_the_same_whenever_asked(make_run):
    run = make_run()
    for epoch in range(3):
        plan = run.plan(epoch)
        assert sorted(i for batch in plan for i in batch) == list(range(40))
        assert plan == run.plan(epoch) and len(plan) == run.batches_per_epoch
    assert run.plan(0) != run.plan(1)
    assert run.plan(0) != make_run(seed=1).plan(0)


def test_planning_does_not_touch_numpys_generator(make_run):
    run = make_run()
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    run.plan(0)
    assert np.random.random() == expected


def test_training_learns_and_the_history_tells(make_run):
    run = make_run(reviews=150, epochs=10, learning_rate=0.02, word_dropout=0.0, label_smoothing=0.0)
    fit(run, [])
    assert [epoch["epoch"] for epoch in run.history] == list(range(1, 11))
    assert run.history[-1]["train_loss"] < 0.7 * run.history[0]["train_loss"]
    assert run.history[-1]["train_accuracy"] > 0.8
    assert (run.epoch, run.batch, run.step) == (10, 0, run.steps)
    for epoch in run.history:
        assert set(epoch) == {"epoch", "train_loss", "train_accuracy", "valid_loss", "valid_accuracy",
                              "learning_rate", "seconds", "reviews_per_second"}


@pytest.mark.parametrize("ngrams", [False, True])
def test_validation_equals_numpy(make_run, ngrams):
    run = make_run(ngrams=ngrams)
    _, targets, offsets = run.valid
    labels = targets.argmax(1)
    rows = [run.model(*run.arrays(run.valid, [i])[0])[0].asnumpy()[0] for i in range(len(labels))]  # one by one
    log_p = log_softmax(np.array(rows) + (offsets if ngrams else 0))
    found = validate(run)
    assert found["valid_loss"] == pytest.approx(-log_p[range(len(labels)), labels].mean(), rel=tolerance(8, 16))
    assert found["valid_accuracy"] == pytest.approx((log_p.argmax(-1) == labels).mean())


@pytest.mark.parametrize("ngrams", [False, True])
def test_the_gradient_is_that_of_the_operators_one_by_one(make_run, ngrams):
    """MXNet's static graphs have been wrong about sums of losses."""
    run = make_run(ngrams=ngrams, model={"embed_size": 6, "hidden_size": 4, "units": 3, "dropout": 0.0})
    (targets, *arrays), seed = prepare(run, run.plan(0), 0)
    loss, correct = run.start_gradient((targets, *arrays), seed)
    found = [array.asnumpy() for array in run.gradients()]
    offsets, inputs = (arrays[0], arrays[1:4]) if ngrams else (0 * targets, arrays[:2])
    run.model.hybridize(False)
    with mx.autograd.record():
        logits, _ = run.model(*inputs)
        parts = [run.task.loss(run.settings.label_smoothing)(each, targets) for each in (logits + offsets, logits)]
        expected = (sum(parts) / 2).sum()
    expected.backward()
    assert loss.asscalar() == pytest.approx(expected.asscalar(), rel=tolerance(8, 16))
    assert correct.asscalar() == ((logits + offsets).asnumpy().argmax(1) == targets.asnumpy().argmax(1)).sum()
    assert any(np.abs(array).max() > 0.1 for array in found)
    for array, wanted in zip(found, run.gradients()):
        np.testing.assert_allclose(array, wanted.asnumpy(), atol=tolerance(64, 16, scale=wanted.asnumpy()))


def test_dropout_drops_its_share_and_keeps_the_mean(make_run):
    run = make_run()
    (_, _, _, words, features), _ = prepare(run, [list(range(40))] * 3, 0)
    assert words.shape == (40, 8, 6) and features.shape == (40, 16)
    assert (words.asnumpy() == 0).mean() == pytest.approx(0.4, abs=0.06)
    mask = dropout_mask((300, 400), 0.3, np.random.default_rng(0))
    assert mask.dtype == np.float32 and len(np.unique(mask)) == 2
    assert (mask == 0).mean() == pytest.approx(0.3, abs=0.01) and mask.mean() == pytest.approx(1, abs=0.01)
    assert (dropout_mask((3, 2), 0.0, np.random.default_rng(0)) == 1).all()


@pytest.mark.parametrize(("options", "drawn"), [
    ({}, False), ({"recipe": "post", "model": {}}, True), ({"model": {"attention_dropout": 0.1}}, True)])
def test_mxnet_is_seeded_only_where_it_draws(make_run, options, drawn):
    assert make_run(**options)._draws == drawn


def test_extra_texts_are_read_in_the_first_epochs_only(make_run):
    run = make_run(labelled=25, extra="somewhere", extra_epochs=2, epochs=1)
    seen, steps = [], []

    class Watch(Callback):
        def on_batch_begin(self, run):
            steps.append(run.step)

        def on_epoch_end(self, run):
            seen.append({i for batch in run.plan(run.epoch - 1) for i in batch})

    fit(run, [Watch()])
    assert seen == [set(range(40)), set(range(40)), set(range(25))]
    assert steps == list(range(run.steps)) and len(run.history) == run.epochs == 3


def test_the_network_learns_beside_the_linear_branch_and_by_itself(make_run):
    """Where the branch is always right and sure, the network still learns."""
    run = make_run(ngrams=True, epochs=8, learning_rate=0.02)
    run.train = run.train._replace(offsets=(20 * run.train.targets - 10).astype(np.float32))
    run.valid = run.valid._replace(offsets=0 * run.valid.targets)
    fit(run, [])
    assert run.history[-1]["valid_accuracy"] >= 0.8


def test_same_seed_same_parameters_and_another_seed_others(make_run):
    runs = [make_run(seed=seed) for seed in (4, 4, 5)]
    for run in runs:
        fit(run, [])
    first, again, other = (get_weights(run.model) for run in runs)
    assert equal(first, again)
    assert not any(np.array_equal(first[n], other[n]) for n in first if "weight" in n)


def test_a_step_depends_on_seed_and_step_alone(make_run):
    """Whatever drew random numbers between two steps does not matter."""
    class Noise(Callback):
        def on_batch_begin(self, run):
            mx.nd.random.normal(shape=(3,)).wait_to_read()
            np.random.random(5)
            mx.random.seed(99)

    quiet, noisy = make_run(), make_run()
    fit(quiet, [])
    fit(noisy, [Noise()])
    assert equal(get_weights(quiet.model), get_weights(noisy.model))


def test_only_words_of_the_batch_are_touched_in_the_embedding(make_run):
    run = make_run(word_dropout=0.0)
    before = get_weights(run.model)["embedding.weight"]
    positions = [0, 1]
    used = set(run.train.texts.batch(positions)[0].ravel().tolist())
    train_batch(run, prepare(run, [positions], 0), [], lambda: None)
    moved = np.abs(get_weights(run.model)["embedding.weight"] - before).max(-1) > 0
    assert set(np.flatnonzero(moved)) <= used | {1}
    assert moved.any()


def test_a_stop_inside_an_epoch_keeps_its_place(make_run):
    class Stop(Callback):
        ended = 0

        def on_batch_end(self, run):
            run.stop = "wanted" if run.step == 3 else None

        def on_train_end(self, run):
            self.ended += 1

    run, stop = make_run(), Stop()
    fit(run, [stop])
    assert (run.epoch, run.batch, run.history, stop.ended) == (0, 3, [], 1)
