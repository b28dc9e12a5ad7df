from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import CaptureError

from ..tolerance import tolerance
from .pronunciation import batch, build, dictionary, pairs, pronounced

pytestmark = pytest.mark.fairseq
WORDS = pairs(["음악이 좋아서 값을 물었다", "꽃을 닮은 연기"])


def test_final_consonants_are_carried_over():
    assert [pronounced(w) for w in ("음악이", "값을", "강아지", "놓아")] == ["으마기", "갑슬", "강아지", "놓아"]


@pytest.fixture(scope="module")
def loaded():
    """A model as loading leaves it, which is when its encoder takes the fused path."""
    torch = pytest.importorskip("torch", reason="needs fairseq: scripts/check_fairseq.sh")
    pytest.importorskip("fairseq", reason="needs fairseq 0.12.2 on Python 3.10: scripts/check_fairseq.sh")
    torch.manual_seed(0)
    source, target = dictionary(w for w, _ in WORDS), dictionary(w for _, w in WORDS)
    model = build(source, target).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    state = model.state_dict()
    model = build(source, target).eval()
    model.load_state_dict(state)
    return model, source, target


@pytest.mark.parametrize("left", [True, False])
def test_nothing_changes_and_every_head_is_what_queries_and_keys_make(loaded, left):
    import torch

    from gluonattn.capture.fairseq import SWITCHES, capture

    model, source, target = loaded
    inputs, wanted = batch(WORDS, source, target, left)

    def switches():
        return {(path, name): m.__dict__[name] for path, m in model.named_modules() for name in SWITCHES
                if name in m.__dict__}

    with torch.no_grad():
        before_switches = switches()
        with capture(model, vectors=True) as recorder:
            during = model(**inputs)
        with pytest.raises(ZeroDivisionError), capture(model):
            raise ZeroDivisionError
        assert switches() == before_switches
        with capture(model):
            again = model(**inputs)
    valid = wanted != target.pad()
    assert (during[0][valid] - again[0][valid]).abs().max() == 0
    alone, _ = batch(WORDS[:1], source, target)  # without padding the fused path works, and gives the same
    with torch.no_grad():
        assert (model(**alone)[0] - during[0][:1, : alone["prev_output_tokens"].shape[1]]).abs().max() < 1e-4
    layers = recorder.verify()
    assert sorted(layer.kind for layer in layers) == ["cross"] * 2 + ["decoder"] * 2 + ["encoder"] * 2
    assert all(layer.heads == 4 and max(layer.weights_error, layer.context_error) < tolerance(64, 2) for layer in layers)

    records = recorder.records([w for w, _ in WORDS], source, target_texts=[w for _, w in WORDS],
                               target_dictionary=target)
    assert len(records) == 3 * len(WORDS)
    for record in records:
        assert np.abs(record.weights.sum(-1) - 1).max() < 1e-4
        assert [t.text for t in record.merge().keys if t.start < t.end] == [record.key_text]
    encoder = next(r for r in records if r.kind == "encoder")
    assert [t[:3] for t in encoder.queries] == [("음", 0, 1), ("악", 1, 2), ("이", 2, 3), ("</s>", 3, 3)]


def test_callers_get_what_they_asked_for(loaded):
    import torch

    from gluonattn.capture.fairseq import capture

    model, source, target = loaded
    inputs, _ = batch(WORDS, source, target)
    with torch.no_grad(), capture(model):
        averaged = model(**inputs)[1]["attn"][0]
    assert averaged.shape[0] == len(WORDS) and averaged.dim() == 3


def test_a_model_without_its_attention_says_so(loaded):
    import torch

    from gluonattn.capture.fairseq import capture

    with pytest.raises(CaptureError, match="Linear holds no fairseq MultiheadAttention"), capture(torch.nn.Linear(1, 1)):
        pass
