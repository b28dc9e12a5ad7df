"""All keys alike."""

from .base import Cell


class Uniform(Cell):
    """What attention is compared with: the mean of all states."""

    name = "uniform"
    formula = "0 for every key (weights 1/T)"
    source = "baseline"
    baseline = True

    def block(self, *, hidden_size, units, num_heads, dropout):
        from ..baseline_cells import UniformAttentionCell

        return UniformAttentionCell()

    def weights(self, F, model, states, pairs):
        return pairs / F.at_least(F.sum(pairs), 1)


CELL = Uniform()
