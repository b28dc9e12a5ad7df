"""A head left out: against the same model whose output projection does not read that head."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from gluonattn.classifier.opened.heads import measure_heads, without_head
from gluonattn.classifier.opened.opening import open_classifier
from gluonattn.errors import OptionError, RecordError
from gluonattn.statistics import Figure
from gluonattn.views.grid import grid

from .conftest import CLOSE, TEXT
from .modules import Recurrent
from .test_opening import assert_same, mixed_up, state_of

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
TEXTS = [TEXT, "별로", "또 좋다 또 최고 영화 그냥"]


def projection(model, layer: int):
    return model.base_model.encoder.layer[layer].attention.output.dense


@pytest.mark.parametrize("family", ["Bert", "Electra", "Roberta"])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_a_head_that_is_left_out_is_one_that_the_projection_does_not_read(family, implementation, classifiers):
    import torch

    model, tokenizer = classifiers(family)
    model.set_attn_implementation(implementation)
    opened = open_classifier(model, tokenizer)
    rows = [(encoded.ids, encoded.types) for encoded in map(opened.steps.read, TEXTS)]
    found = measure_heads(opened, TEXTS)
    assert found.lost.shape == (3, 2, 4)
    for layer in range(2):
        for head in range(4):
            cut = copy.deepcopy(model)
            with torch.no_grad():
                projection(cut, layer).weight[:, head * 8 : head * 8 + 8] = 0
            expected = open_classifier(cut, tokenizer).network.logits(rows)
            with without_head(model, layer, head):
                assert opened.network.logits(rows) == pytest.approx(expected, abs=CLOSE)
            whole = np.array([list(p.probabilities.values()) for p in opened.predict(TEXTS)])
            left = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
            best = whole.argmax(1)
            assert found.lost[:, layer, head] == pytest.approx((whole - left)[range(3), best], abs=CLOSE)
            assert (found.flipped[:, layer, head] == (left.argmax(1) != best)).all()
    assert found.figure(1, 2).mean == pytest.approx(found.lost[:, 1, 2].mean())


def test_layers_that_share_their_weights_are_told_apart(classifiers):
    found = measure_heads(open_classifier(*classifiers("Albert")), TEXTS)
    assert not np.allclose(found.lost[:, 0], found.lost[:, 1])


def test_nothing_changes_also_where_the_body_raises(classifiers):
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    model, tokenizer = classifiers("Bert")
    opened = open_classifier(mixed_up(model), tokenizer)
    before, functions = state_of(model), dict(ALL_ATTENTION_FUNCTIONS)
    measure_heads(opened, TEXTS)
    with pytest.raises(ZeroDivisionError), without_head(model, 0, 0):
        1 / 0  # noqa: B018
    assert_same(before, state_of(model))
    assert dict(ALL_ATTENTION_FUNCTIONS) == functions


def test_what_cannot_be_left_out_says_why(classifiers, tokenizers):
    model, tokenizer = classifiers("Bert")
    opened = open_classifier(model, tokenizer)
    for layer, head in ((2, 0), (0, 4)):
        with pytest.raises(RecordError, match="layer|head"), without_head(model, layer, head):
            opened.predict([TEXT])
    with pytest.raises(OptionError, match="counted from 0"), without_head(model, 0, -1):
        opened.predict([TEXT])
    with pytest.raises(OptionError, match="its own code"):
        measure_heads(open_classifier(*classifiers("DebertaV2")), [TEXT])
    with pytest.raises(OptionError, match="no attention"):
        own = tokenizers["wordpiece"]
        measure_heads(open_classifier(Recurrent(len(own)), own, ["가", "나"]), [TEXT])
    with pytest.raises(OptionError, match="at least one"):
        measure_heads(opened, [])


def test_heads_are_drawn_in_the_grid(classifiers):
    found = measure_heads(open_classifier(*classifiers("Bert")), TEXTS)
    record = found.record("bert")
    assert record.weights.shape == (2, 4, 1, 1)
    assert record.weights[1, 3, 0, 0] == pytest.approx(abs(found.lost[:, 1, 3].mean()))
    ax = grid(record, title="left out")
    assert ax.get_ylabel() == "layer" and ax.images[0].get_array().compressed() == pytest.approx(
        record.weights.ravel(), abs=CLOSE)


def test_the_command_draws_heads_with_intervals(classifiers, tmp_path, capsys):
    import json

    from gluonattn.cli.app import main

    model, tokenizer = classifiers("Bert")
    for one in (model, tokenizer):
        one.save_pretrained(tmp_path / "model")
    source = tmp_path / "texts.txt"
    source.write_text("\n".join(TEXTS), encoding="utf-8")
    outs = [tmp_path / name for name in ("heads.html", "heads.png", "heads.json")]
    with pytest.raises(SystemExit) as left:
        main(["report", "heads", str(source), "--model", str(tmp_path / "model"), "--lang", "en",
              *(part for out in outs for part in ("--out", str(out)))])
    assert left.value.code == 0, capsys.readouterr().err
    found = json.loads(outs[2].read_text())
    assert found["texts"] == 3 and len(found["heads"]) == 8
    mean, low, high = found["heads"][0]["lost"]
    assert low <= mean <= high
    page = outs[0].read_text(encoding="utf-8")
    spelled, *_ = (part.replace("-", "−") for part in Figure(mean, low, high).spell(1, factor=100, sign="+"))
    assert page.count("decisions change") == 8 and f">{spelled} <" in page
    assert outs[1].read_bytes()[:4] == b"\x89PNG"


def test_a_checkpoint_of_ours_is_refused_by_the_command(tmp_path, capsys):
    from gluonattn.classifier.predictor import shipped
    from gluonattn.cli.app import main

    source = tmp_path / "texts.txt"
    source.write_text(TEXT, encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["report", "heads", str(source), "--model", str(shipped()), "--out", str(tmp_path / "a.png")])
    assert left.value.code == 2 and "not a folder that save_pretrained of transformers wrote" in capsys.readouterr().err
