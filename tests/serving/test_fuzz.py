"""A fuzz of every address from the server's own description; `scripts/fuzz_serving.py` sends 10,000 and more."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.serve


def test_no_request_gets_a_5xx(with_rules):
    pytest.importorskip("schemathesis", reason="needs schemathesis: pip install schemathesis")
    path = Path(__file__).parents[2] / "scripts" / "fuzz_serving.py"
    if not path.exists():
        pytest.skip("needs a checkout: scripts/ does not travel in the wheel")
    spec = importlib.util.spec_from_file_location("fuzz_serving", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answers = module.fuzz(with_rules(hosts={"testserver"}), 200)
    assert sum(answers.values()) >= 100 and answers[200] and answers[422] and max(answers) < 500
