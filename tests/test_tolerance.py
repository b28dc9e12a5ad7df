"""The tolerance of the tests holds for sums in any order, catches what is no rounding, and is the only one for float32."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .tolerance import tolerance

RAW = 1e-8, 1e-4  # a number between these, given as a tolerance, is meant for float32 and was read off some machine
NAMES = ("atol", "rtol", "abs", "rel")


def layers_of(numbers, weights, order):
    """Sums one behind the other, each over its inputs in an order of its own."""
    for layer in weights:
        numbers = np.tanh(sum(np.multiply.outer(numbers[i], layer[i]) for i in order).astype(numbers.dtype))
    return numbers


@settings(max_examples=50, deadline=None)
@given(st.integers(5, 200), st.integers(1, 12), st.integers(0, 999))
def test_rounding_stays_within_a_quarter_and_a_summand_too_few_does_not(width, depth, seed):
    rng = np.random.default_rng(seed)
    start = rng.normal(size=width).astype("f")
    weights = (rng.normal(size=(depth, width, width)) / np.sqrt(width)).astype("f")
    first, second = (layers_of(start, weights, rng.permutation(width)) for _ in range(2))
    exact = layers_of(start.astype(float), weights.astype(float), range(width))
    rounding = max(np.abs(first - second).max(), np.abs(first - exact).max())
    before = layers_of(start.astype(float), weights[:-1].astype(float), range(width))
    faulty = layers_of(before, weights[-1:].astype(float), np.argsort(np.abs(before))[:-1])
    assert rounding < tolerance(width, depth) / 4 and np.abs(faulty - exact).max() > 50 * tolerance(width, depth)


def test_it_grows_with_depth_width_and_size_and_knows_the_type():
    assert tolerance(4) < tolerance(9) < tolerance(9, 4) == tolerance(36) < tolerance(36, scale=[-5, 2])
    assert tolerance(9, scale=0.01) == tolerance(9) and tolerance(9, dtype=np.float64) < 1e-13


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.rglob("test_*.py")), ids=lambda path: path.name)
def test_no_test_has_a_float32_tolerance_of_its_own(path):
    """What rounds as float32 does takes `tolerance`; float64 has smaller ones, and measured figures larger ones."""
    raw = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        given_to = [word.value for word in node.keywords if word.arg in NAMES] if isinstance(node, ast.Call) else []
        if isinstance(node, ast.Compare):
            given_to = [right for way, right in zip(node.ops, node.comparators) if isinstance(way, (ast.Lt, ast.LtE))]
        raw += [one.lineno for one in given_to if isinstance(one, ast.Constant) and isinstance(one.value, float)
                and RAW[0] < one.value < RAW[1]]
    assert not raw, f"{path}, lines {raw}: take tests/tolerance.py with the sums behind the numbers"
