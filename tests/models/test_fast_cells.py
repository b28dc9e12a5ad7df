"""The fast cells, in all their forms, against GluonNLP's own."""

import numpy as np
import pytest

from gluonattn.models.fast_cells import FastDotProductAttentionCell, FastMLPAttentionCell
from gluonattn.models.numpy_ops import compute_in_numpy
from gluonattn.runtime import mx, nlp

from ..tolerance import tolerance


def answers(cell, arrays):
    """Context, weights and every gradient of one pass, by name."""
    query, key, value = arrays[:3]
    for x in arrays[:3]:
        x.attach_grad()
    with mx.autograd.record():
        context, weights = cell(*arrays)
        loss = (context * context).sum() + (weights * weights).sum()
    loss.backward()
    found = {"context": context, "weights": weights, "query": query.grad, "key": key.grad,
             "value": value.grad}
    found.update({n: p.grad() for n, p in cell._collect_params_with_prefix().items()})
    return {name: array.asnumpy() for name, array in found.items()}


KINDS = {
    "mlp": (FastMLPAttentionCell, nlp.model.MLPAttentionCell, {"units": 5}),
    "mlp-normalized": (FastMLPAttentionCell, nlp.model.MLPAttentionCell, {"units": 5, "normalized": True}),
    **{name: (FastDotProductAttentionCell, nlp.model.DotProductAttentionCell, settings) for name, settings in {
        "dot": {}, "scaled-dot": {"scaled": True}, "projected": {"units": 5}, "cosine": {"normalized": True},
        "general": {"units": 6, "luong_style": True}}.items()},
}


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybridized"])
@pytest.mark.parametrize("masked", [False, True], ids=["open", "masked"])
@pytest.mark.parametrize(("kind", "in_numpy"), [*((kind, False) for kind in KINDS), ("mlp", True), ("mlp-normalized", True)])
@pytest.mark.parametrize("shape", [(2, 5, 5), (3, 2, 7), (2, 6, 1), (1, 1, 4)])
def test_equals_gluonnlp_in_values_and_gradients(shape, kind, masked, hybrid, in_numpy):
    batch, queries, keys = shape
    rng = np.random.default_rng(3)
    fast, plain, settings = KINDS[kind]

    def fresh(scale=1.0, *size):
        return mx.nd.array(rng.normal(scale=scale, size=size))

    width = 8 if fast is FastMLPAttentionCell or kind == "projected" else 6
    arrays = [fresh(1, batch, queries, width), fresh(1, batch, keys, 6), fresh(1, batch, keys, 4)]
    if masked:
        mask = (rng.random(shape) < 0.7).astype("f")
        mask[0, 0] = 0
        arrays.append(mx.nd.array(mask))
    ours, theirs = fast(**settings), plain(**settings)
    if in_numpy:
        compute_in_numpy(ours)
    for cell in (ours, theirs):
        cell.initialize()
        cell(*arrays)
    for name, parameter in theirs._collect_params_with_prefix().items():
        parameter.set_data(fresh(0.7, *parameter.shape))
        ours._collect_params_with_prefix()[name].set_data(parameter.data())
    if hybrid:
        ours.hybridize(static_alloc=True)
    found, expected = answers(ours, arrays), answers(theirs, arrays)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=tolerance(64, 3, scale=expected[name]), err_msg=name)
