"""The numpy engine's GRU over sequences that share what they begin or end with."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier.engines.choice import prepare
from gluonattn.classifier.engines.forward import DIRECTIONS
from gluonattn.classifier.engines.numpy_engine import NumpyClassifier

from ...tolerance import tolerance
from .conftest import checkpoint_of

ENGINE = NumpyClassifier(*prepare(checkpoint_of("default", "dot", False)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=12))
def test_states_of_rows_are_those_of_the_sequences(sequences):
    """Few inputs, so that many sequences begin and end alike."""
    sequences.sort(key=len, reverse=True)
    lengths = np.array([len(sequence) for sequence in sequences])
    rows = np.array([sequence + [0] * (lengths[0] - len(sequence)) for sequence in sequences])
    inputs = np.random.default_rng(0).normal(size=(4, ENGINE.model["embed_size"])).astype(np.float32)
    prefixes = DIRECTIONS["default"]
    found = ENGINE.recurrent_of_rows(ENGINE.input_gates(inputs, prefixes), rows, lengths, prefixes)
    np.testing.assert_allclose(found, ENGINE.recurrent(inputs[rows], lengths, prefixes), atol=tolerance(16, 12))
