"""Attention cells, one file each. Every file in this folder that has a `CELL` is found, and no other file lists it.

Contract: ``cell(query, key, value, mask) -> (context, weights)`` with query
(B, Tq, D), key and value (B, Tk, D), mask (B, Tq, Tk) where 1 = may attend, in
the scores' dtype. Weights are (B, Tq, Tk), or (B, heads, Tq, Tk) for
multi-head; rows sum to 1 over unmasked keys, masked weights are exactly 0, a
row without any unmasked key is all 0, and context is weights x value (for
multi-head: x the projected value of each head, heads concatenated).

Importing this module does not load MXNet.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ...errors import choose
from .base import Cell, DotProductCell


def _find_cells() -> dict[str, Cell]:
    """Find cells by name: learned ones first, then the baselines."""
    modules = [import_module(f".{module.name}", __name__) for module in iter_modules(__path__)]
    cells = [module.CELL for module in modules if hasattr(module, "CELL")]
    return {cell.name: cell for cell in sorted(cells, key=lambda cell: (cell.baseline, cell.name))}


CELLS: dict[str, Cell] = _find_cells()


def attention_cell(
    name: str, *, hidden_size: int, units: int = 30, num_heads: int = 4, dropout: float = 0.0
) -> Any:
    """Make the Gluon block of a cell, which computes attention weights and contexts.

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
        On the weights, only in training. Explain in predict mode.

    Returns
    -------
    gluonnlp.model.AttentionCell

    Raises
    ------
    OptionError
        If the name is unknown, or the heads do not divide the width.
    """
    cell = choose("attention cell", name, CELLS)
    return cell.block(units=units, hidden_size=hidden_size, num_heads=num_heads, dropout=dropout)


__all__ = ["CELLS", "Cell", "DotProductCell", "attention_cell"]
