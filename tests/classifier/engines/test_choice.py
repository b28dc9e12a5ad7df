"""Which engine is taken, and what is said where one cannot be."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import gluonattn
from gluonattn.classifier.engines import choice
from gluonattn.classifier.engines.choice import ENGINES, fastest, make_engine, prepare
from gluonattn.classifier.engines.forward import DEFAULTS
from gluonattn.errors import CheckpointError, DependencyError, DeviceError, OptionError

from ...tolerance import tolerance
from .conftest import KINDS, OTHERS, checkpoint_of, need

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"


def without(monkeypatch, *modules):
    monkeypatch.setattr(choice, "find_spec", lambda name: None if name in modules else object())
    monkeypatch.setattr(choice, "mxnet_is_installed", lambda: "mxnet" not in modules)


def test_auto_is_the_first_that_is_installed(monkeypatch):
    without(monkeypatch, "onnx", "onnxruntime", "torch", "mxnet")
    assert fastest() == "numpy" and make_engine(checkpoint_of(*KINDS[0]))[0] == "numpy"
    without(monkeypatch)
    assert fastest() == next(iter(ENGINES)) and fastest(gpu=True) == "torch"
    without(monkeypatch, "torch")
    assert fastest(gpu=True) == "mxnet"


@pytest.mark.parametrize("name, module, extra", [
    ("onnx", "onnx and onnxruntime", "onnx"), ("torch", "torch", "torch"), ("mxnet", "MXNet and GluonNLP", "cpu"),
])
def test_an_engine_that_is_not_installed_names_its_extra(monkeypatch, name, module, extra):
    without(monkeypatch, name, "onnxruntime")
    with pytest.raises(DependencyError, match=rf"engine '{name}' needs {module}.*gluonattn\[{extra}\]"):
        make_engine(checkpoint_of(*KINDS[0]), name)


def test_no_engine_for_a_gpu(monkeypatch):
    without(monkeypatch, "torch", "mxnet")
    with pytest.raises(DependencyError, match="no engine that can use a GPU"):
        make_engine(checkpoint_of(*KINDS[0]), device="gpu")


def test_wrong_names_are_refused():
    with pytest.raises(OptionError, match="unknown engine 'nunpy'.*Did you mean 'numpy'"):
        make_engine(checkpoint_of(*KINDS[0]), "nunpy")
    with pytest.raises(OptionError, match="unknown device 'tpu': expected auto, cpu, gpu"):
        make_engine(checkpoint_of(*KINDS[0]), "numpy", "tpu")
    with pytest.raises(DeviceError, match="'numpy' computes on the CPU, and gpu:1 was asked for"):
        make_engine(checkpoint_of(*KINDS[0]), "numpy", "gpu:1")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_shapes_are_those_of_the_mxnet_model(kind):
    """What the engines expect of a checkpoint is what training writes."""
    need("mxnet")
    from gluonattn.classifier.network import build
    from gluonattn.models.checkpoint import set_weights
    from gluonattn.runtime import mx

    checkpoint = checkpoint_of(*kind)
    model = build(kind[0], **checkpoint.config["model"])
    set_weights(model, prepare(checkpoint)[2], mx.cpu())  # checks names and shapes


@pytest.mark.parametrize("recipe", DEFAULTS)
def test_defaults_are_those_of_the_mxnet_model(recipe):
    need("mxnet")
    from gluonattn.classifier.network import RECIPES

    signature = inspect.signature(RECIPES[recipe]).parameters.values()
    assert {p.name: p.default for p in signature if p.default is not p.empty} == DEFAULTS[recipe]


def test_weights_of_another_model_are_refused():
    checkpoint = checkpoint_of("default", "mlp", False)
    del checkpoint.weights["head.bias"]
    with pytest.raises(CheckpointError, match="weights do not fit this model: head.bias"):
        make_engine(checkpoint, "numpy")
    checkpoint = checkpoint_of("default", "mlp", False)
    checkpoint.weights["head.bias"] = np.zeros(9, np.float32)
    with pytest.raises(CheckpointError, match=r"head.bias has shape \(9,\) in the checkpoint and \(3,\)"):
        make_engine(checkpoint, "numpy")


@pytest.mark.parametrize("name", OTHERS)
def test_a_loaded_model_names_its_engine_and_explains_the_same(tiny_model, name):
    need(name)
    expected = gluonattn.load(tiny_model, engine="numpy").explain(SENTENCE)
    predictor = gluonattn.load(tiny_model, "cpu", engine=name)
    record = predictor.explain(SENTENCE)
    assert predictor.engine == record.source["framework"] == name
    assert record.prediction.probabilities == pytest.approx(expected.prediction.probabilities, abs=tolerance(16, 16))
    np.testing.assert_allclose(record.weights, expected.weights, atol=tolerance(16, 16))
