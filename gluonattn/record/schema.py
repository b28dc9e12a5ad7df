"""The schema of a saved record's header: its types, and the parts of `source` that views use."""

from __future__ import annotations

from typing import Any, Optional, Union

import msgspec

from ..contents import all_finite
from ..errors import RecordError
from .tokens import Prediction


class SavedPrediction(msgspec.Struct, forbid_unknown_fields=True):
    """A prediction in the header."""

    label: Optional[str]
    probabilities: dict[str, float]


class SavedRecord(msgspec.Struct, forbid_unknown_fields=True):
    """The header of a saved record. The record itself checks everything else."""

    text: str
    queries: list[list[Union[str, int, None]]]
    keys: list[list[Union[str, int, None]]]
    kind: str
    target_text: Optional[str]
    prediction: Optional[SavedPrediction]
    normalised: bool
    source: dict[str, Any]
    attributions: dict[str, list[float]] = {}


class _DeletionTest(msgspec.Struct):
    tokens: int
    before: float
    after: float
    random: float
    further: float
    draws: int = 100


class _Approximated(msgspec.Struct):
    steps: int
    missing: float
    of: float


class _WhatIf(msgspec.Struct):
    drop: list[list[float]]
    unseen: list[list[float]] = []  # only for models whose attention can be changed
    uniform: Optional[list[float]] = None


class _Explanation(msgspec.Struct):
    method: str
    sign: str
    target: int
    honesty: _DeletionTest  # the name in saved records
    label: Optional[str] = None
    validation: dict[str, list[float]] = {}
    approximated: Optional[_Approximated] = None
    what_if: Optional[_WhatIf] = None
    other_classes: dict[str, list[float]] = {}


class _Source(msgspec.Struct):
    """The parts of `source` that views use. Other parts are not checked."""

    label_names: dict[str, Any] = {}
    explanation: Optional[_Explanation] = None


def check_header(header: Any) -> Prediction | None:
    """Check a saved record's header, and return its prediction.

    Raises
    ------
    RecordError, msgspec.ValidationError
        If a value has another type, or the parts are inconsistent. The message does not name the file.
    """
    saved = msgspec.convert(header, SavedRecord)
    _check_source(saved.source)
    prediction = saved.prediction
    if prediction is None:
        return None
    if not all_finite(prediction.probabilities):
        raise RecordError("a probability is not finite")
    if not (prediction.label is None or prediction.label in prediction.probabilities):
        raise RecordError(f"it predicts {prediction.label!r:.40}, which has no probability")
    return Prediction(prediction.label, prediction.probabilities)


def _check_source(source: dict[str, Any]) -> None:
    """Raise ValidationError or RecordError unless views can show these parts of `source`."""
    known_parts = {name: source[name] for name in ("label_names", "explanation") if name in source}
    explanation = msgspec.convert(known_parts, _Source).explanation
    if explanation is None:
        return
    if not all_finite(source["explanation"]):
        raise RecordError("a number of its explanation is not finite")
    what_if = explanation.what_if
    even = [what_if.uniform] if what_if and what_if.uniform is not None else []
    rows = [*what_if.drop, *what_if.unseen, *even] if what_if else []
    if what_if and what_if.unseen and len(what_if.unseen) != len(what_if.drop):
        raise RecordError("its explanation was asked of other tokens without attention than without themselves")
    if explanation.target < 0 or any(explanation.target >= len(row) for row in rows):
        raise RecordError(f"its explanation is for class {explanation.target}, which it does not have")
    figures = explanation.validation
    if len(figures) == 2 and not all(figures.get(name) for name in (explanation.method, "random")):
        raise RecordError("the figures of its explanation are of other methods")
