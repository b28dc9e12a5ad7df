"""Additive attention with weight normalisation of the last vector."""

from __future__ import annotations

from ..backend import Array, Backend
from .mlp import MLP


class NormalizedMLP(MLP):
    """`mlp` with weight normalisation (Salimans and Kingma, Weight Normalization, NIPS 2016)."""

    name = "mlp-normalized"
    formula = "g v/||v||^T tanh(W[q;k]+b)"
    source = "Salimans & Kingma 2016"
    normalized = True

    def v_parameters(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"_attention_score.g": (1,), "_attention_score.v": (1, units)}

    def v(self, F: Backend) -> Array:
        v = F.weight("attention._attention_score.v")
        return v / F.sqrt(F.sum(v * v)) * F.weight("attention._attention_score.g")


CELL = NormalizedMLP()
