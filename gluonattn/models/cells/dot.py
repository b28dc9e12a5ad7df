"""Dot products of the states themselves."""

from .base import DotProductCell


class Dot(DotProductCell):
    """Luong et al., Effective Approaches to Attention-based Neural Machine Translation, EMNLP 2015."""

    name = "dot"
    formula = "q^T k"
    source = "Luong et al. 2015"

    def block(self, *, hidden_size, units, num_heads, dropout):
        from ..fast_cells import FastDotProductAttentionCell

        return FastDotProductAttentionCell(scaled=False, dropout=dropout)

    def queries_and_keys(self, F, model, states):
        states = F.expand(states, 1)
        return states, states


CELL = Dot()
