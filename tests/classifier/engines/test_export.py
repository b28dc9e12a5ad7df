"""Files for other frameworks: the same outputs there, and what a reader needs beside."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import gluonattn
from gluonattn.classifier.engines.choice import ENGINES, make_engine, prepare
from gluonattn.classifier.engines.export import export_model, torch_module
from gluonattn.classifier.engines.forward import inputs_of
from gluonattn.errors import CheckpointError, DependencyError, OptionError
from gluonattn.models.checkpoint import load_checkpoint, save_checkpoint

from ...tolerance import tolerance
from .conftest import KINDS, WIDTH, checkpoint_of, need
from .test_agreement import LENGTHS, inputs

TEXTS = ["재밌다ㅋㅋ", "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"]


@pytest.mark.onnx
def test_an_onnx_file_runs_without_the_package(tiny_model, tmp_path):
    need("onnx")
    import onnxruntime

    path = export_model(tiny_model, "onnx", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    predictor = gluonattn.load(tiny_model, engine="numpy")
    assert [i.name for i in session.get_inputs()] == ["ids", "valid_length", "subwords", "ngrams"]
    for texts in (TEXTS, TEXTS[:1], TEXTS * 3):
        arrays = predictor.inputs(texts)
        feed = dict(zip(["ids", "valid_length", "subwords", "ngrams"], arrays))
        for found, expected in zip(session.run(["logits", "weights"], feed), predictor.classifier(*arrays)):
            np.testing.assert_allclose(found, expected, atol=tolerance(16, 16, scale=expected))
    notes = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items()}
    assert notes["labels"] == predictor.labels and notes["tokenizer"] == "mecab"
    assert len(notes["vocabulary"]) == predictor.config["model"]["vocab_size"]


@pytest.mark.torch
@pytest.mark.parametrize("source", ["folder", "file"])
def test_a_torch_module_has_the_same_outputs_and_can_be_trained(tiny_model, tmp_path, source):
    need("torch")
    import torch

    path = tiny_model if source == "folder" else export_model(tiny_model, "torch", tmp_path / "m.safetensors")
    module = torch_module(path)
    predictor = gluonattn.load(tiny_model, engine="numpy")
    arrays = predictor.inputs(TEXTS)
    inputs = [torch.from_numpy(array) for array in arrays]
    for found, expected in zip(module(*inputs), predictor.classifier(*arrays)):
        np.testing.assert_allclose(found.detach().numpy(), expected, atol=tolerance(16, 16, scale=expected))
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(module(*inputs)[0], torch.tensor([1, 0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert all((p.grad is None) == name.startswith("ngram_") for name, p in module.named_parameters())
    assert not module.ngram_scores.weight[0].any() and not module.subword_embedding.weight[0].any()


def imported(prefix):
    """What `export --to mxnet` wrote, as any program with MXNet reads it."""
    mx = pytest.importorskip("mxnet")
    names = json.loads(prefix.with_name(prefix.name + "-config.json").read_text("utf-8"))["inputs"]
    return mx.gluon.SymbolBlock.imports(f"{prefix}-symbol.json", names, f"{prefix}-0000.params"), mx.nd.array


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_mxnet_alone_gives_the_same_logits_and_weights(kind, tmp_path):
    need("mxnet")
    from gluonattn.classifier.engines.mxnet_engine import dump_symbol

    given = checkpoint_of(*kind)
    symbol, parameters = dump_symbol(*prepare(given))
    assert (symbol, parameters) == dump_symbol(*prepare(given))  # names and bytes do not depend on what was made before
    (tmp_path / "m-symbol.json").write_bytes(symbol)
    (tmp_path / "m-0000.params").write_bytes(parameters)
    (tmp_path / "m-config.json").write_text(json.dumps({"inputs": inputs_of(given.config["model"])}))
    block, array = imported(tmp_path / "m")
    expected = make_engine(given, "numpy", "cpu")[1]
    for seed, lengths in enumerate(LENGTHS):
        arrays = inputs(kind, lengths, seed)
        for found, right in zip(block(*(array(one, dtype=one.dtype) for one in arrays)), expected(*arrays)):
            np.testing.assert_allclose(found.asnumpy(), right, atol=tolerance(WIDTH, 64, scale=right))


def test_an_export_to_mxnet_holds_all_that_a_reader_needs(tiny_model, tmp_path):
    need("mxnet")
    path = export_model(tiny_model, "mxnet", tmp_path / "model")
    assert path == tmp_path / "model-symbol.json"
    block, array = imported(tmp_path / "model")
    predictor = gluonattn.load(tiny_model, engine="numpy")
    arrays = predictor.inputs(TEXTS)
    for found, expected in zip(block(*(array(one, dtype=one.dtype) for one in arrays)), predictor.classifier(*arrays)):
        np.testing.assert_allclose(found.asnumpy(), expected, atol=tolerance(16, 16, scale=expected))
    notes = json.loads((tmp_path / "model-config.json").read_text("utf-8"))
    assert notes["labels"] == predictor.labels and notes["tokenizer"] == "mecab"
    assert len(notes["vocabulary"]) == predictor.config["model"]["vocab_size"]


@pytest.mark.torch
def test_what_torch_trained_is_a_checkpoint_again(tiny_model, tmp_path):
    need("torch")
    module = torch_module(tiny_model)
    with __import__("torch").no_grad():
        module.head.bias[1] += 3
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    checkpoint = load_checkpoint(tiny_model)
    save_checkpoint(tmp_path / "again", checkpoint._replace(weights={**checkpoint.weights, **weights}))
    before, after = (gluonattn.load(p, engine="numpy").predict(TEXTS)[0].probabilities["1"]
                     for p in (tiny_model, tmp_path / "again"))
    assert after > before


@pytest.mark.torch
def test_a_hook_on_the_embedding_sees_the_words(tiny_model):
    """What attribution libraries stand on."""
    need("torch")
    import torch

    module, seen = torch_module(tiny_model), []
    inputs = gluonattn.load(tiny_model, engine="numpy").inputs(TEXTS)
    module.embedding.register_forward_hook(lambda _, __, output: seen.append(output))
    module(*map(torch.from_numpy, inputs))
    assert seen[0].shape[:2] == inputs[0].shape


def test_wrong_formats_places_and_files_are_refused(tiny_model, tmp_path):
    with pytest.raises(OptionError, match="unknown export format 'onx'.*Did you mean 'onnx'"):
        export_model(tiny_model, "onx", tmp_path / "m")
    with pytest.raises(CheckpointError, match="cannot write .*Choose a folder that exists"):
        export_model(tiny_model, "torch", tmp_path / "none" / "m")
    with pytest.raises(CheckpointError, match="no checkpoint folder"):
        export_model(tmp_path / "none", "torch", tmp_path / "m")


def test_torch_and_onnx_are_named_where_they_are_missing(tiny_model, tmp_path, monkeypatch):
    for name in ("torch", "onnx"):
        lacking = replace(ENGINES[name], missing=lambda name=name: [name])
        monkeypatch.setitem(ENGINES, name, lacking)
    with pytest.raises(DependencyError, match=r"torch_module needs torch: .*gluonattn\[torch\]"):
        torch_module(tiny_model)
    with pytest.raises(DependencyError, match=r"export to onnx needs onnx: .*gluonattn\[onnx\]"):
        export_model(tiny_model, "onnx", tmp_path / "m.onnx")


@pytest.mark.torch
def test_a_foreign_file_is_not_a_torch_export(tmp_path):
    need("torch")
    (tmp_path / "m.safetensors").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="is not a file that `gluonattn export --to torch` wrote"):
        torch_module(tmp_path / "m.safetensors")
