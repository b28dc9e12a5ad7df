"""Attention cells by name: GluonNLP's own, and two baselines.

Contract: ``cell(query, key, value, mask) -> (context, weights)`` with query
(B, Tq, D), key and value (B, Tk, D), mask (B, Tq, Tk) where 1 = may look, in
the scores' dtype. Weights are (B, Tq, Tk), or (B, heads, Tq, Tk) for
multi-head; rows sum to 1 over unmasked keys, masked weights are exactly 0, a
row without any unmasked key is all 0, and context is weights x value (for
multi-head: x the projected value of each head, heads concatenated).

Importing this module does not load MXNet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from ..errors import OptionError, choose


@dataclass(frozen=True)
class CellKind:
    """What a name in the table of cells means.

    Attributes
    ----------
    formula : str
        Score of a query q and a key k, before the softmax over keys.
    source : str
        Paper of the formula.
    make : callable
        ``make(units, hidden_size, num_heads, dropout) -> AttentionCell``.
    """

    formula: str
    source: str
    make: Callable[..., Any]


def attention_cell(
    name: str, *, hidden_size: int, units: int = 30, num_heads: int = 4, dropout: float = 0.0
):
    """A cell that computes attention weights and reads values by them.

    Parameters
    ----------
    name : str
        A key of `CELLS`.
    hidden_size : int
        Width D of queries and keys ("general" and "multi-head" project to it).
    units : int, default 30
        Hidden units of the MLP cells.
    num_heads : int, default 4
        Heads of "multi-head"; must divide `hidden_size`.
    dropout : float, default 0
        On the weights, while training only: explain in predict mode.

    Returns
    -------
    gluonnlp.model.AttentionCell

    Raises
    ------
    OptionError
        If the name is unknown, or heads do not divide the width.
    """
    kind = choose("attention cell", name, CELLS)
    return kind.make(units=units, hidden_size=hidden_size, num_heads=num_heads, dropout=dropout)


def heads_of(name: str, num_heads: int) -> int:
    """How many weight matrices the named cell returns."""
    return num_heads if name == "multi-head" else 1


def _mlp(normalized):
    def make(units, dropout, **_):
        from ..runtime import mx
        from .fast_cells import FastMLPAttentionCell

        # GluonNLP shares one default tanh block between all instances.
        tanh = mx.gluon.nn.Activation("tanh")
        return FastMLPAttentionCell(units, act=tanh, normalized=normalized, dropout=dropout)

    return make


def _dot(**settings):
    def make(dropout, **_):
        from .fast_cells import FastDotProductAttentionCell

        return FastDotProductAttentionCell(dropout=dropout, **settings)

    return make


def _general(hidden_size, dropout, **_):
    from .fast_cells import FastDotProductAttentionCell

    return FastDotProductAttentionCell(
        units=hidden_size, luong_style=True, scaled=False, use_bias=False, dropout=dropout
    )


def _multi_head(hidden_size, num_heads, dropout, **_):
    from ..runtime import nlp
    from .fast_cells import FastDotProductAttentionCell

    if hidden_size % num_heads:
        raise OptionError(
            f"num_heads must divide the attention width: {hidden_size} is not a multiple of {num_heads}."
        )
    return nlp.model.MultiHeadAttentionCell(
        FastDotProductAttentionCell(scaled=True, dropout=dropout),
        query_units=hidden_size, key_units=hidden_size, value_units=hidden_size, num_heads=num_heads,
    )


def _none(**_):
    from .baseline_cells import NoAttentionCell

    return NoAttentionCell()


def _uniform(**_):
    from .baseline_cells import UniformAttentionCell

    return UniformAttentionCell()


CELLS: dict[str, CellKind] = {
    "mlp": CellKind("v^T tanh(W[q;k])", "Bahdanau et al. 2015", _mlp(normalized=False)),
    "mlp-normalized": CellKind(
        "g v/||v||^T tanh(W[q;k]+b)", "Salimans & Kingma 2016", _mlp(normalized=True)
    ),
    "dot": CellKind("q^T k", "Luong et al. 2015", _dot(scaled=False)),
    "scaled-dot": CellKind("q^T k / sqrt(d)", "Vaswani et al. 2017", _dot(scaled=True)),
    "general": CellKind("q^T W k", "Luong et al. 2015", _general),
    "cosine": CellKind(
        "q^T k / (||q|| ||k||)", "Graves et al. 2014", _dot(scaled=False, normalized=True)
    ),
    "multi-head": CellKind("scaled dot per head", "Vaswani et al. 2017", _multi_head),
    "none": CellKind("each token sees itself only", "baseline: pooling alone", _none),
    "uniform": CellKind("0 for every key (weights 1/T)", "baseline", _uniform),
}
