"""The rules of a record, one function each. An error names the first violation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .tokens import Token

KINDS = ("self", "encoder", "decoder", "cross")
VECTORS = ("queries_vectors", "keys_vectors", "values")  # fields of a record besides its weights
ROW_SUM_TOLERANCE = 1e-4


def freeze_array(name: str, array: Any) -> NDArray[Any]:
    """Make a read-only float32 copy.

    Parameters
    ----------
    name : str
        For messages.
    array : array_like

    Raises
    ------
    RecordError
        If it is not an array of numbers.
    """
    try:
        frozen: NDArray[Any] = np.array(array, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{name} must be an array of numbers; got {array!r:.60} ({error}).") from None
    frozen.flags.writeable = False
    return frozen


def copy_json(source: Mapping[str, Any]) -> dict[str, Any]:
    """Copy `source` through JSON. RecordError if it has other values."""
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(source), ensure_ascii=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(
            f"source must hold only JSON values (numbers, strings, lists, dicts): {error}."
        ) from None
    return copied


def lost_mass(weights: NDArray[Any]) -> float:
    """The largest mass that a row lacks; 0 if every row sums to 1."""
    return float(np.max(1 - weights.sum(-1, dtype=np.float64), initial=0.0))


def check_texts(kind: Any, text: Any, target_text: Any) -> None:
    """Raise RecordError unless the kind is known and has the texts it needs.

    Parameters
    ----------
    kind : object
    text, target_text : object
        Raw texts (str); None is no target text.
    """
    if kind not in KINDS:
        raise RecordError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}.")
    if not isinstance(text, str) or not isinstance(target_text, (str, type(None))):
        raise RecordError(
            f"text and target_text must be the raw texts (str); got {text!r:.60} and "
            f"{target_text!r:.60}."
        )
    if kind == "cross" and target_text is None:
        raise RecordError("a cross record needs target_text: its queries index that text.")


def check_shapes(weights: NDArray[Any], vectors: Mapping[str, NDArray[Any] | None], queries: int, keys: int) -> None:
    """Raise RecordError unless the shapes of weights and vectors match the number of tokens.

    Parameters
    ----------
    weights : numpy.ndarray
    vectors : mapping of str to numpy.ndarray or None
        By the names in `VECTORS`.
    queries, keys : int
        Number of tokens.
    """
    if weights.ndim != 4 or weights.shape[2:] != (queries, keys) or 0 in weights.shape:
        raise RecordError(
            f"weights must have shape (layers, heads, {queries} queries, {keys} keys), none of them "
            f"0; got {weights.shape}. A single matrix m goes in as m[None, None]."
        )
    for name, count in zip(VECTORS, (queries, keys, keys)):
        array, expected = vectors[name], (*weights.shape[:2], count)
        if array is not None and (array.ndim != 4 or array.shape[:3] != expected):
            raise RecordError(f"{name} must have shape {expected} + (head_dim,); got {array.shape}.")


def check_attributions(attributions: Mapping[str, NDArray[Any]], keys: int) -> None:
    """Raise RecordError unless every attribution is one finite score for each key.

    Parameters
    ----------
    attributions : mapping of str to numpy.ndarray
    keys : int
        Number of keys.
    """
    for name, scores in attributions.items():
        if scores.shape != (keys,) or not np.isfinite(scores).all():
            raise RecordError(
                f"the attribution {name!r} must be one finite score for each of the {keys} keys; got shape "
                f"{scores.shape}."
            )


def check_finite(arrays: Mapping[str, NDArray[Any] | None]) -> None:
    """Raise RecordError for the first number of weights or vectors that is not finite."""
    for name, array in arrays.items():
        if array is not None and not np.isfinite(array).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            axes = "query, key" if name == "weights" else "token, dimension"
            raise RecordError(f"{name} must be finite; (layer, head, {axes}) {where} is not.")


def check_spans(side: str, tokens: Sequence[Token], text: str) -> None:
    """Raise RecordError for the first token whose span is outside its text.

    Parameters
    ----------
    side : str
        "query" or "key", for messages.
    tokens : sequence of Token
    text : str
        The raw text to which their spans refer.
    """
    for i, token in enumerate(tokens):
        if not 0 <= token.start <= token.end <= len(text):
            raise RecordError(
                f"{side} {i} ({token.text!r}) has span {token.start}:{token.end}, outside its "
                f"text of {len(text)} characters."
            )


def check_rows(weights: NDArray[Any], normalised: bool) -> None:
    """Raise RecordError if a weight is negative or, with `normalised`, a row does not sum to 1.

    Parameters
    ----------
    weights : numpy.ndarray, shape (layers, heads, queries, keys)
    normalised : bool
        Whether rows must sum to 1 within `ROW_SUM_TOLERANCE`.
    """
    if weights.min() < 0:
        raise RecordError(f"weights must not be negative; the smallest is {weights.min():.4g}.")
    if normalised:
        deviation = np.abs(weights.sum(-1, dtype=np.float64) - 1)
        if deviation.max() > ROW_SUM_TOLERANCE:
            where = tuple(int(i) for i in np.unravel_index(deviation.argmax(), deviation.shape))
            raise RecordError(
                f"each row over keys must sum to 1 within {ROW_SUM_TOLERANCE}; (layer, head, query) "
                f"{where} sums to {weights.sum(-1)[where]:.6f}. Pass normalised=False if mass was "
                "dropped on purpose."
            )
