"""Dot products of projected queries with keys."""

from .base import DotProductCell, width


class General(DotProductCell):
    """Luong et al., Effective Approaches to Attention-based Neural Machine Translation, EMNLP 2015."""

    name = "general"
    formula = "q^T W k"
    source = "Luong et al. 2015"

    def block(self, *, hidden_size, units, num_heads, dropout):
        from ..fast_cells import FastDotProductAttentionCell

        return FastDotProductAttentionCell(units=hidden_size, luong_style=True, scaled=False, use_bias=False,
                                           dropout=dropout)

    def parameters(self, model):
        return {"_proj_query.weight": (width(model), width(model))}

    def queries_and_keys(self, F, model, states):
        return F.expand(F.linear(states, "attention._proj_query.weight"), 1), F.expand(states, 1)


CELL = General()
