"""Figures of hand-made heads whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.pronunciation import head_reading
from gluonattn.pronunciation.pronounce import pronounce
from gluonattn.statistics import draws

from .speaking import HEADS, hand_made

WORDS = ["국물", "국밥이", "갈등을", "한국어", "먹는다", "말도", "안된다", "신발장", "학교에", "독립문", "믿는다", "만두",
         "길도", "산에서"]
CAUSE, EVEN, OWN, NEXT = range(4)


@pytest.fixture(scope="module")
def said():
    return [pronounce(word) for word in WORDS]


def counted(said, kind, heads=HEADS):
    return head_reading.count(said, [hand_made(word, heads)[kind] for word in said])


@pytest.mark.parametrize("kind", ["encoder", "cross"])
def test_agreement_of_known_heads(said, kind):
    said = said * 3
    drawn = draws(len(said), resamples=400)
    untrained = counted(said, kind, ("even",) * 4)
    found = head_reading.agreement(counted(said, kind), drawn, untrained)
    assert found["cause"][0, CAUSE] == (1, 1, 1) and found["still"][0, CAUSE].mean == 0
    assert found["cause"][0, EVEN] == pytest.approx(found["chance"]), "equal weights share the first place: chance"
    assert found["cause"][0, OWN].mean == 0 and found["own"][0, OWN].mean == 1
    # A head that always looks one letter on: right as often as the best positional head, and as often where nothing changes.
    assert found["positional_step"] == 1
    assert found["cause"][0, NEXT] == pytest.approx(found["positional"])
    assert found["still"][0, NEXT].mean == pytest.approx(found["cause"][0, NEXT].mean)
    assert 0 < found["cause"][0, NEXT].mean < 1
    for name in ("chance", "untrained", "positional", "still"):
        assert found["above"][name][0, CAUSE] and found["p"][name][0, CAUSE] < 0.05
    assert found["p"]["still"][0, NEXT] == 1 and not found["above"]["untrained"][0, EVEN]


def test_rules_are_counted_by_themselves(said):
    drawn = draws(len(said), resamples=50)
    rules = head_reading.agreement(counted(said, "cross"), drawn)["rules"]
    assert rules["nasalisation"]["words"] == 4 and rules["nasalisation"]["cause"][0, NEXT].mean == 1
    assert rules["tensification_after_obstruent"]["cause"][0, NEXT].mean == 0
    assert rules["tensification_after_obstruent"]["more"][0, CAUSE].mean == 1
    assert sum(rule["sites"] for rule in rules.values()) == int(counted(said, "cross").sites.sum())


@pytest.mark.parametrize("kind", ["encoder", "cross", "decoder"])
def test_the_shape_of_known_heads(said, kind):
    counts, drawn = counted(said, kind), draws(len(said), resamples=50)
    shape = head_reading.shape_of(counts, drawn)
    assert shape["diagonal"][0, OWN].mean == pytest.approx(1, abs=1e-4)
    assert shape["distance"][0, OWN].mean == pytest.approx(0, abs=1e-3)
    assert shape["entropy"][0, OWN].mean == pytest.approx(0, abs=1e-3)
    assert shape["step"][0, OWN] == 0 and shape["step_share"][0, OWN].mean == 1
    # The first row of a decoder sees one key: an even share of it says nothing, and counts as 0.
    even = {"encoder": 1, "cross": 1, "decoder": 1 - len(said) / counts.rows.sum()}[kind]
    assert shape["entropy"][0, EVEN].mean == pytest.approx(even, abs=1e-4)
    if kind == "encoder":
        share = sum(1 for word in said for _ in word.letters) / counts.rows.sum()
        assert shape["first"][0, EVEN].mean == pytest.approx(len(said) / counts.rows.sum() * share)
        assert shape["step"][0, NEXT] == 1


def test_decoder_heads_agree_where_the_cause_was_already_said(said):
    found = head_reading.agreement(counted(said, "decoder"), draws(len(said), resamples=50))
    assert found["sites"] < head_reading.agreement(counted(said, "cross"), draws(len(said), resamples=50))["sites"]
    assert found["cause"][0, CAUSE].mean == 1


def test_drift_is_0_between_equal_epochs_and_ln_2_between_disjoint(said):
    own, same, last = ([hand_made(word, heads)["encoder"] for word in said] for heads in (["own"], ["own"], ["elsewhere"]))
    assert head_reading.drift(own, same) == pytest.approx(0)
    moved = head_reading.drift(own, last)
    rows = np.array([len(word.letters) for word in said])  # in the last row both look at the last letter
    assert moved[:, 0, 0] == pytest.approx(np.log(2) * (rows - 1) / rows, abs=1e-3)


def test_intervals_are_over_words():
    """Ten sounds of one word are no ten observations."""
    said = [pronounce("국물")] * 2 + [pronounce("국밥")] * 2
    drawn = draws(4, resamples=500)
    found = head_reading.agreement(counted(said, "cross"), drawn)["cause"][0, NEXT]
    assert (found.mean, found.low, found.high) == (0.5, 0, 1)


def test_rounding_does_not_turn_an_even_head_to_a_key():
    rng = np.random.default_rng(0)
    even = np.full((2, 3, 5, 7), 1 / 7) * (1 + rng.uniform(-1.2e-7, 1.2e-7, (2, 3, 5, 7)))
    np.testing.assert_allclose(head_reading._strongest(even.astype("f")), 1 / 7)
    even[..., 2] += 0.001
    assert (head_reading._strongest(even)[..., 2] == 1).all()
