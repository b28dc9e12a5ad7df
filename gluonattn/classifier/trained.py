"""Training as a user meets it: the model, and then the attribution method that suits it."""

from __future__ import annotations

from functools import wraps
from pathlib import Path

from .measure import record_method
from .training import train as train_model


@wraps(train_model)
def train(*arguments, report=None, **options) -> Path:
    def finish(folder, reviews):
        method = record_method(folder, reviews)
        if report:
            report(f"most faithful attribution on validation: {method} (what explain uses by default)")

    return train_model(*arguments, report=report, **{"finish": finish, **options})
