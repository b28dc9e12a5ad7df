"""Scaled dot products in several projections at once."""

from ...errors import OptionError
from .base import DotProductCell, width


class MultiHead(DotProductCell):
    """Vaswani et al., Attention Is All You Need, NIPS 2017; without an output projection, as in GluonNLP."""

    name = "multi-head"
    formula = "scaled dot per head"
    source = "Vaswani et al. 2017"

    def block(self, *, hidden_size, units, num_heads, dropout):
        from ...runtime import nlp
        from ..fast_cells import FastDotProductAttentionCell

        if hidden_size % num_heads:
            raise OptionError(
                f"num_heads must divide the attention width: {hidden_size} is not a multiple of {num_heads}."
            )
        return nlp.model.MultiHeadAttentionCell(
            FastDotProductAttentionCell(scaled=True, dropout=dropout),
            query_units=hidden_size, key_units=hidden_size, value_units=hidden_size, num_heads=num_heads,
        )

    def parameters(self, model):
        size = width(model)
        return {f"proj_{part}.{name}": shape for part in ("query", "key", "value")
                for name, shape in (("weight", (size, size)), ("bias", (size,)))}

    def heads(self, num_heads):
        return num_heads

    def queries_and_keys(self, F, model, states):
        queries, keys = self._project(F, model, states, "query"), self._project(F, model, states, "key")
        return queries / (width(model) / model["num_heads"]) ** 0.5, keys

    def values(self, F, model, states):
        return self._project(F, model, states, "value")

    def _project(self, F, model, states, part):
        projected = F.linear(states, f"attention.proj_{part}.weight", f"attention.proj_{part}.bias")
        return F.split_heads(projected, model["num_heads"])


CELL = MultiHead()
