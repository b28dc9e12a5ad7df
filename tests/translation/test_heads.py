"""Figures of heads, on weights whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.record import AttentionRecord, Token
from gluonattn.statistics import draws
from gluonattn.translation import heads

WORDS = ["the", "cat", "sleeps", "."]
TEXT = "the cat sleeps ."


def tokens(*extra: Token) -> tuple[Token, ...]:
    places, start = [], 0
    for word in WORDS:
        places.append(Token(word, start, start + len(word)))
        start += len(word) + 1
    return (*places, *extra)


def record(weights: np.ndarray, kind: str = "encoder") -> AttentionRecord:
    end = Token("</s>", len(TEXT), len(TEXT))
    keys = tokens(end)
    target = None if kind == "encoder" else TEXT
    return AttentionRecord(TEXT, tokens(end), keys, weights.astype(np.float32), kind, target_text=target)


def shifted(step: int) -> np.ndarray:
    """A head that always looks so many places away, or at its own place where there is none."""
    table = np.zeros((5, 5))
    for i in range(5):
        table[i, i + step if 0 <= i + step < 5 else i] = 1
    return table


def figures(weights: np.ndarray, kind: str = "encoder") -> dict[str, float]:
    counts = heads.count([record(weights[None, None], kind)] * 3)
    found = heads.figures_of(counts, draws(3, resamples=10))
    return {name: value[0, 0].mean for name, value in found.items()}


def test_a_head_that_looks_one_place_back():
    found = figures(shifted(-1))
    assert found["previous"] == pytest.approx(0.8) and found["same"] == pytest.approx(0.2) and found["next"] == 0
    assert found["distance"] == pytest.approx(0.8) and found["entropy"] == 0


def test_an_even_head():
    found = figures(np.full((5, 5), 0.2))
    assert found["entropy"] == pytest.approx(1) and found["punctuation"] == pytest.approx(0.2)
    assert found["special"] == pytest.approx(0.2) and found["previous"] == pytest.approx(4 / 25)


def test_the_place_in_cross_attention_is_proportional():
    end = Token("</s>", len(TEXT), len(TEXT))
    keys = tokens(end)
    weights = np.zeros((1, 1, 3, 5), np.float32)
    weights[0, 0, [0, 1, 2], [0, 2, 4]] = 1
    crossed = AttentionRecord(TEXT, (Token("le", 0, 2), Token("chat", 3, 7), Token("</s>", 7, 7)), keys, weights, "cross",
                              target_text="le chat")
    counts = heads.count([crossed])
    assert counts["same"][0, 0, 0] == 3 and counts["distance"][0, 0, 0] == 0
    assert heads.own_places(crossed).tolist() == [0, 2, 4]


def test_what_a_head_specialised_in_has_grown():
    before = heads.count([record(np.full((1, 1, 5, 5), 0.2))] * 4)
    after = heads.count([record(shifted(-1)[None, None])] * 4)
    drawn = draws(4, resamples=50)
    found, change = heads.figures_of(after, drawn), heads.compare(after, before, drawn)
    assert heads.specialise(found, change, 0, 0) == ["previous"]
    still = heads.compare(after, after, drawn)
    assert heads.specialise(found, still, 0, 0) == []  # it was so before training
    even = heads.figures_of(before, drawn)
    assert heads.specialise(even, heads.compare(before, before, drawn), 0, 0) == ["even"]


def test_layers_are_means_of_their_heads():
    weights = np.stack([np.stack([shifted(-1), shifted(1)]), np.stack([shifted(0)] * 2)])
    counts = heads.count([record(weights)])
    found = heads.by_layer(counts, draws(1, resamples=2))
    assert [one.mean for one in found["previous"]] == pytest.approx([0.4, 0])
    assert [one.mean for one in found["same"]] == pytest.approx([0.2, 1])
