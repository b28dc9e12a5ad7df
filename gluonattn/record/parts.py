"""A part of a record: some layers, heads and queries, and the keys that receive most attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from .checks import VECTORS
from .positions import distinct_positions
from .record import AttentionRecord


class Part(NamedTuple):
    """The part of attention that is kept, so that a long text fits into memory and on a page.

    Attributes
    ----------
    layers, heads, queries : sequence of int or None
        Positions counted from 0, negative ones from the end. None is all.
    top : int or None
        Number of keys to keep: those that receive most from the kept layers, heads and queries. None is all.
    """

    layers: Sequence[int] | None = None
    heads: Sequence[int] | None = None
    queries: Sequence[int] | None = None
    top: int | None = None

    def check(self) -> None:
        """Raise OptionError if `top` is not a number of tokens."""
        if self.top is not None and (isinstance(self.top, bool) or not isinstance(self.top, int) or self.top < 1):
            raise OptionError(f"top is the number of tokens to keep, at least 1; got {self.top!r:.40}.")

    def places(self, layers: int, heads: int, queries: int) -> tuple[list[int], list[int], list[int]]:
        """Positions of the kept layers, heads and queries.

        Parameters
        ----------
        layers, heads, queries : int
            How many there are.

        Raises
        ------
        RecordError
            If one does not exist or is given twice.
        """
        return (distinct_positions("layer", self.layers, layers), distinct_positions("head", self.heads, heads),
                distinct_positions("query", self.queries, queries))

    def columns(self, received: NDArray[Any]) -> NDArray[Any]:
        """The kept keys, in their order.

        Parameters
        ----------
        received : numpy.ndarray, shape (keys,)
            The attention that each key receives from the kept layers, heads and queries.
        """
        if self.top is None or self.top >= len(received):
            return np.arange(len(received))
        return np.sort(np.argsort(-received, kind="stable")[: self.top])

    def of(self, record: AttentionRecord) -> AttentionRecord:
        """Select this part of a record. ``source["chosen"]`` describes it.

        Parameters
        ----------
        record : AttentionRecord

        Raises
        ------
        RecordError
            If a layer, head or query does not exist.
        OptionError
            If `top` is not a number of tokens.
        """
        self.check()
        layers, heads, rows = self.places(record.layers, record.heads, len(record.queries))
        kept = {name: array[layers][:, heads] for name in ("weights", *VECTORS)
                if (array := getattr(record, name)) is not None}
        columns = self.columns(kept["weights"][:, :, rows].sum((0, 1, 2), dtype=np.float64))
        of_layers, of_heads = numbers_of(record, "layers"), numbers_of(record, "heads")
        chosen = tell_chosen([of_layers[i] for i in layers], [of_heads[i] for i in heads], rows, columns, len(record.keys))
        return replace(record, **kept, source={**record.source, "chosen": chosen}).select(rows, columns.tolist())


def tell_chosen(layers: Sequence[int], heads: Sequence[int], rows: Sequence[int], columns: Sequence[int] | NDArray[Any],
                tokens: int) -> dict[str, Any]:
    """Make ``source["chosen"]`` of a part.

    Parameters
    ----------
    layers, heads : sequence of int
        Their numbers in the model.
    rows, columns : sequence of int
        Kept queries and keys, of which only the number counts.
    tokens : int
        Number of tokens of the whole.
    """
    return {"layers": list(layers), "heads": list(heads), "queries": len(rows), "keys": len(columns), "tokens": tokens}


def numbers_of(record: AttentionRecord, axis: str) -> list[int]:
    """The numbers of layers or heads in their model: from 0 up, or those of a part.

    Parameters
    ----------
    record : AttentionRecord
    axis : {"layers", "heads"}
    """
    count, chosen = getattr(record, axis), record.source.get("chosen")
    given = chosen.get(axis) if isinstance(chosen, dict) else None
    if isinstance(given, list) and len(given) == count and all(type(number) is int for number in given):
        return list(given)
    return list(range(count))


def place_in_model(record: AttentionRecord, layer: int, head: int) -> tuple[int, int]:
    """The numbers of a record's layer and head in their model.

    Parameters
    ----------
    record : AttentionRecord
    layer, head : int
        Positions in the record.
    """
    return numbers_of(record, "layers")[layer], numbers_of(record, "heads")[head]
