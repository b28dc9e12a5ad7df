"""The attention record: the common form of attention from every source.

It is framework-free (numpy only). All views and measurements are made from an
`AttentionRecord`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .checks import (
    ROW_SUM_TOLERANCE,
    VECTORS,
    check_attributions,
    check_finite,
    check_rows,
    check_shapes,
    check_spans,
    check_texts,
    copy_json,
    freeze_array,
    lost_mass,
)
from .container import FORMAT, write_container
from .positions import distinct_positions, position
from .tokens import Prediction, Token, read_tokens
from .units import eojeol_groups, join_tokens, merge_weights


@dataclass(frozen=True, eq=False)
class AttentionRecord:
    """Attention weights over the tokens of a raw text.

    Attributes
    ----------
    text : str
        The raw input, exactly as typed.
    queries, keys : tuple of Token
        The tokens that attend, and the tokens attended to.
    weights : numpy.ndarray, float32, shape (layers, heads, queries, keys)
        Each row over keys sums to 1 within 1e-4 unless `normalised` is False.
    kind : {"self", "encoder", "decoder", "cross"}
    target_text : str or None
        Raw output text of a sequence-to-sequence model. Query spans of a
        "cross" or "decoder" record refer to it, and so do key spans of a
        "decoder" record.
    prediction : Prediction or None
    queries_vectors, keys_vectors, values : numpy.ndarray or None
        Per-head vectors, shape (layers, heads, tokens, head_dim).
    normalised : bool, default True
        False after mass was dropped. Then ``source["dropped_mass"]`` is the
        largest mass lost by a row.
    source : dict
        Origin of the weights (model, cell, epoch, framework, versions), as
        after a round trip through JSON: tuples become lists.
    attributions : dict of str to numpy.ndarray, float32, shape (keys,)
        How much each key contributed to the prediction, by method; empty if
        none was computed.

    Raises
    ------
    RecordError
        If shapes, spans, row sums or numbers are invalid, or `source` is not
        JSON. The message names the first violation.
    """

    text: str
    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    weights: NDArray[Any]
    kind: str = "self"
    target_text: str | None = None
    prediction: Prediction | None = None
    queries_vectors: NDArray[Any] | None = None
    keys_vectors: NDArray[Any] | None = None
    values: NDArray[Any] | None = None
    normalised: bool = True
    source: Mapping[str, Any] = field(default_factory=dict)
    attributions: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        put = object.__setattr__
        same = self.keys is self.queries
        put(self, "queries", read_tokens("query", self.queries))
        put(self, "keys", self.queries if same else read_tokens("key", self.keys))
        put(self, "weights", freeze_array("weights", self.weights))
        for name in VECTORS:
            if getattr(self, name) is not None:
                put(self, name, freeze_array(name, getattr(self, name)))
        if self.prediction is not None:
            probabilities = {str(k): float(p) for k, p in self.prediction.probabilities.items()}
            put(self, "prediction", Prediction(self.prediction.label, probabilities))
        put(self, "source", copy_json(self.source))
        put(self, "attributions", {str(k): freeze_array("attributions", a) for k, a in self.attributions.items()})
        self._check()
        if not self.normalised:
            self.source["dropped_mass"] = round(lost_mass(self.weights), 6)  # type: ignore[index]

    def _check(self) -> None:
        check_texts(self.kind, self.text, self.target_text)
        vectors = {name: getattr(self, name) for name in VECTORS}
        check_shapes(self.weights, vectors, len(self.queries), len(self.keys))
        check_attributions(self.attributions, len(self.keys))
        check_finite({"weights": self.weights, **vectors})
        check_spans("query", self.queries, self.query_text)
        check_spans("key", self.keys, self.key_text)
        check_rows(self.weights, self.normalised)

    @property
    def query_text(self) -> str:
        """The raw text to which query spans refer."""
        on_target = self.kind in ("decoder", "cross") and self.target_text is not None
        return self.target_text if on_target else self.text  # type: ignore[return-value]

    @property
    def key_text(self) -> str:
        """The raw text to which key spans refer."""
        on_target = self.kind == "decoder" and self.target_text is not None
        return self.target_text if on_target else self.text  # type: ignore[return-value]

    @property
    def layers(self) -> int:
        return self.weights.shape[0]

    @property
    def heads(self) -> int:
        return self.weights.shape[1]

    def label_name(self, label: str) -> str:
        """The readable name of a label: ``source["label_names"]``, or the label itself."""
        return str(self.source.get("label_names", {}).get(label, label))

    def matrix(self, layer: int | None = None, head: int | None = None) -> NDArray[Any]:
        """One (queries, keys) matrix: of a layer and head, or the mean over those that are None.

        Parameters
        ----------
        layer, head : int or None
            Counted from 0; negative numbers count from the end. None is the mean over all.

        Returns
        -------
        numpy.ndarray, float32, shape (queries, keys)

        Raises
        ------
        RecordError
            If the layer or head does not exist.
        """
        part = self.weights
        for axis, (name, index) in enumerate((("layer", layer), ("head", head))):
            if index is None:
                part = part.mean(axis=axis, keepdims=True)
                continue
            size = self.weights.shape[axis]
            part = np.take(part, [position(name, index, size)], axis=axis)
        matrix: NDArray[Any] = part[0, 0]
        return matrix

    def select(
        self, queries: Sequence[int] | None = None, keys: Sequence[int] | None = None
    ) -> AttentionRecord:
        """A record with only the given query and key positions, in the given order.

        Dropping keys drops attention mass. The result then has
        ``normalised=False``, and ``source["dropped_mass"]`` is the largest
        mass that a remaining row has lost.

        Parameters
        ----------
        queries, keys : sequence of int or None
            Positions counted from 0; negative ones count from the end. None keeps all.

        Raises
        ------
        RecordError
            If a position does not exist or is given twice, or none is given.
        """
        rows = distinct_positions("query", queries, len(self.queries))
        columns = distinct_positions("key", keys, len(self.keys))
        weights = self.weights[:, :, rows][:, :, :, columns]
        return replace(
            self,
            queries=tuple(self.queries[i] for i in rows),
            keys=tuple(self.keys[i] for i in columns),
            weights=weights,
            queries_vectors=_take(self.queries_vectors, rows),
            keys_vectors=_take(self.keys_vectors, columns),
            values=_take(self.values, columns),
            attributions={name: scores[columns] for name, scores in self.attributions.items()},
            normalised=self.normalised and lost_mass(weights) <= ROW_SUM_TOLERANCE,
        )

    def merge(self, unit: str = "eojeol") -> AttentionRecord:
        """Merge tokens into larger units, conserving attention mass.

        The weight of a merged key is the sum over its parts, and that of a
        merged query is the mean over its parts, so every row keeps its mass.
        Attributions are summed.

        Parameters
        ----------
        unit : {"eojeol"}, default "eojeol"
            Tokens belong to the whitespace-separated word that contains their
            first visible character. Special tokens (empty spans) stay unmerged.

        Returns
        -------
        AttentionRecord
            Without per-head vectors: a mean of key vectors is not a key.
        """
        if unit != "eojeol":
            raise RecordError(f"cannot merge into {unit!r}: the known unit is 'eojeol'.")
        query_groups = eojeol_groups(self.queries, self.query_text)
        key_groups = eojeol_groups(self.keys, self.key_text)
        return replace(
            self,
            queries=tuple(join_tokens(self.queries, g, self.query_text) for g in query_groups),
            keys=tuple(join_tokens(self.keys, g, self.key_text) for g in key_groups),
            weights=merge_weights(self.weights, query_groups, key_groups),
            queries_vectors=None,
            keys_vectors=None,
            values=None,
            source={**self.source, "merged": unit},
            attributions={name: np.array([scores[g].sum() for g in key_groups])
                          for name, scores in self.attributions.items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """The record as plain Python values for JSON, without vectors."""
        return {
            **self._header(),
            "format": FORMAT,
            "weights": [[[[round(float(w), 6) for w in row] for row in head] for head in layer]
                        for layer in self.weights],
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the record to one ``.npz`` file, without pickle.

        The file appears under its name only when it is complete.

        Raises
        ------
        RecordError
            If the file cannot be written.
        """
        path = Path(path)
        arrays = {name: getattr(self, name) for name in ("weights", *VECTORS)}
        write_container(path, self._header(), {name: array for name, array in arrays.items() if array is not None})
        return path

    def _header(self) -> dict[str, Any]:
        """Everything but weights and vectors, as JSON values."""
        without = {"weights", "prediction", "attributions", *VECTORS}
        header = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in without}
        header["queries"] = [list(token) for token in self.queries]
        header["keys"] = [list(token) for token in self.keys]
        header["prediction"] = asdict(self.prediction) if self.prediction else None
        if self.attributions:  # absent if there is none, as in older files
            header["attributions"] = {name: scores.tolist() for name, scores in self.attributions.items()}
        return header

    def _repr_html_(self) -> str:
        """The page, for notebooks. Views are on a higher floor, so the package loads them."""
        return str(sys.modules["gluonattn"].notebook_html(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AttentionRecord):
            return NotImplemented
        return self._header() == other._header() and all(
            _same(getattr(self, name), getattr(other, name)) for name in ("weights", *VECTORS)
        )

    __hash__ = None  # type: ignore[assignment]


def _take(vectors: NDArray[Any] | None, positions: list[int]) -> NDArray[Any] | None:
    return None if vectors is None else vectors[:, :, positions]


def _same(a: NDArray[Any] | None, b: NDArray[Any] | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and bool((a == b).all())
