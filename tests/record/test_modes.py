from __future__ import annotations

import numpy as np
import pytest

from gluonattn import metrics
from gluonattn.errors import OptionError, RecordError
from gluonattn.record import AttentionRecord
from gluonattn.record.modes import MODES, change_mode, roll_out, subtract_weights, weigh_by_values

from ..tolerance import tolerance
from ..views.pages import cross, record_of

SENTENCE = "정말 좋은 영화였다"


def test_rollout_layer_by_layer_ends_in_the_rollout():
    record = record_of(SENTENCE, layers=3, heads=2)
    rolled = roll_out(record)
    assert rolled.weights.shape[:2] == (3, 1) and rolled.source["mode"] == "rollout"
    assert rolled.weights[-1, 0] == pytest.approx(metrics.rollout(record.weights), abs=tolerance(24, 3))
    assert rolled.weights[0, 0] == pytest.approx(metrics.rollout(record.weights[:1]), abs=tolerance(24))
    with pytest.raises(RecordError, match="rollout needs self-attention"):
        roll_out(cross())


@pytest.mark.parametrize("projected", [False, True])
def test_value_weighted_is_the_norm_of_what_arrives(projected):
    plain = record_of(SENTENCE, layers=2, heads=3)
    size = len(plain.queries)
    numbers = np.random.default_rng(0)
    values = numbers.normal(size=(2, 3, size, 4)).astype(np.float32)
    record = AttentionRecord(plain.text, plain.queries, plain.keys, plain.weights, values=values)
    output = numbers.normal(size=(2, 7, 12)) if projected else None
    norms = metrics.value_weighted(record.weights, values, output)
    for layer in range(2):
        for q in range(size):
            for k in range(size):
                heads = [record.weights[layer, h, q, k] * values[layer, h, k] for h in range(3)]
                if projected:
                    expected = np.linalg.norm(output[layer] @ np.concatenate(heads))
                    assert norms[layer, 0, q, k] == pytest.approx(expected, rel=tolerance(12))
                else:
                    assert norms[layer, :, q, k] == pytest.approx([np.linalg.norm(part) for part in heads], rel=tolerance(4))
    made = weigh_by_values(record, output)
    assert made.weights.sum(-1) == pytest.approx(1, abs=tolerance(24)) and made.source["mode"] == "value-weighted"
    with pytest.raises(RecordError, match="vectors=True"):
        weigh_by_values(plain)


def test_a_mode_is_chosen_by_its_name():
    plain = record_of(SENTENCE, layers=2, heads=2)
    record = AttentionRecord(plain.text, plain.queries, plain.keys, plain.weights,
                             values=np.ones((2, 2, len(plain.keys), 4)))
    found = {mode: change_mode(record, mode) for mode in MODES}
    assert found == {"weights": record, "rollout": roll_out(record), "value-weighted": weigh_by_values(record)}
    assert change_mode(cross(), "rollout") == cross()
    with pytest.raises(OptionError, match="unknown mode 'norms'"):
        change_mode(record, "norms")


def test_a_difference_needs_the_same_tokens_layers_and_heads():
    first = record_of(SENTENCE, layers=2, heads=2)
    assert not subtract_weights(first, first).any()
    with pytest.raises(RecordError, match="same tokens"):
        subtract_weights(first, record_of("다른 말이다", layers=2, heads=2))
    with pytest.raises(RecordError, match=r"as many layers and heads on both sides; got \(2, 2\) and \(1, 2\)"):
        subtract_weights(first, record_of(SENTENCE, layers=1, heads=2))
