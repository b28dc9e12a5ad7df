from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gluonattn.errors import OptionError
from gluonattn.reference import (
    Projection,
    attention_weights,
    merge_heads,
    multi_head_attention,
    softmax,
    split_heads,
)
from gluonattn.runtime import mxnet_is_installed

from .tolerance import tolerance

B, TQ, TK, HEADS, WIDTH = 2, 5, 7, 4, 12


def numbers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def projections(query=WIDTH, key=WIDTH, value=WIDTH, bias=True, dtype=np.float64):
    made = {}
    for i, (name, width) in enumerate((("query", query), ("key", key), ("value", value), ("output", WIDTH))):
        made[f"to_{name}"] = Projection(numbers(WIDTH, width, seed=i, dtype=dtype),
                                        numbers(WIDTH, seed=10 + i, dtype=dtype) if bias else None)
    return made


def test_it_is_the_sum_written_out():
    parts = projections()
    query, key, value = numbers(B, TQ, WIDTH, seed=1), numbers(B, TK, WIDTH, seed=2), numbers(B, TK, WIDTH, seed=3)
    found = multi_head_attention(query, key, value, heads=HEADS, **parts)
    size = WIDTH // HEADS
    for b in range(B):
        q, k, v = (parts[f"to_{n}"](x[b]) for n, x in (("query", query), ("key", key), ("value", value)))
        for h in range(HEADS):
            part = slice(h * size, (h + 1) * size)
            for i in range(TQ):
                scores = np.exp([sum(q[i, part] * k[j, part]) / size**0.5 for j in range(TK)])
                weights = scores / scores.sum()
                assert found.weights[b, h, i] == pytest.approx(weights, abs=1e-12)
                assert found.context[b, i, part] == pytest.approx(weights @ v[:, part], abs=1e-12)
    assert found.output.dtype == np.float64
    assert multi_head_attention(query.astype("f"), key.astype("f"), value.astype("f"), heads=HEADS,
                                **projections(dtype=np.float32)).weights.dtype == np.float32


def test_a_mask_leaves_exact_zeros_and_an_empty_row_is_all_zeros():
    mask = np.random.default_rng(3).random((B, 1, TQ, TK)) < 0.6
    mask[0, 0, 2] = False
    weights = attention_weights(numbers(B, HEADS, TQ, 3), numbers(B, HEADS, TK, 3, seed=1), mask=mask)
    assert (weights[np.broadcast_to(~mask, weights.shape)] == 0).all()
    sums = weights.sum(-1)
    assert sums == pytest.approx(np.broadcast_to(mask.any(-1), sums.shape).astype(float))


def test_softmax_does_not_overflow_and_ignores_a_shift():
    scores = numbers(3, 6)
    assert softmax(scores + 5000) == pytest.approx(softmax(scores))
    assert softmax(np.array([[1e4, 0.0]])) == pytest.approx(np.array([[1.0, 0.0]]))


def test_heads_are_split_and_merged_back():
    x = numbers(2, 3, 12)
    assert (merge_heads(split_heads(x, 4)) == x).all()
    assert (split_heads(x, 4)[1, 2, 0] == x[1, 0, 6:9]).all()
    with pytest.raises(OptionError, match="width of 12 cannot be divided among 5 heads"):
        split_heads(x, 5)


@pytest.mark.torch
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", [(WIDTH, WIDTH, WIDTH), (WIDTH, 5, 9)])
@pytest.mark.parametrize("masked", [None, "bool", "float"])
def test_it_is_torchs(bias, widths, masked):
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
    parts = projections(*widths, bias=bias)
    given = [numbers(B, TQ, widths[0], seed=1), numbers(B, TK, widths[1], seed=2), numbers(B, TK, widths[2], seed=3)]
    may = np.random.default_rng(3).random((TQ, TK)) < 0.7
    may[:, 0] = True
    added = numbers(TQ, TK, seed=4)
    tensor = {k: torch.from_numpy(p.weight) for k, p in parts.items()}
    same = widths[1] == widths[2] == WIDTH
    biases = [parts[f"to_{n}"].bias for n in ("query", "key", "value")]
    attn_mask = {None: None, "bool": torch.from_numpy(~may), "float": torch.from_numpy(added)}[masked]
    theirs, weights = torch.nn.functional.multi_head_attention_forward(
        *(torch.from_numpy(x.swapaxes(0, 1).copy()) for x in given), WIDTH, HEADS,
        torch.cat([tensor[f"to_{n}"] for n in ("query", "key", "value")]) if same else None,
        torch.from_numpy(np.concatenate(biases)) if bias else None, None, None, False, 0.0, tensor["to_output"],
        torch.from_numpy(parts["to_output"].bias) if bias else None, training=False, attn_mask=attn_mask,
        use_separate_proj_weight=not same, q_proj_weight=tensor["to_query"], k_proj_weight=tensor["to_key"],
        v_proj_weight=tensor["to_value"], average_attn_weights=False)
    ours = multi_head_attention(*given, heads=HEADS, **parts, mask=may if masked == "bool" else None,
                                bias=added if masked == "float" else None)
    assert np.abs(ours.output - theirs.numpy().swapaxes(0, 1)).max() < tolerance(WIDTH, 4, scale=ours.output)
    assert np.abs(ours.weights - weights.numpy()).max() < tolerance(WIDTH, 2)


def test_it_is_gluonnlps():
    if not mxnet_is_installed():
        pytest.skip('needs MXNet: pip install "gluonattn[cpu]"')
    from gluonattn.runtime import mx, nlp

    attention = nlp.model.attention_cell
    cell = attention.MultiHeadAttentionCell(attention.DotProductAttentionCell(scaled=True), WIDTH, WIDTH, WIDTH, HEADS)
    cell.initialize(mx.init.Normal(0.5))
    given = [numbers(B, t, w, seed=t, dtype=np.float32) for t, w in ((TQ, 6), (TK, 5), (TK, 9))]
    may = np.random.default_rng(3).random((B, TQ, TK)) < 0.7
    may[..., 0] = True
    context, weights = cell(*map(mx.nd.array, given), mx.nd.array(may))
    parts = {f"to_{n}": Projection(p.weight.data().asnumpy(), p.bias.data().asnumpy()) for n, p in
             (("query", cell.proj_query), ("key", cell.proj_key), ("value", cell.proj_value))}
    ours = multi_head_attention(*given, heads=HEADS, **parts, mask=may[:, None])
    assert np.abs(ours.weights - weights.asnumpy()).max() < tolerance(WIDTH, 2)
    assert np.abs(ours.context - context.asnumpy()).max() < tolerance(WIDTH, 4, scale=ours.context)


def test_the_docs_page_runs_and_prints_what_it_says(capsys):
    page = (Path(__file__).parents[1] / "docs" / "multi-head-attention.md").read_text(encoding="utf-8")
    names: dict = {}
    for code, shown in re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", page, re.S):
        exec(compile(code, "multi-head-attention.md", "exec"), names)
        assert capsys.readouterr().out == shown
