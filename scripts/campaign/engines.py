"""Part `engines`: all installed engines give the same probabilities and weights for the same texts, to 1e-5."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from _cases import Fault
from _texts import text

SECONDS, START, SHRINK = 120.0, 180.0, 15.0
SHORT = 3  # cases of the short form
_CLOSE = 1e-5


def missing() -> str | None:
    return None if len(_ready()) > 1 else "one engine alone is installed here"


def _ready() -> list[str]:
    from importlib.util import find_spec

    needs = {"numpy": "numpy", "onnx": "onnxruntime", "torch": "torch", "mxnet": "mxnet"}
    return [name for name, module in needs.items() if find_spec(module)]


def draw(random: Random) -> Any:
    texts = [text(random, random.choice((3, 30, 120, 600))) for _ in range(random.choice((1, 2, 40)))]
    return {"texts": texts, "explain": random.random() < 0.2}


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    import gluonattn

    models = {name: gluonattn.load(engine=name) for name in _ready()}
    yield lambda case: _check(case, models)


def _check(case: Any, models: dict[str, Any]) -> dict[str, int]:
    import numpy as np

    texts = case["texts"]
    answers = {name: model.predict(texts) for name, model in models.items()}
    first = answers.pop("numpy")
    for name, found in answers.items():
        for one, expected, answer in zip(texts, first, found):
            if (expected.label is None) != (answer.label is None):
                raise Fault(f"{name}: it labels what numpy does not, or the other way", repr(one))
            apart = max(
                (abs(expected.probabilities[label] - value) for label, value in answer.probabilities.items()), default=0
            )
            if not apart < _CLOSE:
                raise Fault(f"{name}: other probabilities than numpy's", f"{apart} for {one!r}")
    if case["explain"] and first[0].label is not None and len(texts[0]) < 400:
        records = {name: model.explain(texts[0], method="account") for name, model in models.items()}
        expected = records.pop("numpy")
        for name, record in records.items():
            apart = float(np.abs(record.weights - expected.weights).max())
            if not apart < _CLOSE:
                raise Fault(f"{name}: other attention than numpy's", f"{apart} for {texts[0]!r}")
    return {"texts": len(texts), "comparisons": len(texts) * len(answers)}
