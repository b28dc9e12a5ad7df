"""`gluonattn train --framework torch`: the same recipe and checkpoint, and no MXNet anywhere."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from gluonattn.classifier import settings as settings_module
from gluonattn.classifier.settings import ClassifierSettings
from gluonattn.errors import DeviceError, OptionError

from ..tolerance import tolerance

SMALL = dict(epochs=2, batch_size=16, tokenizer="whitespace", min_count=1, device="cpu", workers=1,
             model={"embed_size": 8, "hidden_size": 6, "units": 4})


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """100 reviews of the sample, both labels alike."""
    from gluonattn.data.reviews import read_reviews
    from gluonattn.data.sources import locate

    everything = read_reviews(locate("sample").train)
    chosen = [i for label in "01" for i in [j for j, own in enumerate(everything.labels) if own == label][:50]]
    path = tmp_path_factory.mktemp("data") / "reviews.tsv"
    pd.DataFrame({"text": [everything.texts[i] for i in chosen], "label": [everything.labels[i] for i in chosen]}).to_csv(
        path, sep="\t", index=False)
    return path


@pytest.mark.parametrize("options", [{"amp": True}, {"pretrain_sampled": 0}])
def test_what_only_torch_has_is_refused_of_mxnet_and_chooses_torch_by_itself(options):
    with pytest.raises(OptionError, match="give --framework torch"):
        ClassifierSettings(framework="mxnet", **options)
    assert ClassifierSettings(**options).resolve(100).framework == "torch"


@pytest.mark.parametrize(("mxnet", "torch", "chosen"), [
    (True, True, "mxnet"), (True, False, "mxnet"), (False, True, "torch"), (False, False, "mxnet"),
])
def test_without_mxnet_torch_trains(monkeypatch, mxnet, torch, chosen):
    """Where neither is installed the message is that of MXNet, which names both."""
    monkeypatch.setattr(settings_module, "mxnet_is_installed", lambda: mxnet)
    monkeypatch.setattr(settings_module, "find_spec", lambda name: torch or None)
    resolved = ClassifierSettings().resolve(10**6)
    assert resolved.framework == chosen and (chosen == "mxnet" or resolved.workers == 1)


def test_runs_of_earlier_versions_are_still_known():
    """The framework counts in what identifies a run only where it is not MXNet."""
    identity = ClassifierSettings(framework="mxnet").resolve(100).identity()
    assert not {"framework", "amp", "pretrain_sampled"} & set(identity)
    assert ClassifierSettings(framework="torch").resolve(100).identity()["framework"] == "torch"


@pytest.mark.torch
def test_a_missing_gpu_is_named(table, tmp_path):
    import torch

    from gluonattn.classifier.training import train

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match="torch shows 0 GPU"):
        train(str(table), tmp_path / "model", framework="torch", **{**SMALL, "device": "gpu"})
    assert not (tmp_path / "model").exists()


@pytest.mark.torch
@pytest.mark.parametrize("options", [{}, {"evidence": True}, {"ngrams": True}, {"recipe": "post"}, {"cell": "multi-head"}],
                         ids=lambda o: next(iter(o), "default"))
def test_its_checkpoint_answers_with_every_engine_and_repeats_itself(table, tmp_path, options):
    from gluonattn.classifier.engines.choice import ENGINES
    from gluonattn.classifier.predictor import load
    from gluonattn.classifier.training import train

    asked = {**SMALL, **options}
    if "multi-head" in options.values():
        asked["model"] = {**SMALL["model"], "num_heads": 2}
    if "post" in options.values():
        asked.pop("min_count")
    first, again = (train(str(table), tmp_path / name, framework="torch", **asked) for name in ("first", "again"))
    assert (first / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()
    config = json.loads((first / "config.json").read_text())
    assert config["training"]["framework"] == "torch" and config["finished"]
    texts = ["연기는 좋았는데 이야기가 아쉽다", "최고", ""]
    rows = {}
    for name, kind in ENGINES.items():
        if not kind.missing():
            rows[name] = [list((p.probabilities or {"": 0}).values()) for p in load(first, "cpu", name).predict(texts)]
    for found in rows.values():
        for one, other in zip(found, rows["numpy"]):
            np.testing.assert_allclose(one, other, atol=tolerance(64, 16))


@pytest.mark.torch
def test_mxnet_is_never_loaded(table, tmp_path):
    """From texts without labels to a checkpoint with its default method."""
    texts = tmp_path / "texts.txt"
    lines = [f"{word} 영화 보고 {word} 생각" for word in "가나다라마바사아자차카타파하" * 3]
    texts.write_text("\n".join(lines), encoding="utf-8")
    once = {**SMALL, "epochs": 1}
    code = f"""
import sys
for name in ("mxnet", "gluonnlp"):
    sys.modules[name] = None  # importing it is an error
from gluonattn.classifier.training import train
train({str(table)!r}, {str(tmp_path / "model")!r}, framework="torch", evidence=True, pretrain={str(texts)!r},
      **{once!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "model.pretrained").exists()
    assert json.loads((tmp_path / "model" / "config.json").read_text())["finished"]
