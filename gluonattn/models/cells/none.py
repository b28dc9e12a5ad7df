"""No attention."""

from .base import Cell


class NoAttention(Cell):
    """What attention is compared with: each token sees itself only, and pooling does the rest."""

    name = "none"
    formula = "each token sees itself only"
    source = "baseline: pooling alone"
    baseline = True

    def block(self, *, hidden_size, units, num_heads, dropout):
        from ..baseline_cells import NoAttentionCell

        return NoAttentionCell()

    def weights(self, F, model, states, pairs):
        return F.identity(states) * pairs


CELL = NoAttention()
