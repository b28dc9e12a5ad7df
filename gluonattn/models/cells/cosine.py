"""The cosine of two states."""

from .base import DotProductCell


class Cosine(DotProductCell):
    """Graves et al., Neural Turing Machines, 2014."""

    name = "cosine"
    formula = "q^T k / (||q|| ||k||)"
    source = "Graves et al. 2014"

    def block(self, *, hidden_size, units, num_heads, dropout):
        from ..fast_cells import FastDotProductAttentionCell

        return FastDotProductAttentionCell(scaled=False, normalized=True, dropout=dropout)

    def queries_and_keys(self, F, model, states):
        unit = F.expand(states / (F.sqrt(F.sum(states * states)) + 1e-6), 1)
        return unit, unit


CELL = Cosine()
