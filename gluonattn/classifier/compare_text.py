"""The text of the report on a comparison, in English and Korean."""

from __future__ import annotations

from typing import Any

from .compare_en import ENGLISH
from .compare_ko import KOREAN

LANGUAGES = {"en": "en", "ko": "ko"}
TEXT: dict[str, dict[str, Any]] = {"en": ENGLISH, "ko": KOREAN}
