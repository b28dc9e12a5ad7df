"""Training with torch: the batches, gradients and steps of MXNet's loop, and the same promises."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs torch: pip install "gluonattn[torch]"')

from gluonattn.classifier.pretraining import LanguageSettings  # noqa: E402
from gluonattn.classifier.settings import ClassifierSettings  # noqa: E402
from gluonattn.errors import CheckpointError  # noqa: E402
from gluonattn.models.cells import CELLS  # noqa: E402
from gluonattn.training.callbacks import GradientClipping, LearningRate  # noqa: E402
from gluonattn.training.loop import fit, new_run, prepare, validate  # noqa: E402
from gluonattn.training.state import load_state, save_state  # noqa: E402

from ..tolerance import tolerance  # noqa: E402
from .conftest import NGRAMS, TINY, made_up_parts  # noqa: E402
from .test_state import TIMES, StopAt, usual  # noqa: E402

pytestmark = pytest.mark.torch

WAYS = {"words": {}, "n-grams": {"ngrams": True}, "evidence": {"evidence": True}, "post": {"recipe": "post"}}


def classifier_run(framework, way="words", cell="mlp", initial=None, **options):
    settings = ClassifierSettings(**{**TINY, "cell": cell, "framework": framework, **WAYS[way], **options}).resolve(50)
    if way == "post":
        settings.model = {**settings.model, "dropout": 0.0, "attention_dropout": 0.0, "length": settings.max_length}
    model = {"vocab_size": 12, "cell": cell, **settings.model, **(NGRAMS if way == "n-grams" else {}),
             **({"evidence": 6} if way == "evidence" else {})}
    if framework == "torch":
        from gluonattn.classifier.engines.forward import DEFAULTS

        model = {**DEFAULTS[settings.recipe], **model}
    return new_run(settings, model, *made_up_parts(settings, 50), 40, initial=initial)


def language_run(framework, initial=None, **options):
    settings = LanguageSettings(epochs=2, batch_size=8, framework=framework, sampled=512, **options).resolve(50)
    train, valid = made_up_parts(ClassifierSettings(**TINY).resolve(50), 50, shortest=2)
    start = (part._replace(targets=part.targets[:, :1] * 0) for part in (train, valid))
    return new_run(settings, {"vocab_size": 12, "embed_size": 6, "hidden_size": 4, "unknown": 0, "padding": 1,
                              "evidence": 6}, *start, 40, initial=initial)


def mxnet_gradients(run):
    names = [name for name, p in sorted(run.model._collect_params_with_prefix().items()) if p.grad_req != "null"]
    return {name: array.asnumpy() for name, array in zip(names, run.gradients())}


def torch_gradients(run):
    return {name: (p.grad.to_dense() if p.grad.is_sparse else p.grad).numpy() for name, p in run.parameters.items()}


def compare_first_steps(first, second):
    """Losses and gradients of some batches, and the parameters after a step."""
    assert first.plan(0) == second.plan(0) and first.plan(1) == second.plan(1)
    for number in range(3):
        values = []
        for run in (first, second):
            sums = run.start_gradient(*prepare(run, run.plan(0), number))
            values.append(run.add_gradients(sums, 8))
        np.testing.assert_allclose(values[0], values[1], rtol=tolerance(64, 16))
        found, wanted = torch_gradients(second), mxnet_gradients(first)
        assert found.keys() == wanted.keys()
        for name in wanted:
            np.testing.assert_allclose(found[name], wanted[name], atol=tolerance(64, 16, scale=wanted[name]), err_msg=name)
        norms = [run.gradient_norm() for run in (first, second)]
        assert norms[0] == pytest.approx(norms[1], rel=tolerance(64, 16))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_batch_has_the_gradient_it_has_with_mxnet(way, cell):
    if way not in ("words", "post") and cell not in ("mlp", "multi-head"):
        pytest.skip("what the cell sees is the same")
    first = classifier_run("mxnet", way, cell)
    initial = first.get_weights()
    if "subword_embedding.weight" in initial:
        initial["subword_embedding.weight"][0] = 0  # padding: MXNet leaves it out
    compare_first_steps(first, classifier_run("torch", way, cell, initial=initial))


def test_a_batch_of_the_language_model_has_the_gradient_it_has_with_mxnet():
    first = language_run("mxnet")
    compare_first_steps(first, language_run("torch", initial=first.get_weights()))


def test_all_words_stand_against_the_right_one_where_none_are_drawn():
    run = language_run("torch")
    run.settings.sampled = run.model._sampled = 0
    arrays, _ = prepare(run, run.plan(0), 0)
    outcome = run.model(*arrays[1:4]).detach()
    run.model.eval()
    with torch.no_grad():
        whole = run.model(*arrays[1:3])
    run.model.train()
    assert outcome.shape == whole.shape == (8, 2)
    run.model._rate = 0.0
    np.testing.assert_allclose(run.model(*arrays[1:3]).detach(), whole, atol=tolerance(64, 8))


@pytest.mark.parametrize("way", ["words", "evidence"])
def test_steps_come_to_the_parameters_they_come_to_with_mxnet(way):
    """Adam adds 1e-8 in another place; words that no batch has do not move."""
    first = classifier_run("mxnet", way, epochs=1, word_dropout=0.3)
    second = classifier_run("torch", way, epochs=1, word_dropout=0.3, initial=first.get_weights())
    before = first.get_weights()
    for run in (first, second):
        fit(run, usual())
    found, wanted = second.get_weights(), first.get_weights()
    for name in wanted:  # of the way that a parameter went: where a gradient is nearly 0, Adam goes by its sign
        assert np.abs(found[name] - wanted[name]).mean() <= 0.1 * np.abs(wanted[name] - before[name]).mean(), name
    losses = [run.history[0]["valid_loss"] for run in (first, second)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


@pytest.mark.parametrize("way", ["words", "n-grams", "evidence"])
def test_training_learns_and_validates_as_predicting_does(way):
    run = classifier_run("torch", way, epochs=10, learning_rate=0.02, word_dropout=0.0, label_smoothing=0.0, seed=3)
    fit(run, [])
    assert run.history[-1]["train_loss"] < 0.8 * run.history[0]["train_loss"]
    with run.use_average():
        inputs, targets, offsets = run.arrays(run.valid, range(10))
        logits = run.predict(inputs) + (0 if offsets is None else offsets.numpy())
    right = (logits.argmax(1) == targets.numpy().argmax(1)).mean()
    assert run.history[-1]["valid_accuracy"] == pytest.approx(right) == validate(run)["valid_accuracy"]


@pytest.mark.parametrize("way", [*WAYS, "language"])
def test_a_run_stopped_at_any_step_ends_where_an_uninterrupted_one_does(tmp_path, way):
    def fresh():
        return language_run("torch") if way == "language" else classifier_run("torch", way, word_dropout=0.2)

    whole = fresh()
    fit(whole, usual())
    tensors, header = whole.collect_state()
    for step in (1, whole.batches_per_epoch, whole.batches_per_epoch + 1):
        first = fresh()
        fit(first, [*usual(), StopAt(step)])
        save_state(tmp_path / "resume", first, "print")
        second = fresh()
        load_state(tmp_path / "resume", second, "print")
        fit(second, usual())
        found = second.collect_state()
        assert found[1] == header and found[0].keys() == tensors.keys()
        for name, values in tensors.items():
            np.testing.assert_array_equal(found[0][name], values, err_msg=f"{name} {step}")
        assert [{k: v for k, v in e.items() if k not in TIMES} for e in second.history] == [
            {k: v for k, v in e.items() if k not in TIMES} for e in whole.history]


def test_a_resume_file_of_the_other_framework_is_refused(tmp_path):
    save_state(tmp_path / "resume", classifier_run("mxnet"), "print")
    run = classifier_run("torch")
    fit(run, [StopAt(1)])
    save_state(tmp_path / "torch", run, "print")
    for name, framework in (("torch", "mxnet"), ("resume", "torch")):
        other = classifier_run(framework)
        before = other.get_weights()
        if name == "resume":
            load_state(tmp_path / name, other, "print")  # nothing of the optimizer is in it yet
            continue
        with pytest.raises(CheckpointError, match="is not an array of this model"):
            load_state(tmp_path / name, other, "print")
        assert all((other.get_weights()[key] == before[key]).all() for key in before)


def test_clipping_bounds_the_norm_of_the_mean_gradient():
    run = classifier_run("torch", epochs=1)
    norms = []

    class Check(GradientClipping):
        def on_gradient(self, run):
            super().on_gradient(run)
            norms.append(run.gradient_scale * run.gradient_norm() / run.batch_reviews)

    fit(run, [LearningRate("linear", 0.01, 0.1), Check(0.01)])
    assert max(norms) <= 0.01 * (1 + tolerance(64))
