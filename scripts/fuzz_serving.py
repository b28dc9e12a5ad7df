"""Send valid and invalid requests to a server, from its own description (schemathesis), and fail if an answer is a 5xx.

Seven of eight requests name an existing model, version and file. Half of the bodies are valid except for one change. So
most requests reach a model.

    pip install "gluonattn[serve]" schemathesis
    python scripts/fuzz_serving.py --requests 10000
"""

from __future__ import annotations

import argparse
import copy
import time
from collections import Counter
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

TEXTS = ["정말 좋다", "지루해서 죽는 줄", "", " ", "😭❤️", "a\u0301 좋", "\u200b", "최고 " * 40]
CHANGES: list[dict[str, Any]] = [
    {"drop": [0]}, {"replace": {"token": 1, "text": "별로"}}, {"attention": {"tokens": [0], "share": 0.5}},
    {"weights": [[0.5, 0.5], [1, 0]]}, {"cells": [{"key": 0, "weight": 0.3}, {"query": 1, "key": 0, "weight": 1}]},
]
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
                     st.text(max_size=20), st.sampled_from(TEXTS), st.lists(st.integers(-2, 9), max_size=3), st.just({}))


def valid_bodies(path: str, model: str) -> list[Any]:
    """Bodies that an address answers with 200, for some of the texts.

    Parameters
    ----------
    path : str
    model : str
    """
    if path.endswith("/infer"):
        return [{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": texts}]}
                for texts in (TEXTS, TEXTS[:1])]
    if path.startswith("/page/"):
        return [{"text": text, "models": [model], "lang": "en", **more} for text in TEXTS
                for more in ({}, *({"change": change} for change in CHANGES))]
    if path == "/v1/what-if":
        return [{"inputs": text, "change": change} for text in TEXTS for change in CHANGES]
    return [{"inputs": inputs, "model": model} for inputs in (*TEXTS, TEXTS[:2])]


def places_of(value: Any, way: tuple = ()) -> list[tuple]:
    """Every place in a JSON value, as the keys that lead there.

    Parameters
    ----------
    value : JSON value
    way : tuple
    """
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(place for key, one in inside for place in places_of(one, (*way, key)))]


@st.composite
def changed_bodies(draw, bodies: list[Any]) -> Any:
    """A valid body; mostly with something else in one place."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    if draw(st.integers(0, 2)) == 0:
        return body
    *way, last = draw(st.sampled_from(places_of(body)[1:]))
    holder = body
    for key in way:
        holder = holder[key]
    holder[last] = draw(ANYTHING)
    return body


def fuzz(application, requests: int) -> Counter:
    """Answers by status, of at least so many requests to all operations together.

    Parameters
    ----------
    application : gluonattn.serving.app.Application
        Known as "testserver", the name by which schemathesis asks.
    requests : int
    """
    schema = schemathesis.openapi.from_asgi("/openapi.json", application)
    operations = [found.ok() for found in schema.get_all_operations()]
    answers: Counter = Counter()
    for operation in operations:
        modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
        model = next(iter(application.models.all))
        known = {"name": "page.ko.js" if "assets" in operation.path else model, "version": "1"}
        bodies = changed_bodies(valid_bodies(operation.path, model)) if operation.body else st.none()
        # What has no body and no parameter has little that could be wrong.
        share = -(-requests // len(operations))

        @settings(max_examples=share, database=None, deadline=None, phases=[Phase.generate], derandomize=True,
                  suppress_health_check=list(HealthCheck))
        @given(st.one_of(modes), st.integers(0, 7), st.booleans(), bodies)
        def send(case, rare, ours, body):
            if rare:
                case.path_parameters = {name: known[name] for name in case.path_parameters or {}}  # noqa: B023
                if isinstance(case.body, dict):
                    case.body = {**case.body, **{key: value for key, value in
                                                 (("model", model), ("models", [model])) if key in case.body}}  # noqa: B023
            if ours and body is not None:
                case.body, case.media_type, case.method = body, "application/json", "POST"
            answer = case.call()
            answers[answer.status_code] += 1
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)

        send()
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    arguments = parser.parse_args()

    from gluonattn.serving.app import Application
    from gluonattn.serving.guard import Rules
    from gluonattn.serving.limits import Limits
    from gluonattn.serving.metrics import Metrics
    from gluonattn.serving.models import Models

    metrics, limits = Metrics(), Limits(seconds=300)
    models = Models([], "numpy", limits, metrics)
    start, answers = time.monotonic(), Counter()
    while sum(answers.values()) < arguments.requests:
        answers += fuzz(Application(models, Rules(limits=limits, hosts={"testserver"}), metrics), arguments.requests)
    models.close()
    shown = ", ".join(f"{count:,} of {status}" for status, count in sorted(answers.items()))
    print(f"{sum(answers.values()):,} requests in {time.monotonic() - start:.0f} s: {shown}; no 5xx")


if __name__ == "__main__":
    main()
