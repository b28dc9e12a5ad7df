"""One contract, checked for every cell in the table, hybridized and not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.errors import OptionError
from gluonattn.models.cells import CELLS, attention_cell
from gluonattn.runtime import mx

from ..tolerance import tolerance

WIDTH, UNITS, HEADS = 8, 5, 2
SELF_ONLY = ("none",)  # queries and keys must be the same tokens

every_cell = pytest.mark.parametrize("name", CELLS)
pytestmark = pytest.mark.filterwarnings("ignore:The 0-th, 1-th input to HybridBlock is not used")
both_ways = pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybridized"])


def make(name, hybrid=False, dropout=0.0):
    """A cell with random parameters, biases too."""
    cell = attention_cell(name, hidden_size=WIDTH, units=UNITS, num_heads=HEADS, dropout=dropout)
    cell.initialize()
    x = mx.nd.zeros((1, 2, WIDTH))
    cell(x, x, x, mx.nd.ones((1, 2, 2)))  # settles inferred shapes
    rng = np.random.default_rng(1)
    for parameter in cell.collect_params().values():
        parameter.set_data(mx.nd.array(rng.normal(size=parameter.shape)))
    if hybrid:
        cell.hybridize(static_alloc=True)
    return cell


def inputs(name, batch=3, queries=4, keys=6, seed=0):
    rng = np.random.default_rng(seed)
    keys = queries if name in SELF_ONLY else keys
    query = rng.normal(size=(batch, queries, WIDTH)).astype("f")
    key = query if name in SELF_ONLY else rng.normal(size=(batch, keys, WIDTH)).astype("f")
    value = rng.normal(size=(batch, keys, WIDTH)).astype("f")
    mask = (rng.random((batch, queries, keys)) < 0.6).astype("f")
    mask[:, range(min(queries, keys)), range(min(queries, keys))] = 1
    mask[:, :, 0] = np.maximum(mask[:, :, 0], mask.sum(-1) == 0)
    return query, key, value, mask


def run(cell, *arrays):
    """(context, weights) as numpy, weights always (B, heads, Tq, Tk)."""
    context, weights = cell(*[mx.nd.array(a) for a in arrays])
    weights = weights.asnumpy()
    return context.asnumpy(), weights if weights.ndim == 4 else weights[:, None]


# What the table says of each cell, in numpy: (parameters, q, k) -> (B, heads, Tq, Tk).

def _mlp(p, q, k):
    hidden = (q @ p["_query_mid_layer.weight"].T + p["_query_mid_layer.bias"])[:, :, None]
    hidden = np.tanh(hidden + (k @ p["_key_mid_layer.weight"].T)[:, None])
    if "_attention_score.v" in p:
        v = p["_attention_score.g"] * p["_attention_score.v"][0] / np.linalg.norm(p["_attention_score.v"])
    else:
        v = p["_attention_score.weight"][0]
    return (hidden @ v)[:, None]


def _dot(p, q, k):
    return (q @ k.transpose(0, 2, 1))[:, None]


def _unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _split(x):
    """(B, T, D) -> (B, heads, T, D / heads)."""
    return x.reshape(*x.shape[:2], HEADS, -1).transpose(0, 2, 1, 3)


def _project(p, part, x):
    return _split(x @ p[f"proj_{part}.weight"].T + p[f"proj_{part}.bias"])


def _multi_head(p, q, k):
    q, k = _project(p, "query", q), _project(p, "key", k)
    return q @ k.transpose(0, 1, 3, 2) / np.sqrt(WIDTH / HEADS)


SCORES = {
    "mlp": _mlp,
    "mlp-normalized": _mlp,
    "dot": _dot,
    "scaled-dot": lambda p, q, k: _dot(p, q, k) / np.sqrt(WIDTH),
    "general": lambda p, q, k: _dot(p, q @ p["_proj_query.weight"].T, k),
    "cosine": lambda p, q, k: _dot(p, _unit(q), _unit(k)),
    "multi-head": _multi_head,
    "none": lambda p, q, k: np.where(np.eye(q.shape[1]), 0.0, -np.inf)[None, None],
    "uniform": lambda p, q, k: np.zeros((len(q), 1, q.shape[1], k.shape[1])),
}


def expected_weights(cell, name, query, key, mask):
    parameters = {n: p.data().asnumpy().astype("d") for n, p in cell._collect_params_with_prefix().items()}
    scores = SCORES[name](parameters, query.astype("d"), key.astype("d"))
    scores = np.where(mask[:, None] > 0, scores, -np.inf)
    top = scores.max(-1, keepdims=True)
    raised = np.exp(scores - np.where(np.isfinite(top), top, 0))
    return raised / np.maximum(raised.sum(-1, keepdims=True), 1e-300)


def test_every_cell_is_held_to_its_formula_here_or_in_a_test_of_its_own():
    own = {path.stem.removeprefix("test_").replace("_", "-") for path in (Path(__file__).parent / "cells").glob("test_*.py")}
    assert set(CELLS) - set(SCORES) <= own


@every_cell
@both_ways
def test_rows_sum_to_one_and_masked_weights_are_exactly_zero(name, hybrid):
    query, key, value, mask = inputs(name)
    _, weights = run(make(name, hybrid), query, key, value, mask)
    assert weights.shape == (3, CELLS[name].heads(HEADS), 4, mask.shape[2])
    assert (weights[np.broadcast_to(mask[:, None], weights.shape) == 0] == 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=tolerance(6))


@pytest.mark.parametrize("name", SCORES)
@both_ways
def test_weights_follow_the_formula_of_the_table(name, hybrid):
    query, key, value, mask = inputs(name)
    cell = make(name, hybrid)
    _, weights = run(cell, query, key, value, mask)
    scale = np.abs(query).max() * np.abs(key).max()  # what a score adds up
    expected = expected_weights(cell, name, query, key, mask)
    np.testing.assert_allclose(weights, expected, atol=tolerance(WIDTH, 2, scale=scale))


@every_cell
@both_ways
def test_context_is_weights_times_values(name, hybrid):
    query, key, value, mask = inputs(name)
    cell = make(name, hybrid)
    context, weights = run(cell, query, key, value, mask)
    if name == "multi-head":
        projected = {n: p.data().asnumpy() for n, p in cell._collect_params_with_prefix().items()}
        heads = weights @ _project(projected, "value", value)  # (B, heads, Tq, D / heads)
        expected = heads.transpose(0, 2, 1, 3).reshape(context.shape)
    else:
        expected = weights[:, 0] @ value
    np.testing.assert_allclose(context, expected, atol=tolerance(WIDTH, 2, scale=context))


@every_cell
@both_ways
def test_no_mask_is_a_mask_of_ones(name, hybrid):
    query, key, value, mask = inputs(name)
    open_mask = np.ones_like(mask)
    masked, unmasked = make(name, hybrid), make(name, hybrid)
    for a, b in zip(run(masked, query, key, value, open_mask), run(unmasked, query, key, value)):
        np.testing.assert_allclose(a, b, atol=tolerance(WIDTH, 4, scale=a))


@every_cell
@both_ways
def test_padding_a_batch_changes_nothing(name, hybrid):
    """More positions and more texts, filled with anything, behind a mask."""
    query, key, value, mask = inputs(name)
    cell = make(name, hybrid)
    context, weights = run(cell, query, key, value, mask)
    rng = np.random.default_rng(5)

    def padded(array, *more):
        out = rng.normal(scale=50, size=[a + b for a, b in zip(array.shape, more)]).astype("f")
        out[tuple(slice(n) for n in array.shape)] = array
        return out

    wide = padded(query, 2, 3, 0)
    wide_key = wide if name in SELF_ONLY else padded(key, 2, 3, 0)
    wide_mask = np.zeros((5, mask.shape[1] + 3, mask.shape[2] + 3), "f")
    wide_mask[:3, : mask.shape[1], : mask.shape[2]] = mask
    wide_context, wide_weights = run(cell, wide, wide_key, padded(value, 2, 3, 0), wide_mask)
    np.testing.assert_allclose(wide_context[:3, :4], context, atol=tolerance(WIDTH, 4, scale=context))
    np.testing.assert_allclose(wide_weights[:3, :, :4, : mask.shape[2]], weights, atol=tolerance(WIDTH, 4))


@every_cell
@both_ways
def test_a_fully_masked_row_is_zeros(name, hybrid):
    query, key, value, mask = inputs(name)
    mask[1, 2] = 0
    context, weights = run(make(name, hybrid), query, key, value, mask)
    assert (weights[1, :, 2] == 0).all()
    assert np.isfinite(context).all()
    if name != "multi-head":  # its projected values have a bias, but no weight reaches them either
        assert (context[1, 2] == 0).all()
    np.testing.assert_allclose(weights[1, :, 1].sum(-1), 1, atol=tolerance(6))


@every_cell
@both_ways
def test_gradients_flow(name, hybrid):
    """Finite everywhere, and not zero in parameters, values and (where scores use them) queries."""
    query, key, value, mask = inputs(name)
    mask[0, 0] = 0
    cell = make(name, hybrid)
    q, v = mx.nd.array(query), mx.nd.array(value)
    k = q if name in SELF_ONLY else mx.nd.array(key)
    for x in (q, k, v):
        x.attach_grad()
    with mx.autograd.record():
        context, _ = cell(q, k, v, mx.nd.array(mask))
        loss = (context**2).sum()
    loss.backward()
    gradients = {n: p.grad().asnumpy() for n, p in cell.collect_params().items()}
    assert all(np.isfinite(g).all() for g in gradients.values())
    # A bias of all keys moves every score of a row alike, which a softmax does not see.
    blind = {n for n in gradients if n.endswith("key_bias")}
    assert all(np.abs(g).max() > 1e-6 for n, g in gradients.items() if n not in blind), gradients
    for x in (q, k, v):
        assert np.isfinite(x.grad.asnumpy()).all()
    assert np.abs(v.grad.asnumpy()).max() > 1e-6
    if CELLS[name].by_query and not CELLS[name].baseline:
        assert np.abs(q.grad.asnumpy()).max() > 1e-6
        assert np.abs(k.grad.asnumpy()).max() > 1e-6


_shared = {}


@every_cell
@settings(max_examples=8, deadline=None)
@given(batch=st.integers(1, 3), queries=st.integers(1, 5), keys=st.integers(1, 5), seed=st.integers(0, 99),
       scale=st.sampled_from([1e-3, 1.0, 30.0]))
def test_contract_holds_for_any_shape_mask_and_scale(name, batch, queries, keys, seed, scale):
    cell = _shared.setdefault(name, make(name))
    query, key, value, _ = inputs(name, batch, queries, keys, seed)
    query, key = (query * scale).astype("f"), (key * scale).astype("f")
    shape = (batch, query.shape[1], key.shape[1])
    mask = np.random.default_rng(seed).integers(0, 2, size=shape).astype("f")
    context, weights = run(cell, query, key, value, mask)
    spread = np.broadcast_to(mask[:, None], weights.shape)
    assert np.isfinite(context).all() and (weights >= 0).all() and (weights[spread == 0] == 0).all()
    may_look = np.diagonal(mask, axis1=1, axis2=2) if name in SELF_ONLY else mask.max(-1)
    expected = np.broadcast_to(may_look[:, None], weights.shape[:3])
    np.testing.assert_allclose(weights.sum(-1), expected, atol=1e-4)


def test_dropout_falls_on_weights_in_training_only():
    query, key, value, mask = (mx.nd.array(a) for a in inputs("mlp"))
    for name in (name for name, cell in CELLS.items() if not cell.baseline):
        cell = make(name, dropout=0.5)
        plain = make(name)
        np.testing.assert_array_equal(cell(query, key, value, mask)[1].asnumpy(),
                                      plain(query, key, value, mask)[1].asnumpy())
        with mx.autograd.train_mode():
            dropped = cell(query, key, value, mask)[1].asnumpy()
        assert not np.allclose(dropped, plain(query, key, value, mask)[1].asnumpy()), name


def test_two_cells_share_nothing():
    first, second = make("mlp"), make("mlp")
    assert first._act is not second._act
    assert not set(first.collect_params()) & set(second.collect_params())


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(OptionError, match=r"unknown attention cell 'scaled_dot'.*mean 'scaled-dot'"):
        attention_cell("scaled_dot", hidden_size=8)


def test_heads_must_divide_the_width():
    with pytest.raises(OptionError, match="8 is not a multiple of 3"):
        attention_cell("multi-head", hidden_size=8, num_heads=3)
