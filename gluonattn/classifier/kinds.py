"""Which attribution methods each kind of model has."""

from __future__ import annotations

from .attribution import METHODS as OF_OURS
from .attribution import Method
from .opened.methods import METHODS as OF_OPENED

KINDS: dict[str, dict[str, Method]] = {"gluonattn": OF_OURS, "transformers": OF_OPENED}
