"""Send a server what its own description allows and what it does not (schemathesis): no answer may be a 5xx.

    pip install "gluonattn[serve]" schemathesis
    python scripts/fuzz_serving.py --requests 10000
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode


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
        # What has no body and no parameter has little that could be wrong.
        share = -(-requests // len(operations))

        @settings(max_examples=share, database=None, deadline=None, phases=[Phase.generate], derandomize=True,
                  suppress_health_check=list(HealthCheck))
        @given(st.one_of(modes))
        def send(case):
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
