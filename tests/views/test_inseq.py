"""Records as Inseq's own JSON: its form, and what Inseq itself makes of it."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from safetensors.numpy import load

from gluonattn.errors import RecordError
from gluonattn.record import AttentionRecord, Token
from gluonattn.views.inseq import to_inseq

from ..tolerance import tolerance

SOURCE = [Token("영화", 0, 2), Token("<좋다>", 3, 7)]
TARGET = [Token("a", 0, 1), Token("good", 2, 6), Token("film", 7, 11)]


def made(queries, keys, kind: str, seed: int = 0) -> AttentionRecord:
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(keys)), (2, 3, len(queries))).astype(np.float32)
    text, target = "영화 <좋다>", "a good film"
    return AttentionRecord(target if keys is TARGET and kind == "self" else text, queries, keys, weights, kind,
                           target_text=target if kind in ("decoder", "cross") else None, source={"model": "tiny"})


def records() -> list[AttentionRecord]:
    return [made(SOURCE, SOURCE, "encoder"), made(TARGET, TARGET, "decoder", 1), made(TARGET, SOURCE, "cross", 2)]


def numbers(encoded: str) -> np.ndarray:
    return load(base64.b64decode(encoded))["attribution"]


def test_a_decoders_records_of_one_sentence_become_one():
    one = json.loads(to_inseq(records()))["attributes"]
    encoder, both = (part["attributes"] for part in one["sequence_attributions"])
    assert [t["attributes"]["token"] for t in both["source"]] == ["영화", "<좋다>"]
    assert [t["attributes"]["token"] for t in both["target"]] == ["a", "good", "film"]
    assert np.array_equal(numbers(both["source_attributions"]), records()[2].weights.transpose(3, 2, 0, 1))
    assert np.array_equal(numbers(both["target_attributions"]), records()[1].weights.transpose(3, 2, 0, 1))
    assert encoder["source_attributions"] is None and numbers(encoder["target_attributions"]).shape == (2, 2, 2, 3)
    assert one["info"]["generated_texts"] == ["영화 <좋다>", "a good film"] and one["info"]["model_name"] == "tiny"


def test_the_same_words_twice_are_two_sentences():
    twice = [record for record in records()[1:] for _ in range(2)]
    assert len(json.loads(to_inseq(twice))["attributes"]["sequence_attributions"]) == 2


def test_nothing_is_refused():
    with pytest.raises(RecordError, match="needs at least one record"):
        to_inseq([])


@pytest.mark.interop
def test_inseq_itself_loads_and_sums_it(tmp_path):
    inseq = pytest.importorskip("inseq", reason="needs Inseq: pip install inseq")
    (tmp_path / "record.json").write_text(to_inseq(records()), encoding="utf-8")
    loaded = inseq.FeatureAttributionOutput.load(tmp_path / "record.json")
    assert len(loaded) == 2 and [t.token for t in loaded[1].target] == ["a", "good", "film"]
    assert np.array_equal(loaded[1].source_attributions.numpy(), records()[2].weights.transpose(3, 2, 0, 1))
    mean = loaded[1].aggregate(normalize=False)  # over layers and heads, as its attention method does
    assert np.allclose(mean.source_attributions.numpy(), records()[2].weights.mean((0, 1)).T, atol=tolerance(16))
    page = loaded.show(display=False, return_html=True)
    assert "good" in str(page)
