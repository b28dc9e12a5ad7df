"""Attention pooling against its formula, key by key."""

from __future__ import annotations

import numpy as np

from gluonattn.models.cells import attention_cell

from ...tolerance import tolerance


def test_a_key_has_one_weight_whoever_looks():
    from gluonattn.runtime import mx

    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(2, 3, 5)).astype(np.float32), rng.normal(size=(2, 4, 5)).astype(np.float32)
    mask = np.ones((2, 3, 4), np.float32)
    mask[1, :, 2:] = 0
    cell = attention_cell("pooling", hidden_size=5, units=6)
    cell.initialize(mx.init.Normal(1))
    context, weights = cell(*map(mx.nd.array, (query, key, key, mask)))
    values = {name: p.data().asnumpy().astype(float) for name, p in cell._collect_params_with_prefix().items()}
    matrix, bias, v = (values[name] for name in ("_key_mid_layer.weight", "_key_mid_layer.bias", "_attention_score.weight"))
    for text, keys in ((0, 4), (1, 2)):
        scores = np.tanh(key[text, :keys].astype(float) @ matrix.T + bias) @ v[0]
        expected = np.exp(scores) / np.exp(scores).sum()
        for row in weights[text].asnumpy():
            np.testing.assert_allclose(row[:keys], expected, atol=tolerance(6))
            assert not row[keys:].any()
        np.testing.assert_allclose(context[text].asnumpy(), np.tile(expected @ key[text, :keys], (3, 1)), atol=tolerance(6))
